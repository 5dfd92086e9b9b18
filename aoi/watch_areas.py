"""What is fetched as one, so that no pixel is bought twice where areas of interest overlap."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from affine import Affine
from mgrs import MGRS
from shapely import box, union_all
from shapely.geometry.base import BaseGeometry

from aoi.facility import Facility
from geo.grid import Grid, to_crs, to_wgs84

GAP_M = 500.0
"""Areas this close are fetched as one where joining adds little ground."""
ADDED_SHARE = 0.1
"""How much ground joining two that don't overlap may add: about what one request more costs."""
SQUARE_M = 100_000.0
TILE_M = 109_760.0
"""Sentinel-2 tiles stand on the 100 km squares of MGRS and reach 9.8 km over their eastern and southern edges, less
up to 40 m by which their corners are moved onto the pixel grid (Sentinel-2 Products Specification Document)."""
_EQUAL_AREA = "EPSG:6933"

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class WatchArea:
    """Ground that is fetched as one rectangle.

    Attributes:
        crs: UTM zone.
        tiles: The Sentinel-2 tile that holds all of it, such as `45TXJ`; several where it is too large for one.
        bounds: (min_x, min_y, max_x, max_y), metres.
        facility_ids: Whose areas of interest lie in it.
        gsd_m: Pixel size of its grid, metres; every member's own grid is a window of that.
    """

    crs: str
    tiles: tuple[str, ...]
    bounds: Bounds
    facility_ids: tuple[str, ...]
    gsd_m: float = 10.0

    @property
    def grid(self) -> Grid:
        """Its pixels."""
        min_x, min_y, max_x, max_y = self.bounds
        shape = (round((max_y - min_y) / self.gsd_m), round((max_x - min_x) / self.gsd_m))
        return Grid(self.crs, Affine(self.gsd_m, 0.0, min_x, 0.0, -self.gsd_m, max_y), shape, self.gsd_m)

    @property
    def area_m2(self) -> float:
        """Ground covered, m²."""
        min_x, min_y, max_x, max_y = self.bounds
        return (max_x - min_x) * (max_y - min_y)

    @property
    def geometry(self) -> BaseGeometry:
        """The rectangle in EPSG:4326."""
        return to_wgs84(box(*self.bounds), self.crs)


@dataclass(frozen=True, slots=True)
class Saving:
    """What watch areas save; areas in m².

    Attributes:
        places: Places watched.
        areas: Watch areas.
        watched_m2: Ground watched, each pixel once.
        apart_m2: Ground bought where every place is fetched by itself.
        together_m2: Ground bought with watch areas.
        still_twice_m2: Part of it that is in two watch areas still, across the edge of a zone or tile.
    """

    places: int
    areas: int
    watched_m2: float
    apart_m2: float
    together_m2: float
    still_twice_m2: float

    @property
    def saved_m2(self) -> float:
        """Ground that needn't be bought."""
        return self.apart_m2 - self.together_m2


@dataclass(frozen=True, slots=True, order=True)
class _Group:
    bounds: Bounds
    members: tuple[str, ...]


def watch_areas(facilities: Sequence[Facility], gap_m: float = GAP_M, gsd_m: float = 10.0) -> tuple[WatchArea, ...]:
    """Join areas of interest that overlap or nearly do, per UTM zone and Sentinel-2 tile.

    Rectangles are joined until none in a zone overlaps another, so that each pixel is bought once; a joined rectangle
    that would leave its tile isn't made.

    Args:
        facilities: Active places.
        gap_m: Largest gap that is bridged, metres.
        gsd_m: Pixel size, metres.
    """
    zones: dict[str, list[_Group]] = defaultdict(list)
    for place in facilities:
        grid = place.grid(gsd_m)
        zones[grid.crs].append(_Group(grid.bounds, (place.facility_id,)))
    return tuple(
        WatchArea(crs, _tiles(crs, group.bounds), group.bounds, group.members, gsd_m)
        for crs, groups in sorted(zones.items())
        for group in _joined(groups, gap_m)
    )


def saving(facilities: Sequence[Facility], areas: Sequence[WatchArea]) -> Saving:
    """How much ground is bought with and without watch areas."""
    grids = [place.grid() for place in facilities]
    watched = union_all([to_crs(grid.extent, grid.crs, _EQUAL_AREA) for grid in grids])
    bought = [to_crs(box(*area.bounds), area.crs, _EQUAL_AREA) for area in areas]
    return Saving(
        places=len(facilities),
        areas=len(areas),
        watched_m2=watched.area,
        apart_m2=sum(grid.extent.area for grid in grids),
        together_m2=sum(area.area_m2 for area in areas),
        still_twice_m2=sum(rectangle.area for rectangle in bought) - union_all(bought).area,
    )


def _joined(groups: Iterable[_Group], gap_m: float) -> list[_Group]:
    waiting, apart = sorted(groups, reverse=True), list[_Group]()
    while waiting:
        group = waiting.pop()
        partner = next((other for other in apart if _joins(group.bounds, other.bounds, gap_m)), None)
        if partner is None:
            apart.append(group)
        else:
            apart.remove(partner)
            members = tuple(sorted(group.members + partner.members))
            waiting.append(_Group(_around(group.bounds, partner.bounds), members))
    return sorted(apart)


def _joins(a: Bounds, b: Bounds, gap_m: float) -> bool:
    gaps = max(a[0] - b[2], b[0] - a[2]), max(a[1] - b[3], b[1] - a[3])
    both = _around(a, b)
    if max(gaps) > gap_m or not _fits_tile(both):
        return False
    return max(gaps) < 0.0 or _area(both) <= (1.0 + ADDED_SHARE) * (_area(a) + _area(b))


def _around(a: Bounds, b: Bounds) -> Bounds:
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def _area(bounds: Bounds) -> float:
    return (bounds[2] - bounds[0]) * (bounds[3] - bounds[1])


def _square(bounds: Bounds) -> tuple[float, float]:
    """Left and upper edge of the 100 km square that holds the upper-left corner."""
    return math.floor(bounds[0] / SQUARE_M) * SQUARE_M, math.ceil(bounds[3] / SQUARE_M) * SQUARE_M


def _fits_tile(bounds: Bounds) -> bool:
    left, upper = _square(bounds)
    return bounds[2] <= left + TILE_M and bounds[1] >= upper - TILE_M


def _tiles(crs: str, bounds: Bounds) -> tuple[str, ...]:
    left, upper = _square(bounds)
    if _fits_tile(bounds):
        return (_tile(crs, left, upper),)
    squares = ((x, y) for y in _steps(bounds[1], upper) for x in _steps(left, bounds[2], from_left=True))
    return tuple(sorted(_tile(crs, x, y) for x, y in squares))


def _steps(start: float, end: float, from_left: bool = False) -> Iterator[float]:
    """Left edges (or upper edges) of the squares between two coordinates."""
    first, last = math.floor(start / SQUARE_M), math.ceil(end / SQUARE_M)
    return ((step + (0 if from_left else 1)) * SQUARE_M for step in range(first, last))


def _tile(crs: str, left: float, upper: float) -> str:
    zone = int(crs[-2:])
    hemisphere = "N" if crs.startswith("EPSG:326") else "S"
    return str(MGRS().UTMToMGRS(zone, hemisphere, left + SQUARE_M / 2, upper - SQUARE_M / 2, 0))
