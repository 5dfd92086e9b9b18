"""What sides run over and cost, and which small change of an outline costs least, in compiled loops.

A fit tries some ten thousand sides of a few dozen pixels each; as arrays of numpy most of that would be the calls.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from detectors.line_strength import FULL, Strength
from detectors.side_support import Points
from geo.compiled import compiled

#: float64: weakest and full support in units of strength, cost of a fully seen pixel of side.
Prices = npt.NDArray[np.float64]
Sums = npt.NDArray[np.float64]


@compiled
def _along(
    strength: Strength, enclosed: Sums, weakest: float, full: float, x0: float, y0: float, x1: float, y1: float
) -> tuple[float, float]:
    """Share of a side that is seen, and mean of what it encloses, in the middle of steps of at most one pixel."""
    count, rows, columns = strength.shape
    steps = max(2, math.ceil(math.hypot(x1 - x0, y1 - y0)))
    layer = int(np.rint(math.atan2(y1 - y0, x1 - x0) / math.pi * count)) % count
    seen = swept = 0.0
    for index in range(steps):
        share = (index + 0.5) / steps
        column = min(max(int(np.rint(x0 + share * (x1 - x0))), 0), columns - 1)
        row = min(max(int(np.rint(y0 + share * (y1 - y0))), 0), rows - 1)
        seen += min(max((strength[layer, row, column] - weakest) / (full - weakest), 0.0), 1.0)
        swept += enclosed[row, column]
    return seen / steps, swept / steps


@compiled
def side_cost(strength: Strength, enclosed: Sums, prices: Prices, x0: float, y0: float, x1: float, y1: float) -> float:
    """Cost of a side from one point to another.

    Args:
        strength: uint8 (orientation, y, x) from `detectors.line_strength.beside`.
        enclosed: float64 (y, x): evidence for inside, summed along each row from the left.
        prices: See `Prices`.
        x0: Start.
        y0: Start.
        x1: End.
        y1: End.
    """
    seen, swept = _along(strength, enclosed, prices[0], prices[1], x0, y0, x1, y1)
    cost: float = math.hypot(x1 - x0, y1 - y0) * (prices[2] + 1.0 - seen) - swept * (y1 - y0)
    return cost


def side_means(
    strength: Strength, enclosed: Sums, starts: Points, ends: Points, support: tuple[float, float]
) -> tuple[Sums, Sums]:
    """What straight segments run over, on average.

    Args:
        strength: See `side_cost`.
        enclosed: Likewise.
        starts: float64 (segment, 2), pixel coordinates.
        ends: float64 (segment, 2).
        support: Strengths, 0 to 1, at which support begins and is full.

    Returns:
        Share of each that is supported, and its mean of `enclosed`; float64 (segment,) each.
    """
    seen, swept = np.empty(len(starts)), np.empty(len(starts))
    _all_along(strength, enclosed, FULL * support[0], FULL * support[1], starts, ends, seen, swept)
    return seen, swept


@compiled
def _all_along(
    strength: Strength,
    enclosed: Sums,
    weakest: float,
    full: float,
    starts: Points,
    ends: Points,
    seen: Sums,
    swept: Sums,
) -> None:
    for side in range(len(starts)):
        seen[side], swept[side] = _along(
            strength, enclosed, weakest, full, starts[side, 0], starts[side, 1], ends[side, 0], ends[side, 1]
        )


@compiled
def side_costs(strength: Strength, enclosed: Sums, prices: Prices, starts: Points, ends: Points, out: Sums) -> None:
    """Cost of each side, starts and ends float64 (side, 2)."""
    for side in range(len(starts)):
        out[side] = side_cost(
            strength, enclosed, prices, starts[side, 0], starts[side, 1], ends[side, 0], ends[side, 1]
        )


@compiled
def best_move(
    strength: Strength,
    enclosed: Sums,
    prices: Prices,
    corners: Points,
    shifts: Points,
    turns: Points,
    least_turn: float,
    moved: Points,
) -> None:
    """Shifts and turns a side to where it and its neighbours cost least.

    Args:
        strength: See `side_cost`.
        enclosed: Likewise.
        prices: Likewise.
        corners: float64 (4, 2): the side runs from the second to the third, its neighbours from the first and to the
            last.
        shifts: Pixels along the side's normal.
        turns: Radians.
        least_turn: Sine of the angle that sides have at least at a corner.
        moved: float64 (2, 2): ends of the side, filled.
    """
    rows, columns = enclosed.shape
    ax, ay, bx, by = corners[0, 0], corners[0, 1], corners[1, 0], corners[1, 1]
    cx, cy, dx, dy = corners[2, 0], corners[2, 1], corners[3, 0], corners[3, 1]
    length = max(math.hypot(cx - bx, cy - by), 1e-9)
    ux, uy = (cx - bx) / length, (cy - by) / length
    before = max(math.hypot(bx - ax, by - ay), 1e-9)
    px, py = (bx - ax) / before, (by - ay) / before
    after = max(math.hypot(cx - dx, cy - dy), 1e-9)
    qx, qy = (cx - dx) / after, (cy - dy) / after
    least = (
        side_cost(strength, enclosed, prices, ax, ay, bx, by)
        + side_cost(strength, enclosed, prices, bx, by, cx, cy)
        + side_cost(strength, enclosed, prices, cx, cy, dx, dy)
    )
    moved[:] = corners[1:3]
    for turn in turns:
        vx, vy = ux * math.cos(turn) - uy * math.sin(turn), uy * math.cos(turn) + ux * math.sin(turn)
        one, other = vx * py - vy * px, vx * qy - vy * qx
        if abs(one) <= least_turn or abs(other) <= least_turn:
            continue
        for shift in shifts:
            mx, my = (bx + cx) / 2.0 - shift * uy, (by + cy) / 2.0 + shift * ux
            first = ((ax - mx) * py - (ay - my) * px) / one
            second = ((dx - mx) * qy - (dy - my) * qx) / other
            ex, ey, fx, fy = mx + first * vx, my + first * vy, mx + second * vx, my + second * vy
            if not (
                math.hypot(fx - ex, fy - ey) > 2.0
                and min(ex, ey, fx, fy) > -1.0
                and max(ex, fx) < columns
                and max(ey, fy) < rows
                and (fx - ex) * ux + (fy - ey) * uy > 0.0
                and (ex - ax) * px + (ey - ay) * py > 0.0
                and (fx - dx) * qx + (fy - dy) * qy > 0.0
            ):
                continue
            cost = side_cost(strength, enclosed, prices, ex, ey, fx, fy)
            cost += side_cost(strength, enclosed, prices, ax, ay, ex, ey)
            cost += side_cost(strength, enclosed, prices, fx, fy, dx, dy)
            if cost < least:
                least = cost
                moved[0, 0], moved[0, 1], moved[1, 0], moved[1, 1] = ex, ey, fx, fy


@compiled
def best_line(
    strength: Strength,
    enclosed: Sums,
    prices: Prices,
    points: Points,
    given_up: Sums,
    lines: Points,
    limits: Points,
    ends: Points,
) -> tuple[float, int, int]:
    """The line that saves most in place of one to three sides in a row.

    Args:
        strength: See `side_cost`.
        enclosed: Likewise.
        prices: Likewise.
        points: float64 (corner, 2).
        given_up: float64 (run, corner): what is saved by giving up one to three sides that begin at each corner, with
            the sides before and after them and the corners between.
        lines: float64 (line, 2): angle, and offset in pixels.
        limits: Radians that a line may be turned from what it replaces, pixels that it may be away, and the sine of the
            angle that sides have at least at a corner.
        ends: float64 (2, 2): where the best line meets the sides before and after, filled.

    Returns:
        What is saved, 0 where no line saves anything; the number of sides given up, and the corner that they begin at.
    """
    rows, columns = enclosed.shape
    count = len(points)
    farthest_turn, reach, least_turn = limits[0], limits[1], limits[2]
    best, best_run, best_index = 0.0, 0, 0
    for run in range(1, min(3, count - 2) + 1):
        for index in range(count):
            end, past = (index + run) % count, (index + run + 1) % count
            ax, ay, bx, by = points[index - 1, 0], points[index - 1, 1], points[index, 0], points[index, 1]
            cx, cy, dx, dy = points[end, 0], points[end, 1], points[past, 0], points[past, 1]
            chord = math.atan2(cy - by, cx - bx)
            mx = my = 0.0
            for k in range(run + 1):
                mx += points[(index + k) % count, 0] / (run + 1)
                my += points[(index + k) % count, 1] / (run + 1)
            before, after = max(math.hypot(bx - ax, by - ay), 1e-9), max(math.hypot(cx - dx, cy - dy), 1e-9)
            px, py, qx, qy = (bx - ax) / before, (by - ay) / before, (cx - dx) / after, (cy - dy) / after
            for line in range(len(lines)):
                angle, offset = lines[line, 0], lines[line, 1]
                if abs((angle - chord + math.pi / 2) % math.pi - math.pi / 2) >= farthest_turn:
                    continue
                vx, vy = math.cos(angle), math.sin(angle)
                if abs(my * vx - mx * vy - offset) >= reach:
                    continue
                one, other = vx * py - vy * px, vx * qy - vy * qx
                if abs(one) <= least_turn or abs(other) <= least_turn:
                    continue
                ox, oy = -offset * vy, offset * vx
                first = ((ax - ox) * py - (ay - oy) * px) / one
                second = ((dx - ox) * qy - (dy - oy) * qx) / other
                ex, ey, fx, fy = ox + first * vx, oy + first * vy, ox + second * vx, oy + second * vy
                if not (
                    min(ex, ey, fx, fy) > -1.0
                    and max(ex, fx) < columns
                    and max(ey, fy) < rows
                    and (ex - ax) * px + (ey - ay) * py > 0.0
                    and (fx - dx) * qx + (fy - dy) * qy > 0.0
                    and (fx - ex) * (cx - bx) + (fy - ey) * (cy - by) > 0.0
                ):
                    continue
                saved = given_up[run - 1, index] - side_cost(strength, enclosed, prices, ex, ey, fx, fy)
                saved -= side_cost(strength, enclosed, prices, ax, ay, ex, ey)
                saved -= side_cost(strength, enclosed, prices, fx, fy, dx, dy)
                if saved > best:
                    best, best_run, best_index = saved, run, index
                    ends[0, 0], ends[0, 1], ends[1, 0], ends[1, 1] = ex, ey, fx, fy
    return best, best_run, best_index


@compiled
def best_corner(
    strength: Strength,
    enclosed: Sums,
    prices: Prices,
    ends: Points,
    shares: Points,
    shifts: Points,
    corner: Points,
) -> float:
    """The corner between the two ends (2, 2) of a side, at shares of it and shifts from it, with which it costs least.

    Returns:
        Cost of the two sides that meet in it; `corner`, float64 (2,), is filled.
    """
    x0, y0, x1, y1 = ends[0, 0], ends[0, 1], ends[1, 0], ends[1, 1]
    length = math.hypot(x1 - x0, y1 - y0)
    nx, ny = -(y1 - y0) / length, (x1 - x0) / length
    least = np.inf
    for shift in shifts:
        for share in shares:
            x, y = x0 + share * (x1 - x0) + shift * nx, y0 + share * (y1 - y0) + shift * ny
            cost = side_cost(strength, enclosed, prices, x0, y0, x, y)
            cost += side_cost(strength, enclosed, prices, x, y, x1, y1)
            if cost < least:
                least = cost
                corner[0], corner[1] = x, y
    return least
