"""What every detector takes and tells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from shapely.geometry.base import BaseGeometry

from detectors.series import Series
from geo.grid import Grid
from geo.scene import ImageStack, PreparedScene


class ChangeType(StrEnum):
    """What can have happened on the ground."""

    BUILDING_ADDED = "building_added"
    BUILDING_REMOVED = "building_removed"
    GROUND_CLEARED = "ground_cleared"
    PERIMETER_ADDED = "perimeter_added"
    PERIMETER_EXTENDED = "perimeter_extended"
    PERIMETER_REMOVED = "perimeter_removed"


class Stage(StrEnum):
    """How far construction has come on the ground that it has taken."""

    CLEARED = "cleared"
    UNDER_CONSTRUCTION = "under_construction"
    BUILT = "built"


class Verdict(StrEnum):
    """The outcome of an assessment. `NOT_ASSESSABLE` is never `UNCHANGED`."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NOT_ASSESSABLE = "not_assessable"


@dataclass(frozen=True, slots=True)
class Components:
    """What a finding's score is made of, each 0 to 1.

    Attributes:
        magnitude: How far the change stands out of the local spread of stable ground.
        persistence: Share of the clear scenes since the onset that show it.
        registration: How surely the scenes lie on each other there.
        clear_fraction: Share of the change's ground that was clear in the scenes used.
    """

    magnitude: float
    persistence: float
    registration: float
    clear_fraction: float


class SideRole(StrEnum):
    """What a side of a perimeter does."""

    OUTLINE = "outline"
    INTERIOR = "interior"


@dataclass(frozen=True, slots=True)
class Side:
    """One straight side of a perimeter, or a fence that divides it.

    Attributes:
        geometry: LineString in the stack grid's CRS.
        strength: Share of its length that is seen as a line, 0 to 1, in the scenes since the onset together.
        seen_in: Item ids of the clear scenes since the onset in which most of it is seen.
        role: Whether it is part of the outline, or runs from side to side within it.
    """

    geometry: BaseGeometry
    strength: float
    seen_in: tuple[str, ...]
    role: SideRole = SideRole.OUTLINE


@dataclass(frozen=True, slots=True)
class Finding:
    """One change as the scenes of a stack show it.

    Attributes:
        kind: What happened.
        geometry: Polygon or MultiPolygon in the stack grid's CRS. An areal change is the extent of ground
            taken by the works so far; a perimeter change is the whole ring as it stands after the change
            (before it, for a removal).
        area_m2: Area of the geometry, m².
        length_m: Length of wall for perimeters, m; None for areal changes.
        score: 0 to 1, how strongly the pixels support it.
        components: What the score is made of.
        last_without: Acquisition of the last clear scene that doesn't show it; None if the series never
            had one.
        first_with: Acquisition of the first scene that shows it.
        before_item_id: The clearest of the scenes before the onset; None as for `last_without`.
        after_item_id: The scene after the onset that shows it best.
        seen_in: Item ids of the clear scenes that show it, ascending by acquisition.
        gone_at: Acquisition of the first scene in which it no longer stands, or a ring is open; None while it
            stands.
        confidence: Calibrated probability that the change is real; None where the detector isn't calibrated.
        sides: Sides of a perimeter, in order around the ring, then what divides it; empty for areal changes.
        stage: How far the works had come by the newest scene: no building to be seen, buildings and still changing,
            or buildings and still; None for perimeters and where it isn't judged.
        salience: How far the ground that holds an areal change stands out by what the detector asks of it, in noise
            units; None for others. It is part of the confidence, and no ledger or product keeps it.
    """

    kind: ChangeType
    geometry: BaseGeometry
    area_m2: float
    length_m: float | None
    score: float
    components: Components
    last_without: datetime | None
    first_with: datetime
    before_item_id: str | None
    after_item_id: str
    seen_in: tuple[str, ...]
    gone_at: datetime | None = None
    confidence: float | None = None
    sides: tuple[Side, ...] = ()
    stage: Stage | None = None
    salience: float | None = field(default=None, compare=False)

    @property
    def outline_share(self) -> float | None:
        """Share of a perimeter's outline that is seen as a line, 0 to 1; None without sides."""
        outline = [side for side in self.sides if side.role is SideRole.OUTLINE]
        length_m = sum(side.geometry.length for side in outline)
        return sum(side.strength * side.geometry.length for side in outline) / length_m if length_m else None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a detector can say of an area after the newest scene of a series.

    Attributes:
        verdict: Changed, unchanged, or not assessable.
        reason: One clause for a person; required where not assessable.
        clear_fraction: Share of the area that was clear in the newest scene.
        findings: All changes that the series shows so far, old and new, ascending by onset.
    """

    verdict: Verdict
    reason: str
    clear_fraction: float
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a detector needs of a stack.

    Attributes:
        max_gsd_m: Coarsest pixel size, m.
        bands: Bands that it can't do without.
        min_scenes: Fewest scenes.
        optional_bands: Bands that help if they are there.
        min_gsd_m: Finest pixel size that its windows are made for, m.
    """

    max_gsd_m: float
    bands: tuple[str, ...]
    min_scenes: int
    optional_bands: tuple[str, ...] = ()
    min_gsd_m: float = 0.0


