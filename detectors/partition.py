"""Ground cut into faces by straight cuts, with the edges between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import LineString, Polygon, box

from detectors.hough import Line
from detectors.side_support import Points

_GRID_PX = 0.01  # cuts are noded on a grid, or they might meet differently seen from either


@dataclass(frozen=True, slots=True)
class Partition:
    """Faces and the straight edges between them, in pixel coordinates.

    Attributes:
        faces: Polygons that together make up the frame, less slivers that were left out.
        starts: float64 (edge, 2): x and y.
        ends: float64 (edge, 2).
        sides: int64 (edge, 2): faces to the left and right of each edge; -1 outside the frame and in slivers. An edge
            that ends within a face has that face on both sides.
    """

    faces: list[Polygon]
    starts: Points
    ends: Points
    sides: npt.NDArray[np.int64]

    @classmethod
    def by(cls, cuts: Sequence[LineString], frame: Polygon, sliver: float = 0.0) -> Partition:
        """Of a frame, a rectangle, by straight cuts within it; faces of no more area than a sliver are left out."""
        corners = list(frame.exterior.coords)
        # The frame's sides one by one: a part of the net has to be straight.
        net = shapely.union_all([*cuts, *(LineString(corners[k : k + 2]) for k in range(4))], grid_size=_GRID_PX)
        faces = shapely.get_parts(shapely.polygonize([net]))
        faces = faces[shapely.area(faces) > sliver]
        parts = shapely.get_parts(net)
        parts = parts[shapely.length(parts) > 1e-2]
        starts, ends = shapely.get_coordinates(shapely.get_point(parts, [[0], [-1]])).reshape(2, -1, 2)
        return cls(list(faces), starts, ends, _neighbours(faces, starts, ends))

    @property
    def lengths(self) -> npt.NDArray[np.float64]:
        """Of the edges, pixels."""
        return np.asarray(np.hypot(*(self.ends - self.starts).T))


def frame_of(shape: tuple[int, ...]) -> Polygon:
    """The outline of an image of a shape (y, x), in pixel coordinates."""
    rows, columns = shape
    return box(-0.5, -0.5, columns - 0.5, rows - 0.5)


def across(line: Line, frame: Polygon) -> LineString | None:
    """The part of an endless line within a frame; None if it misses it."""
    along = np.array([np.cos(line.angle), np.sin(line.angle)])
    foot = line.offset_px * np.array([-along[1], along[0]])
    cut = LineString([foot - frame.length * along, foot + frame.length * along]).intersection(frame)
    return cut if isinstance(cut, LineString) and cut.length > 1.0 else None


def _neighbours(faces: npt.NDArray[np.object_], starts: Points, ends: Points) -> npt.NDArray[np.int64]:
    """Faces to the left and right of every edge, int64 (edge, 2); -1 outside the frame."""
    delta = ends - starts
    normal = np.column_stack([-delta[:, 1], delta[:, 0]]) / np.hypot(*delta.T)[:, None]
    sides = np.full((len(starts), 2), -1, np.int64)
    for column, sign in enumerate((0.02, -0.02)):
        tree = shapely.STRtree(shapely.points((starts + ends) / 2.0 + sign * normal))
        face, edge = tree.query(faces, predicate="contains")  # of whole faces: each is prepared once
        sides[edge, column] = face
    return sides
