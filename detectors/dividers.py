"""Interior fences: straight lines that run through a ring from side to side.

A fence that divides a compound is a line like its outline, but it stands among buildings, whose rows are lines too.
What tells it from them: it runs from side to side and meets a side about squarely, it is unbroken, and a few pixels
beside it there is no other line, as barracks come in rows. A straight street from side to side looks the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from detectors.hough import Line, straight_lines
from detectors.line_strength import Strength
from detectors.ring_shapes import ring_mask, steps
from detectors.side_support import Points, line_support, support_share
from geo.scene import FloatArray


@dataclass(frozen=True, slots=True)
class DividerParameters:
    """What counts as an interior fence.

    Attributes:
        seen: Line strength at which a line begins to be seen and is surely seen.
        weakest_line: Line strength from which a pixel takes part in a straight line.
        most_lines: Lines in a ring that are looked at, the strongest first.
        least_length_m: Shortest divider.
        reach: Share of the way from side to side that a divider runs at least, from where it is first seen to where it
            is last seen.
        least_strength: Share of that run that is seen.
        largest_gap_m: Longest stretch of it that may be unseen: gates and houses that stand against it.
        stands_out: By how much that share exceeds the one of the best line beside it, and its own before.
        beside_px: Nearest and farthest parallels that it is compared with, in pixels: as near as the line filter's
            flanks allow.
        clearance_m: Distance from sides and other dividers that run along it.
        parallel_deg: Angle up to which lines run along each other, and by which a divider may miss a right angle with
            a side that it meets.
    """

    seen: tuple[float, float] = (0.1, 0.5)
    weakest_line: float = 0.2
    most_lines: int = 40
    least_length_m: float = 80.0
    reach: float = 0.7
    least_strength: float = 0.75
    largest_gap_m: float = 60.0
    stands_out: float = 0.4
    beside_px: tuple[int, int] = (3, 6)
    clearance_m: float = 40.0
    parallel_deg: float = 20.0


@dataclass(frozen=True, slots=True)
class Divider:
    """A line that divides a ring.

    Attributes:
        line: LineString in pixel coordinates, 0 at the centre of the first pixel; ends on the ring where it is seen to
            within the clearance of it.
        strength: Share of its length that is seen as a line, 0 to 1.
        stands_out: By how much that exceeds the best line beside it.
        seen: Scenes that show most of it, where they were asked.
    """

    line: LineString
    strength: float
    stands_out: float
    seen: tuple[int, ...] = ()


def dividers(
    ring: Polygon,
    strength: Strength,
    before: Strength,
    gsd_m: float,
    parameters: DividerParameters | None = None,
) -> list[Divider]:
    """Interior fences of a ring, those that stand out most first.

    Args:
        ring: In pixel coordinates, 0 at the centre of the first pixel.
        strength: uint8 (orientation, y, x): line strength of the scenes that show the ring together; see
            `detectors.ring_tracks.pooled`.
        before: The same of the scenes before anything of the ring stood: a wash that was there is no fence.
        gsd_m: Pixel size, metres.
        parameters: What counts.
    """
    limits = parameters or DividerParameters()
    inside = ring.buffer(-limits.clearance_m / gsd_m / 2.0)
    if inside.is_empty:
        return []
    lines = straight_lines(
        strength,
        ring_mask(inside, strength.shape[1:]),
        limits.weakest_line,
        limits.most_lines,
        limits.weakest_line * limits.least_length_m / gsd_m,
    )
    found = [
        divider
        for line in lines
        for chord in _chords(line, ring)
        if _meets_squarely(chord, ring, limits)
        and (apart_px := _apart_px(chord, ring.exterior, limits)) * gsd_m >= limits.clearance_m
        and (divider := _measured(chord, apart_px, (strength, before), gsd_m, limits)) is not None
    ]
    chosen: list[Divider] = []
    for divider in sorted(found, key=lambda each: -each.stands_out):
        if all(_apart_px(divider.line, other.line, limits) * gsd_m >= limits.clearance_m for other in chosen):
            chosen.append(divider)
    return chosen


def _chords(line: Line, ring: Polygon) -> list[LineString]:
    """The pieces of an endless line within a ring."""
    along = np.array([np.cos(line.angle), np.sin(line.angle)])
    foot = line.offset_px * np.array([-along[1], along[0]])
    middle = foot + ((np.array(ring.centroid.coords[0]) - foot) @ along) * along
    reach = ring.length * along
    pieces = shapely.get_parts(ring.intersection(LineString([middle - reach, middle + reach])))
    return [piece for piece in pieces if isinstance(piece, LineString)]


def _meets_squarely(chord: LineString, ring: Polygon, limits: DividerParameters) -> bool:
    """Whether a chord stands about upright on a side where it ends: what cuts off a corner is a path."""
    heading = _heading(*shapely.get_coordinates(chord))
    starts, ends = steps(ring)
    sides = [LineString(pair) for pair in zip(starts, ends, strict=True)]
    for point in chord.boundary.geoms:
        number = int(np.argmin(shapely.distance(sides, point)))
        if _turn(heading, _heading(starts[number], ends[number])) > np.radians(90.0 - limits.parallel_deg):
            return True
    return False


def _apart_px(chord: LineString, others: BaseGeometry, limits: DividerParameters) -> float:
    """Mean distance of a chord from the nearest line that runs along it; infinite where there is none."""
    points = shapely.get_coordinates(others)
    starts, ends = points[:-1], points[1:]
    heading = _heading(*shapely.get_coordinates(chord))
    turn = np.array([_turn(heading, _heading(*pair)) for pair in zip(starts, ends, strict=True)])
    along = [LineString(pair) for pair in np.stack([starts, ends], 1)[turn < np.radians(limits.parallel_deg)]]
    middle = chord.interpolate(0.5, normalized=True)
    near = [other for other in along if other.distance(middle) < chord.length]
    return min((_mean_distance(chord, other) for other in near), default=np.inf)


def _measured(
    chord: LineString, apart_px: float, lines: tuple[Strength, Strength], gsd_m: float, limits: DividerParameters
) -> Divider | None:
    """A chord as a divider, None if it is too short, broken, old, or one of several lines side by side."""
    strength, before = lines
    ends = shapely.get_coordinates(chord)
    share, _ = _shares(ends[:1], ends[1:], strength, limits)
    step_m = chord.length * gsd_m / len(share)
    shown = np.flatnonzero(share >= 0.5)
    if len(shown) == 0 or np.diff(shown, prepend=shown[0]).max(initial=0) * step_m > limits.largest_gap_m:
        return None
    first, last = int(shown[0]), int(shown[-1]) + 1
    if (last - first) * step_m < max(limits.least_length_m, limits.reach * chord.length * gsd_m):
        return None
    seen = float(share[first:last].mean())
    along = ends[1] - ends[0]
    near, far = limits.beside_px
    far = max(near, int(min(far, apart_px / 2.0)))  # the ring's own sides are no rows
    offsets = np.array([side * offset for offset in range(near, far + 1) for side in (-1.0, 1.0)])[:, None]
    beside = ends[0] + offsets * np.array([-along[1], along[0]]) / chord.length
    shares, owner = _shares(beside + first / len(share) * along, beside + last / len(share) * along, strength, limits)
    stands_out = seen - float((np.bincount(owner, shares) / np.bincount(owner)).max())
    old, _ = _shares(ends[:1], ends[1:], before, limits)
    gained = seen - float(old[first:last].mean())
    if seen < limits.least_strength or min(stands_out, gained) < limits.stands_out:
        return None
    clearance = limits.clearance_m / step_m
    begin = 0.0 if first <= clearance else first / len(share)
    end = 1.0 if len(share) - last <= clearance else last / len(share)
    line = LineString([ends[0] + part * along for part in (begin, end)])
    return Divider(line, seen, stands_out)


def _shares(
    starts: Points, ends: Points, strength: Strength, limits: DividerParameters
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """How well each step along some lines is seen, float32 (step,), 0 to 1, and the line of each step."""
    strengths, owner = line_support(strength, starts, ends)
    return support_share(strengths, *limits.seen), owner


def _heading(start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> float:
    return float(np.arctan2(end[1] - start[1], end[0] - start[0]))


def _turn(one: float, other: float) -> float:
    """Angle between two directions without sense, 0 to pi / 2."""
    return float(abs((one - other + np.pi / 2) % np.pi - np.pi / 2))


def _mean_distance(chord: LineString, other: LineString) -> float:
    points = shapely.line_interpolate_point(chord, np.linspace(0.05, 0.95, 10), normalized=True)
    return float(np.mean(shapely.distance(points, other)))
