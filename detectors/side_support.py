"""Line strength read along straight sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.line_strength import FULL, Strength
from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

#: float64 (point, 2): x and y in pixel coordinates, 0 at the centre of the first pixel.
Points = npt.NDArray[np.float64]

_BESIDE = np.float32(0.9)  # a line that runs a pixel beside a side holds it nearly as well
_OFFSETS = (0, -1, 1)  # pixels across a side


def support_share(strength: FloatArray, weakest: float, full: float) -> FloatArray:
    """Line strength as support, 0 (none) to 1 (as good as seen)."""
    return np.asarray(np.clip((strength - weakest) / (full - weakest), 0.0, 1.0), np.float32)


def step_count(starts: Points, ends: Points) -> npt.NDArray[np.int64]:
    """Steps of at most one pixel, and at least two, that straight segments are read in, int64 (segment,)."""
    delta = ends - starts
    return np.maximum(2, np.ceil(np.hypot(delta[:, 0], delta[:, 1]))).astype(np.int64)


def direction_of(starts: Points, ends: Points, orientations: int) -> npt.NDArray[np.int64]:
    """Index of the filter direction that each segment runs along, int64 (segment,)."""
    delta = ends - starts
    turned = np.rint(np.arctan2(delta[:, 1], delta[:, 0]) / np.pi * orientations).astype(np.int64)
    return np.asarray(turned % orientations)


@dataclass(frozen=True, slots=True)
class SideReading:
    """Where line strength is read along straight segments: in the middle of steps of at most one pixel, and beside.

    Attributes:
        cells: int64 (offset, step): flat indices into (orientation, y, x), on the segment and beside it.
        owner: int64 (step,): segment of each step.
        count: int64 (segment,): steps of each segment.
        middle: int64 (segment,): flat index into (y, x) of each segment's middle.
    """

    cells: npt.NDArray[np.int64]
    owner: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    middle: npt.NDArray[np.int64]

    @classmethod
    def along(cls, starts: Points, ends: Points, shape: tuple[int, ...]) -> SideReading:
        """For segments from float64 (segment, 2) to (segment, 2), in arrays of a shape (orientation, y, x)."""
        orientations, rows, columns = shape
        count, direction = step_count(starts, ends), direction_of(starts, ends, orientations)
        cells = np.empty((len(_OFFSETS), int(count.sum())), np.int64)
        _cells_beside(starts, ends, count, direction, orientations, rows, columns, cells)
        middle = np.rint((starts + ends) / 2.0).astype(np.int64)
        flat = np.clip(middle[:, 1], 0, rows - 1) * columns + np.clip(middle[:, 0], 0, columns - 1)
        return cls(cells, np.repeat(np.arange(len(count)), count), count, flat)

    def of(self, figures: npt.NDArray[np.generic]) -> FloatArray:
        """Figures (orientation, y, x) at each step, the greatest on the segment and beside it, without sign.

        Returns:
            float32 (step,), in the figures' unit.
        """
        read = np.abs(figures.reshape(-1).take(self.cells).astype(np.float32))
        read[1:] *= _BESIDE
        return np.asarray(read.max(axis=0))

    def middles(self, image: BoolArray) -> BoolArray:
        """An image (y, x) at the middle of each segment."""
        return np.asarray(image.reshape(-1).take(self.middle))


def line_support(strength: Strength, starts: Points, ends: Points) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Strength of lines along straight segments.

    Args:
        strength: uint8 (orientation, y, x).
        starts: float64 (segment, 2): x and y in pixel coordinates, 0 at the centre of the first pixel.
        ends: float64 (segment, 2).

    Returns:
        Strength at each step, float32 (step,), 0 to 1, and the index of the step's segment, int64 (step,).
    """
    reading = SideReading.along(starts, ends, strength.shape)
    return reading.of(strength) / np.float32(FULL), reading.owner


@compiled
def _cells_beside(
    starts: Points,
    ends: Points,
    count: npt.NDArray[np.int64],
    direction: npt.NDArray[np.int64],
    orientations: int,
    rows: int,
    columns: int,
    cells: npt.NDArray[np.int64],
) -> None:
    step = 0
    for segment in range(len(count)):
        layer = direction[segment]
        angle = layer * np.pi / orientations
        across_x, across_y = -np.sin(angle), np.cos(angle)
        for index in range(count[segment]):
            share = (index + 0.5) / count[segment]
            x = starts[segment, 0] + share * (ends[segment, 0] - starts[segment, 0])
            y = starts[segment, 1] + share * (ends[segment, 1] - starts[segment, 1])
            for number, offset in enumerate(_OFFSETS):
                column = min(max(int(np.rint(x + offset * across_x)), 0), columns - 1)
                row = min(max(int(np.rint(y + offset * across_y)), 0), rows - 1)
                cells[number, step] = (layer * rows + row) * columns + column
            step += 1
