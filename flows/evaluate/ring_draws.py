"""What is drawn by chance for a trial: a wall of a wanted contrast, where it stands, and what happens to it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import shapely
import shapely.affinity
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from flows.evaluate.rings import SimulatedWall, pixel_contrast, random_ring, with_roofs, with_wall
from geo.scene import ImageStack

MATCH = 0.5  # intersection over union from which a found ring is the drawn one
_UNEVEN = (0.25, 1.25)  # shares of a wall's contrast that its sides have
_BRIGHTEST = 0.35  # reflectance by which walls, tracks and strips differ from the ground at most
_BEFORE, _AFTER = 3, 4  # scenes before the wall and after each event, at least
_WORKS_DAYS = 120  # between a wall and what extends it: sooner it is the same works
_MARGIN_M = 150.0  # to the edge of the area: rings nearer may go on beyond


class Story(StrEnum):
    """What happens to a wall once it stands."""

    STAYS = "stays"
    EXTENDED = "is extended"
    OPENED = "a third goes"
    REMOVED = "all goes"


@dataclass(frozen=True, slots=True)
class Draw:
    """A wall through time.

    Attributes:
        wall: What stands.
        roofs: Barracks within it, in the grid's CRS.
        roof_contrast: Reflectance of the roofs less that of the ground.
        since: First scene that shows the wall.
        built: First scene that shows the roofs.
        changed: First scene after the wall was extended, opened or removed; the number of scenes where it stays.
        story: What happens to it.
        grown: The ring once it is extended; None where it isn't.
        road: A road that goes on in line with a side of the wall, built with it; None where there is none.
        road_contrast: Reflectance of the road less that of the ground.
    """

    wall: SimulatedWall
    roofs: tuple[Polygon, ...]
    roof_contrast: float
    since: int
    built: int
    changed: int
    story: Story
    grown: Polygon | None = None
    road: Polygon | None = None
    road_contrast: float = 0.0

    @property
    def rings(self) -> tuple[Polygon, ...]:
        """Rings that stand at some time, in the grid's CRS."""
        return (self.wall.ring,) if self.grown is None else (self.wall.ring, self.grown)

    def shows(self, found: BaseGeometry, scene: int, *, extends: bool) -> bool:
        """Whether what was found by a scene as a ring, or as the extension of one, is what was drawn by then."""
        if extends:
            return self.grown is not None and scene >= self.changed and overlap(found, self.grown) >= MATCH
        rings = self.rings if scene >= self.changed else self.rings[:1]
        return max(overlap(found, ring) for ring in rings) >= MATCH

    def into(self, stack: ImageStack, random: np.random.Generator) -> ImageStack:
        """The stack with everything drawn in."""
        drawn = with_wall(stack, self.wall, self.since, self.changed, random)
        if self.story is Story.OPENED:
            drawn = with_wall(drawn, replace(self.wall, missing=1.0 / 3.0), self.changed, None, random)
        if self.grown is not None:
            drawn = with_wall(drawn, _along(self.wall, self.grown), self.changed, None, random)
        if self.road is not None:
            drawn = with_roofs(drawn, [self.road], self.road_contrast, self.since)
        return with_roofs(drawn, self.roofs, self.roof_contrast, self.built)


def overlap(one: BaseGeometry, other: BaseGeometry) -> float:
    """Intersection over union."""
    return float(one.intersection(other).area / one.union(other).area)


