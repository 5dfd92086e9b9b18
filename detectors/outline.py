"""A polygon with few straight sides, fitted to line strength and to evidence for inside and outside.

The energy is that of `detectors.enclosures`, plus a price for every corner, over polygons of any shape: the
unsupported length of the sides less the evidence enclosed. By Green's theorem the enclosed evidence is a sum
along the sides as well, so that each side is priced by itself and thousands of candidates at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from shapely.geometry import Polygon

from detectors.hough import Line
from detectors.line_strength import FULL, Strength
from detectors.outline_kernels import Prices, best_corner, best_line, best_move, side_costs
from detectors.side_support import Points

_LEAST_TURN = np.sin(np.radians(12.0))  # neighbouring sides nearer to parallel have no sure corner

_FARTHEST_TURN = np.radians(30.0)  # of a line from the sides that it replaces
_LONG_PX = 12.0  # sides that may be broken

_COARSE = (np.linspace(-1.0, 1.0, 11), np.radians([-4.0, -1.5, 0.0, 1.5, 4.0]))  # shifts as shares of the reach; turns
_FINE = (np.linspace(-0.75, 0.75, 7), np.radians([-1.0, -0.5, 0.0, 0.5, 1.0]))  # shifts in pixels; turns
_SHARES = np.arange(0.1, 0.95, 0.1)  # of a side, where it may be broken


@dataclass(frozen=True)
class Energy:
    """What an outline costs. Smaller is better; the unit is one pixel of unseen side.

    Attributes:
        strength: uint8 (orientation, y, x) from `detectors.line_strength.beside`.
        enclosed: float64 (y, x): evidence for inside, summed along each row from the left.
        support: Line strengths at which a side begins to be seen and is fully seen.
        base_cost: Cost of a fully seen pixel of side.
        corner_cost: Cost of a corner.
    """

    strength: Strength
    enclosed: npt.NDArray[np.float64]
    support: tuple[float, float]
    base_cost: float
    corner_cost: float

    def sides(self, starts: Points, ends: Points) -> npt.NDArray[np.float64]:
        """Cost of each side, float64 (side,), of outlines that run clockwise on the screen."""
        costs = np.empty(len(starts))
        side_costs(self.strength, self.enclosed, self.prices, starts, ends, costs)
        return costs

    @cached_property
    def prices(self) -> Prices:
        """What the sides are priced by."""
        return np.array([*(FULL * limit for limit in self.support), self.base_cost])

    def holds(self, points: Points) -> npt.NDArray[np.bool_]:
        """Whether points lie within the image."""
        rows, columns = self.enclosed.shape
        x, y = points[:, 0], points[:, 1]
        return np.asarray((x > -1.0) & (y > -1.0) & (x < columns) & (y < rows))

    def of(self, points: Points) -> float:
        """Cost of a whole outline, float64 (corner, 2)."""
        return float(self.sides(points, _rolled(points, 1)).sum() + self.corner_cost * len(points))


def fit_outline(ring: Polygon, energy: Energy, lines: Sequence[Line], reach_px: float, rounds: int = 4) -> Polygon:
    """The outline of least energy that moving, turning, dropping, breaking and replacing sides leads to.

    Args:
        ring: Where to start, in pixel coordinates, 0 at the centre of the first pixel.
        energy: What is minimised.
        lines: Straight lines that may take the place of sides.
        reach_px: How far a side may move in a round.
        rounds: Most rounds; ends earlier when nothing improves.
    """
    points = np.asarray(ring.exterior.coords, np.float64)[:-1, :2]
    if not ring.exterior.is_ccw:  # y runs downward: counterclockwise numbers run clockwise on the screen
        points = points[::-1].copy()
    best = energy.of(points)
    for _ in range(rounds - 1):
        before = points
        points, best = _dropped(points, best, energy)
        points, best = _replaced(points, best, energy, lines, 4.0 * reach_px)
        for index in range(len(points)):
            points = _moved(points, index, energy, reach_px * _COARSE[0], _COARSE[1])
        points, best = _broken(points, energy, reach_px)
        if np.array_equal(points, before):
            break
    points, best = _dropped(points, best, energy)
    points, _ = _replaced(points, best, energy, lines, 4.0 * reach_px)
    for index in range(len(points)):
        points = _moved(points, index, energy, *_FINE)
    fitted = Polygon(points)
    return fitted if fitted.is_valid and fitted.area > 0.3 * ring.area else ring


def _moved(points: Points, index: int, energy: Energy, shifts_px: Points, turns: Points) -> Points:
    """The outline with one side shifted and turned to where the three sides concerned cost least."""
    around = np.arange(index - 1, index + 3) % len(points)
    side = np.empty((2, 2))
    best_move(
        energy.strength, energy.enclosed, energy.prices, points[around], shifts_px, turns, float(_LEAST_TURN), side
    )
    moved = points.copy()
    moved[around[1:3]] = side
    return moved


def _meet(centre: Points, direction: Points, through: Points, along: Points) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Where lines meet another line, or each another one, and whether they surely do."""
    unit = along / np.maximum(np.hypot(along[..., 0], along[..., 1]), 1e-9)[..., None]
    cross = direction[:, 0] * unit[..., 1] - direction[:, 1] * unit[..., 0]
    sure = np.abs(cross) > _LEAST_TURN
    delta = through - centre
    travel = (delta[:, 0] * unit[..., 1] - delta[:, 1] * unit[..., 0]) / np.where(sure, cross, 1.0)
    return centre + travel[:, None] * direction, sure


