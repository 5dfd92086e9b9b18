"""How one catalogue differs from another, and how a list joins a catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from pyproj import Geod

from aoi.catalogue import Catalogue
from aoi.facility import Facility
from geo.errors import InputError

_GEOD = Geod(ellps="WGS84")


class What(StrEnum):
    """What happened to a facility between two catalogues."""

    ADDED = "added"
    MISSING = "missing"
    RETIRED = "retired"
    REINSTATED = "reinstated"
    MOVED = "moved"
    REDRAWN = "redrawn"
    RENAMED = "renamed"
    RECLASSIFIED = "reclassified"
    FACTS = "facts"


class OnMove(StrEnum):
    """What to do with a facility whose pixel grid would change.

    `KEEP`: the old place stays, everything else is taken over. `REPLACE`: the old place is retired, so that its
    changes keep meaning, and the new one is watched under an id of its own.
    """

    KEEP = "keep"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        facility_id: In both catalogues, or in the one that has it.
        what: What happened.
        detail: From what to what.
    """

    facility_id: str
    what: What
    detail: str = ""


def compare(old: Catalogue, new: Catalogue) -> tuple[Difference, ...]:
    """Every difference, in the order of ids.

    `MOVED` means that the permanent grid changes: its series of scenes can't be continued. An outline that changes
    on the same grid is `REDRAWN`.
    """
    before = {place.facility_id: place for place in old.facilities}
    after = {place.facility_id: place for place in new.facilities}
    found: list[Difference] = []
    for facility_id in sorted(before | after):
        if facility_id not in before:
            found.append(Difference(facility_id, What.ADDED, after[facility_id].name))
        elif facility_id not in after:
            found.append(Difference(facility_id, What.MISSING, before[facility_id].name))
        else:
            found += _differences(before[facility_id], after[facility_id])
    return tuple(found)


def join(
    base: Catalogue, incoming: Iterable[Facility], on_move: OnMove | None = None, retire_missing: bool = False
) -> Catalogue:
    """A catalogue with a list joined to it: known ids are updated, new ones added, by id.

    Args:
        base: The catalogue.
        incoming: The list.
        on_move: What to do with facilities whose grid would change; without a decision they are an error.
        retire_missing: Whether active facilities that the list lacks are retired; else they stay.

    Raises:
        InputError: Facilities moved and no decision was given.
    """
    places = {place.facility_id: place for place in base.facilities}
    listed = {place.facility_id: place for place in incoming}
    moved = [key for key, place in listed.items() if key in places and _moved(places[key], place)]
    if moved and on_move is None:
        raise InputError(_moved_message(moved, places, listed))
    for key, place in listed.items():
        if key not in moved:
            places[key] = place
        elif on_move is OnMove.KEEP:
            places[key] = replace(place, geometry=places[key].geometry, buffer_m=places[key].buffer_m)
        else:
            places[key] = replace(places[key], retired=True)
            new_id = _next_id(key, places | listed)
            places[new_id] = replace(place, facility_id=new_id)
    if retire_missing:
        kept = {key: replace(place, retired=True) for key, place in places.items() if _left_out(place, base, listed)}
        places |= kept
    return Catalogue(tuple(places[key] for key in sorted(places)))


def _left_out(place: Facility, base: Catalogue, listed: Mapping[str, Facility]) -> bool:
    return place.facility_id not in listed and any(place is known for known in base.active)


def _moved(old: Facility, new: Facility) -> bool:
    return old.grid() != new.grid()


def _moved_message(moved: list[str], old: Mapping[str, Facility], new: Mapping[str, Facility]) -> str:
    shown = "; ".join(f"{key}: {_move_detail(old[key], new[key])}" for key in moved[:10])
    more = f"; and {len(moved) - 10} more" if len(moved) > 10 else ""
    return (
        f"{len(moved)} facilities would get another pixel grid ({shown}{more}), which would mix two series: decide "
        "with --moved keep (the old place stays) or --moved replace (the old one is retired, the new gets its own id)"
    )


def _next_id(facility_id: str, taken: Mapping[str, Facility]) -> str:
    number = 2
    while f"{facility_id}.{number}" in taken:
        number += 1
    return f"{facility_id}.{number}"


def _differences(old: Facility, new: Facility) -> Iterator[Difference]:
    key = old.facility_id
    if old.retired != new.retired:
        yield Difference(key, What.RETIRED if new.retired else What.REINSTATED, new.name)
    if _moved(old, new):
        yield Difference(key, What.MOVED, _move_detail(old, new))
    elif old.geometry != new.geometry:
        yield Difference(key, What.REDRAWN, "on the same grid")
    if old.name != new.name:
        yield Difference(key, What.RENAMED, f"{old.name} → {new.name}")
    classes = ("kind", "security_tier", "prefecture", "county")
    changed = [name for name in classes if getattr(old, name) != getattr(new, name)]
    if changed:
        yield Difference(
            key, What.RECLASSIFIED, "; ".join(f"{name} {getattr(old, name)} → {getattr(new, name)}" for name in changed)
        )
    facts = _changed_facts(old, new)
    if facts:
        yield Difference(key, What.FACTS, "; ".join(facts))


def _changed_facts(old: Facility, new: Facility) -> list[str]:
    names = dict.fromkeys((*old.attributes, *new.attributes))
    facts = [
        f"{name} {old.attributes.get(name, 'nothing')} → {new.attributes.get(name, 'nothing')}"
        for name in names
        if old.attributes.get(name) != new.attributes.get(name)
    ]
    if old.sources != new.sources:
        facts.append(f"sources {', '.join(old.sources)} → {', '.join(new.sources)}")
    return facts


def _move_detail(old: Facility, new: Facility) -> str:
    a, b = old.geometry.centroid, new.geometry.centroid
    distance_m = _GEOD.inv(a.x, a.y, b.x, b.y)[2]
    rows, columns = old.grid().shape
    new_rows, new_columns = new.grid().shape
    return f"{distance_m:.0f} m; {columns}×{rows} → {new_columns}×{new_rows} pixels of 10 m"