def draw(
    stack: ImageStack, contrast: float, taken: BaseGeometry, random: np.random.Generator, story: Story = Story.STAYS
) -> Draw | None:
    """A wall by chance: 0.5 to 6 m wide, 2 to 6 m high, four to seven corners, 1 to 60 ha where that fits.

    Its sides differ in contrast, and every other has a road in line with one of them, as real ones do.

    Args:
        stack: The area; what the wall is drawn into.
        contrast: Reflectance contrast of wall, track and strip together in a pixel, its size.
        taken: Where the wall mustn't stand, in the grid's CRS.
        random: Where chance comes from.
        story: What happens to it.

    Returns:
        None if there is no room for it, or the series is too short for the story.
    """
    times = len(stack)
    events = 1 if story is Story.STAYS else 2
    if times < _BEFORE + events * _AFTER:
        return None
    ring = _placed(stack, taken, random)
    if ring is None:
        return None
    since = int(random.integers(_BEFORE, times - events * _AFTER + 1))
    changed = times if story is Story.STAYS else int(random.integers(since + _AFTER, times - _AFTER + 1))
    grown = None
    if story is Story.EXTENDED:
        acquired = [scene.acquired_at for scene in stack.scenes]
        grown = _grown(ring, stack.grid.extent.buffer(-_MARGIN_M), taken.buffer(100.0), random)
        if grown is None or (acquired[changed] - acquired[since]).days < _WORKS_DAYS:
            return None
    roofs = tuple(barracks(ring, random)) if random.random() < 0.5 else ()
    roof_contrast = float(random.uniform(0.05, 0.2) * (1 if random.random() < 0.7 else -0.5))
    built = int(random.integers(since, times))
    wall = _wall(ring, contrast, stack.grid.gsd_m, random)
    width_m = float(random.uniform(4.0, 8.0))
    road = _road(ring, grown or ring, width_m, random) if random.random() < 0.5 else None
    road_contrast = float(random.uniform(0.5, 1.5)) * contrast * stack.grid.gsd_m / min(width_m, stack.grid.gsd_m)
    road_contrast = math.copysign(min(road_contrast, _BRIGHTEST), wall.track_contrast)
    return Draw(wall, roofs, roof_contrast, since, built, changed, story, grown, road, road_contrast)


def _along(wall: SimulatedWall, grown: Polygon) -> SimulatedWall:
    """A wall around more ground: sides that it had stay as they were, the others are as its sides in turn."""
    if not wall.uneven:
        return replace(wall, ring=grown)
    shares = dict(zip(itertools.pairwise(wall.ring.exterior.coords), wall.uneven, strict=True))
    sides = itertools.pairwise(grown.exterior.coords)
    had = [
        next((share for ends, share in shares.items() if _run_together(LineString(side), LineString(ends))), None)
        for side in sides
    ]
    others = itertools.cycle(wall.uneven)
    return replace(wall, ring=grown, uneven=tuple(next(others) if share is None else share for share in had))


def _run_together(side: LineString, older: LineString) -> bool:
    """Whether a side runs along an older one, or goes on from within it."""
    return bool(side.intersection(older.buffer(0.5)).length > 2.0)


def _grown(ring: Polygon, room: BaseGeometry, barred: BaseGeometry, random: np.random.Generator) -> Polygon | None:
    """A ring with ground added along one of its long sides, a third to twice its depth; None where there is no room."""
    corners = list(itertools.pairwise(ring.exterior.coords))
    for number in random.permutation(len(corners)):
        (x0, y0), (x1, y1) = corners[number]
        length = math.hypot(x1 - x0, y1 - y0)
        if length < 0.5 * math.sqrt(ring.area):  # what is as narrow as that is a road
            continue
        depth = float(random.uniform(0.33, 2.0)) * ring.area / length
        for right, down in ((y1 - y0, x0 - x1), (y0 - y1, x1 - x0)):
            away = (right / length * depth, down / length * depth)
            fresh = Polygon([(x0, y0), (x1, y1), (x1 + away[0], y1 + away[1]), (x0 + away[0], y0 + away[1])])
            whole = shapely.remove_repeated_points(ring.union(fresh).simplify(0.1))
            if not isinstance(whole, Polygon) or whole.interiors or fresh.intersection(ring).area > 1.0:
                continue
            if room.contains(whole) and not whole.intersects(barred):
                return whole
    return None


