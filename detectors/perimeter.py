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
    Requirements,
    Side,
    SideRole,
    Verdict,
    unmet,
)
from detectors.onsets import Onset
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_shapes import steps
from detectors.ring_tracks import Outline, side_of
from detectors.ring_views import lines_grid
from detectors.ring_watch import RingState, RingWatch
from detectors.series import Series
from geo.coarser import averaged
from geo.grid import Grid
from geo.scene import PreparedScene

__all__ = ["Perimeter", "PerimeterParameters"]


class Perimeter:
    """Finds and follows linear enclosures consistent with a perimeter wall."""

    name: ClassVar[str] = "perimeter"
    version: ClassVar[str] = "2.8.0"
    requires: ClassVar[Requirements] = Requirements(
        max_gsd_m=10.0, bands=(), min_scenes=2, optional_bands=("B02", "B03", "B04")
    )

    def __init__(self, parameters: PerimeterParameters | None = None) -> None:
        self.parameters = parameters or PerimeterParameters()

    def start(self, grid: Grid) -> PerimeterFollower:
        """A follower of an area that has seen no scene yet."""
        pixels = lines_grid(grid, self.parameters)
        return PerimeterFollower(RingWatch(self.parameters.for_pixels(pixels.gsd_m), RingState(Series(pixels))))


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
        self.watch = RingWatch(self.watch.parameters, state)

    def add(self, scene: PreparedScene) -> None:
        """Takes in the next scene."""
        self.watch.series.add(scene)
        if scene.grid.gsd_m <= Perimeter.requires.max_gsd_m:
            self.watch.add(averaged(scene, self.watch.series.grid))

    def assess(self) -> Assessment:
        """What can be said after the newest scene."""
        series = self.watch.series
        clear = series.scenes[-1].clear_fraction
        hidden = unmet(Perimeter.requires, series) or self._hidden(clear)
        findings = sorted(_findings(self.watch), key=lambda one: (one.first_with, one.kind, one.geometry.wkt))
        if hidden is not None:
            return Assessment(Verdict.NOT_ASSESSABLE, hidden, clear, tuple(findings))
        verdict = Verdict.CHANGED if findings else Verdict.UNCHANGED
        reason = f"{len(findings)} perimeter change(s)" if findings else "no new linear enclosure"
        return Assessment(verdict, reason, clear, tuple(findings))

    def _hidden(self, clear: float) -> str | None:
        """Why a wall could not have been seen; None if it could."""
        limits = self.watch.parameters
        if clear < limits.least_scene_clear:
            return f"{clear:.0%} of the area clear in the newest scene, {limits.least_scene_clear:.0%} needed"
        compared = self.watch.state.compared
        if compared < limits.least_scene_clear:
            return f"{compared:.0%} of the area is clear in scenes before too, {limits.least_scene_clear:.0%} needed"
        if self.watch.state.differing > limits.most_differing:
            return (
                "lines differ from those before all over the area (plants, snow, haze), so that a wall would not "
                "stand out"
            )
        limit = limits.limit_noises * self.watch.reader.noise
        if limit > limits.wall_contrast:
            return (
                f"a wall and its track would need a contrast of {limit:.3f} reflectance to show against the ground "
                f"here, and {limits.wall_contrast:.3f} is what they are taken to have"
            )
        return None


def _findings(watch: RingWatch) -> Iterator[Finding]:
    """What rings' histories say: that they appeared, grew, and went."""
    series = watch.series
    departed = watch.departures.of(watch.chains)  # a wall that an extension takes in has not gone, told or not
    for stage in (stage for chain in watch.told for stage in chain):
        gone = departed[stage]
        kind = ChangeType.PERIMETER_ADDED if stage.extends is None else ChangeType.PERIMETER_EXTENDED
        added = replace(
            _finding(kind, stage.outline, stage.onset, series),
            confidence=watch.choice.confidence_in(stage.outline, stage.onset, stage.extends),
        )
        if gone is not None:
            yield _finding(ChangeType.PERIMETER_REMOVED, stage.outline, gone, series)
            added = replace(added, gone_at=series.scenes[gone.first].acquired_at)
        yield added
    for outline in watch.state.gone:
        gone = watch.departures.went(outline)
        if gone is not None:
            yield _finding(ChangeType.PERIMETER_REMOVED, outline, gone, series)


def _finding(kind: ChangeType, outline: Outline, dated: Onset, series: Series) -> Finding:
    ring = on_ground(outline.ring, series.grid)
    scenes = series.scenes
    clear = np.mean([scenes[i].clear_fraction for i in dated.seen])
    components = Components(
        magnitude=float(np.clip((dated.after - dated.before) / 0.7, 0.0, 1.0)),
        persistence=dated.persistence,
        registration=float(np.mean([scenes[i].registration_quality for i in dated.seen])),
        clear_fraction=float(np.clip(clear, 0.0, 1.0)),
    )
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
        sides=_sides(outline, dated.seen, series, interior=kind is not ChangeType.PERIMETER_REMOVED),
    )


def _sides(outline: Outline, shown: tuple[int, ...], series: Series, *, interior: bool) -> tuple[Side, ...]:
    """A ring's sides, how much of each is seen as a line in the scenes that show a change of it, and in which of them.

    Where a ring was opened, or went, that is what is left of its outline; what divided it isn't looked for any more.
    """
    starts, ends = steps(outline.ring)
    owner = side_of(outline.ring)
    sides = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        each = outline.visibility(owner == number, 0.5, until_gone=False)[list(shown)]
        surely = [series.scenes[index].item_id for index, share in zip(shown, each, strict=True) if share > 0.5]
        strength = float(np.nanmean(each)) if np.isfinite(each).any() else 0.0
        sides.append(Side(on_ground(LineString([start, end]), series.grid), strength, tuple(surely)))
    for divider in (outline.dividers or ()) if interior else ():
        shown_in = tuple(series.scenes[index].item_id for index in divider.seen)
        sides.append(Side(on_ground(divider.line, series.grid), divider.strength, shown_in, SideRole.INTERIOR))
    return tuple(sides)


def on_ground(geometry: BaseGeometry, grid: Grid) -> BaseGeometry:
    """A geometry in pixel coordinates, 0 at the centre of the first pixel, in the grid's CRS."""
    corner = np.array([grid.transform.c, grid.transform.f])
    return shapely.transform(geometry, lambda points: corner + (points + 0.5) * [grid.gsd_m, -grid.gsd_m])
