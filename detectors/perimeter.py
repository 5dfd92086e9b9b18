"""Linear enclosures consistent with a perimeter wall: added, extended, removed.

How it works is told in detectors/PERIMETERS.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import shapely
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.base import (
    Assessment,
    ChangeType,
    Components,
    Finding,
    Requirements,
    Verdict,
    last_assessment,
    unmet,
)
from detectors.lines import LineFilter, luminance, widened
from detectors.ring_tracks import Onset, SceneLines, Track, eroded, new_sides, onset, pooled, visibility
from detectors.outline import Points
from detectors.rings import RingParameters, better, find_rings, inside_evidence, outline_mask, overlap
from geo.bands import visible
from geo.scene import FloatArray, ImageStack


@dataclass(frozen=True)
class PerimeterParameters:
    """How perimeters are found and followed.

    Attributes:
        orientations: Directions of the line filters over 180 degrees.
        flank_px: Distance from a line's centre at which its flanks are read, in pixels: a wall at the limit
            of resolution is one to two pixels wide whatever the sensor.
        along_m: Standard deviation of the averaging along a line.
        saturation: Contrast in units of local noise from which a pixel's vote is full.
        noise_block_m: Side of the blocks over which noise is measured.
        rings: How rings are found in line strength.
        before: Number of scenes, and how many of the newest are left out, that tell which lines are old.
        least_visibility: Least mean visibility of a ring since its onset.
        least_gain: Least rise of visibility at the onset.
        chance_gain: Rise of visibility that chance reaches on 100 m of wall; falls with the root of length.
        least_persistence: Least share of clear scenes since the onset that show a ring.
        least_clear: Share of a ring that must be clear for a scene to count.
        least_growth: Growth of the area, as a share, from which a ring is extended.
        works_days: Growth within this time of the onset belongs to the same works.
        gone_scenes: Clear scenes without a ring after which it is removed.
        pooled_scenes: Most scenes pooled to fit a ring's sides.
        most_change: Gain in line strength that the 80th percentile of the area may reach: beyond, the scene
            differs everywhere (snow, haze, a failed registration) and no ring is sought in it.
        least_scene_clear: Clear share of a scene below which it is not assessed.
    """

    orientations: int = 16
    flank_px: float = 1.5
    along_m: float = 60.0
    saturation: float = 2.5
    noise_block_m: float = 300.0
    rings: RingParameters = field(default_factory=RingParameters)
    before: tuple[int, int] = (16, 2)
    least_visibility: float = 0.55
    least_gain: float = 0.25
    chance_gain: float = 0.4
    least_persistence: float = 0.6
    least_clear: float = 0.8
    least_growth: float = 0.1
    works_days: float = 90.0
    gone_scenes: int = 2
    pooled_scenes: int = 8
    least_scene_clear: float = 0.6
    most_change: float = 0.15


class Perimeter:
    """Finds and follows linear enclosures consistent with a perimeter wall."""

    name: ClassVar[str] = "perimeter"
    version: ClassVar[str] = "1.0.0"
    requires: ClassVar[Requirements] = Requirements(
        max_gsd_m=10.0, bands=(), min_scenes=2, optional_bands=("B02", "B03", "B04")
    )

    def __init__(self, parameters: PerimeterParameters | None = None) -> None:
        self.parameters = parameters or PerimeterParameters()

    def assess(self, stack: ImageStack) -> Assessment:
        """What can be said after the newest scene."""
        return last_assessment(self, stack)

    def follow(self, stack: ImageStack, since: int = 0) -> Iterator[Assessment]:
        """One assessment per scene from index `since` on; see `detectors.base.Detector`."""
        fold = _Fold(self.parameters, stack)
        for index in range(len(stack)):
            reason = unmet(self.requires, stack.take(slice(index + 1)))
            fold.add(index)
            if index >= since:
                yield fold.assessment(index, reason)


class _Fold:
    """The state after each scene, a function of that scene and the ones before."""

    def __init__(self, parameters: PerimeterParameters, stack: ImageStack) -> None:
        self.parameters = parameters
        self.stack = stack
        self.gsd_m = stack.grid.gsd_m
        self.bands = [stack.bands.index(band) for band in visible(stack.bands)]
        self.filter = LineFilter(
            stack.grid.shape,
            self.gsd_m,
            parameters.orientations,
            parameters.flank_px * self.gsd_m,
            parameters.along_m,
            parameters.saturation,
        )
        self.scenes: list[SceneLines] = []
        self.noise: FloatArray | None = None
        self.background: FloatArray | None = None
        self.tracks: list[Track] = []
        self._last = -1

    def add(self, index: int) -> None:
        """Takes in the next scene."""
        self.scenes.append(self._lines(index))
        self._last = index
        if index == 0:
            return
        for track in [track for track in self.tracks if track.standing]:
            self._follow(track)
        for ring in self._candidates(index):
            self._place(ring, index)

    def _lines(self, index: int) -> SceneLines:
        valid = self.stack.valid[index]
        image = luminance(self.stack.reflectance[index][self.bands], valid, self.background)
        self.background = image
        ridges = self.filter.ridges(image)
        noise = self.filter.noise(ridges, self.parameters.noise_block_m)
        self.noise = noise if self.noise is None else np.minimum(self.noise, noise)
        contrast = self.filter.cropped(np.abs(ridges).max(axis=0))
        contrast = ndimage.gaussian_filter(np.minimum(contrast, np.percentile(contrast, 99)), 40.0 / self.gsd_m)
        texture = np.log(np.maximum(contrast, 1e-6) / max(float(np.median(contrast)), 1e-6))
        clear = eroded(valid, max(1, round(20.0 / self.gsd_m)))
        return SceneLines(self.filter.votes(ridges, self.noise), texture.astype(np.float32), clear)

    def _candidates(self, index: int) -> list[Polygon]:
        """Rings that the newest scene shows and the ones before don't."""
        many, newest = self.parameters.before
        old = range(max(0, index - many - newest), max(1, index - newest))
        return self._search([index], list(old), [track.ring for track in self.tracks if track.standing])

    def _search(
        self, now: list[int], old: list[int], standing: list[Polygon], around: Polygon | None = None
    ) -> list[Polygon]:
        """Rings in the lines of some scenes that others don't have."""
        rings, gsd_m = self.parameters.rings, self.gsd_m
        strength = pooled([self.scenes[i] for i in now])
        earlier = pooled([self.scenes[i] for i in old])
        gain = np.maximum(strength - widened(earlier), 0.0)
        if np.percentile(gain.max(axis=0), 80) > self.parameters.most_change:
            return []
        texture = np.mean([self.scenes[i].texture for i in now], axis=0)
        before = np.maximum(np.mean([self.scenes[i].texture for i in old], axis=0), -0.7)
        clear = np.all([self.scenes[i].clear for i in now], axis=0)
        structure = np.where(clear, texture - before, 0.0).astype(np.float32)
        evidence = inside_evidence(gain, outline_mask(standing, clear.shape), structure, gsd_m, rings)
        return find_rings(strength, earlier, evidence, standing, gsd_m, rings, around)

    def _date(self, ring: Polygon, older: Polygon | None, last: int) -> Onset | None:
        """When the sides of a ring that an older one doesn't share appeared, if they clearly did."""
        tolerance_px = self.parameters.rings.snap_m / self.gsd_m / 2.0
        sides = new_sides(ring, older, tolerance_px)
        if len(sides[0]) == 0:
            return None
        seen = visibility(*sides, self.scenes[: last + 1], self.parameters.rings, self.parameters.least_clear)
        dated = onset(seen)
        length_m = float(np.hypot(*(sides[1] - sides[0]).T).sum()) * self.gsd_m
        return dated if dated is not None and self._holds(dated, length_m) else None

    def _holds(self, dated: Onset, length_m: float) -> bool:
        limits = self.parameters
        # Chance alone moves the visibility of short rings further than that of long ones.
        chance = limits.chance_gain * np.sqrt(100.0 / max(length_m, 100.0))
        return bool(
            dated.after >= limits.least_visibility
            and dated.after - dated.before >= limits.least_gain + chance
            and dated.persistence >= limits.least_persistence
        )

    def _place(self, ring: Polygon, index: int) -> None:
        """Takes a candidate as a new ring, as the growth of one that stands, or not at all."""
        touching = [
            t for t in self.tracks if t.standing and t.ring.intersection(ring).area > 0.2 * min(ring.area, t.ring.area)
        ]
        if not touching:
            dated = self._date(ring, None, index)
            if dated is not None and index in dated.seen:
                self.tracks.append(Track(ring, dated))
            return
        for track in touching:
            self._grow(track, ring, index)

    def _grow(self, track: Track, ring: Polygon, index: int) -> None:
        """Extends a ring by a candidate that reaches beyond it."""
        limits = self.parameters
        if ring.area < (1.0 + limits.least_growth) * track.ring.area or ring.intersection(track.ring).area < 0.7 * track.ring.area:
            return
        dated = self._date(ring, track.ring, index)
        if dated is None or index not in dated.seen:
            return
        acquired = [scene.acquired_at for scene in self.stack.scenes]
        if (acquired[dated.first] - acquired[track.onset.first]).days <= limits.works_days:
            whole = self._date(ring, track.parent.ring if track.parent else None, index)
            if whole is not None:
                track.ring, track.onset, track.snapped_with = ring, whole, 1
            return
        track.extended_at = dated.first
        self.tracks.append(Track(ring, dated, parent=track))

    def _follow(self, track: Track) -> None:
        """Brings a ring up to date with the newest scene; one that no longer holds makes way for a better one."""
        limits = self.parameters
        dated = onset(visibility(*self._dated_sides(track), self.scenes, limits.rings, limits.least_clear))
        if dated is None or not self._holds(dated, self._dated_length_m(track)):
            self._drop(track)
            return
        track.onset = dated
        if len(dated.seen) >= 1.5 * track.snapped_with:
            track.snapped_with = len(dated.seen)
            self._refit(track)

    def _drop(self, track: Track) -> None:
        self.tracks.remove(track)
        if track.parent is not None:
            track.parent.extended_at = None

    def _dated_sides(self, track: Track) -> tuple[Points, Points]:
        """The sides by which a ring is dated: all, or for an extension those that its parent doesn't have."""
        older = track.parent.ring if track.parent else None
        return new_sides(track.ring, older, self.parameters.rings.snap_m / self.gsd_m / 2.0)

    def _refit(self, track: Track) -> None:
        """Finds a ring again in all scenes since its onset together: its sides stay, clutter moves."""
        limits = self.parameters
        now = list(track.onset.seen[-limits.pooled_scenes :])
        old = list(range(max(0, track.onset.without - 3), track.onset.without + 1))
        others = [other.ring for other in self.tracks if other.standing and other is not track]
        if track.parent:
            others.append(track.parent.ring)
        strength = pooled([self.scenes[i] for i in now])
        for ring in self._search(now, old, others, track.ring):
            dated = self._date(ring, track.parent.ring if track.parent else None, self._last)
            if overlap(ring, track.ring) > 0.6 and dated is not None and better(ring, track.ring, strength, limits.rings):
                track.ring, track.onset = ring, dated
                return

    def assessment(self, index: int, reason: str | None) -> Assessment:
        """What can be said after a scene."""
        clear = float(self.stack.clear_fraction[index])
        if reason is None and clear < self.parameters.least_scene_clear:
            reason = f"{clear:.0%} of the area clear in the newest scene"
        findings = tuple(self._finding(track) for track in self.tracks if self._holds(track.onset, self._dated_length_m(track)))
        findings = tuple(sorted(findings, key=lambda finding: (finding.first_with, finding.geometry.wkt)))
        if reason is not None:
            return Assessment(Verdict.NOT_ASSESSABLE, reason, clear, findings)
        verdict = Verdict.CHANGED if findings else Verdict.UNCHANGED
        return Assessment(verdict, "", clear, findings)

    def _dated_length_m(self, track: Track) -> float:
        starts, ends = self._dated_sides(track)
        return float(np.hypot(*(ends - starts).T).sum()) * self.gsd_m

    def _finding(self, track: Track) -> Finding:
        to_ground = self.stack.grid.transform
        ring = shapely.transform(
            track.ring,
            lambda points: np.column_stack(to_ground * ((points[:, 0] + 0.5), (points[:, 1] + 0.5))),
        )
        scenes, dated = self.stack.scenes, track.onset
        components = Components(
            magnitude=float(np.clip((dated.after - dated.before) / 0.7, 0.0, 1.0)),
            persistence=dated.persistence,
            registration=float(np.mean([self.stack.registration_quality[i] for i in dated.seen])),
            clear_fraction=1.0,
        )
        score = components.magnitude * components.persistence * components.registration
        return Finding(
            kind=ChangeType.PERIMETER_EXTENDED if track.parent else ChangeType.PERIMETER_ADDED,
            geometry=ring,
            area_m2=float(ring.area),
            length_m=float(ring.length),
            score=float(score),
            components=components,
            last_without=scenes[dated.without].acquired_at,
            first_with=scenes[dated.first].acquired_at,
            before_item_id=scenes[dated.without].item_id,
            after_item_id=scenes[dated.seen[-1]].item_id,
            seen_in=tuple(scenes[i].item_id for i in dated.seen),
        )
