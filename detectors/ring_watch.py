"""The fold that follows rings scene by scene: each state is a function of its scenes and of nothing later."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.alignment import align_sides
from detectors.lines import LineFilter, luminance, widened
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_choice import Chain, Choice, Stage, dropped
from detectors.ring_merit import NewLines
from detectors.ring_shapes import beyond, outline_mask
from detectors.ring_tracks import Onset, Outline, SceneLines, departure, eroded, pooled
from detectors.rings import find_rings, inside_evidence
from detectors.series import Series
from geo.bands import visible
from geo.grid import Grid
from geo.scene import BoolArray, FloatArray, PreparedScene

_ALIGN_PX = 2.0  # a fitted side is within this of its line
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


@dataclass(slots=True)
class RingState:
    """What is remembered of a series.

    Attributes:
        series: The scenes so far.
        views: What is kept of each.
        outlines: Rings that may stand.
        gone: Rings that stood from the start and have gone.
        differs: Whether the newest scene's lines differ from those before all over the area.
    """

    series: Series
    views: list[View] = field(default_factory=list)
    outlines: list[Outline] = field(default_factory=list)
    gone: list[Outline] = field(default_factory=list)
    differs: bool = False


class RingWatch:
    """Rings of one area, followed scene by scene.

    Attributes:
        state: What is remembered.
    """

    def __init__(self, parameters: PerimeterParameters, grid: Grid) -> None:
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
        self.state = RingState(Series(grid))
        self._lines: dict[int, SceneLines] = {}
        self._chains: tuple[Chain, ...] | None = None

    @property
    def series(self) -> Series:
        """The scenes so far."""
        return self.state.series

    @property
    def chains(self) -> tuple[Chain, ...]:
        """Rings that stand, place by place, with what they grew from."""
        if self._chains is None:
            self._chains = self.choice.chains(self.state.outlines)
        return self._chains

    @property
    def noise(self) -> FloatArray:
        """Contrast of the quietest clutter seen so far, float32 (y, x)."""
        return self.filter.spread(self.state.views[-1].noise, self.parameters.noise_block_m)

    @property
    def choice(self) -> Choice:
        """How rings are chosen."""
        return Choice(self.parameters, self.gsd_m, [scene.acquired_at for scene in self.series.scenes])

    def add(self, scene: PreparedScene) -> None:
        """Takes in the next scene, which the series has already."""
        self.add_view(scene)
        state, newest = self.state, self.lines(len(self.state.views) - 1)
        for outline in (*state.outlines, *state.gone):
            outline.add(newest, self.parameters)
        state.differs = False
        self._chains = None
        if len(state.views) == 1:
            return
        found = [*self._appeared(), *self._refitted()]
        state.outlines += [outline for outline in found if self._may_stand(outline)]
        self._chains = None
        standing = [stage.outline for chain in self.chains for stage in chain]
        state.outlines = dropped(state.outlines, self.choice, standing, self.parameters.most_outlines)
        state.gone = [outline for outline in (*state.gone, *self._vanished()) if self.went(outline) is not None]

    def add_view(self, scene: PreparedScene) -> None:
        """Keeps what the next scene shows, without looking for rings in it."""
        before = self.state.views[-1] if self.state.views else None
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
        self._lines[len(self.state.views)] = self._read(view, ridges)
        self.state.views.append(view)

    def lines(self, index: int) -> SceneLines:
        """What a scene shows of lines, read again where that has been forgotten."""
        if index not in self._lines:
            view = self.state.views[index]
            self._lines[index] = self._read(view, self.filter.ridges(view.reflectance))
        return self._lines[index]

    def _read(self, view: View, ridges: FloatArray) -> SceneLines:
        votes = self.filter.votes(ridges, self.filter.spread(view.noise, self.parameters.noise_block_m))
        contrast = np.abs(ridges).max(axis=0)
        known = contrast[view.clear] if view.clear.any() else contrast.ravel()
        contrast = ndimage.gaussian_filter(np.minimum(contrast, np.percentile(known, 99)), 40.0 / self.gsd_m)
        typical = float(np.median(contrast[view.clear])) if view.clear.any() else 0.0
        texture = np.log(np.maximum(contrast, 1e-6) / max(typical, 1e-6))
        return SceneLines(votes, texture.astype(np.float32), view.clear)

    def departed(self, stage: Stage) -> Onset | None:
        """When a ring went, if the newest clear scenes all show it gone."""
        since = stage.outline.visibility(np.ones(stage.outline.seen.shape[1], bool), self.parameters.least_clear)
        since[: stage.onset.first] = np.nan
        gone = departure(since)
        if gone is None or len(gone.seen) < self.parameters.gone_scenes or gone.persistence < 1.0:
            return None
        return gone if self.choice.holds(gone, stage.outline.ring.length, least_after=0.0) else None

    def _appeared(self) -> list[Outline]:
        """Rings that the newest scene shows and the ones before don't."""
        index = len(self.state.views) - 1
        many, newest = self.parameters.before
        old = range(max(0, index - many - newest), max(1, index - newest))
        known = [chain[-1].outline.ring for chain in self.chains]
        found = self._search([index], list(old), known)
        strength = pooled([self.lines(index)])
        built_on = [
            beyond(ring, older, self.gsd_m, self.parameters.rings)
            for ring in found
            for older in known
            if ring.intersection(older).area > 0.7 * older.area and ring.area > older.area
        ]
        new = NewLines(strength, pooled([self.lines(i) for i in old]), self.parameters.rings)
        rings = [*found, *built_on]
        rings += [align_sides(ring, strength, _ALIGN_PX) for ring in rings]
        return [self._outline(ring, new) for ring in rings]

    def _refitted(self) -> list[Outline]:
        """Rings that stand, found again in all scenes since their onset together: their sides stay, clutter moves."""
        found: list[Outline] = []
        for chain in self.chains:
            top = chain[-1]
            if len(top.onset.seen) < 1.3 * top.outline.fitted_with:
                continue
            top.outline.fitted_with = len(top.onset.seen)
            others = [other[-1].outline.ring for other in self.chains if other is not chain]
            others += [] if top.extends is None else [top.extends]
            old = list(range(max(0, top.onset.without - 3), top.onset.without + 1))
            for now in {top.onset.seen[-self.parameters.pooled_scenes :], top.onset.seen[-3:]}:
                strength = pooled([self.lines(i) for i in now])
                rings = [top.outline.ring, *self._search(list(now), old, others, top.outline.ring)]
                rings += [align_sides(ring, strength, _ALIGN_PX) for ring in rings]
                new = NewLines(strength, pooled([self.lines(i) for i in old]), self.parameters.rings)
                found += [self._outline(ring, new, len(top.onset.seen)) for ring in rings[1:]]
        return found

    def _vanished(self) -> list[Outline]:
        """Rings that the first scenes show and the newest don't."""
        index = len(self.state.views) - 1
        newest = list(range(index - self.parameters.gone_scenes + 1, index + 1))
        first = list(range(0, min(3, newest[0])))
        if not first:
            return []
        known = [stage.outline.ring for chain in self.chains for stage in chain]
        known += [outline.ring for outline in self.state.gone]
        strength, after = (pooled([self.lines(i) for i in some]) for some in (first, newest))
        new = NewLines(strength, after, self.parameters.rings)
        return [self._outline(ring, new) for ring in self._search(first, newest, known)]

    def went(self, outline: Outline) -> Onset | None:
        """When a ring that stood from the start went; None if it didn't."""
        whole = np.ones(outline.seen.shape[1], bool)
        gone = departure(outline.visibility(whole, self.parameters.least_clear))
        if gone is None or len(gone.seen) < self.parameters.gone_scenes or gone.persistence < 1.0:
            return None
        stood = 1.0 - gone.before >= self.parameters.least_visibility
        return gone if stood and self.choice.holds(gone, outline.ring.length, least_after=0.0) else None

    def _search(
        self, now: list[int], old: list[int], known: list[Polygon], around: Polygon | None = None
    ) -> list[Polygon]:
        """Rings in the lines of some scenes that others don't have."""
        rings, gsd_m = self.parameters.rings, self.gsd_m
        strength = pooled([self.lines(i) for i in now])
        earlier = pooled([self.lines(i) for i in old])
        clear = np.all([self.lines(i).clear for i in now], axis=0)
        clear &= np.any([self.lines(i).clear for i in old], axis=0)
        if not clear.any():
            return []
        gain = np.maximum(strength - widened(earlier), 0.0) * clear
        if np.median(gain.max(axis=0)[clear]) > self.parameters.most_change:
            self.state.differs |= now == [len(self.state.views) - 1]
            return []
        texture = np.median([self.lines(i).texture for i in now], axis=0)
        before = np.maximum(np.median([self.lines(i).texture for i in old], axis=0), -0.7)
        structure = np.where(clear, texture - before, 0.0).astype(np.float32)
        evidence = inside_evidence(gain, outline_mask(known, clear.shape), structure, clear, gsd_m, rings)
        return find_rings(strength, earlier, evidence, known, gsd_m, rings, around)

    def _outline(self, ring: Polygon, new: NewLines, fitted_with: int = 1) -> Outline:
        scenes = [self.lines(index) for index in range(len(self.state.views))]
        outline = Outline.of(ring, scenes, new, self.parameters)
        outline.fitted_with = fitted_with
        return outline

    def _may_stand(self, outline: Outline) -> bool:
        """Whether a new outline is worth following."""
        found = self.choice.dated(outline)
        return found is not None and len(self.state.views) - 1 in found.seen
