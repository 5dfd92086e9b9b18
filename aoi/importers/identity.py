"""Which id a row gets, and whether its place is one that is there already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pyproj import Geod
from shapely import STRtree

from aoi.catalogue import FACILITY_ID, Catalogue
from aoi.facility import Facility, FacilityKind
from aoi.importers.datum import Datum, is_in_china, to_wgs84_datum
from aoi.importers.table import RowError, RowNote

SAME_PLACE_M = 50.0
"""Closer than this, two positions are the same place put twice, or two compounds that need ids to be told apart."""
_GEOD = Geod(ellps="WGS84")


class IdKeeper:
    """Keeps the ids of one file apart and makes those that are missing.

    Attributes:
        notes: Rows whose id was changed.
    """

    def __init__(self, prefix: str, known: Catalogue | None, given: Iterable[str]) -> None:
        self.notes: list[RowNote] = []
        self._prefix = prefix
        self._taken: dict[str, str] = {}
        ids = [*given, *(place.facility_id for place in known.facilities)] if known else list(given)
        numbers = (re.fullmatch(rf"{re.escape(prefix)}-(\d+)", facility_id) for facility_id in ids)
        self._last = max((int(number.group(1)) for number in numbers if number), default=0)

    def assign(self, where: str, given: str) -> str:
        """The row's id: its own where that is usable, else one of the prefix.

        Raises:
            RowError: The id can't be used, or another row has it.
        """
        facility_id = given or self._next()
        if given and given[0].isdigit():
            # Spreadsheets and QGIS take such ids for numbers or dates and change them.
            facility_id = f"{self._prefix}-{given}"
            self.notes.append(RowNote(where, "", f"id {given!r} became {facility_id}: an id starts with a letter"))
        if not FACILITY_ID.fullmatch(facility_id) or len(facility_id) > 64:
            raise RowError(f"id {given!r} isn't usable: start with a letter, then letters, digits, '-', '_', '.'")
        if facility_id in self._taken:
            raise RowError(f"id {facility_id!r} stands at {self._taken[facility_id]} already: give each its own")
        self._taken[facility_id] = where
        return facility_id

    def _next(self) -> str:
        self._last += 1
        return f"{self._prefix}-{self._last:04d}"


def find_doubles(read: Sequence[tuple[str, Facility]], known: Catalogue | None) -> list[RowNote]:
    """Rows that lie within 50 m of an earlier row, or of a known place that isn't themselves.

    Args:
        read: Where each row stands, and its place.
        known: The catalogue to be joined.
    """
    names = {place.facility_id for place in known.facilities} if known else set()
    new_ids = {place.facility_id for _, place in read}
    others = [("", place) for place in known.facilities if place.facility_id not in new_ids] if known else []
    everyone = [*others, *read]
    tree = STRtree([place.point for _, place in everyone])
    notes = []
    for index, (where, place) in enumerate(everyone):
        if not where or place.facility_id in names:
            continue
        earlier = sorted(other for other in tree.query(place.point.buffer(0.01)) if other < index)
        twin = next(_twins(place, (everyone[other] for other in earlier)), None)
        if twin is not None:
            message = f"lies within {SAME_PLACE_M:.0f} m of {twin}: give it that id, an id of its own, or leave it out"
            notes.append(RowNote(where, "", message))
    return notes


def find_displaced(read: Sequence[tuple[str, Facility]], known: Catalogue | None) -> list[RowNote]:
    """New rows that would fall on a known place if their coordinates were GCJ-02: a datum left undeclared.

    Args:
        read: Where each row stands, and its place, taken for WGS 84.
        known: The catalogue to be joined.
    """
    sites = [("", place) for place in known.facilities if not _is_park(place)] if known else []
    names = {place.facility_id for _, place in sites}
    tree = STRtree([place.point for _, place in sites])
    notes = []
    for where, place in read:
        if place.facility_id in names or not is_in_china(place.point):
            continue
        moved = replace(place, geometry=to_wgs84_datum(place.point, Datum.GCJ02), attributes={})
        near = sorted(tree.query(moved.point.buffer(0.01)))
        for twin in _twins(moved, (sites[index] for index in near)):
            message = f"would lie on {twin} if it were GCJ-02: if it is from a Chinese map, give --datum gcj02"
            notes.append(RowNote(where, "", message))
            break
    return notes


def _is_park(place: Facility) -> bool:
    """A park or search area may lie where a camp does."""
    return place.kind in (FacilityKind.FACTORY_PARK, FacilityKind.FACTORY_PARK_SEARCH_AREA)


def _twins(place: Facility, others: Iterable[tuple[str, Facility]]) -> Iterator[str]:
    for where, other in others:
        distance_m = _GEOD.inv(place.point.x, place.point.y, other.point.x, other.point.y)[2]
        if distance_m <= SAME_PLACE_M and _is_park(other) == _is_park(place):
            yield f"{other.facility_id} ({where})" if where else other.facility_id
