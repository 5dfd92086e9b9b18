"""The list of all watched places."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from aoi.facility import Facility
from geo.errors import InputError
from geo.grid import WGS84, to_crs

FACILITY_ID = re.compile(r"[A-Za-z][A-Za-z0-9]*([._-][A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Catalogue:
    """The watched places, each with an id of its own.

    Attributes:
        facilities: In the order of their source, retired ones included.

    Raises:
        InputError: An id occurs twice or isn't usable, or a place has no usable geometry or buffer.
    """

    facilities: tuple[Facility, ...]

    def __post_init__(self) -> None:
        twice = [key for key, times in Counter(place.facility_id for place in self.facilities).items() if times > 1]
        if twice:
            raise InputError(f"facility id {twice[0]} occurs more than once: give every facility an id of its own")
        for place in self.facilities:
            _check(place)

    @classmethod
    def builtin(cls) -> Catalogue:
        """The packaged table: 380 camps with the perimeters that are known (see SOURCES.md)."""
        from aoi.table import read_builtin

        return cls(read_builtin())

    @property
    def active(self) -> tuple[Facility, ...]:
        """The places that are watched now."""
        return tuple(place for place in self.facilities if not place.retired)

    def get(self, facility_id: str) -> Facility:
        """One place, retired or not.

        Raises:
            InputError: No such id; the message names the nearest ones.
        """
        if place := self._by_id.get(facility_id):
            return place
        plain = {key: _unpadded(key) for key in self._by_id}
        close = [key for key, short in plain.items() if short == _unpadded(facility_id)]
        close = close or difflib.get_close_matches(facility_id, self._by_id, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "see `facility-watch catalogue list`"
        raise InputError(f"facility {facility_id!r} isn't in the catalogue: {hint}")

    def select(self, facility_ids: Iterable[str]) -> tuple[Facility, ...]:
        """Several places in the order asked for, each once.

        Raises:
            InputError: An id isn't in the catalogue.
        """
        return tuple(self.get(facility_id) for facility_id in dict.fromkeys(facility_ids))

    def near(self, facility: Facility, distance_m: float = 0.0) -> tuple[Facility, ...]:
        """The other active places whose area of interest overlaps this one's or lies within a distance of it.

        Args:
            facility: The place; it need not be in the catalogue.
            distance_m: Gap between the two areas that still counts as near, metres.
        """
        crs = facility.utm_crs
        area = to_crs(facility.area_of_interest, WGS84, crs)
        reach_deg = distance_m / 50_000.0  # a degree of longitude is longer than 50 km up to latitude 63
        candidates = self._tree.query(facility.area_of_interest.envelope.buffer(reach_deg))
        return tuple(
            self.active[index]
            for index in sorted(candidates)
            if self.active[index].facility_id != facility.facility_id
            and to_crs(self._areas[index], WGS84, crs).distance(area) <= distance_m
        )

    @cached_property
    def _by_id(self) -> Mapping[str, Facility]:
        return {place.facility_id: place for place in self.facilities}

    @cached_property
    def _areas(self) -> list[BaseGeometry]:
        return [place.area_of_interest for place in self.active]

    @cached_property
    def _tree(self) -> STRtree:
        return STRtree(self._areas)


def load_catalogue(path: Path | None = None) -> Catalogue:
    """The catalogue of a file, or the packaged one.

    Args:
        path: A catalogue written by `facility-watch catalogue export` or `import`; None for the packaged table.

    Raises:
        InputError: The file is missing or holds anything unusable; rows and remedies are named.
    """
    if path is None:
        return Catalogue.builtin()
    from aoi.importers import ImportOptions, import_file
    from aoi.importers.geometry import WORLD

    return Catalogue(import_file(path, ImportOptions(region=WORLD)).accepted())


def _unpadded(facility_id: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", facility_id).lower()


def _check(place: Facility) -> None:
    what = f"facility {place.facility_id!r}"
    if not FACILITY_ID.fullmatch(place.facility_id) or len(place.facility_id) > 64:
        raise InputError(f"{what}: an id starts with a letter and has letters, digits, '-', '_' and '.' only")
    if place.geometry.is_empty or place.geometry.geom_type not in ("Point", "Polygon", "MultiPolygon"):
        raise InputError(f"{what} has no usable geometry: give a point or a polygon")
    if not place.geometry.is_valid:
        raise InputError(f"{what} has an outline that crosses itself: draw it again without the crossing")
    if place.buffer_m < 0.0 or (place.geometry.geom_type == "Point" and place.buffer_m == 0.0):
        raise InputError(f"{what} has a buffer of {place.buffer_m} m: give a positive number of metres")
    if place.security_tier not in (None, 1, 2, 3, 4):
        raise InputError(f"{what} has security tier {place.security_tier}: give 1, 2, 3, 4 or nothing")
