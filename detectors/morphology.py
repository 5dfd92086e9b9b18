"""Distances and neighbourhoods of masks, exact as far as they are asked for and no further."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from detectors.components import holes_filled
from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

Words = npt.NDArray[np.uint64]


def distance_squared(mask: BoolArray, reach: int) -> FloatArray:
    """Squared distance of every pixel to the nearest of a mask, float32 (y, x), exact up to `reach` pixels.

    Further away it is more than `reach` squared, and nothing else is said. Columns first, then rows (Saito and
    Toriwaki 1994, doi:10.1016/0031-3203(94)90133-3).
    """
    squared = np.empty(mask.shape, np.float32)
    _distance_squared(np.ascontiguousarray(mask), reach, squared)
    return squared


@compiled
def _distance_along_columns(mask: BoolArray, reach: int) -> FloatArray:
    """Distance up or down the columns; whole numbers as floats are exact, and several at a time are compared."""
    rows, columns = mask.shape
    none, one, far = np.float32(0.0), np.float32(1.0), np.float32(reach + 1)
    along = np.full((rows, columns), far, np.float32)
    for row in range(rows):
        before, here, marked = along[max(row - 1, 0)], along[row], mask[row]
        for x in range(columns):
            further = before[x] + one
            further = further if further < far else far
            here[x] = none if marked[x] else further
    for row in range(rows - 2, -1, -1):
        after, here = along[row + 1], along[row]
        for x in range(columns):
            further = after[x] + one
            here[x] = further if further < here[x] else here[x]
    return along


@compiled
def _distance_squared(mask: BoolArray, reach: int, squared: FloatArray) -> None:
    rows, columns = mask.shape
    along = _distance_along_columns(mask, reach)
    far = np.float32((reach + 1) * (reach + 1))
    padded = np.full(columns + 2 * reach, far, np.float32)
    here = padded[reach : reach + columns]
    for row in range(rows):
        best = squared[row]
        for x in range(columns):
            here[x] = along[row, x] * along[row, x]
            best[x] = here[x]
        begin, end = 0, columns  # beyond them all is marked
        while begin < end and mask[row, begin]:
            begin += 1
        while begin < end and mask[row, end - 1]:
            end -= 1
        for step in range(1, reach + 1):
            aside = np.float32(step * step)
            left, right = padded[reach - step :], padded[reach + step :]
            for x in range(begin, end):
                near = (left[x] if left[x] < right[x] else right[x]) + aside
                best[x] = near if near < best[x] else best[x]


def within(mask: BoolArray, pixels: float) -> BoolArray:
    """Dilation by a disc, bool (y, x)."""
    return _unpacked(_dilated(_packed(mask), _across(pixels)), mask)


def _packed(mask: BoolArray) -> Words:
    """A mask as uint64 (y, word), 64 pixels in a word, the first in its lowest bit."""
    bits = np.zeros((mask.shape[0], -(-mask.shape[1] // 64) * 8), np.uint8)
    packed = np.packbits(mask, axis=1, bitorder="little")
    bits[:, : packed.shape[1]] = packed
    return bits.view("<u8")


def _unpacked(words: Words, like: BoolArray) -> BoolArray:
    """The mask, bool (y, x), as wide as another."""
    return np.unpackbits(words.view(np.uint8), axis=1, count=like.shape[1], bitorder="little").view(bool)


@cache
def _across(pixels: float) -> npt.NDArray[np.int64]:
    """How far a disc reaches along the row that is 0, 1, ... rows from its middle, pixels."""
    most = int(np.float32(pixels**2))
    return np.array([math.isqrt(most - step**2) for step in range(int(pixels) + 1)])


@compiled
def _dilated(mask: Words, across: npt.NDArray[np.int64]) -> Words:
    """Each row, wider and wider, into the rows that are nearer and nearer to it; `across` as `_across` tells it."""
    dilated = np.zeros_like(mask)
    rows, words = mask.shape
    one, last, none = np.uint64(1), np.uint64(63), np.uint64(0)
    wider = np.empty(words, np.uint64)
    for row in range(rows):
        some = none
        for word in range(words):
            wider[word] = mask[row, word]
            some |= wider[word]
        if some == none:
            continue
        width = 0
        for step in range(across.size - 1, -1, -1):
            while width < across[step]:
                width += 1
                before = none
                for word in range(words):
                    here = wider[word]
                    after = wider[word + 1] if word + 1 < words else none
                    wider[word] = here | here << one | here >> one | before >> last | after << last
                    before = here
            for there in (row - step, row + step):
                if 0 <= there < rows:
                    for word in range(words):
                        dilated[there, word] |= wider[word]
    return dilated


@compiled
def _others(mask: Words, columns: int) -> Words:
    """The pixels that aren't in a mask of so many columns."""
    every, others = ~np.uint64(0), np.empty_like(mask)
    for row in range(mask.shape[0]):
        for word in range(mask.shape[1]):
            beyond = 64 * (word + 1) - columns
            here = every >> np.uint64(beyond) if beyond > 0 else every
            others[row, word] = ~mask[row, word] & here
    return others


