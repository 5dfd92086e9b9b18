"""A facility as a run watches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from aoi.facility import Facility
from flows.method import Method, Window
from flows.record import FacilityRecord
from geo.grid import Grid
from geo.scene import LeftOut, Scene, SceneRaster


@dataclass(frozen=True)
class Subject:
    """A facility as a run watches it.

    Attributes:
        facility: The facility.
        neighbours: Facilities whose area of interest overlaps: a change is reported for one of them only.
        window: The watched time.
        method: Detectors, preparation and pixel size.
        specification: Imagery source as given.
        earlier: What is on record.
        area: What is fetched as one with it, on the grid's pixels; None where the source keeps nothing.
    """

    facility: Facility
    neighbours: tuple[Facility, ...]
    window: Window
    method: Method
    specification: str
    earlier: FacilityRecord | None = None
    area: Grid | None = None

    @cached_property
    def grid(self) -> Grid:
        """The facility's pixels."""
        return self.facility.grid(self.method.gsd_m)

    @cached_property
    def parameters_sha256(self) -> str:
        """Hash of everything that decides the result besides the scenes."""
        return self.method.sha256(self.facility, self.neighbours)


@dataclass(frozen=True, slots=True)
class Job:
    """A facility whose series has to be followed. Small enough to be sent to another machine.

    Attributes:
        subject: The facility.
        scenes: Scenes to read.
        left_out: Scenes that the search left out.
        failed: Scenes that reading failed for already.
        rasters: Pixels that were read already, by item id, as far as they are small enough to go along.
        outputs: Folder of the products, where pictures are drawn while the scenes are at hand; None to draw later.
        checkpoints: Where the next run finds what it goes on from; None to keep nothing.
    """

    subject: Subject
    scenes: tuple[Scene, ...]
    left_out: tuple[LeftOut, ...]
    failed: tuple[LeftOut, ...] = ()
    rasters: Mapping[str, SceneRaster] = field(default_factory=dict)
    outputs: Path | None = None
    checkpoints: str | None = None
