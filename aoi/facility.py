"""A place that is watched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shapely.geometry.base import BaseGeometry


class FacilityKind(StrEnum):
    """What kind of place it is."""

    CAMP = "camp"
    FACTORY_PARK = "factory_park"
    FACTORY_PARK_SEARCH_AREA = "factory_park_search_area"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Facility:
    """A place that is watched.

    Attributes:
        facility_id: Permanent, such as `aspi-0050`.
        name: As its source writes it.
        kind: What kind of place.
        geometry: Point or polygon (the known perimeter) in EPSG:4326, longitude first.
        buffer_m: How far around the geometry is watched, metres.
        prefecture: Empty where unknown.
        county: Empty where unknown.
        security_tier: 1 (lowest) to 4 (highest) in ASPI's classification; None where unknown.
        attributes: Further facts by column name, as the source gives them.
        sources: Where the facts are from.
        retired: No longer watched, but known, so that its changes keep meaning.
    """

    facility_id: str
    name: str
    kind: FacilityKind
    geometry: BaseGeometry
    buffer_m: float
    prefecture: str = ""
    county: str = ""
    security_tier: int | None = None
    attributes: Mapping[str, str | int | float] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    retired: bool = False
