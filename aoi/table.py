"""The packaged table: a CSV of facilities, and the perimeters from OpenStreetMap in a file of their own."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from shapely import Point
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from aoi.facility import Facility, FacilityKind
from aoi.facts import parse_fact

FACILITIES = "data/facilities.csv"
PERIMETERS = "data/osm_perimeters.geojson"
CORE_COLUMNS = (
    "facility_id",
    "name",
    "kind",
    "longitude",
    "latitude",
    "buffer_m",
    "prefecture",
    "county",
    "security_tier",
    "sources",
    "retired",
)


def read_builtin() -> tuple[Facility, ...]:
    """The packaged facilities; a matched perimeter takes the place of the point."""
    package = files("aoi")
    outlines = json.loads(package.joinpath(PERIMETERS).read_text(encoding="utf-8"))["features"]
    perimeters = {key: outline for outline in outlines for key in outline["properties"]["facility_ids"]}
    with package.joinpath(FACILITIES).open(encoding="utf-8") as stream:
        return tuple(_facility(row, perimeters.get(row["facility_id"])) for row in csv.DictReader(stream))


def _facility(row: Mapping[str, str], perimeter: Mapping[str, Any] | None) -> Facility:
    own = {key: parse_fact(cell) for key, cell in row.items() if key not in CORE_COLUMNS}
    sources = tuple(row["sources"].split(";"))
    geometry: BaseGeometry = Point(float(row["longitude"]), float(row["latitude"]))
    if perimeter is not None:
        own |= {"reported_longitude_deg": float(row["longitude"]), "reported_latitude_deg": float(row["latitude"])}
        own |= _osm_facts(perimeter["properties"], row["facility_id"])
        sources += ("osm-perimeters",)
        geometry = shape(perimeter["geometry"])
    return Facility(
        facility_id=row["facility_id"],
        name=row["name"],
        kind=FacilityKind(row["kind"]),
        geometry=geometry,
        buffer_m=float(row["buffer_m"]),
        prefecture=row["prefecture"],
        county=row["county"],
        security_tier=int(row["security_tier"]) if row["security_tier"] else None,
        attributes={key: fact for key, fact in own.items() if fact is not None},
        sources=sources,
        retired=row["retired"] == "true",
    )


def _osm_facts(properties: Mapping[str, Any], facility_id: str) -> dict[str, str | int | float | None]:
    place = properties["facility_ids"].index(facility_id)
    others = [key for key in properties["facility_ids"] if key != facility_id]
    return {
        "osm_id": properties["osm_id"],
        "osm_name": properties["name"],
        "osm_name_en": properties["name_en"],
        "osm_wikidata": properties["wikidata"],
        "osm_match": properties["match"][place],
        "osm_distance_m": parse_fact(str(properties["distance_m"][place])),
        "osm_shared_with": "; ".join(others) or None,
    }