class Follower(Protocol):
    """Follows one area scene by scene. Of each scene it keeps much less than its pixels.

    Attributes:
        state: All that it remembers, as a dataclass of arrays, numbers, strings, times, geometries and containers
            and dataclasses of these. Given to a fresh follower of the same detector and grid, it goes on from there.
    """

    state: Any

    def add(self, scene: PreparedScene) -> None:
        """Takes in the next scene; scenes come ascending by acquisition."""

    def assess(self) -> Assessment:
        """What can be said after the newest scene; depends on the scenes so far alone."""


class Detector(Protocol):
    """Finds changes in a series of images. Pure: no I/O, no clock, no facility identity."""

    name: ClassVar[str]
    version: ClassVar[str]
    requires: ClassVar[Requirements]
    parameters: Any

    def start(self, grid: Grid) -> Follower:
        """A follower of an area that has seen no scene yet."""


def follow(detector: Detector, stack: ImageStack, since: int = 0) -> Iterator[Assessment]:
    """One assessment per scene of a stack from index `since` on, each as if that scene were the newest."""
    follower = detector.start(stack.grid)
    for index, scene in enumerate(stack):
        follower.add(scene)
        if index >= since:
            yield follower.assess()


def assess(detector: Detector, stack: ImageStack) -> Assessment:
    """The assessment after the newest scene of a stack; `not_assessable` where there is no scene."""
    if len(stack) == 0:
        return Assessment(Verdict.NOT_ASSESSABLE, "no usable scene", 0.0)
    return next(follow(detector, stack, since=len(stack) - 1))


def unmet(requires: Requirements, series: Series) -> str | None:
    """Why a series doesn't meet a detector's requirements, as one clause; None if it does."""
    missing = [band for band in requires.bands if band not in series.bands]
    if len(series) < requires.min_scenes:
        return f"{len(series)} usable scene(s), at least {requires.min_scenes} needed"
    if series.grid.gsd_m > requires.max_gsd_m:
        return f"pixels of {series.grid.gsd_m:g} m, at most {requires.max_gsd_m:g} m needed"
    if series.grid.gsd_m < requires.min_gsd_m:
        return f"pixels of {series.grid.gsd_m:g} m, at least {requires.min_gsd_m:g} m needed"
    if missing:
        return f"band(s) {', '.join(missing)} missing"
    return None


def parameters_sha256(detector: Detector) -> str:
    """A hash that changes with any parameter of a detector, for provenance."""
    text = json.dumps(asdict(detector.parameters), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
