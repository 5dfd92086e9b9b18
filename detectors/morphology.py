"""Distances and neighbourhoods of masks, exact as far as they are asked for and no further."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

_ALL_AROUND = np.ones((3, 3), int)


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
    for row in range(rows):
        here, best = along[row], squared[row]
        for x in range(columns):
            here[x] *= here[x]
            best[x] = here[x]
        for step in range(1, min(reach, columns - 1) + 1):
            aside = np.float32(step * step)
            left, right = best[: columns - step], best[step:]
            from_left, from_right = here[: columns - step], here[step:]
            for x in range(columns - step):
                near = from_left[x] + aside
                right[x] = near if near < right[x] else right[x]
            for x in range(columns - step):
                near = from_right[x] + aside
                left[x] = near if near < left[x] else left[x]


def within(mask: BoolArray, pixels: float) -> BoolArray:
    """Dilation by a disc, bool (y, x)."""
    return np.asarray(distance_squared(mask, int(pixels)) <= pixels**2)


def eroded(mask: BoolArray, pixels: float) -> BoolArray:
    """Erosion by a disc, bool (y, x). The edge of the image erodes nothing."""
    return ~within(~mask, pixels)


def opened(mask: BoolArray, pixels: float) -> BoolArray:
    """Opening by a disc: what is narrower than its diameter goes. The edge of the image cuts nothing."""
    if not _at_edge(mask, 1):
        return within(eroded(mask, pixels), pixels) & mask
    margin = int(np.ceil(pixels)) + 1
    core = eroded(np.pad(mask, margin, mode="edge"), pixels)
    return within(core, pixels)[margin:-margin, margin:-margin] & mask


def closed(mask: BoolArray, pixels: float) -> BoolArray:
    """Closing by a disc, and what is enclosed then. Beyond the edge of the image nothing is."""
    margin = int(np.ceil(pixels)) + 1
    if not _at_edge(mask, margin):
        return eroded(holes_filled(within(mask, pixels)), pixels)
    return eroded(holes_filled(within(np.pad(mask, margin), pixels)), pixels)[margin:-margin, margin:-margin]


def _at_edge(mask: BoolArray, margin: int) -> bool:
    """Whether a mask comes nearer to the edge of the image than some pixels."""
    ends = (slice(None, margin), slice(-margin, None))
    return any(bool(mask[end].any() or mask[:, end].any()) for end in ends)


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


def holes_filled(mask: BoolArray) -> BoolArray:
    """A mask with the ground that it encloses: what a walk by pixels' sides from the edge of the image can't reach."""
    labels, count = ndimage.label(~mask)
    outer = np.zeros(count + 1, bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        outer[edge] = True
    outer[0] = False
    return np.asarray(~outer.take(labels))


def labelled(mask: BoolArray) -> tuple[npt.NDArray[np.int32], int]:
    """Components that touch by side or corner."""
    labels, count = ndimage.label(mask, structure=_ALL_AROUND)
    return labels, int(count)


@compiled
def greatest(figure: FloatArray, labels: npt.NDArray[np.int32], count: int) -> FloatArray:
    """Greatest figure (y, x) under each label, float32 (count + 1,); at least 0, and 0 for the ground."""
    most = np.zeros(count + 1, np.float32)
    for row in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[row, x]
            if label > 0 and figure[row, x] > most[label]:
                most[label] = figure[row, x]
    return most


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
