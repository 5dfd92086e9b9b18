"""Straight lines from oriented line strength, by a Hough transform that is peeled line by line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.line_strength import FULL, Strength
from geo.compiled import compiled
from geo.scene import BoolArray

Cells = npt.NDArray[np.int64]
Sums = npt.NDArray[np.float64]

_ANGLE_BINS = 180
_SPREAD = np.arange(-7, 8)  # degrees: how far a pixel's orientation may be off its line's


@dataclass(frozen=True, slots=True)
class Line:
    """An endless straight line in pixel coordinates: all (x, y) with y cos(angle) - x sin(angle) = offset_px.

    Attributes:
        angle: Direction, radians, 0 to pi.
        offset_px: Signed distance from the origin.
        strength: Summed strength of the pixels that support it.
    """

    angle: float
    offset_px: float
    strength: float


@compiled
def _greatest_of(sums: Sums, offsets: int, greatest: Cells) -> int:
    """The cell with the greatest sum, the first of several."""
    best = int(greatest[0])
    for row in range(1, len(greatest)):
        if sums[row * offsets + greatest[row]] > sums[best]:
            best = row * offsets + greatest[row]
    return best


@compiled
def _take_out(cells: Cells, votes: Sums, offsets: int, sums: Sums, greatest: Cells) -> None:
    """Takes votes out of the three cells that each was counted in, and finds the greatest of their rows again."""
    changed = np.zeros(len(greatest), np.bool_)
    for offset in (-1, 0, 1):
        for index in range(len(cells)):
            cell = cells[index] + offset
            if 0 <= cell < len(sums):
                sums[cell] -= votes[index]
                changed[cell // offsets] = True
    for row in np.flatnonzero(changed):
        greatest[row] = np.argmax(sums[row * offsets : (row + 1) * offsets])


@dataclass(slots=True)
class _Pixels:
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    angle: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    alive: BoolArray

    def near(self, angle: float, offset_px: float, reach_px: float, reach_deg: float) -> npt.NDArray[np.int64]:
        """Indices of the pixels along a line that run as it does."""
        return np.asarray(
            _near(self.x, self.y, self.angle, self.alive, angle, offset_px, reach_px, np.radians(reach_deg))
        )


@compiled
def _near(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    turned: npt.NDArray[np.float64],
    alive: BoolArray,
    angle: float,
    offset_px: float,
    reach_px: float,
    reach: float,
) -> npt.NDArray[np.int64]:
    found = np.empty(len(x), np.int64)
    count = 0
    cos, sin = np.cos(angle), np.sin(angle)
    for index in range(len(x)):
        if alive[index] and abs(y[index] * cos - x[index] * sin - offset_px) < reach_px:
            apart = abs((turned[index] - angle + np.pi / 2) % np.pi - np.pi / 2)
            if apart < reach:
                found[count] = index
                count += 1
    return found[:count].copy()


def straight_lines(strength: Strength, where: BoolArray, weakest: float, most: int, least_total: float) -> list[Line]:
    """The strongest straight lines, each pixel counted for one line only.

    Votes are spread over the directions near a pixel's own (Duda and Hart 1972, Communications of the ACM
    15(1), with the gradient constraint of Ballard 1981); every line found is refined by total least squares
    and its pixels are taken out before the next is sought.

    Args:
        strength: uint8 (orientation, y, x).
        where: bool (y, x): pixels that may vote.
        weakest: Strength, 0 to 1, from which a pixel votes.
        most: Number of lines after which the search ends.
        least_total: Summed strength below which a line is left out.
    """
    peak = strength.max(axis=0)
    y, x = np.nonzero((peak > FULL * weakest) & where)
    if len(y) == 0:
        return []
    angle = strength[:, y, x].argmax(axis=0) * np.pi / len(strength)
    weight = peak[y, x] / FULL
    pixels = _Pixels(x.astype(np.float64), y.astype(np.float64), angle, weight, np.ones(len(y), bool))
    cells, votes, shape = _cast(pixels, float(np.hypot(*peak.shape)))
    sums: Sums = np.asarray(np.bincount(cells.ravel(), votes.ravel(), shape[0] * shape[1]), np.float64)
    sums[1:-1] += sums[:-2] + sums[2:]  # a line's votes lie within two cells: it is sought in three
    # Of each angle: the accumulator is too large to look through again for every line.
    greatest = sums.reshape(shape).argmax(axis=1)
    lines: list[Line] = []
    for _ in range(2 * most):
        best = _greatest_of(sums, shape[1], greatest)
        if len(lines) == most or sums[best] < 0.5 * least_total:
            break
        start = (np.radians(best // shape[1] * 180.0 / _ANGLE_BINS), 0.5 * (best % shape[1]) - shape[1] / 4.0)
        line = _refined(pixels, *start)
        taken = np.union1d(pixels.near(line.angle, line.offset_px, 1.6, 20.0), pixels.near(*start, 1.6, 20.0))
        _take_out(cells[taken].ravel(), votes[taken].ravel(), shape[1], sums, greatest)
        pixels.alive[taken] = False
        if line.strength >= least_total:
            lines.append(line)
        if not len(taken):
            sums[max(0, best - 1) : best + 2] = 0.0
            _take_out(np.array([best]), np.zeros(1), shape[1], sums, greatest)
    return lines


def _cast(pixels: _Pixels, reach_px: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], tuple[int, int]]:
    """Accumulator cell and vote of every pixel for every direction near its own."""
    offsets = 2 * (2 * int(np.ceil(reach_px)) + 2)
    turned = np.rint(np.degrees(pixels.angle) * _ANGLE_BINS / 180.0).astype(np.int64)[:, None] + _SPREAD
    angle = np.radians(turned * 180.0 / _ANGLE_BINS)
    offset_px = pixels.y[:, None] * np.cos(angle) - pixels.x[:, None] * np.sin(angle)
    wrapped = (turned < 0) | (turned >= _ANGLE_BINS)
    offset_px = np.where(wrapped, -offset_px, offset_px)
    cells = (turned % _ANGLE_BINS) * offsets + np.rint(2.0 * offset_px + offsets / 2).astype(np.int64)
    votes = pixels.weight[:, None] * np.exp(-0.5 * (_SPREAD / 4.0) ** 2)
    return cells, votes, (_ANGLE_BINS, offsets)


def _refined(pixels: _Pixels, angle: float, offset_px: float) -> Line:
    """Total least squares through the pixels near a line."""
    for _ in range(2):
        near = pixels.near(angle, offset_px, 1.6, 14.0)
        if len(near) < 4:
            return Line(angle, offset_px, 0.0)
        x, y, weight = pixels.x[near], pixels.y[near], pixels.weight[near] ** 2
        total = weight.sum()
        centre = (weight @ x) / total, (weight @ y) / total
        dx, dy = x - centre[0], y - centre[1]
        # The main axis of a two by two covariance in closed form.
        angle = float(0.5 * np.arctan2(2.0 * (weight * dx) @ dy, weight @ (dx**2 - dy**2)) % np.pi)
        offset_px = float(centre[1] * np.cos(angle) - centre[0] * np.sin(angle))
    return Line(angle, offset_px, float(pixels.weight[near].sum()))
