"""What the ledger says of places before a run: over which areas their pixels are fetched, and whether they moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aoi.facility import Facility
from aoi.watch_areas import watch_areas
from flows.record import FacilityRecord
from geo.errors import InputError
from geo.grid import Grid


def fetch_areas(facilities: Sequence[Facility], known: Mapping[str, FacilityRecord], gsd_m: float) -> dict[str, Grid]:
    """What is fetched as one for each place, by facility id, so that no pixel is bought twice.

    An area that was fetched once stays as it is, so that what is held of it stays useful: only places that are new
    are joined, or share an area that holds them already.

    Args:
        facilities: Places of the run.
        known: Places on record, by facility id.
        gsd_m: Pixel size, metres.
    """
    before = {key: record.area for key, record in known.items() if record.area is not None}
    areas: dict[str, Grid] = {}
    unknown: list[Facility] = []
    for place in facilities:
        grid = place.grid(gsd_m)
        own = [before[place.facility_id]] if place.facility_id in before else []
        area = next((area for area in (*own, *before.values()) if area.offset(grid) is not None), None)
        if area is None:
            unknown.append(place)
        else:
            areas[place.facility_id] = area
    joined = watch_areas(unknown, gsd_m=gsd_m)
    return areas | {facility_id: area.grid for area in joined for facility_id in area.facility_ids}


def require_unmoved(facilities: Sequence[Facility], known: Mapping[str, FacilityRecord]) -> None:
    """Refuses places whose permanent grid isn't the one that their series was followed on.

    Args:
        facilities: Places of the run.
        known: Places on record, by facility id.

    Raises:
        InputError: Some moved.
    """
    moved = [
        place.facility_id
        for place in facilities
        if place.facility_id in known and known[place.facility_id].facility.grid() != place.grid()
    ]
    if moved:
        shown = ", ".join(moved[:10]) + (f" and {len(moved) - 10} more" if len(moved) > 10 else "")
        raise InputError(
            f"{shown}: the catalogue has another position, outline or margin than the ledger, which would mix two "
            "series: decide with `facility-watch catalogue import FILE --moved keep` or `--moved replace`, or start "
            "anew with other --outputs"
        )