def _road(ring: Polygon, grown: Polygon, width_m: float, random: np.random.Generator) -> Polygon | None:
    """A road that goes on past a corner in line with a side, 100 to 600 m, off the ring that it will be.

    None where there is none: beyond a corner that is set back the ring itself goes on.
    """
    corners = list(itertools.pairwise(ring.exterior.coords))
    ends = [each for pair in corners for each in (pair, pair[::-1])]
    length = float(random.uniform(100.0, 600.0))
    for number in random.permutation(len(ends)):
        start, end = ends[number]
        further = length / math.dist(start, end)
        line = LineString([end, tuple(b + further * (b - a) for a, b in zip(start, end, strict=True))])
        if line.intersection(grown).length < 1.0:
            return line.buffer(width_m / 2.0, cap_style="flat")
    return None


def barracks(ring: Polygon, random: np.random.Generator) -> Iterator[Polygon]:
    """Rows of roofs along the first side of a ring, 15 by 60 m with lanes of 20 m, some plots left empty."""
    (x0, y0), (x1, y1) = ring.exterior.coords[:2]
    angle = math.degrees(math.atan2(y1 - y0, x1 - x0))
    middle = ring.centroid
    upright = shapely.affinity.rotate(ring, -angle, origin=middle)
    free = upright.buffer(-25.0)
    if free.is_empty:
        return
    min_x, min_y, max_x, max_y = free.bounds
    for x, y in itertools.product(np.arange(min_x, max_x, 80.0), np.arange(min_y, max_y, 35.0)):
        roof = shapely.box(x, y, x + 60.0, y + 15.0)
        if random.random() < 0.7 and free.contains(roof):
            yield shapely.affinity.rotate(roof, angle, origin=middle)


def _placed(stack: ImageStack, taken: BaseGeometry, random: np.random.Generator) -> Polygon | None:
    """A ring by chance within an area, off its edge and off what stands there."""
    min_x, min_y, max_x, max_y = stack.grid.bounds
    room = min(max_x - min_x, max_y - min_y) - 2.0 * _MARGIN_M
    if room < 100.0:
        return None
    largest_ha = min(60.0, 0.6 * room**2 / 1e4)
    barred = taken.buffer(100.0)
    for _ in range(300):
        area_ha = math.exp(random.uniform(0.0, math.log(max(largest_ha, 1.0))))
        ring = random_ring(random, (0.0, 0.0), area_ha, int(random.integers(4, 8)))
        left, bottom, right, top = ring.bounds
        west, east = min_x + _MARGIN_M - left, max_x - _MARGIN_M - right
        south, north = min_y + _MARGIN_M - bottom, max_y - _MARGIN_M - top
        if east < west or north < south:
            continue
        ring = shapely.affinity.translate(ring, random.uniform(west, east), random.uniform(south, north))
        if not ring.intersects(barred):
            return ring
    return None


def _wall(ring: Polygon, contrast: float, gsd_m: float, random: np.random.Generator) -> SimulatedWall:
    """A wall whose contrast in a pixel is as wanted, of materials that exist."""
    wall = SimulatedWall(ring)
    for _ in range(200):
        wall = SimulatedWall(
            ring,
            width_m=float(random.uniform(0.5, 6.0)),
            height_m=float(random.uniform(2.0, 6.0)),
            track_m=float(random.uniform(3.0, 8.0)) if random.random() < 0.7 else 0.0,
            cleared_m=float(random.uniform(8.0, 20.0)) if random.random() < 0.4 else 0.0,
            gate_m=float(random.uniform(6.0, 20.0)),
        )
        scale = contrast / pixel_contrast(wall, gsd_m) * (1 if random.random() < 0.8 else -1)
        parts = (wall.wall_contrast * scale, wall.track_contrast * scale, wall.cleared_contrast * scale)
        wall = replace(wall, wall_contrast=parts[0], track_contrast=parts[1], cleared_contrast=parts[2])
        if max(map(abs, parts)) <= _BRIGHTEST:
            break
    # A track runs along some sides, a shadow falls from some: real sides differ as much as these.
    shares = random.uniform(*_UNEVEN, len(ring.exterior.coords) - 1)
    return replace(wall, uneven=tuple((shares / shares.mean()).tolist()))
