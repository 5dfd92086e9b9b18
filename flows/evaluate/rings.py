"""Simulated perimeters drawn into real scenes: a wall, its shadow, its patrol track and a cleared strip."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely
import shapely.affinity
import shapely.ops
from affine import Affine
from rasterio.features import rasterize
from scipy import ndimage
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from detectors.evaluation.simulation import POINT_SPREAD_PX
from geo.grid import Grid
from geo.scene import FloatArray, ImageStack, Scene

_FINE_PX = 5  # drawn at a fifth of a pixel, so that a wall of one metre covers its share of a 10 m pixel
_APART_PX = 0.15  # by how much scenes laid on each other still lie apart, each way
_SHADE = 0.6  # share of the light that a shadow takes
_OVERPASS_H = 10.75  # local solar time of Sentinel-2's descending node is about 10:30; Xinjiang's passes lie near it


@dataclass(frozen=True, slots=True)
class SimulatedWall:
    """A wall and what comes with it.

    Attributes:
        ring: Centre line of the wall in the grid's CRS.
        width_m: Thickness of the wall.
        height_m: Height, which casts the shadow; 0 for none.
        wall_contrast: Reflectance of the wall's top less that of the ground.
        track_m: Width of the patrol track outside; 0 for none.
        track_contrast: Reflectance of the track less that of the ground.
        cleared_m: Width of the cleared strip on either side; 0 for none.
        cleared_contrast: Reflectance of the strip less that of the ground.
        gate_m: Opening in the wall and its track.
        missing: Share of the ring that is left out, from the first corner on.
        uneven: By how much each side shows more or less than the wall as a whole, in turn; none for all alike.
    """

    ring: Polygon
    width_m: float = 1.0
    height_m: float = 5.0
    wall_contrast: float = 0.05
    track_m: float = 6.0
    track_contrast: float = 0.05
    cleared_m: float = 0.0
    cleared_contrast: float = 0.02
    gate_m: float = 10.0
    missing: float = 0.0
    uneven: tuple[float, ...] = ()

    @property
    def line(self) -> BaseGeometry:
        """The wall that stands: the ring without its gate and its missing share."""
        outline = LineString(self.ring.exterior.coords)
        start = min(self.gate_m + self.missing * outline.length, outline.length - 1.0)
        return shapely.ops.substring(outline, start, outline.length)


def with_wall(
    stack: ImageStack,
    wall: SimulatedWall,
    since: int,
    until: int | None = None,
    random: np.random.Generator | None = None,
) -> ImageStack:
    """A stack into which a wall has been drawn, from one scene on and up to before another.

    Args:
        stack: Real scenes.
        wall: What is drawn.
        since: First scene that shows it.
        until: First scene that doesn't show it any more; None where it stays.
        random: Moves it a little from scene to scene, as scenes that were laid on each other still lie apart; None for
            not at all.
    """
    reflectance = stack.reflectance.copy()
    stands = _stands(wall, stack.grid)
    for index in range(since, until if until is not None else len(stack)):
        shade = _shade(wall, stack.grid, stack.scenes[index])
        moved = random.normal(0.0, _APART_PX, 2) if random is not None else np.zeros(2)
        change, dark = (ndimage.shift(layer, moved, order=1, mode="nearest") for layer in (stands, shade))
        reflectance[index] = (reflectance[index] + change) * (1.0 - _SHADE * dark)
    return replace(stack, reflectance=reflectance)


def with_roofs(stack: ImageStack, roofs: Sequence[Polygon], contrast: float, since: int) -> ImageStack:
    """A stack into which roofs have been drawn, from one scene on; they are as much brighter as the ground as told."""
    if not roofs:
        return stack
    reflectance = stack.reflectance.copy()
    reflectance[since:] += contrast * coverage(shapely.union_all(list(roofs)), stack.grid)
    return replace(stack, reflectance=reflectance)


def pixel_contrast(wall: SimulatedWall, gsd_m: float) -> float:
    """Reflectance contrast of wall and track together in a pixel that holds both, without the shadow."""
    share = wall.width_m * wall.wall_contrast + wall.track_m * wall.track_contrast
    return share / max(gsd_m, wall.width_m + wall.track_m) + (wall.cleared_contrast if wall.cleared_m else 0.0)


def _stands(wall: SimulatedWall, grid: Grid) -> FloatArray:
    """Change of reflectance by wall, track and strip, float32 (y, x)."""
    line = wall.line
    change = wall.wall_contrast * coverage(line.buffer(wall.width_m / 2.0, cap_style="flat"), grid)
    if wall.track_m:
        outside = Polygon(wall.ring.buffer(3.0 + wall.track_m / 2.0, join_style="mitre").exterior).exterior
        near = outside.intersection(line.buffer(12.0 + wall.track_m))
        change = change + wall.track_contrast * coverage(near.buffer(wall.track_m / 2.0, cap_style="flat"), grid)
    if wall.cleared_m:
        change = change + wall.cleared_contrast * coverage(line.buffer(wall.cleared_m, cap_style="flat"), grid)
    if wall.uneven:
        rows, columns = np.nonzero(change)
        change[rows, columns] *= _unevenness(wall, grid, rows, columns)
    return np.asarray(change, np.float32)


def _unevenness(
    wall: SimulatedWall, grid: Grid, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """By how much the side that is nearest to each pixel shows more or less, float64 (pixel,)."""
    corners = np.asarray(wall.ring.exterior.coords)
    sides = np.asarray(shapely.linestrings(np.stack([corners[:-1], corners[1:]], axis=1)))
    centres = np.column_stack(grid.transform @ tuple(np.stack([columns, rows]) + 0.5))
    nearest = shapely.distance(sides[:, None], shapely.points(centres)).argmin(axis=0)
    return np.asarray(np.resize(wall.uneven, len(sides))[nearest], np.float64)


def _shade(wall: SimulatedWall, grid: Grid, scene: Scene) -> FloatArray:
    """Share of each pixel in the wall's shadow, float32 (y, x)."""
    if not wall.height_m:
        return np.zeros(grid.shape, np.float32)
    elevation, azimuth = sun(scene, grid)
    reach = wall.height_m / math.tan(math.radians(max(elevation, 10.0)))
    away = (-reach * math.sin(math.radians(azimuth)), -reach * math.cos(math.radians(azimuth)))
    swept = [
        shapely.MultiPoint([*part, *((x + away[0], y + away[1]) for x, y in part)]).convex_hull
        for piece in shapely.get_parts(wall.line)
        for part in itertools.pairwise(piece.coords)
    ]
    return coverage(shapely.union_all(swept), grid)