def _dropped(points: Points, cost: float, energy: Energy) -> tuple[Points, float]:
    """The outline without the corners and sides that don't pay for themselves."""
    while len(points) > 3:
        each = energy.sides(points, _rolled(points, 1))
        better = [*_without_corners(points, each, energy, cost), *_without_sides(points, each, energy, cost)]
        better.sort(key=lambda option: option[0])
        found = next(((changed, outline) for changed, outline in better if _simple(outline)), None)
        if found is None:
            break
        cost, points = found
    return points, cost


def _without_corners(points: Points, each: Points, energy: Energy, limit: float) -> Iterator[tuple[float, Points]]:
    """Cost and outline for one to three corners in a row left out, where that costs less than a limit."""
    count = len(points)
    pairs = [(run, index) for run in (1, 2, 3) if count - run >= 3 for index in range(count)]
    run, index = (np.array(column) for column in zip(*pairs, strict=True))
    fresh = energy.sides(points[index - 1], points[(index + run) % count])
    total = each.sum() + energy.corner_cost * count
    given_up = _summed(each, index - 1, run + 1)
    costs = total - given_up + fresh - energy.corner_cost * run
    for chosen in np.flatnonzero(costs < limit):
        yield float(costs[chosen]), _rolled(points, index[chosen])[run[chosen] :]


def _without_sides(points: Points, each: Points, energy: Energy, limit: float) -> Iterator[tuple[float, Points]]:
    """Cost and outline for a side left out, its neighbours drawn on until they meet, where that costs less."""
    count = len(points)
    if count <= 4:
        return
    index = np.arange(count)
    a, b, c, d = (_rolled(points, k % count) for k in (-1, 0, 1, 2))  # the side runs from b to c
    before = (b - a) / np.maximum(np.hypot(*(b - a).T), 1e-9)[:, None]
    corner, sure = _meet(a, before, c, c - d)
    sure &= np.hypot(*(corner - (b + c) / 2.0).T) <= 3.0 * np.hypot(*(c - b).T)
    sure &= energy.holds(corner)
    if not sure.any():
        return
    index, corner = index[sure], corner[sure]
    fresh = energy.sides(np.vstack([a[sure], corner]), np.vstack([corner, d[sure]])).reshape(2, -1).sum(axis=0)
    costs = each.sum() + energy.corner_cost * (count - 1) - _summed(each, index - 1, np.full(len(index), 3)) + fresh
    for chosen in np.flatnonzero(costs < limit):
        yield float(costs[chosen]), np.vstack([corner[chosen], _rolled(points, index[chosen])[2:]])


def _summed(each: Points, start: npt.NDArray[np.int64], run: npt.NDArray[np.int64]) -> Points:
    """Sums of runs of consecutive entries around a ring."""
    totals = np.concatenate([[0.0], np.cumsum(np.concatenate([each, each]))])
    start = start % len(each)
    return np.asarray(totals[start + run] - totals[start])


def _replaced(
    points: Points, cost: float, energy: Energy, lines: Sequence[Line], reach_px: float
) -> tuple[Points, float]:
    """The outline with up to three sides in a row given up for one line nearby, while that costs less."""
    if not lines:
        return points, cost
    near = np.array([(line.angle, line.offset_px) for line in lines])
    for _ in range(6):
        gain, candidate = _replacement(points, energy, near, reach_px)
        changed = energy.of(candidate) if gain > 0.0 and _simple(candidate) else np.inf
        if changed >= cost:
            break
        points, cost = candidate, changed
    return points, cost


def _replacement(points: Points, energy: Energy, lines: Points, reach_px: float) -> tuple[float, Points]:
    """The line that saves most in place of one to three sides: what it saves, and the outline with it."""
    count = len(points)
    each, index = energy.sides(points, _rolled(points, 1)), np.arange(count)
    given_up = np.array(
        [
            _summed(each, index - 1, np.full(count, run + 2)) + energy.corner_cost * (run - 1)
            for run in range(1, min(3, count - 2) + 1)
        ]
    )
    limits, ends = np.array([_FARTHEST_TURN, reach_px, _LEAST_TURN]), np.empty((2, 2))
    saved, run, start = best_line(
        energy.strength, energy.enclosed, energy.prices, points, given_up, lines, limits, ends
    )
    return saved, np.vstack([ends, _rolled(points, start)[run + 1 :]]) if saved > 0.0 else points


def _broken(points: Points, energy: Energy, reach_px: float) -> tuple[Points, float]:
    """The outline with a corner put into each side that is better seen with one."""
    index, shifts_px = 0, np.arange(-reach_px, reach_px + 1.0)
    while index < len(points) and len(points) < 16:
        start, end = points[index], points[(index + 1) % len(points)]
        if np.hypot(*(end - start)) > _LONG_PX:
            corner, side = np.empty(2), np.array([start, end])
            cost = best_corner(energy.strength, energy.enclosed, energy.prices, side, _SHARES, shifts_px, corner)
            candidate = np.insert(points, index + 1, corner, axis=0)
            if cost + energy.corner_cost < energy.sides(start[None], end[None])[0] and _simple(candidate):
                points = candidate
        index += 1
    return points, energy.of(points)


def _rolled(points: Points, start: int) -> Points:
    """A ring's corners from one of them on; numpy's own roll takes ten times as long for so few."""
    return np.concatenate([points[start:], points[:start]])


def _simple(points: Points) -> bool:
    return bool(Polygon(points).is_valid)
