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
    Verdict,
    last_assessment,
    unmet,
)
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_shapes import steps
from detectors.ring_tracks import Onset, Outline, pieces
from detectors.ring_watch import RingWatch
from geo.grid import Grid
from geo.scene import ImageStack

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

    def assess(self, stack: ImageStack) -> Assessment:
        """What can be said after the newest scene."""
        return last_assessment(self, stack)

    def follow(self, stack: ImageStack, since: int = 0) -> Iterator[Assessment]:
        """One assessment per scene from index `since` on; see `detectors.base.Detector`."""
        watch = RingWatch(self.parameters, stack.grid.shape, stack.grid.gsd_m)
        coarse = stack.grid.gsd_m > self.requires.max_gsd_m
        for index in range(len(stack)):
            if not coarse:
                acquired = stack.scenes[index].acquired_at
                watch.add(stack.reflectance[index], stack.valid[index], stack.bands, acquired)
            if index >= since:
                yield self._assessment(watch, stack, index)

    def _assessment(self, watch: RingWatch, stack: ImageStack, index: int) -> Assessment:
        clear = float(stack.clear_fraction[index])
        reason = unmet(self.requires, stack.take(slice(index + 1))) or self._hidden(watch, clear)
        findings = sorted(_findings(watch, stack), key=lambda one: (one.first_with, one.kind, one.geometry.wkt))
        if reason is not None:
            return Assessment(Verdict.NOT_ASSESSABLE, reason, clear, tuple(findings))
        verdict = Verdict.CHANGED if findings else Verdict.UNCHANGED
        reason = f"{len(findings)} perimeter change(s)" if findings else "no new linear enclosure"
        return Assessment(verdict, reason, clear, tuple(findings))

    def _hidden(self, watch: RingWatch, clear: float) -> str | None:
        """Why a wall could not have been seen; None if it could."""
        limits = self.parameters
        if clear < limits.least_scene_clear:
            return f"{clear:.0%} of the area clear in the newest scene, {limits.least_scene_clear:.0%} needed"
        if watch.noise is None:
            return None
        if watch.differs:
            return "lines differ from those before all over the area (snow, haze, plants), so that a wall would not stand out"
        limit = limits.limit_noises * float(np.median(watch.noise))
        if limit > limits.wall_contrast:
            return (
                f"a wall and its track would need a contrast of {limit:.3f} reflectance to show against the ground "
                f"here, and {limits.wall_contrast:.3f} is what they are taken to have"
            )
        return None


def _findings(watch: RingWatch, stack: ImageStack) -> Iterator[Finding]:
    """What rings' histories say: that they appeared, grew, and went."""
    for chain in watch.chains:
        for stage in chain:
            gone = watch.departed(stage) if stage is chain[-1] else None
            kind = ChangeType.PERIMETER_ADDED if stage.extends is None else ChangeType.PERIMETER_EXTENDED
            added = _finding(kind, stage.outline, stage.onset, stage.onset.seen, stack)
            if gone is not None:
                yield _finding(ChangeType.PERIMETER_REMOVED, stage.outline, gone, stage.onset.seen, stack)
                added = replace(added, gone_at=stack.scenes[gone.first].acquired_at)
            yield added
    for outline, gone in watch.gone:
        yield _finding(ChangeType.PERIMETER_REMOVED, outline, gone, tuple(range(gone.without + 1)), stack)


def _finding(
    kind: ChangeType, outline: Outline, dated: Onset, shown: tuple[int, ...], stack: ImageStack
) -> Finding:
    ring = _on_ground(outline.ring, stack.grid)
    scenes = stack.scenes
    clear = np.mean([stack.clear_fraction[i] for i in dated.seen])
    components = Components(
        magnitude=float(np.clip((dated.after - dated.before) / 0.7, 0.0, 1.0)),
        persistence=dated.persistence,
        registration=float(np.mean([stack.registration_quality[i] for i in dated.seen])),
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
        sides=_sides(outline, shown, stack),
    )


def _sides(outline: Outline, shown: tuple[int, ...], stack: ImageStack) -> tuple[Side, ...]:
    """A ring's sides, how much of each is seen as a line, and in which of the scenes that show the ring."""
    starts, ends = steps(outline.ring)
    middle = shapely.points(np.add(*pieces(outline.ring)) / 2.0)
    nearest = shapely.distance(shapely.linestrings(np.stack([starts, ends], axis=1))[:, None], middle).argmin(axis=0)
    sides = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        each = outline.visibility(nearest == number, 0.5)[list(shown)]
        surely = [stack.scenes[index].item_id for index, share in zip(shown, each, strict=True) if share > 0.5]
        strength = float(np.nanmean(each)) if np.isfinite(each).any() else 0.0
        sides.append(Side(_on_ground(LineString([start, end]), stack.grid), strength, tuple(surely)))
    return tuple(sides)


def _on_ground(geometry: BaseGeometry, grid: Grid) -> BaseGeometry:
    """A geometry in pixel coordinates, 0 at the centre of the first pixel, in the grid's CRS."""
    corner = np.array([grid.transform.c, grid.transform.f])
    return shapely.transform(geometry, lambda points: corner + (points + 0.5) * [grid.gsd_m, -grid.gsd_m])
