"""A polygon with few straight sides, fitted to line strength and to evidence for inside and outside.

The energy is that of `detectors.enclosures`, plus a price for every corner, over polygons of any shape: the
unsupported length of the sides less the evidence enclosed. By Green's theorem the enclosed evidence is a sum
along the sides as well, so that each side is priced by itself and thousands of candidates at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from shapely.geometry import Polygon

from detectors.enclosures import Points, support_share, swept_evidence
from detectors.hough import Line
from detectors.lines import line_support
from geo.scene import FloatArray

_LEAST_TURN = np.sin(np.radians(12.0))  # neighbouring sides nearer to parallel have no sure corner

_COARSE = (np.linspace(-1.0, 1.0, 11), np.array([-4.0, -1.5, 0.0, 1.5, 4.0]))  # share of the reach, degrees
_FINE = (np.linspace(-0.75, 0.75, 7), np.array([-1.0, -0.5, 0.0, 0.5, 1.0]))  # pixels, degrees


@dataclass(frozen=True)
class Energy:
    """What an outline costs. Smaller is better; the unit is one pixel of unseen side.

    Attributes:
        strength: float32 (orientation, y, x): line strength, not negative.
        enclosed: float64 (y, x): evidence for inside, summed along each row from the left.
        support: Line strengths at which a side begins to be seen and is fully seen.
        base_cost: Cost of a fully seen pixel of side.
        corner_cost: Cost of a corner.
    """

    strength: FloatArray
    enclosed: npt.NDArray[np.float64]
    support: tuple[float, float]
    base_cost: float
    corner_cost: float

    def sides(self, starts: Points, ends: Points) -> npt.NDArray[np.float64]:
        """Cost of each side, float64 (side,), of outlines that run clockwise on the screen."""
        delta = ends - starts
        lengths = np.hypot(delta[:, 0], delta[:, 1])
        strengths, owner = line_support(self.strength, starts, ends)
        count = np.maximum(np.bincount(owner, minlength=len(starts)), 1)
        unseen = 1.0 - np.bincount(owner, support_share(strengths, *self.support), len(starts)) / count
        swept = swept_evidence(self.enclosed, starts, ends, owner)
        return np.asarray(lengths * (self.base_cost + unseen) - swept)

    def holds(self, points: Points) -> npt.NDArray[np.bool_]:
        """Whether points lie within the image."""
        rows, columns = self.enclosed.shape
        x, y = points[:, 0], points[:, 1]
        return np.asarray((x > -1.0) & (y > -1.0) & (x < columns) & (y < rows))

    def of(self, points: Points) -> float:
        """Cost of a whole outline, float64 (corner, 2)."""
        return float(self.sides(points, np.roll(points, -1, axis=0)).sum() + self.corner_cost * len(points))


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
    for turn in range(rounds):
        points, best = _dropped(points, best, energy)
        points, best = _replaced(points, best, energy, lines, 4.0 * reach_px)
        coarse = turn < rounds - 1
        for index in range(len(points)):
            points = _moved(points, index, energy, *(_COARSE if coarse else _FINE), reach_px)
        if coarse:
            points, best = _broken(points, energy.of(points), energy, reach_px)
    fitted = Polygon(points)
    return fitted if fitted.is_valid and fitted.area > 0.3 * ring.area else ring


def _moved(points: Points, index: int, energy: Energy, shifts: Points, turns_deg: Points, reach_px: float) -> Points:
    """The outline with one side shifted and turned to where the three sides concerned cost least."""
    count = len(points)
    a, b, c, d = (points[(index + k) % count] for k in (-1, 0, 1, 2))
    along = (c - b) / max(np.hypot(*(c - b)), 1e-9)
    normal = np.array([-along[1], along[0]])
    shift, turn = (
        grid.ravel() for grid in np.meshgrid(shifts * (reach_px if shifts[-1] == 1.0 else 1.0), np.radians(turns_deg))
    )
    centre = (b + c) / 2.0 + shift[:, None] * normal
    direction = along * np.cos(turn)[:, None] + normal * np.sin(turn)[:, None]
    first, sure_first = _meet(centre, direction, a, b - a)
    second, sure_second = _meet(centre, direction, d, c - d)
    usable = sure_first & sure_second & (np.hypot(*(second - first).T) > 2.0)
    usable &= energy.holds(first) & energy.holds(second)
    usable &= ((second - first) @ along > 0) & ((first - a) @ (b - a) > 0) & ((second - d) @ (c - d) > 0)
    first, second = first[usable], second[usable]
    if len(first) == 0:
        return points
    first, second = np.vstack([b, first]), np.vstack([c, second])
    one, other = np.broadcast_to(a, first.shape), np.broadcast_to(d, first.shape)
    cost = energy.sides(np.vstack([one, first, second]), np.vstack([first, second, other])).reshape(3, -1).sum(axis=0)
    best = int(cost.argmin())
    moved = points.copy()
    moved[index], moved[(index + 1) % count] = first[best], second[best]
    return moved


def _meet(centre: Points, direction: Points, through: Points, along: Points) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Where lines meet one other line, and whether they surely do."""
    unit = along / max(np.hypot(*along), 1e-9)
    cross = direction[:, 0] * unit[1] - direction[:, 1] * unit[0]
    sure = np.abs(cross) > _LEAST_TURN
    delta = through - centre
    travel = (delta[:, 0] * unit[1] - delta[:, 1] * unit[0]) / np.where(sure, cross, 1.0)
    return centre + travel[:, None] * direction, sure


