"""How far around a facility is watched."""

from __future__ import annotations

from collections.abc import Mapping

from aoi.facility import Fact

SMALL_M = 1500.0
MEDIUM_M = 1750.0
LARGE_M = 2000.0


def camp_buffer_m(facts: Mapping[str, Fact]) -> float:
    """Distance watched around a camp's point or perimeter, metres.

    Steps by structures: the most buildings counted in any year plus the factories within and adjacent. The
    smallest square, 3 km, reaches farther from the point than all but one or two of the 118 perimeters that are known
    from OpenStreetMap, takes in the factories beside the walls, and holds enough ground that stays as it is: detectors
    measure noise on it, and works of 50 ha leave too little of that in a square of 2 km. Building count says little
    of a camp's extent today (correlation 0.03 over the same 118) but large camps are those that were extended over
    neighbouring ground. A count that is unknown is not taken for small.

    >>> camp_buffer_m({"buildings_2019": 68, "buildings_2020": 92, "factories_within": 16})
    2000.0
    >>> camp_buffer_m({"buildings_2019": 6})
    1500.0
    >>> camp_buffer_m({})
    1750.0
    """
    buildings = [float(facts[key]) for key in facts if key.startswith("buildings_")]
    if not buildings:
        return MEDIUM_M
    factories = sum(float(facts.get(key, 0)) for key in ("factories_within", "factories_adjacent"))
    structures = max(buildings) + factories
    if structures >= 50:
        return LARGE_M
    return MEDIUM_M if structures >= 20 else SMALL_M
