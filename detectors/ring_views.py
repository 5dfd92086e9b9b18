"""What a scene shows of lines, and what is kept of it to read them again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from detectors.ground_clutter import GroundClutter
from detectors.line_strength import Strength, widened
from detectors.lines import WHOLE, LineFilter, Window, luminance
from detectors.perimeter_parameters import PerimeterParameters
from detectors.scene_lines import SceneLines, eroded, pooled
from geo.bands import visible
from geo.coarser import coarser_grid
from geo.grid import Grid
from geo.scene import BoolArray, FloatArray, PreparedScene

_TRUNCATE = 4.0  # standard deviations at which a Gaussian ends
_LOCAL_PX = 4.0  # standard deviation of the surroundings over which contrast is averaged
_ONE_PASS = timedelta(hours=12)
_RIM_PX = 2  # along gaps, in which lines can't be read
_WHOLE = 10_000.0  # an image is kept in whole numbers of 1/10,000


@dataclass(slots=True)
class View:
    """What is kept of a scene: enough to read its lines again.

    Attributes:
        acquired: When it was acquired.
        image: uint16 (y, x), mean reflectance over the visible bands in 1/10,000, gaps filled.
        clear: bool (y, x): valid ground, less a rim in which lines can't be read.
        repeated: float32 (block, block), 0 to 1: how far it repeats the clutter of the ground; of no size where that
            isn't known.
        rough: float32 (block, block): local clutter, the quietest up to that scene.
        noise: float32 (block, block): what is expected to be left of it beside what the scene repeats.
        quiet: float32 (block, block): what was left, the quietest up to that scene.
        greatest: Contrast that one pixel in a hundred of the clear ground exceeds, reflectance.
        typical: Median of the local contrast of the clear ground, reflectance.
    """

    acquired: datetime
    image: npt.NDArray[np.uint16]
    clear: BoolArray
    repeated: FloatArray
    rough: FloatArray
    noise: FloatArray
    quiet: FloatArray
    greatest: float
    typical: float

    @property
    def reflectance(self) -> FloatArray:
        """Of the image, float32 (y, x)."""
        return _reflectance(self.image)


@dataclass(frozen=True)
class Look:
    """Some scenes together.

    Attributes:
        strength: uint8 (orientation, y, x).
        texture: float32 (y, x): mean logarithm of local contrast.
        clear: bool (y, x): ground that any of them shows.
    """

    strength: Strength
    texture: FloatArray
    clear: BoolArray

    @classmethod
    def of(cls, scenes: list[SceneLines]) -> Look:
        """Of one scene or more."""
        texture = np.asarray(np.mean([scene.texture for scene in scenes], axis=0), np.float32)
        return cls(pooled(scenes), texture, np.any([scene.clear for scene in scenes], axis=0))

    @cached_property
    def widened(self) -> Strength:
        """Strength that a line reaches near each pixel."""
        return widened(self.strength)


def lines_grid(grid: Grid, parameters: PerimeterParameters) -> Grid:
    """The pixels in which lines are read in scenes on a grid: the same, or larger ones."""
    return coarser_grid(grid, max(1, int(parameters.finest_m / grid.gsd_m + 1e-6)))


class SceneReader:
    """Reads the lines of scenes, those of earlier ones from what was kept of them.

    Attributes:
        grid: From `lines_grid`.
        views: What is kept of each scene so far.
    """

    def __init__(self, parameters: PerimeterParameters, grid: Grid, views: list[View]) -> None:
        self.parameters = parameters
        self.grid = grid
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
        self._clutters: dict[tuple[int, ...], GroundClutter] = {}

    @property
    def noise(self) -> float:
        """Contrast of the quietest clutter seen so far, the median over the area; infinite where none was clear."""
        of_block = self.views[-1].noise
        return float(np.nanmedian(of_block)) if np.isfinite(of_block).any() else np.inf

    def add(self, scene: PreparedScene) -> bool:
        """Keeps what the next scene shows; whether it is the first to tell the clutter in earlier ones.

        Then what those show of lines is another than before.
        """
        before = self.views[-1] if self.views else None
        background = None if before is None else before.reflectance
        image = luminance(scene.pick(visible(scene.bands)), scene.valid, background)
        kept = np.clip(np.rint(image * _WHOLE), 0, np.iinfo(np.uint16).max).astype(np.uint16)
        clear = eroded(scene.valid, _RIM_PX)
        ridges, contrast = self.filter.ridges(_reflectance(kept))
        known = contrast[clear] if clear.any() else contrast.ravel()
        greatest = float(np.percentile(known, 99))
        local = self._local(contrast, greatest)
        typical = float(np.median(local[clear])) if clear.any() else 0.0
        index, unknown = len(self.views), np.zeros((0, 0), np.float32)
        self.views.append(
            View(scene.scene.acquired_at, kept, clear, unknown, unknown, unknown, unknown, greatest, typical)
        )
        told = [earlier for earlier in range(index) if not self.views[earlier].repeated.size and self._clutter(earlier)]
        for earlier in told:
            self._quieten(earlier, *self.filter.ridges(self.views[earlier].reflectance))
            self._lines.pop(earlier, None)
        ridges = self._quieten(index, ridges, contrast)
        self._lines[index] = self._read(self.views[index], ridges, local)
        return bool(told)

    def _quieten(self, index: int, ridges: FloatArray, contrast: FloatArray) -> FloatArray:
        """Takes the clutter of the ground from what the filter sees of a scene, and measures what is left.

        The quietest state of a place is its ground: later buildings must not hide the wall around them. But where
        several scenes in a row repeat nothing of the clutter the ground is another, and none is taken away.
        """
        view, clutter = self.views[index], self._clutter(index)
        before = self.views[index - 1] if index > 0 else None
        own = view.rough = self.filter.noise(contrast, view.clear, self.parameters.noise_block_m)
        if clutter is not None:
            view.repeated = clutter.repeated_in(ridges, view.clear)
            ridges, contrast = clutter.taken_from(ridges, view.repeated)
            own = self.filter.noise(contrast, view.clear, self.parameters.noise_block_m)
        view.noise = view.quiet = own
        if before is not None:
            view.rough, view.quiet = np.fmin(view.rough, before.rough), np.fmin(own, before.quiet)
            view.noise = np.where(self._repeated_lately(index), view.quiet, np.fmin(own, view.rough))
        return ridges

    def _repeated_lately(self, index: int) -> BoolArray | bool:
        """Where a scene, or one of those right before it, shows the ground that the first ones show."""
        views = self.views[max(0, index - self.parameters.ground_scenes + 1) : index + 1]
        known = [view.repeated for view in views if view.repeated.size]
        return bool(known) and np.asarray(np.max(known, axis=0) >= self.parameters.least_repeated)

    def _clutter(self, index: int) -> GroundClutter | None:
        """Clutter of the ground as other scenes show it, the first clear ones before it, or else the first one after.

        Scenes of one pass repeat each other's noise as well, and would tell nothing of what changes. None where no
        scene tells it so far.
        """
        others = (each for each in range(len(self.views)) if self._tells_of(self.views[each], index))
        first = tuple(islice(others, self.parameters.ground_scenes))
        scenes = tuple(each for each in first if each < index) or first[:1]
        if not scenes:
            return None
        if scenes not in self._clutters:
            views = [self.views[each] for each in scenes]
            self._clutters[scenes] = GroundClutter.of(
                [view.reflectance for view in views],
                [view.clear for view in views],
                self.filter,
                self.parameters.rings.seen,
                self.parameters.noise_block_m,
            )
        return self._clutters[scenes]

    def _tells_of(self, view: View, index: int) -> bool:
        """Whether a look at the ground is clear enough, and from another time than a scene."""
        apart = abs(view.acquired - self.views[index].acquired)
        return apart >= _ONE_PASS and bool(view.clear.mean() >= self.parameters.least_scene_clear)

    def lines(self, index: int) -> SceneLines:
        """What a scene shows of lines, read again where that has been forgotten."""
        if index not in self._lines:
            self._lines[index] = self._again(index, WHOLE)
        return self._lines[index]

    def lines_within(self, index: int, window: Window) -> SceneLines:
        """What a scene shows of lines within a window; elsewhere nothing, where it would have to be read again."""
        view, shape = self.views[index], self.views[index].clear.shape
        margin = max(self.filter.reach, math.ceil(_TRUNCATE * _LOCAL_PX) + self.filter.ridge_reach)
        rows, columns = (
            slice(max(0, part.start - margin), min(length, part.stop + margin))
            for part, length in zip(window, shape, strict=True)
        )
        if index in self._lines or view.clear[rows, columns].size > 0.5 * view.clear.size:
            return self.lines(index)
        read = self._again(index, (rows, columns))
        votes, texture = np.zeros((len(read.votes), *shape), np.int8), np.zeros(shape, np.float32)
        votes[:, rows, columns], texture[rows, columns] = read.votes, read.texture
        return SceneLines(votes, texture, view.clear)

    def _local(self, contrast: FloatArray, greatest: float) -> FloatArray:
        """Mean contrast around each pixel, float32 (y, x)."""
        capped = np.minimum(contrast, np.float32(greatest))
        return np.asarray(ndimage.gaussian_filter(capped, _LOCAL_PX, truncate=_TRUNCATE), np.float32)

    def _again(self, index: int, window: Window) -> SceneLines:
        view, clutter = self.views[index], self._clutter(index)
        ridges, contrast = self.filter.ridges(view.reflectance[window])
        local = self._local(contrast, view.greatest)
        if clutter is not None:
            ridges, _ = clutter.taken_from(ridges, view.repeated, window)
        return self._read(view, ridges, local, window)

    def _read(self, view: View, ridges: FloatArray, local: FloatArray, window: Window = WHOLE) -> SceneLines:
        noise = self.filter.spread(view.noise, self.parameters.noise_block_m, window)
        texture = np.log(np.maximum(local, 1e-6) / max(view.typical, 1e-6))
        return SceneLines(self.filter.votes(ridges, noise, window), texture.astype(np.float32), view.clear[window])


def _reflectance(image: npt.NDArray[np.uint16]) -> FloatArray:
    return np.asarray(image / np.float32(_WHOLE), np.float32)
