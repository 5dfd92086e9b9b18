"""Enclosures as unions of the faces that straight lines cut the ground into.

Straight lines partition a window into convex faces. The enclosure is the union of faces with the least
energy: unsupported length of its boundary, less the evidence for "inside" over its area. Both terms together
are a minimum cut (Boykov and Jolly 2001, ICCV, on the partition of Bauchet and Lafarge 2018, CVPR), so the
optimum is exact, sides are straight, corners lie where lines meet, and no number of corners is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from scipy import sparse
from scipy.sparse import csgraph
from shapely.geometry import Polygon

from detectors.directional import met_around
from detectors.hough import Line
from detectors.line_strength import Strength
from detectors.outline_kernels import side_means
from detectors.partition import Partition, across
from geo.scene import FloatArray

_SLIVER_PX = 0.25  # area of a face that only the meeting of many lines in nearly one point makes
_CAPACITY = 1000.0  # minimum cut works on whole numbers


def surroundedness(barriers: FloatArray, reach_px: int, directions: int = 16) -> FloatArray:
    """Share of directions in which a barrier is met.

    Args:
        barriers: float32 (y, x), 0 (open) to 1 (closed).
        reach_px: How far is looked.
        directions: Number of directions.

    Returns:
        float32 (y, x), 0 to 1.
    """
    angle = 2.0 * np.pi * np.arange(directions)[:, None] / directions
    distance = np.arange(1, max(reach_px, 2))
    met = np.empty(barriers.shape, np.float32)
    step_x, step_y = (np.rint(part(angle) * distance).astype(np.int64) for part in (np.cos, np.sin))
    met_around(np.ascontiguousarray(barriers), len(distance), step_x, step_y, met)
    return met


def enclose(
    strength: Strength,
    inside: FloatArray,
    lines: list[Line],
    support: tuple[float, float],
    base_cost: float,
    weights: Sequence[float] = (1.0,),
) -> list[Polygon]:
    """The unions of faces with the least energy.

    Args:
        strength: uint8 (orientation, y, x) from `detectors.line_strength.beside`.
        inside: float32 (y, x): evidence for inside (positive) or outside (negative) per pixel, in pixels of
            unsupported boundary.
        lines: That partition the window.
        support: Strengths at which support begins and is full.
        base_cost: Cost of a fully supported pixel of boundary: keeps the outline short.
        weights: Factors on the evidence, each of which gives a cut of its own: what is inside at a small weight
            is well surrounded, what a large one adds is less so.

    Returns:
        Polygons without holes in pixel coordinates, 0 at the centre of the first pixel, each once.
    """
    partition = Partition.by(*across(lines, inside.shape), inside.shape, _SLIVER_PX)
    sides, starts, ends = partition.sides, partition.starts, partition.ends
    if len(partition.areas) < 2:
        return []
    seen, mean = side_means(strength, np.cumsum(inside, axis=1, dtype=np.float64), starts, ends, support)
    cost = partition.lengths * (base_cost + 1.0 - seen)
    # What each edge sweeps: summed around an outline, the evidence that it encloses (Green's theorem).
    swept = mean * (ends - starts)[:, 1]
    gain = np.zeros(len(partition.areas) + 1)  # the last entry takes what lies outside the frame
    np.add.at(gain, sides[:, 0], swept)
    np.add.at(gain, sides[:, 1], -swept)
    parts: dict[bytes, Polygon] = {}
    for weight in weights:
        chosen = _minimum_cut(weight * gain[:-1], sides, cost)
        for part in partition.outlines(chosen):
            outline = shapely.normalize(part)
            parts.setdefault(shapely.to_wkb(outline), outline)
    return list(parts.values())


def _minimum_cut(
    gain: npt.NDArray[np.float64], sides: npt.NDArray[np.int64], cost: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Which faces belong to the enclosure; everything outside the frame doesn't."""
    count = len(gain)
    source, sink = count, count + 1
    left, right = (np.where(sides[:, k] < 0, sink, sides[:, k]) for k in (0, 1))
    apart = left != right
    left, right, cost = left[apart], right[apart], cost[apart]
    faces = np.arange(count)
    inner, outer = faces[gain > 0], faces[gain <= 0]
    tail = np.concatenate([left, right, np.full(len(inner), source), outer])
    head = np.concatenate([right, left, inner, np.full(len(outer), sink)])
    weight = np.concatenate([cost, cost, gain[inner], -gain[outer]])
    capacity = np.rint(weight * _CAPACITY).astype(np.int32)
    graph = sparse.csr_matrix((capacity, (tail, head)), shape=(count + 2, count + 2))
    graph.sum_duplicates()
    residual = graph - csgraph.maximum_flow(graph, source, sink).flow
    residual.data[residual.data < 0] = 0
    residual.eliminate_zeros()
    reached = csgraph.breadth_first_order(residual, source, return_predecessors=False)
    chosen = np.zeros(count, bool)
    chosen[reached[reached < count]] = True
    return chosen
