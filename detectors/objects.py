"""New buildings as objects, for pairs of images at 1 m or finer.

The same family as `footprints`, change of local structure told from change of colour, at the size where a roof
is an object of its own: compact, evenly coloured, duller than the plants and soil around it, and standing where
the pattern of the ground is no longer what it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.measure import regionprops
from skimage.measure._regionprops import RegionProperties
from skimage.segmentation import felzenszwalb

from geo.scene import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class ObjectParameters:
    """What a new building looks like at 1 m or finer.

    Attributes:
        segment_scale: Felzenszwalb and Huttenlocher's scale of observation, for colours 0 to 1.
        segment_blur_m: Blur before segments are made, m.
        least_area_m2: Smallest segment that is part of a building.
        largest_area_m2: Largest.
        least_solidity: Share of its convex hull that it fills.
        least_width_m: Shorter axis of the ellipse of like moments, m.
        longest: Longer axis over shorter one: a road is longer.
        greatest_likeness: Correlation with the state before from which on the pattern of the ground is the same.
        likeness_m: Standard deviation of the window that it is measured in, m.
        greatest_chroma: Chroma over the image's mean: plants and soil have more.
        least_lightness: Lightness over the image's mean: shadows have less.
    """

    segment_scale: float = 150.0
    segment_blur_m: float = 0.5
    least_area_m2: float = 40.0
    largest_area_m2: float = 5000.0
    least_solidity: float = 0.45
    least_width_m: float = 5.0
    longest: float = 4.0
    greatest_likeness: float = 0.2
    likeness_m: float = 4.0
    greatest_chroma: float = 0.8
    least_lightness: float = 0.7


def new_buildings(
    before: FloatArray,
    after: FloatArray,
    clear: BoolArray,
    gsd_m: float,
    parameters: ObjectParameters | None = None,
) -> npt.NDArray[np.int32]:
    """New buildings as labelled objects, int32 (y, x), 0 elsewhere.

    Segments of the later image (Felzenszwalb and Huttenlocher 2004, doi:10.1023/B:VISI.0000022288.19776.77) whose
    shape and colour are those of roofs and whose place has lost its pattern are kept and joined where they touch
    (object-based change detection: Hussain et al. 2013, doi:10.1016/j.isprsjprs.2013.03.006).

    Args:
        before: float32 (3, y, x), red, green, blue, 0 to 1.
        after: Likewise.
        clear: bool (y, x), clear in both.
        gsd_m: Pixel size, m.
        parameters: What a building looks like.
    """
    chosen = parameters or ObjectParameters()
    least_px = max(round(chosen.least_area_m2 / gsd_m**2), 1)
    segments = felzenszwalb(
        np.moveaxis(after, 0, -1), chosen.segment_scale, chosen.segment_blur_m / gsd_m, min_size=least_px
    )
    lab = rgb2lab(np.moveaxis(after, 0, -1))
    lightness, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    cues = np.stack(
        [
            likeness(before, after, chosen.likeness_m / gsd_m),
            chroma / max(float(chroma[clear].mean()), 1e-6) if clear.any() else chroma,
            lightness / max(float(lightness[clear].mean()), 1e-6) if clear.any() else lightness,
        ],
        axis=-1,
    )
    kept = np.zeros(clear.shape, bool)
    for segment in regionprops(segments + 1, intensity_image=cues):
        if _is_roof(segment, gsd_m, chosen):
            kept[segment.slice] |= segment.image
    labels, _ = ndimage.label(kept & clear)
    return np.asarray(labels, np.int32)


def likeness(before: FloatArray, after: FloatArray, sigma: float) -> FloatArray:
    """Local correlation of two images' brightness (band, y, x), -1 to 1: 1 where the pattern is the same."""

    def mean(image: FloatArray) -> FloatArray:
        return np.asarray(ndimage.gaussian_filter(image, sigma), np.float32)

    first, second = (image.mean(axis=0) - mean(image.mean(axis=0)) for image in (before, after))
    power = mean(first * first) * mean(second * second)
    return np.asarray(mean(first * second) / np.sqrt(power + 1e-8), np.float32)


def _is_roof(segment: RegionProperties, gsd_m: float, chosen: ObjectParameters) -> bool:
    """Whether a segment has the size, shape, colour and novelty of a roof."""
    alike, chroma, lightness = segment.intensity_mean
    if alike >= chosen.greatest_likeness or chroma >= chosen.greatest_chroma or lightness < chosen.least_lightness:
        return False
    width = segment.axis_minor_length
    fits = (
        chosen.least_area_m2 <= segment.area * gsd_m**2 < chosen.largest_area_m2
        and width * gsd_m > chosen.least_width_m
        and segment.axis_major_length < chosen.longest * width
    )
    return bool(fits and segment.solidity >= chosen.least_solidity)
