"""Factory parks beside the camps: from OpenStreetMap where they are drawn, as search areas where they aren't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from aoi.facility import Facility, FacilityKind, Fact
from aoi.importers.geometry import canonical, repaired
from geo.errors import InputError
from geo.grid import WGS84, to_crs, to_wgs84

OSM_SOURCE = "osm-parks"
PARK_BUFFER_M = 250.0
"""Halls are added beside a park's drawn edge."""
SEARCH_MARGIN_M = 500.0
"""The table's distance is to the park's near side: this much further in is searched."""
ADJACENT_KM = 0.5
"""How far out "adjacent" factories are looked for; ASPI gives no distance."""
_PARK_SQL = """
    SELECT osm_id, osm_way_id, name, landuse, building, man_made FROM multipolygons
    WHERE landuse = 'industrial' OR man_made = 'works' OR building IN ('industrial', 'warehouse', 'factory')
"""


@dataclass(frozen=True, slots=True)
class Park:
    """An industrial area, works or warehouse in OpenStreetMap.

    Attributes:
        osm_id: Such as `way/646988930` or `relation/10154078`.
        name: Empty where it has none.
        tag: What makes it one, such as `landuse=industrial`.
        geometry: Outline in EPSG:4326.
    """

    osm_id: str
    name: str
    tag: str
    geometry: BaseGeometry


def read_parks(extract: Path) -> tuple[Park, ...]:
    """Industrial areas, works and warehouses of an OpenStreetMap extract, multipolygon relations too.

    Args:
        extract: `.osm` or `.osm.pbf`, read by GDAL's OSM driver.

    Raises:
        InputError: It can't be read.
    """
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    if not extract.name.lower().endswith((".osm", ".pbf")):
        raise InputError(f"{extract} isn't an OpenStreetMap extract: give .osm or .osm.pbf")
    try:
        with as_file(files("aoi").joinpath("data/osmconf.ini")) as settings:
            meta, _, geometries, columns = pyogrio.raw.read(extract, sql=_PARK_SQL, CONFIG_FILE=str(settings))
    except (DataSourceError, DataLayerError) as error:
        raise InputError(f"{extract} can't be read: {error}") from error
    fields = dict(zip((str(name) for name in meta["fields"]), columns, strict=True))
    rows = (({name: column[i] for name, column in fields.items()}, wkb) for i, wkb in enumerate(geometries))
    return tuple(park for row, wkb in rows if (park := _park(row, wkb)) is not None)


def nearby_parks(parks: Sequence[Park], facilities: Sequence[Facility], within_m: float) -> tuple[Facility, ...]:
    """Parks within a distance of a facility, as places to watch, each paired with the facilities it is near.

    A park inside a larger one that is taken too (a hall on an industrial estate) is left to the larger.

    Args:
        parks: From `read_parks`.
        facilities: Those to look around; retired ones and parks are passed over.
        within_m: Largest distance from a facility's point or perimeter, metres.
    """
    outermost = _outermost(parks)
    tree = STRtree([park.geometry for park in outermost])
    pairs: dict[int, list[tuple[float, str]]] = {}
    for facility in _camps(facilities):
        crs = facility.utm_crs
        outline = to_crs(facility.geometry, WGS84, crs)
        around = to_wgs84(outline.buffer(within_m), crs)
        for index in tree.query(around, predicate="intersects"):
            distance_m = outline.distance(to_crs(outermost[index].geometry, WGS84, crs))
            pairs.setdefault(int(index), []).append((round(distance_m), facility.facility_id))
    by_id = {facility.facility_id: facility for facility in facilities}
    return tuple(_park_facility(outermost[index], sorted(near), by_id) for index, near in sorted(pairs.items()))


