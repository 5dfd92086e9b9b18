"""Sides of a ring laid on the lines that hold them, to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.side_support import Points, direction_of
from geo.scene import FloatArray

_TURNS_DEG = np.linspace(-2.0, 2.0, 5)
_STEP_PX = 0.25
_LEAST_TURN = np.sin(np.radians(15.0))  # the corner of sides nearer to parallel would run far along them


def align_sides(ring: Polygon, strength: FloatArray, reach_px: float) -> Polygon:
    """A ring whose sides lie where line strength along them is greatest; corners are where sides meet.

    The search for outlines reads strength within a pixel of a side, which makes it robust and a pixel coarse.
    Here it is interpolated. A side stays where nothing nearby is stronger.

    Args:
        ring: In pixel coordinates, 0 at the centre of the first pixel.
        strength: float32 (orientation, y, x), not negative, of all scenes that show the ring.
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


def _sides(points: Points) -> list[tuple[Points, Points]]:
    return list(zip(points, np.roll(points, -1, axis=0), strict=True))


def _aligned(start: Points, end: Points, strength: FloatArray, reach_px: float) -> tuple[Points, Points]:
    """Centre and direction of the strongest line near a side."""
    length = max(float(np.hypot(*(end - start))), 1e-9)
    centre, unit = (start + end) / 2.0, (end - start) / length
    shifts = np.arange(-reach_px, reach_px + _STEP_PX / 2.0, _STEP_PX)
    shift, turn = (grid.ravel() for grid in np.meshgrid(shifts, np.radians(_TURNS_DEG)))
    normal = np.array([-unit[1], unit[0]])
    direction = unit * np.cos(turn)[:, None] + normal * np.sin(turn)[:, None]
    # Strength falls off near the ends of a side, where its neighbours' pixels no longer agree with it.
    travel = np.linspace(-0.45, 0.45, max(4, int(length))) * length
    at = (centre + shift[:, None] * normal)[:, None] + travel[:, None] * direction[:, None]
    layer = strength[int(direction_of(start[None], end[None], len(strength))[0])]
    read = ndimage.map_coordinates(layer, at[..., ::-1].reshape(-1, 2).T, order=1, mode="nearest")
    mean = read.reshape(len(shift), -1).mean(axis=1) - 1e-4 * (np.abs(shift) + np.abs(turn))
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
