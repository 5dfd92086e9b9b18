"""One smooth displacement from those of many blocks, by iteratively reweighted least squares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.alignment import Displacement
from geo.compiled import compiled
from geo.errors import SceneUnusableError

FEWEST_BLOCKS = 6  # with fewer their agreement can be chance
_AGREEMENT_PX = 0.5
_STEEPEST = 0.01  # change of displacement per pixel; more isn't a difference of terrain correction
_SETTLED = 1e-5
_TUKEY = 4.0  # residuals beyond so many robust standard deviations have no say
_RAYLEIGH = 1.1774  # median of a Rayleigh distribution, in its standard deviations per axis

Array = npt.NDArray[np.float64]


def fit(shifts: Array, sharpness: Array, centres: Array, max_shift_px: float) -> Displacement:
    """The displacement of a scene: a translation, or an affine one where the blocks support it.

    Args:
        shifts: float (block, 2), (row, column) displacement in pixels; NaN where none was found.
        sharpness: float (block,): how sharply each is known.
        centres: float (block, 2), (row, column) from the area's centre, pixels.
        max_shift_px: A larger displacement isn't believed.

    Raises:
        SceneUnusableError: No displacement can be told, or an implausible one.
    """
    found = np.isfinite(shifts).all(axis=1)
    share_found = found.mean()
    shifts, sharpness, centres = shifts[found], sharpness[found], centres[found]
    if len(shifts) < FEWEST_BLOCKS:
        raise SceneUnusableError("nothing in it matches")
    weight = sharpness / sharpness.sum()
    ones = np.ones((len(shifts), 1))
    model, residual, scale = _reweighted(ones, shifts, weight)
    independent = len(shifts) / 2  # blocks overlap by half
    affine = _reweighted(np.hstack([ones, centres]), shifts, weight)
    information = 4 * independent * np.log(scale / affine[2])  # of two coordinates per block
    if information > 4 * np.log(2 * independent) and np.abs(affine[0][1:]).max() < _STEEPEST:
        model, residual, scale = affine
    slope = model[1:].T if len(model) > 1 else np.zeros((2, 2))
    offset = (float(model[0, 0]), float(model[0, 1]))
    if np.hypot(*offset) > max_shift_px:
        raise SceneUnusableError(f"an implausible shift of {np.hypot(*offset):.1f} pixels (at most {max_shift_px:.1f})")
    quality = float(weight[residual < _AGREEMENT_PX].sum() * share_found)
    return Displacement(offset, slope, quality, float(scale / np.sqrt(independent)))


@compiled
def _reweighted(design: Array, shifts: Array, weight: Array) -> tuple[Array, Array, float]:
    """(coefficients, residual length by block, robust standard deviation per axis) with Tukey's biweight."""
    model = np.zeros((design.shape[1], 2))
    model[0] = np.median(shifts[:, 0]), np.median(shifts[:, 1])
    for _ in range(20):
        residual, scale = _residual(design, shifts, model)
        biweight = np.maximum(0.0, 1 - (residual / (_TUKEY * scale)) ** 2) ** 2
        root = np.sqrt(weight * biweight).reshape(-1, 1)
        update = np.linalg.lstsq(root * design, root * shifts)[0]
        settled = np.abs(update - model).max() < _SETTLED
        model = update
        if settled:
            break
    residual, scale = _residual(design, shifts, model)
    return model, residual, scale


@compiled
def _residual(design: Array, shifts: Array, model: Array) -> tuple[Array, float]:
    left = shifts - design @ model
    length = np.hypot(left[:, 0], left[:, 1])
    return length, max(np.median(length) / _RAYLEIGH, 1e-3)
