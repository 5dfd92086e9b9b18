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
from detectors.ring_shapes import beyond, outline_mask, overlap
from detectors.ring_tracks import (
    Onset,
    SceneLines,
    Track,
    departure,
    eroded,
    length_of,
    new_sides,
    onset,
    pooled,
    visibility,
)
from detectors.rings import better, find_rings, inside_evidence
from detectors.series import Series
from detectors.side_support import Points
from geo.bands import visible
from geo.grid import Grid
from geo.scene import FloatArray, PreparedScene

_ALIGN_PX = 2.0  # a fitted side is within this of its line


@dataclass(slots=True)
class RingState:
    """What is remembered of a series.

    Attributes:
        series: The scenes so far.
        scenes: The lines of each.
        tracks: All rings that hold so far.
        noise: float32 (y, x) on the filter's padded grid: contrast of the quietest clutter seen so far.
        background: float32 (y, x): the last clear view of each pixel.
    """

    series: Series
    scenes: list[SceneLines] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    noise: FloatArray | None = None
    background: FloatArray | None = None


class RingWatch:
    """Rings of one area, followed scene by scene.

    Attributes:
        state: What is remembered.
        ridges: float32 (orientation, y, x) on the padded grid: contrast of thin lines in the newest scene.
    """

    def __init__(self, parameters: PerimeterParameters, grid: Grid) -> None:
        self.parameters = parameters
        self.state = RingState(Series(grid))
        self.gsd_m = grid.gsd_m
        self.filter = LineFilter(
            grid.shape,
            self.gsd_m,
            parameters.orientations,
            parameters.flank_px * self.gsd_m,
            parameters.along_m,
            parameters.saturation,
        )
        self.ridges: FloatArray = np.zeros((0, 0, 0), np.float32)

    @property
    def series(self) -> Series:
        """The scenes so far."""
        return self.state.series

    @property
    def scenes(self) -> list[SceneLines]:
        """The lines of each."""
        return self.state.scenes

    @property
    def tracks(self) -> list[Track]:
        """All rings that hold so far."""
        return self.state.tracks

    @property
    def noise(self) -> FloatArray | None:
        """As in the state."""
        return self.state.noise

    def add(self, scene: PreparedScene) -> None:
        """Takes in the next scene, which the series has already."""
        self.add_lines(scene)
        index = len(self.scenes) - 1
        if index == 0:
            return
        for track in [track for track in self.tracks if not track.extended]:
            self._update(track)
        for ring in self._appeared(index):
            self._place(ring, index)
        for ring in self._vanished(index):
            self._miss(ring)

    def add_lines(self, scene: PreparedScene) -> None:
        """Reads the lines of the next scene, without looking for rings in them."""
        valid = scene.valid
        image = luminance(scene.pick(visible(scene.bands)), valid, self.state.background)
        self.state.background = image
        self.ridges = ridges = self.filter.ridges(image)
        noise = self.filter.noise(ridges, self.parameters.noise_block_m)
        # The quietest state of a place is its ground; later buildings must not hide the wall around them.
        self.state.noise = noise = noise if self.noise is None else np.minimum(self.noise, noise)
        contrast = self.filter.cropped(np.abs(ridges).max(axis=0))
        contrast = ndimage.gaussian_filter(np.minimum(contrast, np.percentile(contrast, 99)), 40.0 / self.gsd_m)
        texture = np.log(np.maximum(contrast, 1e-6) / max(float(np.median(contrast)), 1e-6))
        clear = eroded(valid, max(1, round(20.0 / self.gsd_m)))
        self.scenes.append(SceneLines(self.filter.votes(ridges, noise), texture.astype(np.float32), clear))

    def _appeared(self, index: int) -> list[Polygon]:
        """Rings that the newest scene shows and the ones before don't."""
        many, newest = self.parameters.before
        old = range(max(0, index - many - newest), max(1, index - newest))
        return self._search([index], list(old), [track.ring for track in self.tracks if track.standing])

    def _vanished(self, index: int) -> list[Polygon]:
        """Rings that the first scenes show and the newest don't."""
        newest = list(range(index - self.parameters.gone_scenes + 1, index + 1))
        first = list(range(0, min(3, newest[0])))
        if not first:
            return []
        return self._search(first, newest, [track.ring for track in self.tracks])

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
        if np.percentile(gain.max(axis=0)[clear], 80) > self.parameters.most_change:
            return []
        texture = np.median([self.scenes[i].texture for i in now], axis=0)
        before = np.maximum(np.median([self.scenes[i].texture for i in old], axis=0), -0.7)
        structure = np.where(clear, texture - before, 0.0).astype(np.float32)
        evidence = inside_evidence(gain, outline_mask(known, clear.shape), structure, gsd_m, rings)
        return find_rings(strength, earlier, evidence, known, gsd_m, rings, around)

    def _place(self, ring: Polygon, index: int) -> None:
        """Takes a candidate as a new ring, as the growth of one that stands, or not at all."""
        touching = [
            track
            for track in self.tracks
            if track.standing and track.ring.intersection(ring).area > 0.2 * min(ring.area, track.ring.area)
        ]
        if not touching:
            dated = onset(self._visible(new_sides(ring)))
            if self.holds(dated, new_sides(ring)) and dated is not None and index in dated.seen:
                track = Track(ring, dated)
                self._replace(track, ring)
                self.tracks.append(track)
        for track in touching:
            self._grow(track, ring, index)

    def _grow(self, track: Track, ring: Polygon, index: int) -> None:
        """Extends a ring by a candidate that reaches beyond it."""
        limits = self.parameters
        within = ring.intersection(track.ring).area
        if ring.area < (1.0 + limits.least_growth) * track.ring.area or within < 0.7 * track.ring.area:
            return
        strength = pooled([self.scenes[index]])
        kept = beyond(ring, track.ring, self.gsd_m, limits.rings)
        if kept.area >= (1.0 + limits.least_growth) * track.ring.area and better(kept, ring, strength, limits.rings):
            ring = kept
        grown = Track(ring, None, parent=track)
        dated = onset(self._visible(self.dated_sides(grown)))
        if dated is None or not self.holds(dated, self.dated_sides(grown)) or index not in dated.seen:
            return
        acquired = [scene.acquired_at for scene in self.series.scenes]
        if track.onset and (acquired[dated.first] - acquired[track.onset.first]).days <= limits.works_days:
            self._replace(track, ring)
            return
        track.extended = True
        grown.onset = dated
        self.tracks.append(grown)

    def _replace(self, track: Track, ring: Polygon) -> None:
        """Gives a ring a better outline, laid on the lines of all scenes that show it, if its onset stays clear."""
        for _ in range(2):
            candidate = Track(ring, None, parent=track.parent)
            dated = onset(self._visible(self.dated_sides(candidate)))
            if dated is None or not self.holds(dated, self.dated_sides(candidate)):
                return
            track.ring, track.onset = ring, dated
            strength = pooled([self.scenes[i] for i in dated.seen[-self.parameters.pooled_scenes :]])
            ring = align_sides(ring, strength, _ALIGN_PX)

    def _miss(self, ring: Polygon) -> None:
        """Takes a ring that stood from the start as removed."""
        sides = new_sides(ring)
        gone = departure(self._visible(sides))
        if gone is None or len(gone.seen) < self.parameters.gone_scenes or gone.persistence < 1.0:
            return
        if 1.0 - gone.before >= self.parameters.least_visibility and self.holds(gone, sides, least_after=0.0):
            self.tracks.append(Track(ring, None, departure=gone))

    def _update(self, track: Track) -> None:
        """Brings a ring up to date with the newest scene; one that no longer holds makes way for a better one."""
        sides = self.dated_sides(track)
        seen = self._visible(sides)
        track.departure = self._departure(track, seen, sides)
        if track.departure is not None:
            return
        if track.onset is None:
            self._drop(track)
            return
        dated = onset(seen)
        if dated is None or not self.holds(dated, sides):
            self._drop(track)
            return
        track.onset = dated
        if len(dated.seen) >= 1.3 * track.fitted_with:
            track.fitted_with = len(dated.seen)
            self._refit(track)

    def _departure(self, track: Track, seen: npt.NDArray[np.float64], sides: tuple[Points, Points]) -> Onset | None:
        """When a ring went, if the newest clear scenes all show it gone."""
        start = track.onset.first if track.onset else 0
        since = seen.copy()
        since[:start] = np.nan
        gone = departure(since)
        if gone is None or len(gone.seen) < self.parameters.gone_scenes or gone.persistence < 1.0:
            return None
        if track.onset is not None and gone.without - start < 1:
            return None
        return gone if self.holds(gone, sides, least_after=0.0) else None

    def _drop(self, track: Track) -> None:
        self.tracks.remove(track)
        if track.parent is not None:
            track.parent.extended = False

    def _refit(self, track: Track) -> None:
        """Finds a ring again in all scenes since its onset together: its sides stay, clutter moves."""
        limits = self.parameters
        if track.onset is None:
            return
        now = list(track.onset.seen[-limits.pooled_scenes :])
        old = list(range(max(0, track.onset.without - 3), track.onset.without + 1))
        others = [other.ring for other in self.tracks if other.standing and other is not track]
        if track.parent:
            others.append(track.parent.ring)
        strength = pooled([self.scenes[i] for i in now])
        for ring in self._search(now, old, others, track.ring):
            if overlap(ring, track.ring) > 0.6 and better(ring, track.ring, strength, limits.rings):
                self._replace(track, ring)
                return

    def dated_sides(self, track: Track) -> tuple[Points, Points]:
        """The sides by which a ring is dated: all, or for an extension those that its parent doesn't have."""
        older = track.parent.ring if track.parent else None
        return new_sides(track.ring, older, self.parameters.rings.snap_m / self.gsd_m / 2.0)

    def _visible(self, sides: tuple[Points, Points]) -> npt.NDArray[np.float64]:
        return visibility(*sides, self.scenes, self.parameters.rings, self.parameters.least_clear)

    def holds(self, dated: Onset | None, sides: tuple[Points, Points], least_after: float | None = None) -> bool:
        """Whether a step in visibility is more than chance, and lasts."""
        limits = self.parameters
        if dated is None or len(sides[0]) == 0:
            return False
        # Chance alone moves the visibility of short rings further than that of long ones.
        length_m = length_of(sides) * self.gsd_m
        chance = limits.chance_gain * np.sqrt(100.0 / max(length_m, 100.0))
        least = limits.least_visibility if least_after is None else least_after
        return bool(
            dated.after >= least
            and dated.after - dated.before >= limits.least_gain + chance
            and dated.persistence >= limits.least_persistence
        )
