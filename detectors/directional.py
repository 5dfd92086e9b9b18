"""Sums over neighbours at fixed offsets, the inner loops of oriented filters, compiled.

numpy would pass over the image once for every offset; here a row stays in the processor's cache while all of its
neighbours are added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from geo.compiled import compiled
from geo.scene import FloatArray

#: float64 (point, 2): x and y, pixels.
Offsets = npt.NDArray[np.float64]
Offset = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Taps:
    """Whole-pixel offsets and the weights of what lies there.

    Attributes:
        dx: int64 (tap,), columns.
        dy: int64 (tap,), rows.
        weight: float32 (tap,).
    """

    dx: npt.NDArray[np.int64]
    dy: npt.NDArray[np.int64]
    weight: FloatArray

    @classmethod
    def at(cls, offsets: Offsets, weights: npt.NDArray[np.float64]) -> Taps:
        """Readings between pixels, each shared out to the four pixels around it; weights as given, not normalised."""
        corner = np.floor(offsets).astype(np.int64)
        share = offsets - corner
        cells: dict[tuple[int, int], float] = {}
        for (x, y), (right, below), weight in zip(corner.tolist(), share.tolist(), weights.tolist(), strict=True):
            for dx, share_x in ((0, 1.0 - right), (1, right)):
                for dy, share_y in ((0, 1.0 - below), (1, below)):
                    cells[x + dx, y + dy] = cells.get((x + dx, y + dy), 0.0) + weight * share_x * share_y
        kept = {cell: weight for cell, weight in cells.items() if abs(weight) > 1e-6}
        columns, rows = np.array(list(kept), np.int64).reshape(-1, 2).T
        return cls(columns.copy(), rows.copy(), np.array(list(kept.values()), np.float32))

    @cached_property
    def reach(self) -> int:
        """Pixels of margin that an image needs."""
        return int(max(np.abs(self.dx).max(), np.abs(self.dy).max()))

    def over(self, padded: FloatArray, pad: int, out: FloatArray) -> FloatArray:
        """Weighted sum around every pixel.

        Args:
            padded: float32 (y, x), C-contiguous: the image with a margin.
            pad: Width of the margin, at least `reach`.
            out: float32 (y, x) that is filled and returned.
        """
        _sum_at(padded, pad, self.dx, self.dy, self.weight, out)
        return out


@compiled
def _sum_at(
    padded: FloatArray,
    pad: int,
    dx: npt.NDArray[np.int64],
    dy: npt.NDArray[np.int64],
    weight: FloatArray,
    out: FloatArray,
) -> None:
    rows, columns = out.shape
    by_four = len(weight) // 4 * 4  # four neighbours at a time: the sum stays in the processor
    for y in range(rows):
        total = out[y]
        total[:] = 0.0
        for tap in range(0, by_four, 4):
            one = padded[y + pad + dy[tap], pad + dx[tap] : pad + dx[tap] + columns]
            two = padded[y + pad + dy[tap + 1], pad + dx[tap + 1] : pad + dx[tap + 1] + columns]
            three = padded[y + pad + dy[tap + 2], pad + dx[tap + 2] : pad + dx[tap + 2] + columns]
            four = padded[y + pad + dy[tap + 3], pad + dx[tap + 3] : pad + dx[tap + 3] + columns]
            a, b, c, d = weight[tap : tap + 4]
            for x in range(columns):
                total[x] = (((total[x] + a * one[x]) + b * two[x]) + c * three[x]) + d * four[x]
        for tap in range(by_four, len(weight)):
            source = padded[y + pad + dy[tap], pad + dx[tap] : pad + dx[tap] + columns]
            each = weight[tap]
            for x in range(columns):
                total[x] += each * source[x]


@compiled
def nearer_flank(
    centre: FloatArray, one: FloatArray, other: FloatArray, ringing: float, ridge: FloatArray, greatest: FloatArray
) -> None:
    """How far the centre stands out of both flanks, signed; 0 where it lies between them. All float32 (y, x).

    The greatest so far, without sign, is kept up to date.

    Beside a step sharpening and resampling overshoot by a share of it, `ringing`, which is no line.
    """
    rows, columns = ridge.shape
    nothing = np.float32(0.0)
    for y in range(rows):
        for x in range(columns):
            left, right = centre[y, x] - one[y, x], centre[y, x] - other[y, x]
            overshoot = np.float32(ringing) * abs(left - right)
            out = max(min(left, right) - overshoot, nothing) + min(max(left, right) + overshoot, nothing)
            ridge[y, x] = out
            greatest[y, x] = max(greatest[y, x], abs(out))


@compiled
def agreed(mean: FloatArray, near: FloatArray, scale: float, out: npt.NDArray[np.int8]) -> None:
    """Mean votes along a line where the votes nearby agree with it, float32 (y, x), as whole numbers."""
    rows, columns = out.shape
    for y in range(rows):
        for x in range(columns):
            long, short = mean[y, x], np.float32(1.5) * near[y, x]
            sign = np.float32(1.0 if long > 0.0 else -1.0)
            held = sign * min(abs(long), max(sign * short, np.float32(0.0)))
            out[y, x] = np.int8(np.rint(held * np.float32(scale)))


def block_medians(values: FloatArray, size: int, least: float) -> FloatArray:
    """Median of what is finite in each square block of an image (y, x), float32 (block, block).

    NaN where less than a share of a block is. Blocks that reach over the edge are filled up as in a mirror.
    """
    rows, columns = (-(-length // size) for length in values.shape)
    margin = ((0, rows * size - values.shape[0]), (0, columns * size - values.shape[1]))
    medians = np.empty((rows, columns), np.float32)
    median_of_blocks(np.pad(values, margin, mode="symmetric"), size, least, medians)
    return medians


def local_median(values: FloatArray, size: int) -> FloatArray:
    """Median of an image (y, x) around each pixel, float32 (y, x): of blocks, linear between their middles.

    NaN where less than a quarter of every block is finite.
    """
    return spread_blocks(block_medians(values, size, 0.25), size, (0, 0), values.shape, np.nan)


def spread_blocks(
    of_block: FloatArray, size: int, corner: tuple[int, int], shape: tuple[int, ...], otherwise: float
) -> FloatArray:
    """A figure of blocks (block, block) at pixels, float32 of a shape (y, x), linear between the middles of blocks.

    Args:
        of_block: Where it is NaN, the median of the others stands for it.
        size: Of a block, pixels.
        corner: Row and column at which the pixels begin.
        shape: How many rows and columns.
        otherwise: What stands for all where all are NaN.
    """
    known = np.isfinite(of_block)
    filled = np.where(known, of_block, np.median(of_block[known]) if known.any() else otherwise)
    fine = np.empty(shape, np.float32)
    between_blocks(filled.astype(np.float32), size, *corner, fine)
    return fine


@compiled
def median_of_blocks(values: FloatArray, size: int, least: float, out: FloatArray) -> None:
    """Median of what is finite in each square block; NaN where less than a share of the block is.

    values is float32 (y, x), a whole number of blocks either way; out is float32 (block, block).
    """
    known = np.empty(size * size, np.float32)
    for down in range(out.shape[0]):
        for across in range(out.shape[1]):
            count = 0
            for y in range(down * size, (down + 1) * size):
                for value in values[y, across * size : (across + 1) * size]:
                    if np.isfinite(value):
                        known[count] = value
                        count += 1
            out[down, across] = np.median(known[:count]) if count >= least * size * size else np.nan


@compiled
def between_blocks(of_block: FloatArray, size: int, top: int, left: int, out: FloatArray) -> None:
    """A figure of blocks (block, block) at pixels, linear between the middles of blocks; out is float32 (y, x).

    Blocks are of `size` pixels, and `out` begins at row `top` and column `left` of the pixels that they cover.
    """
    blocks_down, blocks_across = of_block.shape
    rows, columns = out.shape
    for y in range(rows):
        down = min(max((top + y + 0.5) / size - 0.5, 0.0), blocks_down - 1.0)
        upper = min(int(down), max(blocks_down - 2, 0))
        lower = min(upper + 1, blocks_down - 1)
        for x in range(columns):
            across = min(max((left + x + 0.5) / size - 0.5, 0.0), blocks_across - 1.0)
            here = min(int(across), max(blocks_across - 2, 0))
            there = min(here + 1, blocks_across - 1)
            above = of_block[upper, here] + (of_block[upper, there] - of_block[upper, here]) * (across - here)
            below = of_block[lower, here] + (of_block[lower, there] - of_block[lower, here]) * (across - here)
            out[y, x] = above + (below - above) * (down - upper)


@compiled
def met_around(barriers: FloatArray, reach: int, step_x: Offset, step_y: Offset, out: FloatArray) -> None:
    """Mean over directions of the greatest barrier met within reach of each cell; barriers and out are (y, x), 0 to 1.

    step_x and step_y are int64 (direction, distance): the cell at each distance.
    """
    rows, columns = barriers.shape
    directions = step_x.shape[0]
    padded = np.zeros((rows + 2 * reach, columns + 2 * reach), np.float32)  # past the edge nothing is met
    padded[reach : reach + rows, reach : reach + columns] = barriers
    met = np.empty(columns, np.float32)
    for y in range(rows):
        total = out[y]
        total[:] = np.float32(0.0)
        for k in range(directions):
            met[:] = np.float32(0.0)
            for distance in range(reach):
                left = reach + step_x[k, distance]
                cells = padded[y + reach + step_y[k, distance], left : left + columns]
                for x in range(columns):
                    met[x] = met[x] if met[x] > cells[x] else cells[x]
            for x in range(columns):
                total[x] += met[x]
        for x in range(columns):
            total[x] /= np.float32(directions)
