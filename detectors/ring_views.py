"""What a scene shows of lines, and what is kept of it to read them again."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from detectors.directional import strongest_around
from detectors.lines import LineFilter, luminance
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_tracks import SceneLines, eroded, pooled
from geo.bands import visible
from geo.grid import Grid
from geo.scene import BoolArray, FloatArray, PreparedScene

_WHOLE = 10_000.0  # an image is kept in whole numbers of 1/10,000


@dataclass(slots=True)
class View:
    """What is kept of a scene: enough to read its lines again.

    Attributes:
        image: uint16 (y, x), mean reflectance over the visible bands in 1/10,000, gaps filled.
        clear: bool (y, x): valid ground, less a rim in which lines can't be read.
        noise: float32 (block, block): local clutter, the quietest up to that scene.
    """

    image: npt.NDArray[np.uint16]
    clear: BoolArray
    noise: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def reflectance(self) -> FloatArray:
        """Of the image, float32 (y, x)."""
        return np.asarray(self.image / np.float32(_WHOLE), np.float32)


@dataclass(frozen=True)
class Look:
    """Some scenes together.

    Attributes:
        strength: float32 (orientation, y, x), 0 to 1.
        texture: float32 (y, x): mean logarithm of local contrast.
        clear: bool (y, x): ground that any of them shows.
    """

    strength: FloatArray
    texture: FloatArray
    clear: BoolArray

    @classmethod
    def of(cls, scenes: list[SceneLines]) -> Look:
        """Of one scene or more."""
        texture = np.asarray(np.mean([scene.texture for scene in scenes], axis=0), np.float32)
        return cls(pooled(scenes), texture, np.any([scene.clear for scene in scenes], axis=0))

    @cached_property
    def widened(self) -> FloatArray:
        """Strength that a line reaches near each pixel, float32 (orientation, y, x): room for misregistration."""
        around = np.empty_like(self.strength)
        strongest_around(self.strength, around)
        return around


class SceneReader:
    """Reads the lines of scenes, those of earlier ones from what was kept of them.

    Attributes:
        views: What is kept of each scene so far.
    """

    def __init__(self, parameters: PerimeterParameters, grid: Grid, views: list[View]) -> None:
        self.parameters = parameters
        self.gsd_m = grid.gsd_m
        self.filter = LineFilter(
            grid.shape,
            grid.gsd_m,
            parameters.orientations,
            parameters.flank_px * grid.gsd_m,
            parameters.along_m,
            parameters.saturation,
        )
        self.views = views
        self._lines: dict[int, SceneLines] = {}

    @property
    def noise(self) -> float:
        """Contrast of the quietest clutter seen so far, the median over the area; infinite where none was clear."""
        of_block = self.views[-1].noise
        return float(np.nanmedian(of_block)) if np.isfinite(of_block).any() else np.inf

    def add(self, scene: PreparedScene) -> None:
        """Keeps what the next scene shows."""
        before = self.views[-1] if self.views else None
        background = None if before is None else before.reflectance
        image = luminance(scene.pick(visible(scene.bands)), scene.valid, background)
        kept = np.clip(np.rint(image * _WHOLE), 0, np.iinfo(np.uint16).max).astype(np.uint16)
        view = View(kept, eroded(scene.valid, max(1, round(20.0 / self.gsd_m))))
        ridges = self.filter.ridges(view.reflectance)
        contrast = np.abs(ridges).max(axis=0)
        noise = self.filter.noise(contrast, view.clear, self.parameters.noise_block_m)
        if before is not None:
            # The quietest state of a place is its ground; later buildings must not hide the wall around them.
            noise = np.fmin(noise, before.noise)
        view.noise = noise
        self._lines[len(self.views)] = self._read(view, ridges, contrast)
        self.views.append(view)

    def lines(self, index: int) -> SceneLines:
        """What a scene shows of lines, read again where that has been forgotten."""
        if index not in self._lines:
            view = self.views[index]
            ridges = self.filter.ridges(view.reflectance)
            self._lines[index] = self._read(view, ridges, np.abs(ridges).max(axis=0))
        return self._lines[index]

    def _read(self, view: View, ridges: FloatArray, contrast: FloatArray) -> SceneLines:
        votes = self.filter.votes(ridges, self.filter.spread(view.noise, self.parameters.noise_block_m))
        known = contrast[view.clear] if view.clear.any() else contrast.ravel()
        contrast = ndimage.gaussian_filter(np.minimum(contrast, np.percentile(known, 99)), 40.0 / self.gsd_m)
        typical = float(np.median(contrast[view.clear])) if view.clear.any() else 0.0
        texture = np.log(np.maximum(contrast, 1e-6) / max(typical, 1e-6))
        return SceneLines(votes, texture.astype(np.float32), view.clear)
