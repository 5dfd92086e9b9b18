"""From rasters as stored to observations: reflectance of the ground that is clear."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np

from geo import masks
from geo.bands import visible
from geo.errors import SceneUnusableError
from geo.radiometry import to_reflectance
from geo.scene import BoolArray, FloatArray, Scene, SceneRaster

# Snow and cloud reach 1, sunlit slopes of fresh snow a little more; beyond that the scale is missing or wrong.
_HIGHEST_MEDIAN = 1.5


@dataclass(frozen=True)
class Observation:
    """One scene's clear ground.

    Attributes:
        scene: As its source describes it.
        bands: Names of the band axis.
        reflectance: float32 (band, y, x), NaN where not valid.
        valid: bool (y, x): inside the scene, with a number in every band and, as far as masks tell, clear.
        classified: Whether a scene classification told cloud and snow.
    """

    scene: Scene
    bands: tuple[str, ...]
    reflectance: FloatArray
    valid: BoolArray
    classified: bool

    @cached_property
    def clear_fraction(self) -> float:
        """Share of the grid that is valid, 0 to 1."""
        return np.count_nonzero(self.valid) / self.valid.size

    @property
    def visible(self) -> FloatArray:
        """float32 (band, y, x): the bands in which scenes of every kind show much the same edges."""
        return self.reflectance[[self.bands.index(name) for name in visible(self.bands)]]

    def part(self, bands: Sequence[str]) -> Observation:
        """The observation in some bands; in all where it has none of them."""
        chosen = [index for index, name in enumerate(self.bands) if name in bands]
        if not chosen:
            return self
        names = tuple(self.bands[index] for index in chosen)
        return Observation(self.scene, names, self.reflectance[chosen], self.valid, self.classified)

    @cached_property
    def brightness(self) -> FloatArray:
        """float32 (y, x): mean of the visible bands."""
        mean: FloatArray = self.visible.mean(axis=0)
        return mean


def observe(scene: Scene, raster: SceneRaster, gsd_m: float) -> Observation:
    """A raster's reflectance where file, nodata, scene classification or snow index hide nothing.

    Args:
        scene: As its source describes it.
        raster: Its pixels.
        gsd_m: Pixel size of the raster, metres.
    """
    reflectance = to_reflectance(raster)
    valid = raster.valid & np.isfinite(reflectance).all(axis=0)
    if raster.classification is not None:
        valid &= masks.clear_classes(raster.classification, gsd_m)
    else:
        valid &= ~masks.grown(masks.snow(reflectance, raster.bands))
    np.copyto(reflectance, np.float32(np.nan), where=~valid)
    return Observation(scene, raster.bands, reflectance, valid, raster.classification is not None)


def masked(observation: Observation, valid: BoolArray) -> Observation:
    """The observation with less ground."""
    reflectance = np.where(valid, observation.reflectance, np.float32(np.nan))
    return Observation(observation.scene, observation.bands, reflectance, valid, observation.classified)


def require_usable(observation: Observation, min_clear_fraction: float) -> None:
    """Refuse a scene with too little clear ground, or with numbers that can't be reflectance.

    Raises:
        SceneUnusableError: With the reason.
    """
    clear = observation.clear_fraction
    if clear < min_clear_fraction:
        raise SceneUnusableError(
            f"{100 * clear:.0f} % of the area clear, at least {100 * min_clear_fraction:.0f} % needed"
        )
    brightness = observation.brightness[observation.valid]
    if 2 * np.count_nonzero(brightness > _HIGHEST_MEDIAN) < brightness.size:
        return  # the usual case, told without sorting
    median = float(np.median(brightness))
    if median > _HIGHEST_MEDIAN:
        raise SceneUnusableError(f"a median reflectance of {median:.4g}: set the scale of its bands")


def best_of(group: Iterable[Observation], min_clear_fraction: float) -> Observation:
    """Of one acquisition's products one that is clear enough, then the newest processing, then the clearest."""

    def rank(observation: Observation) -> tuple[bool, str, float, str]:
        clear = observation.clear_fraction
        scene = observation.scene
        return (clear >= min_clear_fraction, scene.processing_baseline or "", clear, scene.item_id)

    return max(group, key=rank)


def together(first: Scene, second: Scene, same_acquisition: timedelta) -> bool:
    """Whether a scene and a later one are of one acquisition, closer in time than `same_acquisition`.

    Neighbouring tiles and reprocessed products show the same moment: they must not count as several sightings.
    """
    return first.collection == second.collection and second.acquired_at - first.acquired_at <= same_acquisition
