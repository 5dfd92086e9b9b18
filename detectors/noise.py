"""What stable ground does from scene to scene: the null that changes are measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.scene import BoolArray, FloatArray

MAD_TO_SIGMA = 1.4826

# A thousand pixels in each of twelve classes know their spread to 4 %; more would only cost time.
ENOUGH_PIXELS = 12_000


def settled(newest_first: FloatArray, count: npt.NDArray[np.int16]) -> FloatArray:
    """Per-pixel median of the filled ones of up to four layers, float32 (y, x); 0 where none is filled.

    The median of up to four numbers is the mean of what is left after taking off the extremes of three or
    four, so no sorting is needed.

    Args:
        newest_first: float32 (layer, y, x).
        count: int (y, x), how many layers are filled, from the first on.
    """
    total, low, high = (of(newest_first, axis=0) for of in (np.sum, np.min, np.max))
    median = np.asarray((total - low - high) / np.float32(max(newest_first.shape[0] - 2, 1)), np.float32)
    # Most pixels have all layers filled; the few others are looked at one by one.
    part = count < newest_first.shape[0]
    median[part] = _settled_part(newest_first[:, part], count[part])
    return median


def _settled_part(newest_first: FloatArray, count: npt.NDArray[np.int16]) -> FloatArray:
    """The same of pixels (layer, pixel) that may have fewer layers filled."""
    total = np.zeros(newest_first.shape[1:], np.float32)
    low = np.full_like(total, np.inf)
    high = np.full_like(total, -np.inf)
    for age, layer in enumerate(newest_first):
        filled = count > age
        np.add(total, layer, out=total, where=filled)
        np.minimum(low, layer, out=low, where=filled)
        np.maximum(high, layer, out=high, where=filled)
    trimmed = count > 2
    np.subtract(total, low + np.where(trimmed, high, 0.0), out=total, where=trimmed)
    return np.asarray(total / np.maximum(np.where(trimmed, count - 2, count), 1), np.float32)


@dataclass(frozen=True, slots=True)
class TextureClasses:
    """Stable ground sorted by its texture: rough ground is noisier than smooth ground.

    A shift of half a pixel, a low sun or a wet day changes rough ground more than smooth ground, so each
    class of texture is its own null distribution.

    Attributes:
        lower: int (y, x), the class below each pixel's texture.
        share: float32 (y, x), how far it lies towards the class above, 0 to 1.
        members: int (class, member), flat indices of the null ground in each class.
    """

    lower: npt.NDArray[np.intp]
    share: FloatArray
    members: npt.NDArray[np.intp]

    @classmethod
    def of(cls, texture: FloatArray, null: BoolArray, bins: int) -> TextureClasses:
        """Classes of equal size of the null ground (y, x), which holds at least one pixel."""
        where = np.flatnonzero(null)
        where = where[:: -(-where.size // ENOUGH_PIXELS)]
        order = where[np.argsort(texture.ravel()[where], kind="stable")]
        bins = min(bins, order.size)
        members = order[: order.size // bins * bins].reshape(bins, -1)
        centres = np.median(texture.ravel()[members], axis=1)
        position = np.interp(texture, centres, np.arange(len(members))).astype(np.float32)
        lower = np.minimum(position.astype(np.intp), max(len(members) - 2, 0))
        return cls(lower, position - lower.astype(np.float32), members)

    def standardise(self, step: FloatArray, least: float = 0.0) -> FloatArray:
        """A step (y, x) less its class's median, in units of the class's spread (1.4826 MAD, at least `least`)."""
        sample = step.ravel()[self.members]
        middle = np.median(sample, axis=1)
        spread = np.median(np.abs(sample - middle[:, None]), axis=1)
        spread = np.maximum(spread * MAD_TO_SIGMA, max(least, float(np.finfo(np.float32).eps)))
        return np.asarray((step - self._between(middle)) / self._between(spread), np.float32)

    def _between(self, of_class: npt.NDArray[np.floating]) -> FloatArray:
        """A figure of the classes at each pixel, float32 (y, x), linear in between."""
        figure = of_class.astype(np.float32)
        rise = np.append(np.diff(figure), np.float32(0.0))
        return np.asarray(figure.take(self.lower) + rise.take(self.lower) * self.share, np.float32)
