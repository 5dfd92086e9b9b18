"""Linear enclosures consistent with a perimeter wall: added, extended, removed.

How it works, how well, and where it ends is told in PERIMETERS.md beside this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np
import shapely
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from detectors.base import (
    Assessment,
    ChangeType,
    Components,
    Finding,
    Follower,
    Requirements,
    Side,
    Verdict,
    unmet,
)
from detectors.lines import VOTE
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_shapes import steps
from detectors.ring_tracks import Onset, Track, pooled
from detectors.ring_watch import RingState, RingWatch
from detectors.rings import ring_support
from detectors.side_support import line_support
from geo.grid import Grid
from geo.scene import PreparedScene

__all__ = ["Perimeter", "PerimeterParameters"]


class Perimeter:
    """Finds and follows linear enclosures consistent with a perimeter wall."""

    name: ClassVar[str] = "perimeter"
    version: ClassVar[str] = "1.1.0"
    requires: ClassVar[Requirements] = Requirements(
        max_gsd_m=10.0, bands=(), min_scenes=2, optional_bands=("B02", "B03", "B04")
    )

    def __init__(self, parameters: PerimeterParameters | None = None) -> None:
        self.parameters = parameters or PerimeterParameters()

    def start(self, grid: Grid) -> Follower:
        """A follower of an area that has seen no scene yet."""
        return PerimeterFollower(RingWatch(self.parameters, grid))


class PerimeterFollower:
    """Follows one area; see `Perimeter`."""

    def __init__(self, watch: RingWatch) -> None:
        self.watch = watch

    @property
    def state(self) -> RingState:
        """What is remembered."""
        return self.watch.state

    @state.setter
    def state(self, state: RingState) -> None:
        self.watch.state = state

    def add(self, scene: PreparedScene) -> None:
        """Takes in the next scene."""
        self.watch.series.add(scene)
        if scene.grid.gsd_m <= Perimeter.requires.max_gsd_m:
            self.watch.add(scene)

    def assess(self) -> Assessment:
        """What can be said after the newest scene."""
        watch = self.watch
        clear = watch.series.scenes[-1].clear_fraction
        reason = unmet(Perimeter.requires, watch.series) or self._hidden(watch, clear)
        findings = sorted(
            (finding for track in watch.tracks for finding in _findings(track, watch)),
            key=lambda finding: (finding.first_with, finding.kind, finding.geometry.wkt),
        )
        if reason is not None:
            return Assessment(Verdict.NOT_ASSESSABLE, reason, clear, tuple(findings))
        verdict = Verdict.CHANGED if findings else Verdict.UNCHANGED
        reason = f"{len(findings)} perimeter change(s)" if findings else "no new linear enclosure"
        return Assessment(verdict, reason, clear, tuple(findings))

    def _hidden(self, watch: RingWatch, clear: float) -> str | None:
        """Why a wall could not have been seen; None if it could."""
        limits = watch.parameters
        if clear < limits.least_scene_clear:
            return f"{clear:.0%} of the area clear in the newest scene, {limits.least_scene_clear:.0%} needed"
        if watch.noise is None:
            return None
        limit = limits.limit_noises * float(np.median(watch.noise))
        if limit > limits.wall_contrast:
            return (
                f"a wall and its track would need a contrast of {limit:.3f} reflectance to show against the ground "
                f"here, and {limits.wall_contrast:.3f} is what they are taken to have"
            )
        return None


def _findings(track: Track, watch: RingWatch) -> Iterator[Finding]:
    """What a ring's history says: that it appeared, and that it went."""
    gone_at = None
    if track.departure is not None:
        gone_at = watch.series.scenes[track.departure.first].acquired_at
        yield _finding(ChangeType.PERIMETER_REMOVED, track, track.departure, watch)
    if track.onset is not None and watch.holds(track.onset, watch.dated_sides(track)):
        kind = ChangeType.PERIMETER_EXTENDED if track.parent else ChangeType.PERIMETER_ADDED
        added = _finding(kind, track, track.onset, watch)
        yield replace(added, gone_at=gone_at)


def _finding(kind: ChangeType, track: Track, dated: Onset, watch: RingWatch) -> Finding:
    ring = _on_ground(track.ring, watch)
    scenes = watch.series.scenes
    clear = np.mean([scenes[i].clear_fraction for i in dated.seen])
    components = Components(
        magnitude=float(np.clip((dated.after - dated.before) / 0.7, 0.0, 1.0)),
        persistence=dated.persistence,
        registration=float(np.mean([scenes[i].registration_quality for i in dated.seen])),
        clear_fraction=float(np.clip(clear, 0.0, 1.0)),
    )
    removed = kind is ChangeType.PERIMETER_REMOVED
    shown = (track.onset.seen if track.onset else tuple(range(dated.without + 1))) if removed else dated.seen
    return Finding(
        kind=kind,
        geometry=ring,
        area_m2=float(ring.area),
        length_m=float(ring.length),
        score=components.magnitude * components.persistence * components.registration,
        components=components,
        last_without=scenes[dated.without].acquired_at,
        first_with=scenes[dated.first].acquired_at,
        before_item_id=scenes[dated.without].item_id,
        after_item_id=scenes[dated.seen[-1]].item_id,
        seen_in=tuple(scenes[i].item_id for i in dated.seen),
        sides=_sides(track, [i for i in shown if i < len(watch.scenes)], watch),
    )


def _sides(track: Track, shown: list[int], watch: RingWatch) -> tuple[Side, ...]:
    """A ring's sides with their strengths, over the scenes that show the ring."""
    rings = watch.parameters.rings
    together = pooled([watch.scenes[i] for i in shown[-watch.parameters.pooled_scenes :]])
    share, side = ring_support(track.ring, together, rings)
    strength = np.bincount(side, share) / np.bincount(side)
    seen = []
    for index in shown:
        each, _ = line_support(watch.scenes[index].votes, *steps(track.ring))
        surely = (each / VOTE) >= sum(rings.seen) / 2.0
        seen.append(np.bincount(side, surely) / np.bincount(side) > 0.5)
    starts, ends = steps(track.ring)
    return tuple(
        Side(
            geometry=_on_ground(LineString([start, end]), watch),
            strength=float(strength[number]),
            seen_in=tuple(
                watch.series.scenes[index].item_id for index, shows in zip(shown, seen, strict=True) if shows[number]
            ),
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    )


def _on_ground(geometry: BaseGeometry, watch: RingWatch) -> BaseGeometry:
    """A geometry in pixel coordinates, 0 at the centre of the first pixel, in the grid's CRS."""
    grid = watch.series.grid
    corner = np.array([grid.transform.c, grid.transform.f])
    return shapely.transform(geometry, lambda points: corner + (points + 0.5) * [grid.gsd_m, -grid.gsd_m])
