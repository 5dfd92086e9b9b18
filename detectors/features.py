"""What a scene looks like on the ground, told so that season, haze and sun matter little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.blurring import local_spread, taps, weighted_means
from detectors.morphology import inner, square_eroded
from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray, PreparedScene

# Bands that see the air rather than the ground (Sentinel-2 User Handbook, spectral bands).
ATMOSPHERIC_BANDS = frozenset({"B01", "B09", "B10"})

# Summed reflectance below which a ratio of bands says nothing.
FAINT = 0.01


@dataclass(frozen=True, slots=True)
class SceneFeatures:
    """Features of one scene; they depend on that scene alone.

    Attributes:
        detail: float32 (band, y, x), reflectance less its surroundings; 0 where not clear.
        texture: float32 (y, x), log of the local standard deviation of reflectance, mean over bands.
        greenness: float32 (y, x), vegetation index, NDVI not below `least_ndvi`; 0 where the bands allow none.
        unbuilt: bool (y, x), under plants, water or deep shade, hence no building for certain.
        clear: bool (y, x), far enough from the edge of the clear ground for both to be trusted.
        present: bool (band,), which bands the scene has.
        red: Which band is red, None where the scene has none.
        infrared: Whether plants are told by their near infrared.
    """

    detail: FloatArray
    texture: FloatArray
    greenness: FloatArray
    unbuilt: BoolArray
    clear: BoolArray
    present: npt.NDArray[np.bool_]
    red: int | None
    infrared: bool


@dataclass(frozen=True, slots=True)
class FeatureScales:
    """Sizes of the windows, m.

    Attributes:
        surroundings_m: Standard deviation of the Gaussian that what is around is averaged with. Roofs, walls
            and yards are smaller than three of these; fields, slopes, haze and adjacency are larger.
        texture_m: Standard deviation of the Gaussian window that texture is measured in.
        margin_m: Ground nearer than this to something not clear isn't used.
        outlying: How many times the typical deviation a pixel has to stand out to count half.
        vegetated_ndvi: NDVI of ground that is under plants: bare ground and roofs have less.
        vegetated_excess_green: Excess green likewise, where there is no near infrared.
        least_ndvi: NDVI that coloured roofs may have: less than this says nothing of plants.
        edge_m: Ground nearer than this to bare ground or roofs may be partly built on.
        dark_red: Reflectance in red below which ground is forest, water or shade.
        floor: Standard deviation of reflectance that counts as no texture at all: quantisation and noise.
    """

    surroundings_m: float = 40.0
    texture_m: float = 12.0
    margin_m: float = 25.0
    outlying: float = 2.0
    vegetated_ndvi: float = 0.4
    least_ndvi: float = 0.35
    vegetated_excess_green: float = 0.15
    edge_m: float = 10.0
    dark_red: float = 0.05
    floor: float = 0.003


def ground_bands(first: PreparedScene) -> tuple[str, ...]:
    """The bands to compare: those of the first scene that see the ground."""
    return tuple(
        name
        for index, name in enumerate(first.bands)
        if name not in ATMOSPHERIC_BANDS and np.isfinite(first.reflectance[index]).any()
    )


def scene_features(
    reflectance: FloatArray, valid: BoolArray, bands: Sequence[str], gsd_m: float, scales: FeatureScales
) -> SceneFeatures:
    """Detail and texture of a scene.

    Construction is change in local structure: high-pass filtering takes out what acts over hundreds of
    metres (haze, sun, soil moisture, growth of fields) and leaves roofs, shadows and walls (texture for
    change in built-up areas: Pesaresi et al. 2008, doi:10.1109/JSTARS.2008.2002869).

    Args:
        reflectance: float32 (band, y, x); NaN where not valid or where the scene lacks a band.
        valid: bool (y, x).
        bands: Names of the bands.
        gsd_m: Pixel size, m.
        scales: Window sizes.
    """
    bands_y_x = reflectance.shape
    present = np.array([bool(np.isfinite(band).any()) for band in reflectance], bool)
    filled, detail = np.empty(bands_y_x, np.float32), np.empty(bands_y_x, np.float32)
    texture, usable = np.empty(valid.shape, np.float32), np.empty(valid.shape, bool)
    _fill(np.ascontiguousarray(reflectance, np.float32), np.ascontiguousarray(valid), present, filled, usable)
    weighted_means(filled, _ordinary(filled, usable, scales, gsd_m), taps(scales.surroundings_m / gsd_m), detail)
    _stand_out(filled, usable, present, detail)
    local_spread(detail[present], usable.astype(np.float32), taps(scales.texture_m / gsd_m), texture)
    texture = np.log(texture + np.float32(scales.floor)) if present.any() else np.zeros_like(texture)
    by_name = {name: filled[i] for i, name in enumerate(bands) if present[i]}
    green = greenness(by_name, usable)
    unbuilt = _unbuilt(by_name, green, gsd_m, scales)
    infrared = {"B04", "B08"} <= by_name.keys()
    if infrared:
        green = np.maximum(green, np.float32(scales.least_ndvi))
    red = bands.index("B04") if "B04" in by_name else None
    clear = inner(usable, round(scales.margin_m / gsd_m))
    return SceneFeatures(detail, texture, green, unbuilt, clear, present, red, infrared)


def greenness(bands: Mapping[str, FloatArray], usable: BoolArray) -> FloatArray:
    """NDVI (Rouse et al. 1974), else excess green (Woebbecke et al. 1995), else 0; float32 (y, x).

    Excess green is taken of chromatic coordinates, so that sun and shade cancel, and blue roofs aren't green.
    """
    if {"B08", "B04"} <= bands.keys():
        above, below = bands["B08"] - bands["B04"], bands["B08"] + bands["B04"]
    elif {"B02", "B03", "B04"} <= bands.keys():
        below = bands["B04"] + bands["B03"] + bands["B02"]
        above = 3.0 * bands["B03"] - below
    else:
        return np.zeros(usable.shape, np.float32)
    index = np.zeros(usable.shape, np.float32)
    np.divide(above, below, out=index, where=usable & (below > FAINT))
    return np.clip(index, -1.0, 1.0)


def _unbuilt(bands: Mapping[str, FloatArray], green: FloatArray, gsd_m: float, scales: FeatureScales) -> BoolArray:
    """Ground that is green in the near infrared, or darker in red than bare ground and roofs are.

    Its edge is left out: a roof in a wood shares its pixels with trees.
    """
    unbuilt = np.zeros(green.shape, bool)
    if {"B04", "B08"} <= bands.keys():
        unbuilt |= square_eroded(green >= scales.vegetated_ndvi, round(scales.edge_m / gsd_m))
    if "B04" in bands:
        unbuilt |= bands["B04"] < scales.dark_red
    return unbuilt


@compiled
def _fill(
    reflectance: FloatArray, valid: BoolArray, present: npt.NDArray[np.bool_], filled: FloatArray, usable: BoolArray
) -> None:
    """Clear pixels that all present bands have a number for (none where no band is present), and 0 for the others."""
    some, none = present.any(), np.float32(0.0)
    nothing = np.empty(valid.shape[1], np.float32)
    for row in range(valid.shape[0]):
        for x in range(valid.shape[1]):
            nothing[x] = none
        for band in range(len(present)):
            if present[band]:
                for x in range(valid.shape[1]):
                    nothing[x] += none * reflectance[band, row, x]  # not a number where one isn't finite
        for x in range(valid.shape[1]):
            usable[row, x] = valid[row, x] & some & (nothing[x] == none)
        for band in range(len(present)):
            for x in range(valid.shape[1]):
                known = usable[row, x] & present[band]
                filled[band, row, x] = reflectance[band, row, x] if known else none


@compiled
def _stand_out(filled: FloatArray, usable: BoolArray, present: npt.NDArray[np.bool_], around: FloatArray) -> None:
    """Turns what lies around each pixel into what the pixel has beyond it; 0 where that isn't known."""
    for band in range(len(present)):
        for row in range(usable.shape[0]):
            for x in range(usable.shape[1]):
                known = usable[row, x] and present[band]
                beyond = filled[band, row, x] - around[band, row, x]
                around[band, row, x] = beyond if known else np.float32(0.0)


def _typical(residual: FloatArray) -> float:
    """Median of some numbers, the upper of the two in the middle where there are two; 0 of none."""
    half = residual.size // 2
    return float(np.partition(residual, half)[half]) if residual.size else 0.0


def _ordinary(filled: FloatArray, usable: BoolArray, scales: FeatureScales, gsd_m: float) -> FloatArray:
    """How much each pixel counts in what lies around others, float32 (y, x): little where it stands out.

    One step of reweighting with Cauchy weights: else a bright roof would darken the ground beside it.
    """
    ones = usable.astype(np.float32)
    brightness = filled.mean(axis=0, keepdims=True)
    around = np.empty_like(brightness)
    weighted_means(brightness, ones, taps(scales.surroundings_m / gsd_m), around)
    residual = np.abs(brightness[0] - around[0])
    typical = _typical(residual[usable])
    return np.asarray(
        ones / (1.0 + (residual / np.float32(max(scales.outlying * typical, scales.floor))) ** 2), np.float32
    )
