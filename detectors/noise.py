"""What stable ground does from scene to scene: the null that changes are measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

MAD_TO_SIGMA = 1.4826

# A thousand pixels in each of twelve classes know their spread to 4 %; more would only cost time.
ENOUGH_PIXELS = 12_000


@dataclass(frozen=True, slots=True)
class TextureClasses:
    """Stable ground sorted by its texture: rough ground is noisier than smooth ground.

    A shift of half a pixel, a low sun or a wet day changes rough ground more than smooth ground, so each
    class of texture is its own null distribution.

    Attributes:
        position: float32 (y, x), where each pixel's texture lies among the middles of the classes: 0 in the first, 1.5
            between the second and the third.
        members: int (class, member), flat indices of the null ground in each class; an odd number.
    """

    position: FloatArray
    members: npt.NDArray[np.intp]

    @classmethod
    def of(cls, texture: FloatArray, null: BoolArray, bins: int) -> TextureClasses:
        """Classes of equal size of the null ground (y, x), which holds at least one pixel."""
        where = np.flatnonzero(null)
        where = where[:: -(-where.size // ENOUGH_PIXELS)]
        order = where[_ascending(texture.ravel()[where])]
        bins = min(bins, order.size)
        members = order[: order.size // bins * bins].reshape(bins, -1)
        members = members[:, (members.shape[1] + 1) % 2 :]
        position = np.empty(texture.shape, np.float32)
        _place(texture, _medians(texture.ravel()[members]), position)
        return cls(position, members)

    def noise(self, step: FloatArray, least: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Each class's median of a step (y, x), and its spread (1.4826 MAD, at least `least`), float32 (class,)."""
        sample = step.ravel().take(self.members)
        middle = _medians(sample)
        spread = _medians(np.abs(sample - middle[:, None]))
        spread = np.maximum(spread * MAD_TO_SIGMA, max(least, float(np.finfo(np.float32).eps)))
        return middle, spread.astype(np.float32)

    def standardise(self, step: FloatArray, least: float = 0.0) -> FloatArray:
        """A step (y, x) less its class's median, in units of the class's spread, linear between classes."""
        standard = np.empty(step.shape, np.float32)
        _standardise(step, self.position, *self.noise(step, least), standard)
        return standard

    def energy(self, steps: FloatArray, least: float) -> FloatArray:
        """Mean square of standardised steps (band, y, x), float32 (y, x); 0 where there is no band."""
        energy = np.zeros(steps.shape[1:], np.float32)
        if len(steps):
            noises = [self.noise(step, least) for step in steps]
            middle, spread = np.stack([middle for middle, _ in noises]), np.stack([spread for _, spread in noises])
            _add_squares(steps, self.position, middle, spread, np.float32(1.0 / len(steps)), energy)
        return energy


def _ascending(figures: FloatArray) -> npt.NDArray[np.intp]:
    """What `np.argsort(figures, kind="stable")` tells, several times as fast.

    Floats as whole numbers of the same order (IEEE 754), each with its place behind it, are all different: any sort of
    them is stable.
    """
    bits = figures.view(np.int32)
    ordered = np.where(bits < 0, bits ^ np.int32(np.iinfo(np.int32).max), bits).astype(np.int64)
    keys = (ordered << 32) + np.arange(figures.size)
    keys.sort()
    return np.asarray(keys & 0xFFFFFFFF, np.intp)


def _medians(sample: FloatArray) -> FloatArray:
    """Median of each row; its length is odd."""
    half = sample.shape[1] // 2
    return np.asarray(np.partition(sample, half, axis=1)[:, half])


@compiled
def _place(texture: FloatArray, middles: FloatArray, position: FloatArray) -> None:
    """Linear interpolation of a rising row of numbers, as a sum of ramps: no search, no branch."""
    none, one = np.float32(0.0), np.float32(1.0)
    for row in range(texture.shape[0]):
        here, into = texture[row], position[row]
        for x in range(here.size):
            into[x] = none
        for lower in range(middles.size - 1):
            begin = middles[lower]
            steepness = one / max(middles[lower + 1] - begin, np.float32(1e-9))
            for x in range(here.size):
                risen = (here[x] - begin) * steepness
                risen = risen if risen > none else none
                into[x] += risen if risen < one else one


@compiled
def _between(figure: FloatArray, lower: int, upper: int, share: np.float32) -> np.float32:
    """A figure of the classes between two of them."""
    between: np.float32 = figure[lower] + (figure[upper] - figure[lower]) * share
    return between


@compiled
def _standardise(
    step: FloatArray, position: FloatArray, middle: FloatArray, spread: FloatArray, standard: FloatArray
) -> None:
    last = middle.size - 1
    for row in range(step.shape[0]):
        for x in range(step.shape[1]):
            lower = int(position[row, x])
            upper, share = min(lower + 1, last), position[row, x] - np.float32(lower)
            beyond = step[row, x] - _between(middle, lower, upper, share)
            standard[row, x] = beyond / _between(spread, lower, upper, share)


@compiled
def _add_squares(
    steps: FloatArray,
    position: FloatArray,
    middle: FloatArray,
    spread: FloatArray,
    weight: np.float32,
    energy: FloatArray,
) -> None:
    """Add up the bands; middle and spread are (band, class)."""
    last = middle.shape[1] - 1
    for row in range(energy.shape[0]):
        for x in range(energy.shape[1]):
            lower = int(position[row, x])
            upper, share = min(lower + 1, last), position[row, x] - np.float32(lower)
            total = np.float32(0.0)
            for band in range(steps.shape[0]):
                beyond = steps[band, row, x] - _between(middle[band], lower, upper, share)
                standard = beyond / _between(spread[band], lower, upper, share)
                total += weight * standard * standard
            energy[row, x] = total
