"""Rings as shapes: tidied, drawn, compared and built on one another. All in pixel coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from detectors.perimeter_parameters import RingParameters
from geo.scene import BoolArray

_PIXEL_CENTRES = Affine(1.0, 0.0, -0.5, 0.0, 1.0, -0.5)


@lru_cache(maxsize=1 << 14)
def shared_area(one: Polygon, other: Polygon) -> float:
    """Area of the ground that two rings share; the same pairs are asked about after every scene."""
    return float(one.intersection(other).area)


def outline_mask(rings: list[Polygon], shape: tuple[int, ...]) -> BoolArray:
    """Pixels on the outlines of rings, bool (y, x)."""
    if not rings:
        return np.zeros(shape, bool)
    outlines = [ring.exterior for ring in rings]
    drawn = rasterize(outlines, out_shape=shape, transform=_PIXEL_CENTRES, dtype="uint8", all_touched=True)
    return np.asarray(drawn).astype(bool)


@lru_cache(maxsize=64)  # the rings that stand are drawn again for every search
def ring_mask(ring: Polygon, shape: tuple[int, ...]) -> BoolArray:
    """Pixels inside a ring, bool (y, x), read-only."""
    mask = np.asarray(rasterize([ring], out_shape=shape, transform=_PIXEL_CENTRES, dtype="uint8")).astype(bool)
    mask.flags.writeable = False
    return mask


def beyond(ring: Polygon, older: Polygon, gsd_m: float, parameters: RingParameters) -> Polygon:
    """A standing ring with the ground that a larger one takes beside it: an extension keeps the sides it builds on."""
    reach = parameters.shortest_side_m / gsd_m / 2.0
    fresh = _offset(ring.difference(older), -reach, 1.01 * reach)
    return tidy(max(shapely.get_parts(older.union(fresh)), key=lambda part: part.area), gsd_m, parameters)


def window_of(rings: Sequence[Polygon], shape: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of an image that hold some rings and the pixels beside them."""
    min_x, min_y, max_x, max_y = shapely.total_bounds(rings)
    rows, columns = shape
    return (
        slice(max(0, math.floor(min_y) - 2), min(rows, math.ceil(max_y) + 3)),
        slice(max(0, math.floor(min_x) - 2), min(columns, math.ceil(max_x) + 3)),
    )


def adjoins(ring: Polygon, older: Polygon, tolerance_px: float) -> bool:
    """Whether a good part of a ring's outline runs along another's: what is fenced in beside it extends it."""
    shared = ring.exterior.intersection(older.exterior.buffer(tolerance_px)).length
    return bool(shared > 0.2 * ring.exterior.length)


def joined(ring: Polygon, older: Polygon, tolerance_px: float, gsd_m: float, parameters: RingParameters) -> Polygon:
    """A ring and one that adjoins it as one, without the strip between them."""
    whole = _offset(older.union(ring), tolerance_px, -tolerance_px)
    return tidy(max(shapely.get_parts(whole), key=lambda part: part.area), gsd_m, parameters)


def tidy(ring: Polygon, gsd_m: float, parameters: RingParameters) -> Polygon:
    """A ring without necks, notches and corners smaller than the shortest side; straight sides are kept."""
    reach = parameters.shortest_side_m / gsd_m / 2.0
    closed = _offset(ring, -reach, reach, reach, -reach)
    part = max(shapely.get_parts(closed), key=lambda piece: piece.area, default=ring)
    if part.is_empty or part.geom_type != "Polygon":
        part = ring
    simple = shapely.get_coordinates(part.exterior.simplify(0.8))
    return merged_sides(Polygon(simple), shortest_px=reach)


def _offset(shape: BaseGeometry, *distances: float) -> BaseGeometry:
    """A shape grown or shrunk by some distances in turn, its corners kept."""
    # Sides that run on straight have no mitre; GEOS divides by zero there and then leaves the corner as it is.
    with np.errstate(divide="ignore", invalid="ignore"):
        for distance in distances:
            shape = shape.buffer(distance, join_style="mitre")
    # Where sides are nearly in line, GEOS's mitres may cross; what is made of such a shape fails, or is wrong.
    return shape if shape.is_valid else shapely.make_valid(shape, method="structure")


def merged_sides(ring: Polygon, shortest_px: float) -> Polygon:
    """A ring whose shortest sides have been replaced by the meeting of their neighbours, where that is near."""
    points = np.asarray(ring.exterior.coords)[:-1]
    while len(points) > 4:
        lengths = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
        index = int(lengths.argmin())
        if lengths[index] >= shortest_px:
            break
        rolled = np.roll(points, -index, axis=0)  # the short side runs from 0 to 1
        corner = _meeting(rolled[-1], rolled[0], rolled[1], rolled[2 % len(rolled)])
        middle = (rolled[0] + rolled[1]) / 2.0
        if corner is None or np.hypot(*(corner - middle)) > 2.0 * shortest_px:
            corner = middle
        points = np.vstack([corner, rolled[2:]])
    merged = Polygon(points)
    return merged if merged.is_valid and merged.area > 0 else ring


def steps(ring: Polygon) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Start and end of every side, float64 (side, 2), in pixel coordinates."""
    points = np.asarray(ring.exterior.coords, np.float64)[:, :2]
    return points[:-1], points[1:]


def _meeting(
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
    c: npt.NDArray[np.float64],
    d: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64] | None:
    """Where the lines a-b and c-d meet; None where they are nearly parallel."""
    u, v = b - a, d - c
    cross = u[0] * v[1] - u[1] * v[0]
    if abs(cross) < 0.2 * np.hypot(*u) * np.hypot(*v):
        return None
    w = c - a
    return np.asarray(a + u * ((w[0] * v[1] - w[1] * v[0]) / cross))