def search_areas(
    facilities: Sequence[Facility], parks: Sequence[Facility] = ()
) -> tuple[tuple[Facility, ...], tuple[str, ...]]:
    """Where to look for factory parks that nobody has drawn yet.

    For a facility with a distance to the industrial park, or with adjacent factories, and no park paired with it: a
    disc out to that distance. One that lies inside what is watched around the facility anyway would only say
    "unchanged" of ground that the facility itself reports on, so none is made.

    Args:
        facilities: Those to look around.
        parks: From `nearby_parks`.

    Returns:
        The search areas, and the ids of facilities whose own area of interest covers theirs.
    """
    paired = {key for park in parks for key in str(park.attributes["near_facilities"]).split("; ")}
    areas: list[Facility] = []
    covered: list[str] = []
    for facility in _camps(facilities):
        reach_km = _reach_km(facility.attributes)
        if reach_km is None or facility.facility_id in paired:
            continue
        area = _search_area(facility, reach_km)
        if facility.area_of_interest.covers(area.area_of_interest):
            covered.append(facility.facility_id)
        else:
            areas.append(area)
    return tuple(areas), tuple(covered)


def _camps(facilities: Sequence[Facility]) -> list[Facility]:
    parks = (FacilityKind.FACTORY_PARK, FacilityKind.FACTORY_PARK_SEARCH_AREA)
    return [place for place in facilities if not place.retired and place.kind not in parks]


def _reach_km(facts: Mapping[str, Fact]) -> float | None:
    distance_km = facts.get("distance_industrial_park_km")
    if distance_km is not None:
        return float(distance_km)
    return ADJACENT_KM if float(facts.get("factories_adjacent", 0)) > 0 else None


def _search_area(facility: Facility, reach_km: float) -> Facility:
    crs = facility.utm_crs
    # A disc of no radius is no polygon: a park that begins at the camp's wall is searched from 100 m out.
    radius_m = max(reach_km * 1000.0, 100.0)
    disc = to_crs(facility.point, WGS84, crs).buffer(radius_m, quad_segs=16)
    known = "distance_industrial_park_km" in facility.attributes
    return Facility(
        facility_id=f"search-{facility.facility_id}",
        name=f"Factory park search area of {facility.name}",
        kind=FacilityKind.FACTORY_PARK_SEARCH_AREA,
        geometry=canonical(to_wgs84(disc, crs)),
        buffer_m=SEARCH_MARGIN_M,
        prefecture=facility.prefecture,
        county=facility.county,
        attributes={
            "near_facilities": facility.facility_id,
            "search_radius_km": reach_km,
            "search_reason": "distance to the industrial park" if known else "adjacent factories",
        },
        sources=facility.sources,
    )


def _park_facility(park: Park, near: Sequence[tuple[float, str]], facilities: Mapping[str, Facility]) -> Facility:
    distance_m, nearest = near[0]
    owner = facilities[nearest]
    kind, _, number = park.osm_id.partition("/")
    return Facility(
        facility_id=f"park-{kind[0]}{number}",
        name=park.name or f"Factory park near {owner.name}",
        kind=FacilityKind.FACTORY_PARK,
        geometry=park.geometry,
        buffer_m=PARK_BUFFER_M,
        prefecture=owner.prefecture,
        county=owner.county,
        attributes={
            "near_facilities": "; ".join(key for _, key in near),
            "nearest_facility_distance_m": int(distance_m),
            "osm_id": park.osm_id,
            "osm_tag": park.tag,
        },
        sources=(OSM_SOURCE,),
    )


def _park(row: Mapping[str, object], wkb: bytes | None) -> Park | None:
    if wkb is None:
        return None
    geometry: BaseGeometry | None = canonical(shapely.from_wkb(wkb))
    if geometry is not None and not geometry.is_valid:
        geometry = repaired(geometry)
    if geometry is None or geometry.is_empty:
        return None
    tags = (("landuse", "industrial"), ("man_made", "works"))
    tag = next((f"{key}={wanted}" for key, wanted in tags if row[key] == wanted), f"building={row['building']}")
    way = row["osm_way_id"]
    osm_id = f"way/{way}" if way else f"relation/{row['osm_id']}"
    return Park(osm_id, str(row["name"] or ""), tag, canonical(geometry))


def _outermost(parks: Sequence[Park]) -> list[Park]:
    tree = STRtree([park.geometry for park in parks])
    inner = set()
    for index, park in enumerate(parks):
        for other in tree.query(park.geometry, predicate="within"):
            bigger = parks[other].geometry.area, parks[other].osm_id
            if other != index and bigger > (park.geometry.area, park.osm_id):
                inner.add(index)
    return sorted((park for index, park in enumerate(parks) if index not in inner), key=lambda park: park.osm_id)
