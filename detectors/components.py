"""Which marked pixels hang together, and which ground they enclose."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

Figure = TypeVar("Figure", np.bool_, np.float32)


def labelled(mask: BoolArray) -> tuple[npt.NDArray[np.int32], int]:
    """Components that touch by side or corner: int32 (y, x), 0 for the ground, and how many there are.

    They are numbered by their first pixels, row by row, as `scipy.ndimage.label` numbers them.
    """
    labels = np.zeros(mask.shape, np.int32)
    return labels, int(_label(np.ascontiguousarray(mask), labels))


def holes_filled(mask: BoolArray) -> BoolArray:
    """A mask with the ground that it encloses: what a walk by pixels' sides from the edge of the image can't reach."""
    filled = np.ones(mask.shape, bool)
    _fill(np.ascontiguousarray(mask), filled)
    return filled


@compiled
def _root(parent: npt.NDArray[np.int32], run: int) -> int:
    while parent[run] != run:
        parent[run] = parent[parent[run]]
        run = parent[run]
    return run


@compiled
def _join(parent: npt.NDArray[np.int32], first: int, second: int) -> None:
    """The root of what hangs together is its first run."""
    one, other = _root(parent, first), _root(parent, second)
    parent[max(one, other)] = min(one, other)


@compiled
def _runs(mask: BoolArray, marked: bool, corner: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Runs of equal pixels along the rows, and which of them touch: union and find over runs, not pixels.

    After He, Chao and Suzuki (2008, doi:10.1109/TIP.2008.919369).

    Args:
        mask: bool (y, x).
        marked: Whether the runs are of marked or of other pixels.
        corner: 1 if runs touch by corners too, 0 if by sides alone.

    Returns:
        The row, begin and end of each run, int32 (run, 3), and an earlier run that it hangs together with, or itself,
        int32 (run,). Number 0 isn't a run.
    """
    rows, columns = mask.shape
    most = rows * ((columns + 1) // 2) + 1
    runs, parent = np.empty((most, 3), np.int32), np.empty(most, np.int32)
    parent[0] = 0
    count = above = 1
    for row in range(rows):
        first, here, x = count, mask[row], 0
        while x < columns:
            if here[x] != marked:
                x += 1
                continue
            begin = x
            while x < columns and here[x] == marked:
                x += 1
            runs[count, 0], runs[count, 1], runs[count, 2] = row, begin, x
            parent[count] = count
            while above < first and runs[above, 2] <= begin - corner:
                above += 1
            other = above
            while other < first and runs[other, 1] < x + corner:
                _join(parent, other, count)
                other += 1
            count += 1
        above = first
    return runs[:count], parent[:count]


@compiled
def _label(mask: BoolArray, labels: npt.NDArray[np.int32]) -> int:
    runs, parent = _runs(mask, True, 1)
    found = 0
    for run in range(1, parent.size):  # a parent comes before its children, so that it has its number by then
        if parent[run] == run:
            found += 1
            parent[run] = found
        else:
            parent[run] = parent[parent[run]]
        labels[runs[run, 0], runs[run, 1] : runs[run, 2]] = parent[run]
    return found


@compiled
def _fill(mask: BoolArray, filled: BoolArray) -> None:
    """Take off what of the ground hangs together with the edge of the image."""
    rows, columns = mask.shape
    runs, parent = _runs(mask, False, 0)
    for run in range(1, parent.size):
        if runs[run, 0] in (0, rows - 1) or runs[run, 1] == 0 or runs[run, 2] == columns:
            _join(parent, 0, run)
    for run in range(1, parent.size):
        if _root(parent, run) == 0:
            filled[runs[run, 0], runs[run, 1] : runs[run, 2]] = False


def boxes(labels: npt.NDArray[np.int32], count: int) -> list[tuple[slice, slice]]:
    """The smallest box around each label from 1 on; all of them are there."""
    return [
        (slice(top, bottom), slice(left, right)) for top, bottom, left, right in _bounds(labels, count)[1:].tolist()
    ]


@compiled
def _bounds(labels: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int32]:
    """First row, row after the last, first column, column after the last of each label."""
    found = np.zeros((count + 1, 4), np.int32)
    for row in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[row, x]
            if label == 0:
                continue
            box = found[label]
            if box[1] == 0:
                box[0], box[2] = row, x
            box[1] = row + 1
            box[2], box[3] = min(box[2], x), max(box[3], x + 1)
    return found


@compiled
def sizes(labels: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    """Pixels under each label, int64 (count + 1,); 0 for the ground."""
    pixels = np.zeros(count + 1, np.int64)
    for row in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            pixels[labels[row, x]] += 1
    pixels[0] = 0
    return pixels


@compiled
def spread_out(figure: npt.NDArray[Figure], labels: npt.NDArray[np.int32]) -> npt.NDArray[Figure]:
    """What is known of each label (label,), at each of its pixels (y, x)."""
    there = np.empty(labels.shape, figure.dtype)
    for row in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            there[row, x] = figure[labels[row, x]]
    return there


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
