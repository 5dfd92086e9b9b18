"""A displacement between two scenes, and how it is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

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
    coefficients = np.stack([_to_spline(plane) for plane in fill_gaps(image, valid)])
    around = [(0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)]
    return _sampled(np.pad(coefficients, around, mode="reflect"), valid, matrix, start)


def _to_spline(plane: FloatArray) -> FloatArray:
    """The coefficients of the cubic B-spline through samples (y, x), mirrored at the edges.

    Recursive filters along both axes: Unser, Aldroubi & Eden (1993), IEEE Transactions on Signal Processing 41(2).
    """
    coefficients = plane.T.copy()
    _down_columns(coefficients)
    coefficients = coefficients.T.copy()
    _down_columns(coefficients)
    coefficients *= np.float32(36.0)  # six for each axis
    return coefficients


@compiled
def _down_columns(plane: FloatArray) -> None:
    """Makes of samples (y, x) the coefficients along the first axis, in place: all columns at once, which is quick."""
    rows, columns = plane.shape
    first = np.zeros(columns, np.float32)
    for row in range(min(_HORIZON, rows) - 1, -1, -1):
        for k in range(columns):
            first[k] = plane[row, k] + _POLE * first[k]
    plane[0] = first
    for row in range(1, rows):
        for k in range(columns):
            plane[row, k] += _POLE * plane[row - 1, k]
    for k in range(columns):
        plane[-1, k] = _LAST * (plane[-1, k] + _POLE * plane[-2, k])
    for row in range(rows - 2, -1, -1):
        for k in range(columns):
            plane[row, k] = _POLE * (plane[row + 1, k] - plane[row, k])


@compiled
def _sampled(
    coefficients: FloatArray, valid: BoolArray, matrix: npt.NDArray[np.float64], start: npt.NDArray[np.float64]
) -> tuple[FloatArray, BoolArray]:
    """Splines (band, y, x), with a margin, at the places `matrix @ (row, column) + start`, NaN where not clear."""
    rows, columns = valid.shape
    moved = np.zeros((len(coefficients), rows, columns), np.float32)
    clear = np.zeros(valid.shape, np.bool_)
    down, right = np.empty((4, columns), np.float32), np.empty((4, columns), np.float32)
    below, beside = np.empty(columns), np.empty(columns)
    top, left = np.empty(columns, np.int64), np.empty(columns, np.int64)
    for row in range(rows):
        for column in range(columns):
            y = matrix[0, 0] * row + matrix[0, 1] * column + start[0]
            x = matrix[1, 0] * row + matrix[1, 1] * column + start[1]
            top[column], left[column] = int(np.floor(y)), int(np.floor(x))
            below[column], beside[column] = y - top[column], x - left[column]
        _weigh(below, down)
        _weigh(beside, right)
        begin = 0
        while begin < columns:
            end = begin + 1
            while end < columns and top[end] == top[begin] and left[end] - end == left[begin] - begin:
                end += 1
            _blend(coefficients, top[begin], left[begin] - begin, begin, end, down, right, moved, row)
            _clear(valid, top[begin], left[begin] - begin, begin, end, below, beside, clear[row])
            begin = end
        for band in range(len(moved)):
            for column in range(columns):
                moved[band, row, column] = moved[band, row, column] if clear[row, column] else np.float32(np.nan)
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
def _clear(
    valid: BoolArray, top: int, shift: int, begin: int, end: int,
    below: npt.NDArray[np.float64], beside: npt.NDArray[np.float64], clear: BoolArray,
) -> None:  # fmt: skip
    """Tells where the pixels on whose corners a place lies are valid, but for those that hardly count."""
    rows, columns = valid.shape
    for column in range(begin, end):
        left, total = column + shift, 0.0
        for i in range(2):
            for j in range(2):
                if 0 <= top + i < rows and 0 <= left + j < columns and valid[top + i, left + j]:
                    total += (below[column] if i else 1.0 - below[column]) * (
                        beside[column] if j else 1.0 - beside[column]
                    )
        clear[column] = total > 0.999


@compiled
def _weigh(places: npt.NDArray[np.float64], weights: FloatArray) -> None:
    """The cubic B-spline at the four nodes around places that lie `t` beyond the second one."""
    for k in range(places.size):
        t = places[k]
        u = 1.0 - t
        weights[0, k] = u * u * u / 6
        weights[1, k] = (4 - 6 * t * t + 3 * t * t * t) / 6
        weights[2, k] = (4 - 6 * u * u + 3 * u * u * u) / 6
        weights[3, k] = t * t * t / 6


def fill_gaps(image: FloatArray, valid: BoolArray) -> FloatArray:
    """An image (..., y, x) whose gaps hold the nearest valid reflectance, so that filters don't ring at their edges.

    Where there are no gaps it is the image itself; where nothing is valid it is 0.
    """
    if valid.all():
        return image
    if not valid.any():
        return np.zeros_like(image)
    gaps = ~valid
    filled = image.copy()
    filled[..., gaps] = image[..., *_nearest(gaps.tobytes(), gaps.shape)]
    return filled


@lru_cache(maxsize=1)
def _nearest(gaps: bytes, shape: tuple[int, int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """(row, column) of the pixel outside that is nearest to each pixel of a mask; a scene asks more than once."""
    mask = np.frombuffer(gaps, bool).reshape(shape)
    rows, columns = ndimage.distance_transform_edt(mask, return_distances=False, return_indices=True)
    return rows[mask], columns[mask]