def eroded(mask: BoolArray, pixels: float) -> BoolArray:
    """Erosion by a disc, bool (y, x). The edge of the image erodes nothing."""
    return ~within(~mask, pixels)


def opened(mask: BoolArray, pixels: float) -> BoolArray:
    """Opening by a disc: what is narrower than its diameter goes. The edge of the image cuts nothing."""
    margin = int(np.ceil(pixels)) + 1 if _at_edge(mask, 1) else 0
    padded = np.pad(mask, margin, mode="edge") if margin else mask
    core = _others(_dilated(_packed(~padded), _across(pixels)), padded.shape[1])
    wide = _unpacked(_dilated(core, _across(pixels)), padded)
    return wide[margin : wide.shape[0] - margin, margin : wide.shape[1] - margin] & mask


def closed(mask: BoolArray, pixels: float) -> BoolArray:
    """Closing by a disc, and what is enclosed then. Beyond the edge of the image nothing is."""
    margin = int(np.ceil(pixels)) + 1
    if not _at_edge(mask, margin):
        return eroded(holes_filled(within(mask, pixels)), pixels)
    return eroded(holes_filled(within(np.pad(mask, margin), pixels)), pixels)[margin:-margin, margin:-margin]


@compiled
def _at_edge(mask: BoolArray, margin: int) -> bool:
    """Whether a mask comes nearer to the edge of the image than some pixels."""
    rows, columns = mask.shape
    for row in range(rows):
        inside = margin <= row < rows - margin and columns > 2 * margin
        if inside and not (mask[row, :margin].any() or mask[row, columns - margin :].any()):
            continue
        if inside or mask[row].any():
            return True
    return False


def inner(mask: BoolArray, reach: int) -> BoolArray:
    """Pixels whose square neighbourhood is all in a mask; beyond the edge of the image nothing is."""
    kept = np.zeros(mask.shape, bool)
    if min(mask.shape) > 2 * reach:
        here = (slice(reach, -reach or None),) * 2
        kept[here] = square_eroded(mask, reach)[here]
    return kept


def square_eroded(mask: BoolArray, reach: int) -> BoolArray:
    """Erosion by a square of 2 · reach + 1 pixels. The edge of the image erodes nothing."""
    kept = mask.copy()
    for step in range(1, reach + 1):
        kept[step:] &= mask[:-step]
        kept[:-step] &= mask[step:]
    across = kept.copy()
    for step in range(1, reach + 1):
        kept[:, step:] &= across[:, :-step]
        kept[:, :-step] &= across[:, step:]
    return kept


def bounds(mask: BoolArray, margin: int) -> tuple[slice, slice]:
    """The box around what is marked (at least one pixel), with a margin as far as the image goes."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return (
        widened(slice(int(rows[0]), int(rows[-1]) + 1), margin),
        widened(slice(int(columns[0]), int(columns[-1]) + 1), margin),
    )


def widened(part: slice, margin: int) -> slice:
    """A part of an axis with a margin, as far as the image goes."""
    return slice(max(part.start - margin, 0), part.stop + margin)
