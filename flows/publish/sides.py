"""The sides of each perimeter as a layer: which parts of a ring are seen as a line, and what divides it."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.base import Side
from flows.change import Change
from flows.publish.sentence import clear_since
from flows.publish.table import Cell, Table, published_geometry
from flows.record import FacilityRecord
from geo.grid import to_wgs84

_OF_CHANGE = ("change_id", "facility_id", "facility_name", "prefecture", "change_type", "valid_from", "valid_to")
_MEASURED = ("gsd_m", "attribution")


def add_sides(table: Table, record: FacilityRecord, changes: Sequence[Change]) -> None:
    """Appends the sides of a facility's perimeters, in the order of its changes, around each ring, then within it.

    Args:
        table: Layer `perimeter_sides`.
        record: What is known of the facility.
        changes: Its changes, as published.
    """
    tracks = {track.change_id: track for track in record.tracks}
    for change in changes:
        track = tracks[change.change_id]
        clear = clear_since(record, track)
        shared: dict[str, Cell] = {name: getattr(change, name) for name in (*_OF_CHANGE, *_MEASURED)}
        shared |= {"status": str(change.status), "review_status": str(change.review_status)}
        for number, side in enumerate(track.finding.sides, start=1):
            seen = [moment for item_id, moment in clear.items() if item_id in side.seen_in]
            cells = {**shared, **_measured(side), "scenes_seen": len(seen), "scenes_clear": len(clear)}
            cells |= {"side_id": f"{change.change_id}-{number}", "side_number": number}
            cells |= {"first_seen": min(seen, default=None), "last_seen": max(seen, default=None)}
            table.add(cells, published_geometry(to_wgs84(side.geometry, record.crs)))


def _measured(side: Side) -> dict[str, Cell]:
    return {"length_m": float(side.geometry.length), "strength": float(side.strength), "role": str(side.role)}
