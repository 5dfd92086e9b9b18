"""Relative radiometric normalisation of a scene to the reference scene.

Light, haze and processing level (top-of-atmosphere against surface reflectance) change a scene by nearly one
gain and one offset per band over a few kilometres. They are estimated from the ground that changed least: least
trimmed squares (Rousseeuw & Van Driessen 2006, FAST-LTS), which stands up to nearly half the ground being
different.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from geo.scene import BoolArray, FloatArray

_CELL = 3  # pixels averaged to one sample: what registration leaves matters less, 8-bit steps too
_SAMPLES = 1500
_STARTS = 60
_KEPT = 0.55
_MIN_SAMPLES = 50
_STEEPEST = 5.0

Array = npt.NDArray[np.float64]


def normalise(image: FloatArray, valid: BoolArray, reference: FloatArray, reference_valid: BoolArray) -> FloatArray:
    """One band of a scene with the reference's radiometry, float32 (y, x).

    Args:
        image: float32 (y, x), registered to the reference; NaN where not valid.
        valid: bool (y, x).
        reference: float32 (y, x), the same band.
        reference_valid: bool (y, x).
    """
    scene, target = _samples(image, reference, valid & reference_valid)
    if scene.size < _MIN_SAMPLES:
        return image
    gain, offset = gain_and_offset(scene, target)
    return np.float32(gain) * image + np.float32(offset)


def gain_and_offset(scene: Array, reference: Array) -> tuple[float, float]:
    """Robust line from a scene's reflectance to the reference's.

    Trimmed least squares from many starts, then a reduced major axis through the samples that fit, so that
    noise in the scene doesn't flatten the line.

    Args:
        scene: float (sample,).
        reference: float (sample,).
    """
    start = _trimmed_start(*_thinned(scene, reference))
    keep = max(int(_KEPT * scene.size), 2)
    gain, offset = start
    for _ in range(10):
        distance = np.abs(gain * scene + offset - reference)
        best = np.argpartition(distance, keep - 1)[:keep]
        gain, offset = _major_axis(scene[best], reference[best])
    distance = np.abs(gain * scene + offset - reference)
    scale = 1.4826 * np.median(distance)
    near = distance <= max(2.5 * scale, 1e-6)
    return _major_axis(scene[near], reference[near])


def _samples(scene: FloatArray, reference: FloatArray, common: BoolArray) -> tuple[Array, Array]:
    """Cell means of both images where a whole cell is clear in both."""
    whole = reduce(np.logical_and, _members(common))
    first, second = (reduce(np.add, _members(plane))[whole].astype(np.float64) for plane in (scene, reference))
    return first / _CELL**2, second / _CELL**2


def _members(plane: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """The first pixels of all cells, the second ones, and so on: added up far faster than cell by cell."""
    rows, columns = (size // _CELL * _CELL for size in plane.shape)
    return [plane[row:rows:_CELL, column:columns:_CELL] for row in range(_CELL) for column in range(_CELL)]


def _thinned(scene: Array, reference: Array) -> tuple[Array, Array]:
    step = max(scene.size // _SAMPLES, 1)
    return scene[::step], reference[::step]


def _trimmed_start(scene: Array, reference: Array) -> tuple[float, float]:
    """The best of many lines through two samples, by the sum of the smaller residuals."""
    generator = np.random.default_rng(0)  # the same starts always: the same scenes give the same stack
    first, second = generator.integers(0, scene.size, (2, _STARTS))
    run = scene[second] - scene[first]
    steep = np.abs(run) > 1e-6
    gain = np.ones(_STARTS)
    gain[steep] = (reference[second] - reference[first])[steep] / run[steep]
    gain = np.where((gain > 1 / _STEEPEST) & (gain < _STEEPEST), gain, 1.0)
    offset = reference[first] - gain * scene[first]
    distance = np.abs(gain[:, None] * scene + offset[:, None] - reference)
    keep = max(int(_KEPT * scene.size), 2)
    cost = np.partition(distance, keep - 1, axis=1)[:, :keep].sum(axis=1)
    best = int(np.argmin(cost))
    return float(gain[best]), float(offset[best])


def _major_axis(scene: Array, reference: Array) -> tuple[float, float]:
    """Reduced major axis: the slope is the ratio of the standard deviations."""
    spread = scene.std()
    gain = float(reference.std() / spread) if spread > 1e-4 else 1.0
    gain = min(max(gain, 1 / _STEEPEST), _STEEPEST)
    return gain, float(reference.mean() - gain * scene.mean())
