"""Sides of a ring laid on the lines that hold them, to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.line_strength import FULL, Strength
from detectors.side_support import Points, direction_of

_TURNS_DEG = np.linspace(-2.0, 2.0, 5)
_NO_TURN = np.zeros(1)
_SQUARE_DEG = (0.5, 8.0)  # sides that lean further than that are meant to
_STEP_PX = 0.25
_LEAST_TURN = np.sin(np.radians(15.0))  # the corner of sides nearer to parallel would run far along them


def align_sides(ring: Polygon, strength: Strength, reach_px: float) -> Polygon:
    """A ring whose sides lie where line strength along them is greatest; corners are where sides meet.

    The search for outlines reads strength within a pixel of a side, which makes it robust and a pixel coarse.
    Here it is interpolated. A side stays where nothing nearby is stronger.

    Args:
        ring: In pixel coordinates, 0 at the centre of the first pixel.
        strength: uint8 (orientation, y, x) of all scenes that show the ring.
        reach_px: How far a side may move.
    """
    points = np.asarray(ring.exterior.coords, np.float64)[:-1, :2]
    centres, along = zip(*(_aligned(*side, strength, reach_px) for side in _sides(points)), strict=True)
    corners = points.copy()
    for index in range(len(points)):
        corners[index] = _corner(
            points[index], (centres[index - 1], along[index - 1]), (centres[index], along[index]), 2.0 * reach_px
        )
    aligned = Polygon(corners)
    return aligned if aligned.is_valid and aligned.area > 0.8 * ring.area else ring


def squared(ring: Polygon, strength: Strength, reach_px: float) -> Polygon | None:
    """A ring whose sides run along its main direction or across it where they nearly do, laid on the lines there.

    Walls are laid out square. A side that is only partly seen may lean towards what is seen beside it. Which of the two
    rings is better seen is for the caller to weigh.

    Args:
        ring: In pixel coordinates, 0 at the centre of the first pixel.
        strength: uint8 (orientation, y, x) of all scenes that show the ring.
        reach_px: How far a side may move.

    Returns:
        None where no side leans.
    """
    points = np.asarray(ring.exterior.coords, np.float64)[:-1, :2]
    leans = leaning(points, main_direction(points))
    turned = (np.abs(leans) > np.radians(_SQUARE_DEG[0])) & (np.abs(leans) < np.radians(_SQUARE_DEG[1]))
    if not turned.any():
        return None
    lines = []
    for (start, end), lean, turn in zip(_sides(points), leans, turned, strict=True):
        if turn:
            middle, half = (start + end) / 2.0, _rotated((end - start) / 2.0, -lean)
            lines.append(_aligned(middle - half, middle + half, strength, reach_px, _NO_TURN))
        else:
            lines.append(((start + end) / 2.0, (end - start) / max(float(np.hypot(*(end - start))), 1e-9)))
    corners = [_corner(points[k], lines[k - 1], lines[k], 3.0 * reach_px) for k in range(len(points))]
    square = Polygon(corners)
    return square if square.is_valid and square.area > 0.8 * ring.area else None


def main_direction(points: Points) -> float:
    """Direction, radians from 0 to a right angle, that sides run along or across; long sides count more."""
    delta = np.roll(points, -1, axis=0) - points
    length, angle = np.hypot(*delta.T), np.arctan2(delta[:, 1], delta[:, 0])
    near = np.abs(_quarter(angle[:, None] - angle)) < np.radians(_SQUARE_DEG[1])
    first = int((near @ length).argmax())
    off = _quarter(angle - angle[first])
    weight = np.where(near[first], length**2, 0.0)
    return float((angle[first] + (weight @ off) / weight.sum()) % (np.pi / 2.0))


def leaning(points: Points, direction: float) -> Points:
    """How far each side leans from a direction and the one across it, radians, float64 (side,)."""
    delta = np.roll(points, -1, axis=0) - points
    return np.asarray(_quarter(np.arctan2(delta[:, 1], delta[:, 0]) - direction))


def _quarter(angle: Points) -> Points:
    """Angles modulo a right angle, -45 to 45 degrees in radians."""
    return np.asarray((angle + np.pi / 4.0) % (np.pi / 2.0) - np.pi / 4.0)


def _rotated(vector: Points, angle: float) -> Points:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([vector[0] * cos - vector[1] * sin, vector[0] * sin + vector[1] * cos])


def _sides(points: Points) -> list[tuple[Points, Points]]:
    return list(zip(points, np.roll(points, -1, axis=0), strict=True))


def _aligned(
    start: Points, end: Points, strength: Strength, reach_px: float, turns_deg: Points = _TURNS_DEG
) -> tuple[Points, Points]:
    """Centre and direction of the strongest line near a side."""
    length = max(float(np.hypot(*(end - start))), 1e-9)
    centre, unit = (start + end) / 2.0, (end - start) / length
    shifts = np.arange(-reach_px, reach_px + _STEP_PX / 2.0, _STEP_PX)
    shift, turn = (grid.ravel() for grid in np.meshgrid(shifts, np.radians(turns_deg)))
    normal = np.array([-unit[1], unit[0]])
    direction = unit * np.cos(turn)[:, None] + normal * np.sin(turn)[:, None]
    # Strength falls off near the ends of a side, where its neighbours' pixels no longer agree with it.
    travel = np.linspace(-0.45, 0.45, max(4, int(length))) * length
    at = (centre + shift[:, None] * normal)[:, None] + travel[:, None] * direction[:, None]
    layer = strength[int(direction_of(start[None], end[None], len(strength))[0])]
    read = ndimage.map_coordinates(layer, at[..., ::-1].reshape(-1, 2).T, np.float32, order=1, mode="nearest")
    mean = read.reshape(len(shift), -1).mean(axis=1) / FULL - 1e-4 * (np.abs(shift) + np.abs(turn))
    best = int(mean.argmax())
    return centre + shift[best] * normal, direction[best]


def _corner(old: Points, one: tuple[Points, Points], other: tuple[Points, Points], reach_px: float) -> Points:
    """Where two lines meet; where that isn't sure, or is far off, the old corner moved along with them."""
    (p, u), (q, v) = one, other
    cross = u[0] * v[1] - u[1] * v[0]
    if abs(cross) > _LEAST_TURN:
        delta = q - p
        met = p + u * ((delta[0] * v[1] - delta[1] * v[0]) / cross)
        if np.hypot(*(met - old)) <= reach_px:
            return np.asarray(met)
    on_one, on_other = p + ((old - p) @ u) * u, q + ((old - q) @ v) * v
    return np.asarray((on_one + on_other) / 2.0)
