"""A displacement between two scenes, and how it is taken back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from geo.scene import BoolArray, FloatArray


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
    clear: BoolArray = _moved(valid[None].astype(np.float32), displacement, order=1, outside=0.0)[0] > 0.999
    moved = _moved(fill_gaps(image, valid), displacement, order=3)
    moved[:, ~clear] = np.nan
    return moved, clear


def _moved(image: FloatArray, displacement: Displacement, order: int, outside: float | None = None) -> FloatArray:
    """An image (band, y, x) without its displacement, by a spline of some order; its edge goes on where None."""
    edge = {"mode": "nearest"} if outside is None else {"mode": "constant", "cval": outside}
    if not displacement.slope.any():
        # A mere shift is a convolution along each axis with the spline's own response, several times faster.
        for axis, step in zip((1, 2), displacement.offset_px, strict=True):
            response = _spline_response(step, order)
            image = ndimage.correlate1d(image, response, axis=axis, **edge)
        return image
    matrix = np.eye(2) + displacement.slope
    centre = np.array(image.shape[1:]) / 2 - 0.5
    start = centre + np.array(displacement.offset_px) - matrix @ centre
    planes = [ndimage.affine_transform(plane, matrix, start, order=order, **edge) for plane in image]
    return np.stack(planes)


def _spline_response(step: float, order: int) -> npt.NDArray[np.float64]:
    """Weights of the neighbours of a point that lies so many pixels further on; below 1e-4 they are left off."""
    reach = int(np.ceil(abs(step))) + 7
    impulse = np.zeros(2 * reach + 1)
    impulse[reach] = 1
    response: npt.NDArray[np.float64] = ndimage.shift(impulse, step, order=order)
    response /= response.sum()
    return response


def fill_gaps(image: FloatArray, valid: BoolArray) -> FloatArray:
    """An image (..., y, x) whose gaps hold the nearest valid reflectance, so that filters don't ring at their edges."""
    if valid.all() or not valid.any():
        return np.nan_to_num(image)
    rows, columns = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    filled: FloatArray = image[..., rows, columns]
    return filled
