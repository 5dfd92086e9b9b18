"""Is this geometry a place? Every way in which it often isn't, with the remedy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import shapely
from shapely import is_valid_reason
from shapely.geometry.base import BaseGeometry

from aoi.importers.table import GEOMETRY, RowError
from geo.grid import WGS84, to_crs, utm_zone

DECIMALS = 7
"""About a centimetre; every geometry is kept to it, so that all formats give the same one back."""
MAX_AREA_M2 = 100e6
"""The largest known camp takes 2 km²; more than 100 km² is a county or a slip of the hand."""
NULL_ISLAND_DEG = 0.01

Bbox = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """Where the places of a file lie, as its user declares.

    Attributes:
        name: For messages.
        bbox: (min_x, min_y, max_x, max_y) in EPSG:4326, degrees.
    """

    name: str
    bbox: Bbox

    def holds(self, bounds: Bbox) -> bool:
        """Whether a bbox lies inside."""
        return (
            self.bbox[0] <= bounds[0]
            and self.bbox[1] <= bounds[1]
            and bounds[2] <= self.bbox[2]
            and bounds[3] <= self.bbox[3]
        )


XINJIANG = Region("Xinjiang", (73.4, 34.3, 96.4, 49.2))
WORLD = Region("the world", (-180.0, -80.0, 180.0, 84.0))


def canonical(geometry: BaseGeometry) -> BaseGeometry:
    """The one form in which a geometry is kept: 7 decimals, rings in a fixed order, no multi-geometry of one part."""
    parts = shapely.get_parts(geometry)
    if geometry.geom_type in ("MultiPoint", "MultiPolygon") and len(parts) == 1:
        geometry = parts[0]
    return shapely.transform(geometry, lambda positions: positions.round(DECIMALS)).normalize()


def check_position(geometry: BaseGeometry, region: Region) -> None:
    """Raises where a point or outline can't be where it says.

    Args:
        geometry: In EPSG:4326, longitude first.
        region: Where it should be.

    Raises:
        RowError: Not a point or polygon, null island, antimeridian, swapped, outside the region.
    """
    if geometry.is_empty or geometry.geom_type not in ("Point", "Polygon", "MultiPolygon"):
        what = "an empty geometry" if geometry.is_empty else f"a {geometry.geom_type}"
        raise RowError(f"{what}: give a point or a polygon", GEOMETRY)
    bounds: Bbox = geometry.bounds
    if not all(math.isfinite(edge) for edge in bounds):
        raise RowError("coordinates that aren't numbers, or can't be turned into degrees: check them", GEOMETRY)
    if max(abs(edge) for edge in bounds) < NULL_ISLAND_DEG:
        raise RowError("lies at 0°, 0°, where missing coordinates end up: give the position", GEOMETRY)
    if bounds[2] - bounds[0] > 180.0:
        raise RowError("reaches across the antimeridian: cut it there and give two places", GEOMETRY)
    _check_region(bounds, region)


def check_outline(geometry: BaseGeometry, limit_m2: float = MAX_AREA_M2) -> None:
    """Raises where an outline crosses itself or takes in too much.

    Args:
        geometry: Point or polygon in EPSG:4326, longitude first, inside UTM.
        limit_m2: Largest area, m².

    Raises:
        RowError: The outline isn't usable.
    """
    if not geometry.is_valid:
        reason = is_valid_reason(geometry)
        raise RowError(f"the outline crosses itself ({reason}): draw it again, or give --repair", GEOMETRY)
    if (area_m2 := area_of(geometry)) > limit_m2:
        raise RowError(
            f"covers {area_m2 / 1e6:.0f} km², more than {limit_m2 / 1e6:.0f} km²: give the compound, not its county",
            GEOMETRY,
        )


def repaired(geometry: BaseGeometry) -> BaseGeometry | None:
    """The polygonal ground that a self-crossing outline encloses, or None where nothing is left of it."""
    valid = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    return valid if valid.geom_type in ("Polygon", "MultiPolygon") and not valid.is_empty else None


def area_of(geometry: BaseGeometry) -> float:
    """Area in the UTM zone of the centroid, m²."""
    if geometry.area == 0.0:
        return 0.0
    centre = geometry.centroid
    return float(to_crs(geometry, WGS84, utm_zone(centre.x, centre.y)).area)


def _check_region(bounds: Bbox, region: Region) -> None:
    if region.holds(bounds):
        return
    x, y = (bounds[0] + bounds[2]) / 2.0, (bounds[1] + bounds[3]) / 2.0
    place = f"longitude {x:.4f}, latitude {y:.4f}"
    if region.holds((bounds[1], bounds[0], bounds[3], bounds[2])):
        raise RowError(f"{place}: latitude and longitude look swapped; exchange them", GEOMETRY)
    raise RowError(f"{place} lies outside {region.name}: correct it, or declare another --region", GEOMETRY)
