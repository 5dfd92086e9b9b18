"""Line strength read along straight sides."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.lines import Votes
from geo.scene import FloatArray

#: float64 (point, 2): x and y in pixel coordinates, 0 at the centre of the first pixel.
Points = npt.NDArray[np.float64]

_BESIDE = np.float32(0.9)  # a line that runs a pixel beside a side holds it nearly as well


def support_share(strength: FloatArray, weakest: float, full: float) -> FloatArray:
    """Line strength as support, 0 (none) to 1 (as good as seen)."""
    return np.asarray(np.clip((strength - weakest) / (full - weakest), 0.0, 1.0), np.float32)


def beside(strength: FloatArray) -> FloatArray:
    """Strength that a line reaches within one pixel across its direction: what a side drawn there may claim.

    Reading it once per pixel replaces three readings for each of the many sides that a search tries.

    Args:
        strength: float32 (orientation, y, x), not negative.
    """
    count, rows, columns = strength.shape
    widest = strength.copy()
    for index in range(count):
        angle = index * np.pi / count
        dx, dy = round(-np.sin(angle)), round(np.cos(angle))
        here = (slice(max(0, -dy), rows - max(0, dy)), slice(max(0, -dx), columns - max(0, dx)))
        there = (slice(max(0, dy), rows + min(0, dy)), slice(max(0, dx), columns + min(0, dx)))
        for one, other in ((here, there), (there, here)):
            np.maximum(widest[index][one], _BESIDE * strength[index][other], out=widest[index][one])
    return widest


def walk(starts: Points, ends: Points) -> tuple[Points, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Points along straight segments, in the middle of steps of at most one pixel.

    Args:
        starts: float64 (segment, 2): x and y in pixel coordinates.
        ends: float64 (segment, 2).

    Returns:
        Points, float64 (step, 2); the index of each step's segment, int64 (step,); steps per segment, int64 (segment,).
    """
    delta = ends - starts
    count = np.maximum(2, np.ceil(np.hypot(delta[:, 0], delta[:, 1]))).astype(np.int64)
    segment = np.repeat(np.arange(len(count)), count)
    position = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count)
    share = (position + 0.5) / count[segment]
    return starts[segment] + delta[segment] * share[:, None], segment, count


def direction_of(starts: Points, ends: Points, orientations: int) -> npt.NDArray[np.int64]:
    """Index of the filter direction that each segment runs along, int64 (segment,)."""
    delta = ends - starts
    turned = np.rint(np.arctan2(delta[:, 1], delta[:, 0]) / np.pi * orientations).astype(np.int64)
    return np.asarray(turned % orientations)


def line_support(
    strength: FloatArray | Votes, starts: Points, ends: Points, reach_px: int = 1
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Strength of lines along straight segments, read at steps of at most one pixel.

    Args:
        strength: float32 (orientation, y, x), not negative, or votes, whose sign doesn't count.
        starts: float64 (segment, 2): x and y in pixel coordinates, 0 at the centre of the first pixel.
        ends: float64 (segment, 2).
        reach_px: How far beside the segment a line may run; 0 where `beside` has been applied.

    Returns:
        Strength at each step, float32 (step,), and the index of the step's segment, int64 (step,).
    """
    count, rows, columns = strength.shape
    points, segment, _ = walk(starts, ends)
    orientation = direction_of(starts, ends, count)[segment]
    angle = orientation * np.pi / count
    flat = strength.reshape(-1)
    best = np.zeros(len(segment), np.float32)
    for offset in range(-reach_px, reach_px + 1):
        moved = points if offset == 0 else points + offset * np.column_stack([-np.sin(angle), np.cos(angle)])
        nearest = np.rint(moved).astype(np.int64)
        x, y = np.clip(nearest[:, 0], 0, columns - 1), np.clip(nearest[:, 1], 0, rows - 1)
        read = np.abs(flat.take((orientation * rows + y) * columns + x).astype(np.float32))
        best = np.maximum(best, read * (_BESIDE if offset else np.float32(1.0)))
    return best, segment
