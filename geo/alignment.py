"""A displacement between two scenes, and how it is taken back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

_POLE = np.float32(np.sqrt(3.0) - 2.0)
_LAST = np.float32(_POLE / (_POLE * _POLE - 1.0))
_MARGIN = 2  # pixels that a spline reaches beyond the edge
_HORIZON = 24  # samples beyond which a spline's filter has forgotten: 0.27 ** 24 is below any float's precision


@dataclass(frozen=True, slots=True)
class Displacement:
    """Where a scene's ground lies against the reference's, in pixels as (row, column).

    A point of the ground at `p` in the reference lies at `p + offset_px + slope @ (p - centre)` in the scene.

    Attributes:
        offset_px: (row, column) displacement at the area's centre; rows count downward.
        slope: (2, 2) change of the displacement per pixel; zero for a translation.
        quality: 0 to 1: share of the ground, weighted by how much structure it has, whose own displacement
            agrees within half a pixel.
        standard_error_px: Of the displacement at the centre, from the spread of the blocks.
    """

    offset_px: tuple[float, float]
    slope: npt.NDArray[np.float64]
    quality: float
    standard_error_px: float

    def largest_px(self, shape: tuple[int, int]) -> float:
        """Largest displacement over an area of (rows, columns), pixels: at a corner, since it is affine."""
        corners = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)]) * np.array(shape) / 2
        return float(np.hypot(*(np.array(self.offset_px) + corners @ self.slope.T).T).max())


def align(image: FloatArray, valid: BoolArray, displacement: Displacement) -> tuple[FloatArray, BoolArray]:
    """A scene moved onto the reference, by cubic spline.

    Args:
        image: float32 (band, y, x); NaN where not valid.
        valid: bool (y, x).
        displacement: As measured.

    Returns:
        (float32 (band, y, x), NaN where not valid; bool (y, x), True only where all pixels that a new one is
        made from were valid).
    """
    matrix = np.eye(2) + displacement.slope
    centre = np.array(valid.shape) / 2 - 0.5
    start = centre + np.array(displacement.offset_px) - matrix @ centre
    coefficients = np.array(fill_gaps(image, valid), np.float32)
    for plane in coefficients:
        _to_spline(plane)
    around = [(0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)]
    return _sampled(np.pad(coefficients, around, mode="reflect"), valid, matrix, start)


@compiled
def _to_spline(plane: FloatArray) -> None:
    """Makes of samples (y, x) the coefficients of the cubic B-spline through them, mirrored at the edges.

    Recursive filters along both axes: Unser, Aldroubi & Eden (1993), IEEE Transactions on Signal Processing 41(2).
    """
    rows, columns = plane.shape
    for row in range(rows):
        line = plane[row]
        first = np.float32(0.0)
        for k in range(min(_HORIZON, columns) - 1, -1, -1):
            first = line[k] + _POLE * first
        line[0] = first
        for k in range(1, columns):
            line[k] += _POLE * line[k - 1]
        line[-1] = _LAST * (line[-1] + _POLE * line[-2])
        for k in range(columns - 2, -1, -1):
            line[k] = _POLE * (line[k + 1] - line[k])
    _down_columns(plane)
    plane *= np.float32(36.0)  # six for each axis


@compiled
def _down_columns(plane: FloatArray) -> None:
    """The same along the other axis, all columns at once."""
    rows = plane.shape[0]
    first = np.zeros(plane.shape[1], np.float32)
    for k in range(min(_HORIZON, rows) - 1, -1, -1):
        first = plane[k] + _POLE * first
    plane[0] = first
    for k in range(1, rows):
        plane[k] += _POLE * plane[k - 1]
    plane[-1] = _LAST * (plane[-1] + _POLE * plane[-2])
    for k in range(rows - 2, -1, -1):
        plane[k] = _POLE * (plane[k + 1] - plane[k])


@compiled
def _sampled(
    coefficients: FloatArray, valid: BoolArray, matrix: npt.NDArray[np.float64], start: npt.NDArray[np.float64]
) -> tuple[FloatArray, BoolArray]:
    """Splines (band, y, x), with a margin, at the places `matrix @ (row, column) + start`, NaN where not clear."""
    rows, columns = valid.shape
    moved = np.zeros((len(coefficients), rows, columns), np.float32)
    clear = np.zeros(valid.shape, np.bool_)
    down, right = np.empty((4, columns), np.float32), np.empty((4, columns), np.float32)
    top, left = np.empty(columns, np.int64), np.empty(columns, np.int64)
    for row in range(rows):
        for column in range(columns):
            y = matrix[0, 0] * row + matrix[0, 1] * column + start[0]
            x = matrix[1, 0] * row + matrix[1, 1] * column + start[1]
            top[column], left[column] = int(np.floor(y)), int(np.floor(x))
            _weights(y - top[column], down, column)
            _weights(x - left[column], right, column)
            clear[row, column] = _all_valid(valid, top[column], left[column], y - top[column], x - left[column])
        begin = 0
        while begin < columns:
            end = begin + 1
            while end < columns and top[end] == top[begin] and left[end] - end == left[begin] - begin:
                end += 1
            _blend(coefficients, top[begin], left[begin] - begin, begin, end, down, right, moved, row)
            begin = end
        for column in range(columns):
            if not clear[row, column]:
                moved[:, row, column] = np.nan
    return moved, clear


@compiled
def _blend(
    coefficients: FloatArray, top: int, shift: int, begin: int, end: int,
    down: FloatArray, right: FloatArray, blended: FloatArray, row: int,
) -> None:  # fmt: skip
    """Adds up what a row's columns from `begin` to `end` are made of, which lies in the same rows and side by side."""
    bands, rows, columns = coefficients.shape
    reach = _MARGIN - 1
    begin, end = max(begin, -reach - shift), min(end, columns - 3 - reach - shift)
    if not 0 <= top + reach <= rows - 4 or begin >= end:
        return
    a, b, c, d = right[0, begin:end], right[1, begin:end], right[2, begin:end], right[3, begin:end]
    for band in range(bands):
        target = blended[band, row, begin:end]
        for i in range(4):
            line, weight = coefficients[band, top + reach + i, begin + shift + reach :], down[i, begin:end]
            for k in range(end - begin):
                target[k] += weight[k] * (a[k] * line[k] + b[k] * line[k + 1] + c[k] * line[k + 2] + d[k] * line[k + 3])