def _dropped(points: Points, cost: float, energy: Energy) -> tuple[Points, float]:
    """The outline without the corners and sides that don't pay for themselves."""
    while len(points) > 3:
        candidates = [
            np.roll(points, -index, axis=0)[run:]
            for run in (1, 2, 3)
            if len(points) - run >= 3
            for index in range(len(points))
        ]
        if len(points) > 4:
            candidates += [joined for index in range(len(points)) if (joined := _joined(points, index)) is not None]
        costs = [
            energy.of(candidate) if _simple(candidate) and energy.holds(candidate).all() else np.inf
            for candidate in candidates
        ]
        best = int(np.argmin(costs))
        if costs[best] >= cost:
            break
        points, cost = candidates[best], float(costs[best])
    return points, cost


def _joined(points: Points, index: int) -> Points | None:
    """The outline with a side left out and its neighbours drawn on until they meet."""
    rolled = np.roll(points, -index, axis=0)  # the side runs from corner 0 to corner 1
    before, after = rolled[0] - rolled[-1], rolled[1] - rolled[2]
    length = max(np.hypot(*before), 1e-9)
    corner, sure = _meet(rolled[-1:], before[None] / length, rolled[1], after)
    if not sure[0] or np.hypot(*(corner[0] - rolled[:2].mean(axis=0))) > 3.0 * np.hypot(*(rolled[1] - rolled[0])):
        return None
    return np.vstack([corner, rolled[2:]])


def _replaced(
    points: Points, cost: float, energy: Energy, lines: Sequence[Line], reach_px: float
) -> tuple[Points, float]:
    """The outline with up to three sides in a row given up for one line nearby, while that costs less."""
    if not lines:
        return points, cost
    angle = np.array([line.angle for line in lines])
    offset = np.array([line.offset_px for line in lines])
    for _ in range(6):
        options = [
            option
            for run in (1, 2, 3)
            if len(points) - run >= 2
            for index in range(len(points))
            if (option := _replacement(np.roll(points, -index, axis=0), run, energy, angle, offset, reach_px))
        ]
        gain, candidate = max(options, key=lambda option: option[0], default=(0.0, points))
        changed = energy.of(candidate) if gain > 0.0 and _simple(candidate) else np.inf
        if changed >= cost:
            break
        points, cost = candidate, changed
    return points, cost


def _replacement(
    points: Points, run: int, energy: Energy, angle: Points, offset: Points, reach_px: float
) -> tuple[float, Points] | None:
    """What the best line in place of the first sides saves, and the outline with it."""
    a, b, c, d = points[-1], points[0], points[run], points[(run + 1) % len(points)]
    chord = np.arctan2(*(c - b)[::-1])
    middle = points[: run + 1].mean(axis=0)
    turn = np.abs((angle - chord + np.pi / 2) % np.pi - np.pi / 2)
    distance = np.abs(middle[1] * np.cos(angle) - middle[0] * np.sin(angle) - offset)
    near = (turn < np.radians(30.0)) & (distance < reach_px)
    if not near.any():
        return None
    direction = np.column_stack([np.cos(angle), np.sin(angle)])[near]
    foot = offset[near, None] * np.column_stack([-direction[:, 1], direction[:, 0]])
    first, sure_first = _meet(foot, direction, a, b - a)
    second, sure_second = _meet(foot, direction, d, c - d)
    usable = sure_first & sure_second & energy.holds(first) & energy.holds(second)
    usable &= ((first - a) @ (b - a) > 0) & ((second - d) @ (c - d) > 0) & ((second - first) @ (c - b) > 0)
    if not usable.any():
        return None
    first, second = first[usable], second[usable]
    one, other = np.broadcast_to(a, first.shape), np.broadcast_to(d, first.shape)
    costs = energy.sides(np.vstack([one, first, second]), np.vstack([first, second, other])).reshape(3, -1).sum(axis=0)
    given_up = np.vstack([a, points[: run + 1], d])
    saved = energy.sides(given_up[:-1], given_up[1:]).sum() + energy.corner_cost * (run - 1) - costs
    best = int(saved.argmax())
    return float(saved[best]), np.vstack([first[best], second[best], points[run + 1 :]])


def _broken(points: Points, cost: float, energy: Energy, reach_px: float) -> tuple[Points, float]:
    """The outline with a corner put into each side that is better seen with one."""
    index = 0
    while index < len(points) and len(points) < 16:
        start, end = points[index], points[(index + 1) % len(points)]
        delta = end - start
        length = float(np.hypot(*delta))
        if length > 12.0:
            normal = np.array([-delta[1], delta[0]]) / length
            share, shift = (
                grid.ravel()
                for grid in np.meshgrid(np.arange(0.1, 0.95, 0.1), np.arange(-reach_px, reach_px + 1.0, 1.0))
            )
            corners = start + share[:, None] * delta + shift[:, None] * normal
            starts = np.vstack([np.broadcast_to(start, corners.shape), corners])
            ends = np.vstack([corners, np.broadcast_to(end, corners.shape)])
            costs = energy.sides(starts, ends).reshape(2, -1).sum(axis=0)
            best = int(costs.argmin())
            candidate = np.insert(points, index + 1, corners[best], axis=0)
            if costs[best] + energy.corner_cost < energy.sides(start[None], end[None])[0] and _simple(candidate):
                points = candidate
        index += 1
    return points, energy.of(points)


def _simple(points: Points) -> bool:
    return bool(Polygon(points).is_valid)
