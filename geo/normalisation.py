"""Relative radiometric normalisation of a scene to the reference scene.

Light, haze and processing level (top-of-atmosphere against surface reflectance) change a scene by nearly one
gain and one offset per band over a few kilometres. They are estimated from the ground that changed least: least
trimmed squares (Rousseeuw & Van Driessen 2006, FAST-LTS), which stands up to nearly half the ground being
different.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

_CELL = 3  # pixels averaged to one sample: what registration leaves matters less, 8-bit steps too
_SAMPLES = 1500
_STEPS = 10
_STARTS = 60
_KEPT = 0.55
_MIN_SAMPLES = 50
_STEEPEST = 5.0

Array = npt.NDArray[np.float64]


def line_to_reference(
    image: FloatArray, valid: BoolArray, reference: FloatArray, reference_valid: BoolArray
) -> tuple[float, float]:
    """(gain, offset) that give one band of a scene the reference's radiometry; (1, 0) where too little tells.

    Args:
        image: float32 (y, x), registered to the reference; NaN where not valid.
        valid: bool (y, x).
        reference: float32 (y, x), the same band.
        reference_valid: bool (y, x).
    """
    scene, target = _samples(image, reference, valid & reference_valid)
    if scene.size < _MIN_SAMPLES:
        return 1.0, 0.0
    return gain_and_offset(scene, target)


def gain_and_offset(scene: Array, reference: Array) -> tuple[float, float]:
    """Robust line from a scene's reflectance to the reference's.

    Trimmed least squares from many starts, then a reduced major axis through the samples that fit, so that
    noise in the scene doesn't flatten the line.

    Args:
        scene: float (sample,).
        reference: float (sample,).
    """
    thin = max(scene.size // _SAMPLES, 1)
    generator = np.random.default_rng(0)  # the same starts always: the same scenes give the same stack
    starts = generator.integers(0, len(scene[::thin]), (2, _STARTS))
    line = _trimmed_start(scene[::thin].copy(), reference[::thin].copy(), starts)
    return _fitted(scene, reference, *_concentrated(scene, reference, *line))


@compiled
def _samples(scene: FloatArray, reference: FloatArray, common: BoolArray) -> tuple[Array, Array]:
    """Cell means of both images where a whole cell is clear in both."""
    rows, columns = common.shape[0] // _CELL, common.shape[1] // _CELL
    means = np.empty((2, rows * columns))
    count = 0
    for row in range(0, rows * _CELL, _CELL):
        for column in range(0, columns * _CELL, _CELL):
            first = second = 0.0
            whole = True
            for y in range(row, row + _CELL):
                for x in range(column, column + _CELL):
                    whole &= common[y, x]
                    first += scene[y, x]
                    second += reference[y, x]
            if whole:
                means[0, count], means[1, count] = first / _CELL**2, second / _CELL**2
                count += 1
    return means[0, :count].copy(), means[1, :count].copy()


@compiled
def _trimmed_start(scene: Array, reference: Array, starts: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The best of many lines through two samples, by the sum of the smaller residuals."""
    best_gain, best_offset, least, reach = 1.0, 0.0, np.inf, 0.0
    distance = np.empty(scene.size)
    keep = max(int(_KEPT * scene.size), 2)
    for first, second in starts.T:
        run = scene[second] - scene[first]
        gain = (reference[second] - reference[first]) / run if abs(run) > 1e-6 else 1.0
        if not 1 / _STEEPEST < gain < _STEEPEST:
            gain = 1.0
        offset = reference[first] - gain * scene[first]
        capped = 0.0
        for k in range(scene.size):
            distance[k] = abs(gain * scene[k] + offset - reference[k])
            capped += min(distance[k], reach)
        if capped - reach * (scene.size - keep) >= least:
            continue  # the smaller residuals can't add up to less than this
        smaller = np.partition(distance, keep - 1)[:keep]
        cost = smaller.sum()
        if cost < least:
            best_gain, best_offset, least, reach = gain, offset, cost, smaller[-1]
    return best_gain, best_offset


@compiled
def _concentrated(scene: Array, reference: Array, gain: float, offset: float) -> tuple[float, float]:
    """A line brought to where the samples nearest to it give it again."""
    keep = max(int(_KEPT * scene.size), 2)
    distance = np.abs(gain * scene + offset - reference)
    thin = max(scene.size // _SAMPLES, 1)
    reach = np.partition(distance[::thin].copy(), (keep - 1) // thin)[(keep - 1) // thin]
    for _ in range(_STEPS):
        before = gain, offset
        reach = _select_near(distance, keep - 1, reach)
        gain, offset = _major_axis(scene, reference, distance, reach)
        if before == (gain, offset):
            break
        for k in range(scene.size):
            distance[k] = abs(gain * scene[k] + offset - reference[k])
    return gain, offset


@compiled
def _select_near(values: Array, k: int, guess: float) -> float:
    """The k-th smallest, from 0; fast where it is near a guess."""
    near = np.empty_like(values)
    for widening in (1.02, 1.2):
        low, high = guess / widening, guess * widening
        smaller = count = 0
        for value in values:  # without branches, which would be mispredicted for half of them
            near[count] = value
            smaller += value < low
            count += (value >= low) & (value <= high)
        if smaller <= k < smaller + count:
            return float(np.partition(near[:count], k - smaller)[k - smaller])
    return float(np.partition(values, k)[k])


@compiled
def _fitted(scene: Array, reference: Array, gain: float, offset: float) -> tuple[float, float]:
    """A line through all samples that fit one."""
    distance = np.abs(gain * scene + offset - reference)
    middle = distance.size // 2
    scale = 1.4826 * np.partition(distance, middle)[middle]
    return _major_axis(scene, reference, distance, max(2.5 * scale, 1e-6))


@compiled
def _major_axis(scene: Array, reference: Array, distance: Array, reach: float) -> tuple[float, float]:
    """Reduced major axis of the samples within reach: the slope is the ratio of the standard deviations."""
    count = x = y = xx = yy = 0.0
    for k in range(scene.size):
        fits = 1.0 if distance[k] <= reach else 0.0  # a factor is quicker than a branch
        count += fits
        x += fits * scene[k]
        y += fits * reference[k]
        xx += fits * scene[k] * scene[k]
        yy += fits * reference[k] * reference[k]
    x, y = x / count, y / count
    spread = np.sqrt(max(xx / count - x * x, 0.0))
    gain = np.sqrt(max(yy / count - y * y, 0.0)) / spread if spread > 1e-4 else 1.0
    gain = min(max(gain, 1 / _STEEPEST), _STEEPEST)
    return gain, y - gain * x
