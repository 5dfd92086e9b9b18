"""The permanent pixel grid of an area of interest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from affine import Affine
from pyproj import Transformer
from shapely import box, transform
from shapely.geometry.base import BaseGeometry

from geo.errors import InputError

WGS84 = "EPSG:4326"
_PIXEL_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Grid:
    """A north-up pixel grid in a UTM zone.

    Attributes:
        crs: UTM zone as `EPSG:326xx` or `EPSG:327xx`, metres.
        transform: Pixel (column, row) to (easting, northing) of the pixel's upper-left corner, metres.
        shape: (rows, columns).
        gsd_m: Pixel size, metres.
    """

    crs: str
    transform: Affine
    shape: tuple[int, int]
    gsd_m: float

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(min_x, min_y, max_x, max_y) in the grid's CRS, metres."""
        rows, columns = self.shape
        min_x, max_y = self.transform.c, self.transform.f
        return (min_x, max_y - rows * self.gsd_m, min_x + columns * self.gsd_m, max_y)

    @property
    def extent(self) -> BaseGeometry:
        """The covered rectangle in the grid's CRS."""
        return box(*self.bounds)

    def offset(self, part: Grid) -> tuple[int, int] | None:
        """(row, column) of the upper-left pixel of another grid in this one; None where it isn't a window of it."""
        if (part.crs, part.gsd_m) != (self.crs, self.gsd_m):
            return None
        column, row = ~self.transform @ (part.transform.c, part.transform.f)
        top, left = round(row), round(column)
        apart = max(abs(row - top), abs(column - left)) > _PIXEL_TOLERANCE
        outside = min(top, left) < 0 or top + part.shape[0] > self.shape[0] or left + part.shape[1] > self.shape[1]
        return None if apart or outside else (top, left)

    @cached_property
    def scene_footprint_wgs84(self) -> BaseGeometry:
        """The covered rectangle in EPSG:4326, longitude first, densified so that curved edges stay inside 1 m."""
        dense = self.extent.segmentize(max(self.gsd_m, 500.0))
        return to_wgs84(dense, self.crs)


def utm_zone(longitude_deg: float, latitude_deg: float) -> str:
    """EPSG code of the UTM zone that holds a position (EPSG:4326, degrees).

    >>> utm_zone(88.29, 43.38)
    'EPSG:32645'
    """
    if not (-180.0 <= longitude_deg <= 180.0 and -80.0 <= latitude_deg <= 84.0):
        raise InputError(
            f"position ({longitude_deg}, {latitude_deg}) lies outside UTM: give longitude then latitude, in degrees"
        )
    # Six degrees each, as EPSG defines 32601 to 32760; pyproj's own search of its database takes 40 ms.
    zone = min(int((longitude_deg + 180.0) // 6.0) + 1, 60)
    return f"EPSG:{(32600 if latitude_deg >= 0.0 else 32700) + zone}"


def grid_for(area: BaseGeometry, gsd_m: float = 10.0, crs: str | None = None) -> Grid:
    """The grid that covers an area, snapped outward to whole multiples of the pixel size.

    Sentinel-2 tiles have their corners on multiples of 10 m (Sentinel-2 Products Specification Document,
    tiling grid), so snapping to those lets its 10 m bands be read without resampling.

    Args:
        area: Polygon in EPSG:4326, longitude first.
        gsd_m: Pixel size in metres.
        crs: UTM zone; without it the one that holds the area's centroid.

    Raises:
        InputError: The area is empty, or the pixel size isn't positive.
    """
    if area.is_empty:
        raise InputError("an empty area has no grid: give a polygon")
    if not (math.isfinite(gsd_m) and gsd_m > 0):
        raise InputError(f"pixel size {gsd_m} m isn't usable: give a positive number of metres")
    if crs is None:
        centre = area.centroid
        crs = utm_zone(centre.x, centre.y)
    min_x, min_y, max_x, max_y = to_crs(area, WGS84, crs).bounds
    left, bottom = (math.floor(value / gsd_m + 1e-6) for value in (min_x, min_y))
    right, top = (math.ceil(value / gsd_m - 1e-6) for value in (max_x, max_y))
    transform_ = Affine(gsd_m, 0.0, left * gsd_m, 0.0, -gsd_m, top * gsd_m)
    return Grid(crs, transform_, (max(top - bottom, 1), max(right - left, 1)), gsd_m)


def to_crs(geometry: BaseGeometry, source_crs: str, target_crs: str) -> BaseGeometry:
    """A geometry in another CRS; coordinates are always x (longitude, easting) first."""
    transformer = _transformer(source_crs, target_crs)

    def project(points: np.ndarray) -> np.ndarray:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    return transform(geometry, project)


@cache
def _transformer(source_crs: str, target_crs: str) -> Transformer:
    """Made once: making one takes far longer than using it, and pyproj gives each thread its own context."""
    return Transformer.from_crs(source_crs, target_crs, always_xy=True)


def to_wgs84(geometry: BaseGeometry, source_crs: str) -> BaseGeometry:
    """A geometry in EPSG:4326, longitude first."""
    return to_crs(geometry, source_crs, WGS84)
