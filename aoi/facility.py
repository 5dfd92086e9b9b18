"""A place that is watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shapely import Point
from shapely.geometry.base import BaseGeometry

from geo.grid import WGS84, Grid, grid_for, to_crs, to_wgs84, utm_zone

Fact = str | int | float


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
    attributes: Mapping[str, Fact] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    retired: bool = False

    @property
    def point(self) -> Point:
        """The place as one position in EPSG:4326: where its source puts it, else the centroid of its geometry."""
        longitude = self.attributes.get("reported_longitude_deg")
        latitude = self.attributes.get("reported_latitude_deg")
        if isinstance(longitude, (int, float)) and isinstance(latitude, (int, float)):
            return Point(longitude, latitude)
        return self.geometry.centroid

    @property
    def utm_crs(self) -> str:
        """UTM zone that holds the centroid of the geometry, as an EPSG code."""
        centre = self.geometry.centroid
        return utm_zone(centre.x, centre.y)

    @property
    def area_of_interest(self) -> BaseGeometry:
        """What is watched, a polygon in EPSG:4326: the outline grown by `buffer_m`, or a square around a point.

        A point becomes a north-up square of the place's UTM zone with sides of twice `buffer_m`; an outline keeps
        its corners (mitred), so that ground beside a corner is watched as far out as ground beside a wall.
        """
        projected = to_crs(self.geometry, WGS84, self.utm_crs)
        grown = projected.buffer(self.buffer_m, cap_style="square", join_style="mitre", mitre_limit=2.0)
        return to_wgs84(grown, self.utm_crs)

    def grid(self, gsd_m: float = 10.0) -> Grid:
        """The permanent pixel grid: a function of geometry, buffer and pixel size only.

        Args:
            gsd_m: Pixel size, metres.

        Raises:
            InputError: The pixel size isn't positive.
        """
        return grid_for(self.area_of_interest, gsd_m, self.utm_crs)


def owner_of(geometry: BaseGeometry, candidates: Iterable[Facility]) -> Facility | None:
    """The facility that a change belongs to where areas of interest overlap.

    Only facilities whose area of interest holds more than half of the change can own it. Of these comes first
    one whose known perimeter holds most of the change, then the nearest outline, then the nearest position, then
    the lowest id, so the answer doesn't depend on the order of the candidates. A search area owns only what no
    known place does.

    Args:
        geometry: The change: polygon or line in EPSG:4326, longitude first.
        candidates: Facilities to choose from.

    Returns:
        The owner, or None where no area of interest holds most of the change.
    """
    eligible = [place for place in candidates if _share_inside(geometry, place.area_of_interest) > 0.5]
    return min(eligible, key=lambda place: _claim(geometry, place), default=None)


def _claim(change: BaseGeometry, place: Facility) -> tuple[bool, bool, float, float, str]:
    crs = place.utm_crs
    projected, outline = to_crs(change, WGS84, crs), to_crs(place.geometry, WGS84, crs)
    return (
        place.kind is FacilityKind.FACTORY_PARK_SEARCH_AREA,
        _share_inside(projected, outline) <= 0.5,
        round(projected.distance(outline), 1),
        round(projected.distance(to_crs(place.point, WGS84, crs)), 1),
        place.facility_id,
    )


def _share_inside(geometry: BaseGeometry, area: BaseGeometry) -> float:
    """Share of a polygon's area, a line's length or a point that lies inside an area, 0 to 1."""
    if area.area == 0.0:
        return 0.0
    inside = geometry.intersection(area)
    if geometry.area > 0.0:
        return float(inside.area / geometry.area)
    if geometry.length > 0.0:
        return float(inside.length / geometry.length)
    return float(area.covers(geometry))