@compiled
def _all_valid(valid: BoolArray, top: int, left: int, down: float, right: float) -> bool:
    """Whether the pixels on whose corners a place lies are valid, but for those that hardly count."""
    rows, columns = valid.shape
    total = 0.0
    for i in range(2):
        for j in range(2):
            if 0 <= top + i < rows and 0 <= left + j < columns and valid[top + i, left + j]:
                total += (down if i else 1.0 - down) * (right if j else 1.0 - right)
    return total > 0.999


@compiled
def _weights(t: float, weights: FloatArray, column: int) -> None:
    """The cubic B-spline at the four nodes around a place that lies `t` beyond the second one."""
    u = 1.0 - t
    weights[0, column] = u * u * u / 6
    weights[1, column] = (4 - 6 * t * t + 3 * t * t * t) / 6
    weights[2, column] = (4 - 6 * u * u + 3 * u * u * u) / 6
    weights[3, column] = t * t * t / 6


def fill_gaps(image: FloatArray, valid: BoolArray) -> FloatArray:
    """An image (..., y, x) whose gaps hold the nearest valid reflectance, so that filters don't ring at their edges."""
    if valid.all() or not valid.any():
        return np.nan_to_num(image)
    rows, columns = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    filled: FloatArray = image[..., rows, columns]
    return filled
