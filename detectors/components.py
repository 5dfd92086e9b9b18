"""Which marked pixels hang together, and which ground they enclose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray


def labelled(mask: BoolArray) -> tuple[npt.NDArray[np.int32], int]:
    """Components that touch by side or corner: int32 (y, x), 0 for the ground, and how many there are.

    They are numbered by their first pixels, row by row, as `scipy.ndimage.label` numbers them.
    """
    labels = np.empty(mask.shape, np.int32)
    return labels, int(_label(np.ascontiguousarray(mask), labels))


def holes_filled(mask: BoolArray) -> BoolArray:
    """A mask with the ground that it encloses: what a walk by pixels' sides from the edge of the image can't reach."""
    filled = np.ones(mask.shape, bool)
    _walk(np.ascontiguousarray(mask), filled)
    return filled


@compiled
def _root(parent: npt.NDArray[np.int32], label: int) -> int:
    while parent[label] != label:
        parent[label] = parent[parent[label]]
        label = parent[label]
    return label


@compiled
def _touching(labels: npt.NDArray[np.int32], parent: npt.NDArray[np.int32], row: int, x: int) -> int:
    """The label of what a pixel touches among those before it, 0 of nothing; what it brings together is joined."""
    above = labels[row - 1, x] if row else 0
    if above:  # what is beside it touches it and has been joined before
        return above
    left = labels[row, x - 1] if x else 0
    if not left and x and row:
        left = labels[row - 1, x - 1]
    right = labels[row - 1, x + 1] if row and x + 1 < labels.shape[1] else 0
    if not left or not right:
        return max(left, right)
    first, second = _root(parent, left), _root(parent, right)
    parent[max(first, second)] = min(first, second)
    return min(first, second)


@compiled
def _label(mask: BoolArray, labels: npt.NDArray[np.int32]) -> int:
    """Two passes with union and find (Wu, Otoo and Suzuki 2009, doi:10.1007/s10044-008-0109-y)."""
    rows, columns = mask.shape
    parent = np.arange(((rows + 1) // 2) * ((columns + 1) // 2) + 1).astype(np.int32)
    count = 0
    for row in range(rows):
        for x in range(columns):
            labels[row, x] = 0
            if mask[row, x]:
                label = _touching(labels, parent, row, x)
                if not label:
                    count += 1
                    label = count
                labels[row, x] = label
    found = 0
    for label in range(1, count + 1):  # a parent comes before its children, so that it has its number by then
        if parent[label] == label:
            found += 1
            parent[label] = found
        else:
            parent[label] = parent[parent[label]]
    for row in range(rows):
        for x in range(columns):
            labels[row, x] = parent[labels[row, x]]
    return found


@compiled
def _walk(mask: BoolArray, unreached: BoolArray) -> None:
    """Take off an image what of the ground can be reached from its edge, one run along a row at a time."""
    rows, columns = mask.shape
    waiting = np.empty(4 * (rows + columns) + rows * columns, np.int32)
    count = 0
    for row in range(rows):
        for x in range(0, columns, max(columns - 1, 1) if 0 < row < rows - 1 else 1):
            waiting[count] = row * columns + x
            count += 1
    while count:
        count -= 1
        row, x = waiting[count] // columns, waiting[count] % columns
        if mask[row, x] or not unreached[row, x]:
            continue
        begin, end = _run(mask[row], x)
        unreached[row, begin:end] = False
        for there in range(max(row - 1, 0), min(row + 2, rows)):
            for aside in range(begin, end):
                new = unreached[there, aside] and not mask[there, aside]
                if new and (aside == begin or mask[there, aside - 1] or not unreached[there, aside - 1]):
                    waiting[count] = there * columns + aside
                    count += 1


@compiled
def _run(mask: BoolArray, x: int) -> tuple[int, int]:
    """Where the unmarked pixels around one of a row begin and end."""
    begin, end = x, x + 1
    while begin and not mask[begin - 1]:
        begin -= 1
    while end < mask.size and not mask[end]:
        end += 1
    return begin, end


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
def greatest(figure: FloatArray, labels: npt.NDArray[np.int32], count: int) -> FloatArray:
    """Greatest figure (y, x) under each label, float32 (count + 1,); at least 0, and 0 for the ground."""
    most = np.zeros(count + 1, np.float32)
    for row in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[row, x]
            if label > 0 and figure[row, x] > most[label]:
                most[label] = figure[row, x]
    return most
