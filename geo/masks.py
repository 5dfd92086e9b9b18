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
_CLOUD_CLASSES = (8, 9)
_IS_HIDDEN, _IS_CLOUD = np.ones(256, bool), np.zeros(256, bool)  # by class
_IS_HIDDEN[list(CLEAR_CLASSES)], _IS_CLOUD[list(_CLOUD_CLASSES)] = False, True
_SPECK_M2 = 40_000.0

# Normalised difference snow index (Dozier 1989) with the companion tests of Fmask (Zhu & Woodcock 2012), which keep
# water out.
_SNOW_INDEX = 0.4
_SNOW_GREEN = 0.1
_SNOW_NIR = 0.11

# Fmask's whiteness test: cloud and snow are about as bright in blue, green and red.
_WHITENESS = 0.7
_WHITE_BRIGHTNESS = 0.35  # thick cloud and snow; few soils are as bright and white at once
_WHITE_RISE = 0.08
_WHITE_RISE_AROUND = 0.04
_CELL_M = 150.0
_SPREAD = 0.2


def clear_classes(classification: npt.NDArray[np.uint8], gsd_m: float) -> BoolArray:
    """Where Sen2Cor's classification shows ground, a pixel off the edges of what hides it: bool (y, x).

    Sen2Cor takes bright roofs for cloud, and would go on to for as long as they stand. So a sky that has nothing but
    specks of cloud, none larger than 4 ha (a very large hall), counts as clear.

    Args:
        classification: uint8 (y, x), SCL.
        gsd_m: Pixel size, metres.
    """
    hidden, cloud = _IS_HIDDEN[classification], _IS_CLOUD[classification]
    if _largest_patch(cloud) * gsd_m**2 <= _SPECK_M2:
        hidden &= ~cloud
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
    if "B08" in bands:
        found &= reflectance[bands.index("B08")] > _SNOW_NIR
    return found


def white(visible: FloatArray) -> BoolArray:
    """Ground or cloud with little colour, bool (y, x), by Fmask's whiteness test (Zhu & Woodcock 2012).

    Args:
        visible: float32 (band, y, x) reflectance of the visible bands, before normalisation; NaN is never white.
    """
    mean = visible.mean(axis=0)
    departure = np.abs(visible - mean).sum(axis=0)
    found: BoolArray = departure < _WHITENESS * mean
    return found


def white_cover(brightness: FloatArray, is_white: BoolArray, previous: FloatArray | None, gsd_m: float) -> BoolArray:
    """Snow and thick cloud where true colour is all there is, bool (y, x).

    In true colour neither differs from a white roof but by where it lies: building goes on here and there,
    whereas snow and cloud come all over the area between one scene and the next. What has turned white since it
    was last seen clear is taken for cover if it lies in a fifth of all 150 m cells of the area, and for ground
    otherwise: a new roof is masked only while such scenes go on. Before the first scene nothing was seen, so there
    everything bright and white counts.

    Args:
        brightness: float32 (y, x), mean reflectance of the visible bands, normalised to the reference; NaN where not
            valid.
        is_white: bool (y, x), from `white`.
        previous: float32 (y, x), `brightness` at which each pixel was last seen clear, NaN for never; None for
            the first scene.
        gsd_m: Pixel size, metres.
    """
    rise = brightness - (_WHITE_BRIGHTNESS - _WHITE_RISE if previous is None else previous)
    turned = is_white & (rise > _WHITE_RISE)
    if _share_of_cells(turned, np.isfinite(rise), round(_CELL_M / gsd_m)) < _SPREAD:
        return np.zeros_like(is_white)
    # Thin snow and the rims of cloud lie around what is unmistakable.
    return grown(is_white & (rise > _WHITE_RISE_AROUND))


def grown(mask: BoolArray, pixels: int = 1) -> BoolArray:
    """A mask with a rim of so many pixels around it, diagonals included."""
    square = np.ones((3, 3), bool)
    return ndimage.binary_dilation(mask, square, iterations=pixels) if mask.any() else mask


def _largest_patch(mask: BoolArray) -> int:
    """Pixels of the largest connected patch."""
    labels, count = ndimage.label(mask, np.ones((3, 3), bool))
    return int(np.bincount(labels.ravel())[1:].max()) if count else 0


def _share_of_cells(mask: BoolArray, seen: BoolArray, cell: int) -> float:
    """Share of the square cells that are mostly seen in which the mask has a pixel, 0 to 1."""
    size = max(cell, 1)
    rows, columns = (length // size * size for length in mask.shape)
    cells = (rows // size, size, columns // size, size)
    known = seen[:rows, :columns].reshape(cells).mean(axis=(1, 3)) > 0.5
    touched = np.asarray(mask[:rows, :columns].reshape(cells).any(axis=(1, 3)))
    return float(touched[known].mean()) if known.any() else 0.0
