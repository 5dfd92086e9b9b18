"""The fold that follows rings scene by scene: each state is a function of its scenes and of nothing later."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.alignment import align_sides
from detectors.lines import LineFilter, luminance, widened
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_choice import Chain, Choice, Stage, dropped
from detectors.ring_shapes import beyond, outline_mask
from detectors.ring_tracks import Onset, Outline, SceneLines, departure, eroded, pooled
from detectors.rings import find_rings, inside_evidence
from geo.bands import visible
from geo.scene import BoolArray, FloatArray

_ALIGN_PX = 2.0  # a fitted side is within this of its line


class RingWatch:
    """Rings of one area, followed scene by scene.

    Attributes:
        scenes: What each scene shows of lines.
        outlines: Rings that may stand.
        chains: Those that do, place by place, with what they grew from.
        gone: Rings that stood from the start and have gone, each with when.
        differs: Whether the newest scene's lines differ from those before all over the area.
        ridges: float32 (orientation, y, x): contrast of thin lines in the newest scene.
        noise: float32 (y, x): contrast of the quietest clutter seen so far.
    """

    def __init__(self, parameters: PerimeterParameters, shape: tuple[int, int], gsd_m: float) -> None:
        self.parameters = parameters
        self.gsd_m = gsd_m
        self.filter = LineFilter(
            shape,
            gsd_m,
            parameters.orientations,
            parameters.flank_px * gsd_m,
            parameters.along_m,
            parameters.saturation,
        )
        self.acquired: list[datetime] = []
        self.scenes: list[SceneLines] = []
        self.noise: FloatArray | None = None
        self.ridges: FloatArray = np.zeros((0, 0, 0), np.float32)
        self.background: FloatArray | None = None
        self.outlines: list[Outline] = []
        self.chains: tuple[Chain, ...] = ()
        self.gone: list[tuple[Outline, Onset]] = []
        self.differs = False

    @property
    def choice(self) -> Choice:
        """How rings are chosen."""
        return Choice(self.parameters, self.gsd_m, self.acquired)

    def add(self, reflectance: FloatArray, valid: BoolArray, bands: tuple[str, ...], acquired: datetime) -> None:
        """Takes in the next scene: float32 (band, y, x), bool (y, x)."""
        self.add_lines(reflectance, valid, bands, acquired)
        newest = self.scenes[-1]
        for outline in (*self.outlines, *(outline for outline, _ in self.gone)):
            outline.add(newest, self.parameters)
        self.differs = False
        if len(self.scenes) == 1:
            return
        found = [*self._appeared(), *self._refitted()]
        self.outlines += [outline for outline in found if self._may_stand(outline)]
        self.chains = self.choice.chains(self.outlines)
        standing = [stage.outline for chain in self.chains for stage in chain]
        self.outlines = dropped(self.outlines, self.choice, standing, self.parameters.most_outlines)
        self.gone = [(outline, dated) for outline, _ in self.gone if (dated := self._went(outline)) is not None]
        for outline in self._vanished():
            dated = self._went(outline)
            if dated is not None:
                self.gone.append((outline, dated))

    def add_lines(self, reflectance: FloatArray, valid: BoolArray, bands: tuple[str, ...], acquired: datetime) -> None:
        """Reads the lines of the next scene, without looking for rings in them."""
        chosen = [bands.index(band) for band in visible(bands)]
        image = luminance(reflectance[chosen], valid, self.background)
        self.background = image
        self.ridges = ridges = self.filter.ridges(image)
        contrast = np.abs(ridges).max(axis=0)
        noise = self.filter.noise(contrast, self.parameters.noise_block_m)
        # The quietest state of a place is its ground; later buildings must not hide the wall around them.
        self.noise = noise if self.noise is None else np.minimum(self.noise, noise)
        contrast = ndimage.gaussian_filter(np.minimum(contrast, np.percentile(contrast, 99)), 40.0 / self.gsd_m)
        texture = np.log(np.maximum(contrast, 1e-6) / max(float(np.median(contrast)), 1e-6))
        clear = eroded(valid, max(1, round(20.0 / self.gsd_m)))
        self.scenes.append(SceneLines(self.filter.votes(ridges, self.noise), texture.astype(np.float32), clear))
        self.acquired.append(acquired)

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
        index = len(self.scenes) - 1
        many, newest = self.parameters.before
        old = range(max(0, index - many - newest), max(1, index - newest))
        known = [chain[-1].outline.ring for chain in self.chains]
        found = self._search([index], list(old), known)
        strength = pooled([self.scenes[index]])
        built_on = [
            beyond(ring, older, self.gsd_m, self.parameters.rings)
            for ring in found
            for older in known
            if ring.intersection(older).area > 0.7 * older.area and ring.area > older.area
        ]
        outlines = [self._outline(ring) for ring in (*found, *built_on)]
        return [*outlines, *(self._outline(align_sides(one.ring, strength, _ALIGN_PX)) for one in outlines)]

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
                strength = pooled([self.scenes[i] for i in now])
                rings = [top.outline.ring, *self._search(list(now), old, others, top.outline.ring)]
                rings += [align_sides(ring, strength, _ALIGN_PX) for ring in rings]
                found += [self._outline(ring, len(top.onset.seen)) for ring in rings[1:]]
        return found

    def _vanished(self) -> list[Outline]:
        """Rings that the first scenes show and the newest don't."""
        index = len(self.scenes) - 1
        newest = list(range(index - self.parameters.gone_scenes + 1, index + 1))
        first = list(range(0, min(3, newest[0])))
        if not first:
            return []
        known = [stage.outline.ring for chain in self.chains for stage in chain]
        known += [outline.ring for outline, _ in self.gone]
        return [self._outline(ring) for ring in self._search(first, newest, known)]

    def _went(self, outline: Outline) -> Onset | None:
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
        strength = pooled([self.scenes[i] for i in now])
        earlier = pooled([self.scenes[i] for i in old])
        clear = np.all([self.scenes[i].clear for i in now], axis=0)
        clear &= np.any([self.scenes[i].clear for i in old], axis=0)
        if not clear.any():
            return []
        gain = np.maximum(strength - widened(earlier), 0.0) * clear
        if np.median(gain.max(axis=0)[clear]) > self.parameters.most_change:
            self.differs |= now == [len(self.scenes) - 1]
            return []
        texture = np.median([self.scenes[i].texture for i in now], axis=0)
        before = np.maximum(np.median([self.scenes[i].texture for i in old], axis=0), -0.7)
        structure = np.where(clear, texture - before, 0.0).astype(np.float32)
        evidence = inside_evidence(gain, outline_mask(known, clear.shape), structure, gsd_m, rings)
        return find_rings(strength, earlier, evidence, known, gsd_m, rings, around)

    def _outline(self, ring: Polygon, fitted_with: int = 1) -> Outline:
        outline = Outline.of(ring, self.scenes, self.parameters)
        outline.fitted_with = fitted_with
        return outline

    def _may_stand(self, outline: Outline) -> bool:
        """Whether a new outline is worth following."""
        found = self.choice.dated(outline)
        return found is not None and len(self.scenes) - 1 in found.seen
