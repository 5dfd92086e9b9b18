"""Ground cut into faces by straight cuts, with the edges between them.

Every edge is two half-edges, one in either direction, and a face is the half-edges that follow one another around it
(the doubly connected edge list of Muller and Preparata 1978, Theoretical Computer Science 7(2)). With some thousand
faces around every place that is looked at, they are worked out as arrays; polygons are made only of what is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy import sparse
from scipy.sparse import csgraph
from shapely.geometry import Polygon, box

from detectors.hough import Line
from detectors.side_support import Points
from geo.scene import BoolArray

_SAME_PX = 1e-5  # points nearer than that are one: where a cut ends on another, and where they meet
_SHORTEST_PX = 1.0  # a cut shorter than that only touches a corner of the frame

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Partition:
    """Faces and the straight edges between them, in pixel coordinates.

    Attributes:
        areas: float64 (face,): pixels. Together the faces make up the frame, less slivers that were left out.
        starts: float64 (edge, 2): x and y.
        ends: float64 (edge, 2).
        sides: int64 (edge, 2): faces to the left and right of each edge; -1 outside the frame and in slivers. An edge
            that ends within a face has that face on both sides.
    """

    areas: npt.NDArray[np.float64]
    starts: Points
    ends: Points
    sides: Numbers

    @classmethod
    def by(cls, starts: Points, ends: Points, shape: tuple[int, ...], sliver: float = 0.0) -> Partition:
        """Of an image by straight cuts within it.

        Args:
            starts: float64 (cut, 2): x and y, within the frame or on it.
            ends: float64 (cut, 2). No cut runs along another.
            shape: (y, x) of the image.
            sliver: Area up to which a face is left out.
        """
        corners = shapely.get_coordinates(frame_of(shape))
        points, edges = _net(np.vstack([corners[:-1], starts]), np.vstack([corners[1:], ends]))
        origin = np.concatenate([edges[:, 0], edges[:, 1]])  # half-edge k and its twin k + number of edges
        target = np.roll(origin, len(edges))
        cycle = _components(np.arange(len(origin)), _following(points, origin, target), len(origin))
        x, y = points.T
        area = np.bincount(cycle, x[origin] * y[target] - x[target] * y[origin]) / 2.0
        face, area = _faces(points, edges, cycle, area)
        kept = area > sliver
        number = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)  # the last is what lies outside
        sides = number[face[cycle]].reshape(2, -1).T
        return cls(area[kept], points[edges[:, 0]], points[edges[:, 1]], sides)

    @property
    def lengths(self) -> npt.NDArray[np.float64]:
        """Of the edges, pixels."""
        return np.asarray(np.hypot(*(self.ends - self.starts).T))

    def outlines(self, chosen: BoolArray) -> list[Polygon]:
        """Outer boundaries of the connected parts of chosen faces, bool (face,)."""
        inside = np.append(chosen, False)[self.sides]
        border = inside[:, 0] != inside[:, 1]
        edges = np.asarray(shapely.linestrings(np.stack([self.starts[border], self.ends[border]], axis=1)))
        whole = shapely.build_area(shapely.multilinestrings(edges))
        return [Polygon(part.exterior) for part in shapely.get_parts(whole)]


def frame_of(shape: tuple[int, ...]) -> Polygon:
    """The outline of an image of a shape (y, x), in pixel coordinates."""
    rows, columns = shape
    return box(-0.5, -0.5, columns - 0.5, rows - 0.5)


def across(lines: Sequence[Line], shape: tuple[int, ...]) -> tuple[Points, Points]:
    """The parts of endless lines within an image of a shape (y, x), those that miss it left out.

    Returns:
        Starts and ends, float64 (cut, 2): x and y.
    """
    angle = np.array([line.angle for line in lines])
    along = np.column_stack([np.cos(angle), np.sin(angle)])
    foot = np.array([line.offset_px for line in lines])[:, None] * np.column_stack([-along[:, 1], along[:, 0]])
    return within(foot, along, np.full(len(lines), -np.inf), np.full(len(lines), np.inf), shape)


def within(places: Points, along: Points, first: Points, last: Points, shape: tuple[int, ...]) -> tuple[Points, Points]:
    """The parts of straight cuts within an image of a shape (y, x), those that miss it left out.

    By Liang and Barsky (1984, ACM Transactions on Graphics 3(1)).

    Args:
        places: A place on the line of each cut, float64 (cut, 2): x and y.
        along: Their directions, unit vectors, float64 (cut, 2).
        first: Where they begin, as travel from there, float64 (cut,); may be infinite.
        last: Where they end.
        shape: (y, x).

    Returns:
        Starts and ends, float64 (cut, 2): x and y.
    """
    size = np.array(shape[::-1], float)
    slope = np.where(np.abs(along) > 1e-9, along, 1e-9)  # what runs along the frame meets its other sides far away
    limits = np.sort(np.stack([(-0.5 - places) / slope, (size - 0.5 - places) / slope]), axis=0)
    first, last = np.maximum(first, limits[0].max(axis=1)), np.minimum(last, limits[1].min(axis=1))
    met = last - first > _SHORTEST_PX
    ends = (places[met] + travel[met, None] * along[met] for travel in (first, last))
    start, end = (np.clip(end, -0.5, size - 0.5) for end in ends)
    return start, end


def _net(starts: Points, ends: Points) -> tuple[Points, Numbers]:
    """Straight cuts broken up where they meet.

    Returns:
        Points, float64 (point, 2), and the edges between them as pairs of their numbers, int64 (edge, 2).
    """
    one, other = np.triu_indices(len(starts), 1)
    along = ends - starts
    delta, u, v = starts[other] - starts[one], along[one], along[other]
    cross = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    sure = np.abs(cross) > 1e-12
    cross[~sure] = 1.0
    there = (delta[:, 0] * v[:, 1] - delta[:, 1] * v[:, 0]) / cross
    here = (delta[:, 0] * u[:, 1] - delta[:, 1] * u[:, 0]) / cross
    length = np.hypot(*along.T)
    for share, cut in ((there, one), (here, other)):
        slack = _SAME_PX / 2.0 / length[cut]  # what ends on another cut meets it
        sure &= (share >= -slack) & (share <= 1.0 + slack)
    met = starts[one[sure]] + there[sure, None] * u[sure]
    cut = np.concatenate([one[sure], other[sure], np.arange(len(starts)), np.arange(len(starts))])
    all_met = np.vstack([met, met, starts, ends])
    order = np.lexsort((((all_met - starts[cut]) * along[cut]).sum(axis=1), cut))
    all_met, cut = all_met[order], cut[order]
    cells = np.rint((all_met - all_met.min(axis=0)) / _SAME_PX).astype(np.int64)
    _, first, number = np.unique(
        cells[:, 1] * (cells[:, 0].max() + 1) + cells[:, 0], return_index=True, return_inverse=True
    )
    pairs = np.column_stack([number[:-1], number[1:]])[(cut[:-1] == cut[1:]) & (number[:-1] != number[1:])]
    return all_met[first], np.unique(np.sort(pairs, axis=1), axis=0)


def _following(points: Points, origin: Numbers, target: Numbers) -> Numbers:
    """The half-edge after each, around the face to its left: the first to the right of its own twin."""
    count = len(origin)
    delta = points[target] - points[origin]
    order = np.lexsort((np.arctan2(delta[:, 1], delta[:, 0]), origin))
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    starts = np.searchsorted(origin[order], np.arange(len(points)))
    many = np.bincount(origin, minlength=len(points))
    twin = (np.arange(count) + count // 2) % count
    first = starts[target]
    return np.asarray(order[first + (place[twin] - first - 1) % many[target]])


def _components(one: Numbers, other: Numbers, count: int) -> Numbers:
    """Number of the connected part that each of so many nodes belongs to."""
    graph = sparse.coo_matrix((np.ones(len(one), np.int8), (one, other)), shape=(count, count))
    return np.asarray(csgraph.connected_components(graph, directed=False)[1], np.int64)


def _faces(
    points: Points, edges: Numbers, cycle: Numbers, area: npt.NDArray[np.float64]
) -> tuple[Numbers, npt.NDArray[np.float64]]:
    """The face that each cycle of half-edges bounds, -1 for what lies outside, and the area of each face.

    What hangs together with nothing around it lies within a face: its outer cycle bounds that face as well.
    """
    face = np.arange(len(area))
    part = _components(edges[:, 0], edges[:, 1], len(points))
    of_cycle = np.empty(len(area), np.int64)
    of_cycle[cycle] = part[np.tile(edges[:, 0], 2)]
    leftmost = np.full(part.max() + 1, -1)
    by_x = np.lexsort((points[:, 1], points[:, 0]))[::-1]
    leftmost[part[by_x]] = by_x
    outer = np.full(len(leftmost), -1)
    smallest = np.lexsort((-area, of_cycle))  # of each part that cycle last that runs around it
    outer[of_cycle[smallest]] = smallest
    begun = points[leftmost]
    for each in np.lexsort((begun[:, 1], begun[:, 0])):
        around = outer[each]
        within = _left_of(points, edges, cycle, begun[each], part[edges[:, 0]] != each)
        face[around] = -1 if within is None else face[within]
        if face[around] >= 0:
            area[face[around]] += area[around]
    area[outer] = 0.0
    return face, area


def _left_of(points: Points, edges: Numbers, cycle: Numbers, place: Points, among: BoolArray) -> int | None:
    """The cycle of half-edges that a place sees to its left; None where it sees nothing."""
    one, other = points[edges[:, 0]], points[edges[:, 1]]
    crossed = among & ((one[:, 1] > place[1]) != (other[:, 1] > place[1]))
    if not crossed.any():
        return None
    index = np.flatnonzero(crossed)
    one, other = one[index], other[index]
    x = one[:, 0] + (place[1] - one[:, 1]) / (other[:, 1] - one[:, 1]) * (other[:, 0] - one[:, 0])
    x[x >= place[0]] = -np.inf
    nearest = int(x.argmax())
    if not np.isfinite(x[nearest]):
        return None
    # The place lies to the right, where x grows: to the left of a half-edge that runs towards smaller y.
    rising = other[nearest, 1] > one[nearest, 1]
    return int(cycle[index[nearest] + (len(edges) if rising else 0)])
