"""Which outlines hold as rings, given every scene so far: placed, bettered, extended, dropped, gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
from shapely.geometry import Polygon

from detectors.alignment import align_sides
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_shapes import beyond, overlap
from detectors.ring_tracks import (
    Onset,
    SceneLines,
    Track,
    departure,
    length_of,
    mean_visibility,
    merit,
    new_sides,
    onset,
    pooled,
    visibility,
)
from detectors.side_support import Points

_ALIGN_PX = 2.0  # a fitted side is within this of its line
_SAME = 0.97  # outlines that overlap so far are one
_RIVALS = 0.2  # outlines that overlap so far are of one place


class RingHistory:
    """Outlines of one image stack, and the rings that they make in hindsight.

    An outline that was fitted once is kept while it stands out, and every later scene tells more of it: which of
    several outlines of a place is the ring is decided again after each scene, not by which came first.

    Attributes:
        scenes: Lines of every scene so far.
        tracks: All rings that hold so far.
    """

    def __init__(self, parameters: PerimeterParameters, gsd_m: float, acquired: Sequence[datetime]) -> None:
        self.parameters = parameters
        self.gsd_m = gsd_m
        self.scenes: list[SceneLines] = []
        self.tracks: list[Track] = []
        self._acquired = acquired
        self._outlines: list[Polygon] = []
        self._seen: dict[bytes, npt.NDArray[np.float32]] = {}
        self._dates: dict[tuple[bytes, bytes], tuple[Onset | None, tuple[Points, Points]]] = {}

    @property
    def standing(self) -> list[Track]:
        """The newest state of every enclosure."""
        return [track for track in self.tracks if track.standing]

    def update(self) -> list[Track]:
        """Brings the rings up to date with the newest scene; returns those worth fitting again."""
        self._dates.clear()
        due = []
        for track in [track for track in self.tracks if not track.extended]:
            sides = self.dated_sides(track)
            seen = self._visible(sides)
            track.departure = self._departure(track, seen, sides)
            if track.departure is not None:
                continue
            dated = onset(seen)
            if track.onset is None or dated is None or not self.holds(dated, sides):
                self._drop(track)
                continue
            track.onset = dated
            if len(dated.seen) >= 2 * track.fitted_with and track.fitted_with < self.parameters.pooled_scenes:
                track.fitted_with = len(dated.seen)
                due.append(track)
        return due

    def consider(self, outlines: Iterable[Polygon]) -> None:
        """Takes in the outlines that the newest scene led to, and decides anew which are rings."""
        for outline in outlines:
            if not any(overlap(outline, other) > _SAME for other in self._outlines):
                self._outlines.append(outline)
        rated = [(self._best_merit(outline), -number, outline) for number, outline in enumerate(self._outlines)]
        rated.sort(reverse=True, key=lambda each: each[:2])
        kept = [outline for worth, _, outline in rated if worth > 0.0][: self.parameters.most_outlines]
        for track in [track for track in self.standing if track.onset is not None]:
            self._improve(track, kept)
        for outline in kept:
            self._place(outline)
        self._outlines = kept
        self._forget()

    def miss(self, outlines: Iterable[Polygon]) -> None:
        """Takes rings that stood from the start as removed, of several outlines of a place the one that fell most."""
        held = []
        for outline in outlines:
            sides = new_sides(outline)
            gone = departure(self._visible(sides))
            if gone is None or len(gone.seen) < self.parameters.gone_scenes or gone.persistence < 1.0:
                continue
            if 1.0 - gone.before >= self.parameters.least_visibility and self.holds(gone, sides, least_after=0.0):
                held.append(((gone.after - gone.before) * length_of(sides), outline, gone))
        for _, outline, gone in sorted(held, key=lambda each: -each[0]):
            rivals = (track.ring for track in self.tracks if track.departure is not None)
            if not any(overlap(outline, other) > _RIVALS for other in rivals):
                self.tracks.append(Track(outline, None, departure=gone))

    def dated_sides(self, track: Track) -> tuple[Points, Points]:
        """The sides by which a ring is dated: all, or for an extension those that its parent doesn't have."""
        older = track.parent.ring if track.parent else None
        return new_sides(track.ring, older, self.parameters.rings.snap_m / self.gsd_m / 2.0)

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

    def _improve(self, track: Track, outlines: Iterable[Polygon]) -> None:
        """Gives a ring the outline of its place and time that stands out most."""
        best, most = None, self._merit(track.ring, track.parent)
        for outline in outlines:
            if overlap(outline, track.ring) < _RIVALS or (track.parent and not self._extends(outline, track.parent)):
                continue
            worth = self._merit(outline, track.parent)
            if worth > most and self._same_works(outline, track):
                best, most = outline, worth
        if best is not None:
            self._replace(track, best)

    def _same_works(self, outline: Polygon, track: Track) -> bool:
        """Whether an outline holds and appeared when a ring did."""
        dated, sides = self._dated(outline, track.parent)
        if dated is None or track.onset is None or not self.holds(dated, sides):
            return False
        if abs(self._days(track.onset, dated)) > self.parameters.works_days:
            return False
        beside, _ = self._dated(outline, track)
        if beside is None or not self._extends(outline, track):
            return True
        return self._days(track.onset, beside) <= self.parameters.works_days

    def _days(self, earlier: Onset, later: Onset) -> int:
        return (self._acquired[later.first] - self._acquired[earlier.first]).days

    def _extends(self, outline: Polygon, ring: Track) -> bool:
        """Whether an outline is a ring and ground beside it."""
        limits = self.parameters
        within = outline.intersection(ring.ring).area
        return outline.area >= (1.0 + limits.least_growth) * ring.ring.area and within >= 0.7 * ring.ring.area

    def _place(self, outline: Polygon) -> None:
        """Takes an outline as a new ring, as the growth of one that stands, or not at all."""
        touching = [
            track
            for track in self.standing
            if track.ring.intersection(outline).area > _RIVALS * min(outline.area, track.ring.area)
        ]
        if touching:
            for track in touching:
                self._grow(track, outline)
            return
        dated, sides = self._dated(outline)
        if dated is not None and self.holds(dated, sides) and dated.seen[-1] == len(self.scenes) - 1:
            track = Track(outline, dated, fitted_with=len(dated.seen))
            self._replace(track, outline)
            self.tracks.append(track)

    def _grow(self, track: Track, outline: Polygon) -> None:
        """Extends a ring by an outline that reaches beyond it and came later."""
        if not self._extends(outline, track) or track.onset is None:
            return
        kept = beyond(outline, track.ring, self.gsd_m, self.parameters.rings)
        if self._extends(kept, track) and self._merit(kept, track) > self._merit(outline, track):
            outline = kept
        dated, sides = self._dated(outline, track)
        if dated is None or not self.holds(dated, sides) or dated.seen[-1] != len(self.scenes) - 1:
            return
        if self._days(track.onset, dated) <= self.parameters.works_days:
            return
        track.extended = True
        grown = Track(outline, dated, parent=track, fitted_with=len(dated.seen))
        self._replace(grown, outline)
        self.tracks.append(grown)

    def _replace(self, track: Track, ring: Polygon) -> None:
        """Gives a ring a better outline, laid on the lines of all scenes that show it where that betters it."""
        dated, _ = self._dated(ring, track.parent)
        if dated is None:
            return
        track.ring, track.onset = ring, dated
        strength = pooled([self.scenes[i] for i in dated.seen[-self.parameters.pooled_scenes :]])
        aligned = align_sides(ring, strength, _ALIGN_PX)
        dated, sides = self._dated(aligned, track.parent)
        if dated is None or not self.holds(dated, sides):
            return
        if self._merit(aligned, track.parent) >= self._merit(ring, track.parent):
            track.ring, track.onset = aligned, dated

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

    def _dated(self, outline: Polygon, parent: Track | None = None) -> tuple[Onset | None, tuple[Points, Points]]:
        key = (outline.wkb, parent.ring.wkb if parent else b"")
        if key not in self._dates:
            sides = self.dated_sides(Track(outline, None, parent=parent))
            self._dates[key] = (onset(self._visible(sides)), sides)
        return self._dates[key]

    def _merit(self, outline: Polygon, parent: Track | None = None) -> float:
        """How far an outline stands out of chance in all scenes so far; 0 where it has no onset."""
        dated, sides = self._dated(outline, parent)
        if dated is None or len(sides[0]) == 0:
            return 0.0
        rings = self.parameters.rings
        corners = len(outline.exterior.coords) - 1
        worth = merit(self._read(sides), dated.first, length_of(sides), rings)
        return worth - rings.corner_cost * self.parameters.corner_weight * corners

    def _best_merit(self, outline: Polygon) -> float:
        """The merit of an outline as a ring of its own, or as an extension of one that it may extend."""
        parents = [track for track in self.tracks if track.departure is None and self._extends(outline, track)]
        return max([self._merit(outline), *(self._merit(outline, parent) for parent in parents)])

    def _visible(self, sides: tuple[Points, Points]) -> npt.NDArray[np.float64]:
        """Visibility of some sides in every scene so far."""
        return mean_visibility(self._read(sides), self.parameters.least_clear)

    def _read(self, sides: tuple[Points, Points]) -> npt.NDArray[np.float32]:
        """Visibility of each piece of some sides in every scene so far; scenes don't change: each is read once."""
        key = sides[0].tobytes() + sides[1].tobytes()
        known = self._seen.get(key)
        have = 0 if known is None else len(known)
        if known is None or have < len(self.scenes):
            newer = visibility(*sides, self.scenes[have:], self.parameters.rings)
            known = newer if known is None else np.concatenate([known, newer])
            self._seen[key] = known
        return known

    def _forget(self) -> None:
        """Leaves out what was read of outlines that weren't asked for since the newest scene came."""
        self._seen = {key: seen for key, seen in self._seen.items() if len(seen) == len(self.scenes)}
