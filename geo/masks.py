"""Which ground of a scene is clear enough to be compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from geo.scene import BoolArray, FloatArray

# Sen2Cor scene classification (Level-2A Algorithm Theoretical Basis Document, table of SCL classes): 0 no
# data, 1 saturated or defective, 3 cloud shadow, 8 and 9 cloud of medium and high probability, 10 thin cirrus
# and 11 snow or ice hide the ground. 2 (dark features, cast shadow), 4 vegetation, 5 bare, 6 water and 7
# unclassified are ground: 7 is where Sen2Cor puts what it has no class for, roofs among it.
CLEAR_CLASSES = (2, 4, 5, 6, 7)

# Normalised difference snow index (Dozier 1989; Hall et al. 1995): 0.4, with green bright enough not to be water.
_SNOW_INDEX = 0.4
_SNOW_GREEN = 0.15


def clear_classes(classification: npt.NDArray[np.uint8]) -> BoolArray:
    """Where Sen2Cor's classification shows ground, a pixel off the edges of what isn't: bool (y, x)."""
    hidden = ~np.isin(classification, CLEAR_CLASSES)
    return ~grown(hidden)


def snow(reflectance: FloatArray, bands: Sequence[str]) -> BoolArray:
    """Snow by the normalised difference snow index, bool (y, x); nowhere if B03 or B11 is missing.

    Args:
        reflectance: float32 (band, y, x).
        bands: Names of the band axis.
    """
    if "B03" not in bands or "B11" not in bands:
        return np.zeros(reflectance.shape[1:], bool)
    green, swir = reflectance[bands.index("B03")], reflectance[bands.index("B11")]
    total = green + swir
    index = np.divide(green - swir, total, out=np.zeros_like(total), where=total > 0)
    found: BoolArray = (index > _SNOW_INDEX) & (green > _SNOW_GREEN)
    return found


def grown(mask: BoolArray, pixels: int = 1) -> BoolArray:
    """A mask with a rim of so many pixels around it, diagonals included."""
    square = np.ones((3, 3), bool)
    return ndimage.binary_dilation(mask, square, iterations=pixels) if mask.any() else mask
