"""What decides a result besides the scenes: the watched time, detectors, preparation, pixel size and neighbours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import shapely

from aoi.facility import Facility
from detectors.base import Detector, parameters_sha256
from flows.record import FacilityRecord
from geo.preparation import PreparationParameters


@dataclass(frozen=True, slots=True)
class Window:
    """The watched time, both ends included, aware."""

    start: datetime
    end: datetime

    def united(self, earlier: FacilityRecord | None) -> Window:
        """The window with the one on record: a series never becomes shorter than it has been."""
        if earlier is None:
            return self
        return Window(min(self.start, earlier.window_start), max(self.end, earlier.window_end))


@dataclass(frozen=True, slots=True)
class Method:
    """How a series is prepared and followed."""

    detectors: tuple[Detector, ...]
    preparation: PreparationParameters
    gsd_m: float

    @property
    def bands(self) -> tuple[str, ...]:
        """All bands that any detector can use, without repeats."""
        needs = [detector.requires for detector in self.detectors]
        return tuple(dict.fromkeys(band for need in needs for band in (*need.bands, *need.optional_bands)))

    def sha256(self, facility: Facility, neighbours: Sequence[Facility]) -> str:
        """A hash that changes when a facility's series has to be followed anew.

        Args:
            facility: The facility; its grid and its outline count.
            neighbours: They decide whose a change is, so their outlines count too.
        """
        grid = facility.grid(self.gsd_m)
        parts = {
            "grid": [grid.crs, tuple(grid.transform)[:6], grid.shape],
            "preparation": asdict(self.preparation),
            "detectors": [(d.name, d.version, parameters_sha256(d)) for d in self.detectors],
            "places": [_outline(place) for place in (facility, *neighbours)] if neighbours else [],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _outline(place: Facility) -> tuple[str, str, str, float]:
    return (place.facility_id, str(place.kind), shapely.to_wkb(place.geometry, hex=True), place.buffer_m)