def coverage(shape: BaseGeometry, grid: Grid) -> FloatArray:
    """Share of each pixel that a shape covers as the sensor sees it, float32 (y, x)."""
    rows, columns = grid.shape
    if shape.is_empty:
        return np.zeros(grid.shape, np.float32)
    fine = grid.transform @ Affine.scale(1.0 / _FINE_PX)
    drawn = rasterize([shape], out_shape=(rows * _FINE_PX, columns * _FINE_PX), transform=fine, dtype="uint8")
    share = drawn.reshape(rows, _FINE_PX, columns, _FINE_PX).mean(axis=(1, 3), dtype=np.float32)
    return np.asarray(ndimage.gaussian_filter(share, POINT_SPREAD_PX), np.float32)


def sun(scene: Scene, grid: Grid) -> tuple[float, float]:
    """Elevation and azimuth of the sun, degrees: the scene's own, else by its date at the usual time of day.

    Cooper's declination (1969, Solar Energy 12(3)) and the spherical triangle; good to about a degree.
    """
    if scene.sun_elevation_deg is not None and scene.sun_azimuth_deg is not None:
        return scene.sun_elevation_deg, scene.sun_azimuth_deg
    latitude = math.radians(grid.scene_footprint_wgs84.centroid.y)
    day = scene.acquired_at.timetuple().tm_yday
    declination = math.radians(23.45 * math.sin(2.0 * math.pi * (284 + day) / 365.0))
    hour = math.radians(15.0 * (_OVERPASS_H - 12.0))
    up = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(hour)
    east = -math.cos(declination) * math.sin(hour)
    north = math.cos(latitude) * math.sin(declination) - math.sin(latitude) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.asin(up)), math.degrees(math.atan2(east, north)) % 360.0


def random_ring(random: np.random.Generator, centre: tuple[float, float], area_ha: float, corners: int) -> Polygon:
    """A rectangle turned at random; beyond four corners it is a rectangle with corners cut off or set back.

    Args:
        random: Where chance comes from.
        centre: Easting and northing, metres.
        area_ha: Enclosed area, hectares.
        corners: 4 to 7.
    """
    aspect = random.uniform(1.0, 2.5)
    height = math.sqrt(area_ha * 1e4 / aspect)
    width = height * aspect
    points = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    cut = random.uniform(0.25, 0.4)
    if corners in (5, 7):
        points = [(cut * width, 0.0), (width, 0.0), (width, height), (0.0, height), (0.0, cut * height)]
    if corners in (6, 7):
        end = points.index((width, height))
        notch = [(width, (1 - cut) * height), ((1 - cut) * width, (1 - cut) * height), ((1 - cut) * width, height)]
        points = [*points[:end], *notch, *points[end + 1 :]]
    ring = Polygon(points)
    ring = shapely.affinity.scale(ring, *(math.sqrt(area_ha * 1e4 / ring.area),) * 2)
    ring = shapely.affinity.rotate(ring, random.uniform(0.0, 180.0))
    middle: npt.NDArray[np.float64] = np.array(ring.centroid.coords[0])
    return shapely.affinity.translate(ring, centre[0] - middle[0], centre[1] - middle[1])
