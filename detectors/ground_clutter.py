"""What the ground of a place shows in every scene and is no line, taken away from what the line filter sees.

Stones, roofs and paths stand out of their surroundings as far as a wall does, the more the finer the pixels, and a
filter that looks at one scene can't tell them from it. But they stay where they are. The filter's answer to the first
scenes together, less the lines in it, is therefore taken away from its answer to each scene, by as much as that scene
repeats it: nearly all of it where the ground stays, nothing where snow or plants have changed it. What is left is in
the unit of what differs from scene to scene (the reasoning of image differencing, here without losing the lines that
stood from the start).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.lines import VOTE, WHOLE, LineFilter, Votes, Window
from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

_UNIT = 1e-5  # reflectance, in which clutter is kept


@dataclass(frozen=True, slots=True)
class GroundClutter:
    """Clutter of the ground of an area.

    Attributes:
        contrast: int16 (orientation, y, x): the line filter's answer to it, reflectance in 1/100,000.
        filter: Whose answer it is.
        block_m: Side of the blocks by which it is told how far a scene repeats it.
    """

    contrast: npt.NDArray[np.int16]
    filter: LineFilter
    block_m: float

    @classmethod
    def of(
        cls,
        images: Sequence[FloatArray],
        clear: Sequence[BoolArray],
        lines: LineFilter,
        seen: tuple[float, float],
        block_m: float,
    ) -> GroundClutter:
        """Of some scenes together.

        Args:
            images: Mean reflectance of each, float32 (y, x), gaps filled.
            clear: bool (y, x) of each.
            lines: The line filter.
            seen: Share of agreeing votes at which a line begins to be seen and is surely seen: it is no clutter.
            block_m: Side of the blocks over which noise is measured.
        """
        ridges, strongest = lines.ridges(np.mean(images, axis=0, dtype=np.float32))
        noise = lines.spread(lines.noise(strongest, np.any(clear, axis=0), block_m), block_m)
        contrast = np.empty(ridges.shape, np.int16)
        _without_lines(ridges, lines.votes(ridges, noise), seen[0] * VOTE, seen[1] * VOTE, 1.0 / _UNIT, contrast)
        return cls(contrast, lines, block_m)

    def repeated_in(self, ridges: FloatArray, clear: BoolArray) -> FloatArray:
        """By how much a scene repeats the clutter: the factor that leaves least of it, by least squares.

        Args:
            ridges: The line filter's answer to the scene, float32 (orientation, y, x).
            clear: bool (y, x).

        Returns:
            float32 (block, block), 0 to 1.
        """
        size = self.filter.block_px(self.block_m)
        blocks = tuple(-(-length // size) for length in clear.shape)
        together, alone = np.zeros(blocks), np.zeros(blocks)
        _products(ridges, self.contrast, clear, size, together, alone)
        share = np.divide(together, alone * _UNIT, out=np.zeros(blocks), where=alone > 0.0)
        return np.asarray(share.clip(0.0, 1.0), np.float32)

    def taken_from(
        self, ridges: FloatArray, repeated: FloatArray, window: Window = WHOLE
    ) -> tuple[FloatArray, FloatArray]:
        """What is left of a scene.

        Args:
            ridges: The line filter's answer to it, float32 (orientation, y, x).
            repeated: From `repeated_in`.
            window: The part of the area that these are of.

        Returns:
            float32 (orientation, y, x) in place of the answer given, and the greatest of it over the orientations
            without sign, float32 (y, x).
        """
        share = self.filter.spread(repeated, self.block_m, window) * np.float32(_UNIT)
        greatest = np.zeros(share.shape, np.float32)
        _subtract(self.contrast[(slice(None), *window)], share, ridges, greatest)
        return ridges, greatest


@compiled
def _without_lines(
    ridges: FloatArray, votes: Votes, begins: float, surely: float, scale: float, out: npt.NDArray[np.int16]
) -> None:
    """Contrast as far as it is not part of a line, as whole numbers; all (orientation, y, x)."""
    count, rows, columns = ridges.shape
    for k in range(count):
        for y in range(rows):
            for x in range(columns):
                line = min(max((abs(float(votes[k, y, x])) - begins) / (surely - begins), 0.0), 1.0)
                kept = float(ridges[k, y, x]) * (1.0 - line) * scale
                out[k, y, x] = np.int16(np.rint(min(max(kept, -32767.0), 32767.0)))


@compiled
def _products(
    ridges: FloatArray,
    clutter: npt.NDArray[np.int16],
    clear: BoolArray,
    size: int,
    together: npt.NDArray[np.float64],
    alone: npt.NDArray[np.float64],
) -> None:
    """Sums over the clear pixels of each block (block, block), and over the orientations."""
    count, rows, columns = ridges.shape
    both, one = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for y in range(rows):
        both[:], one[:] = np.float32(0.0), np.float32(0.0)
        for k in range(count):
            answer, known = ridges[k, y], clutter[k, y]
            for x in range(columns):
                each = np.float32(known[x])
                both[x] += each * answer[x]
                one[x] += each * each
        for x in range(columns):
            if clear[y, x]:
                together[y // size, x // size] += both[x]
                alone[y // size, x // size] += one[x]


@compiled
def _subtract(clutter: npt.NDArray[np.int16], share: FloatArray, ridges: FloatArray, greatest: FloatArray) -> None:
    count, rows, columns = ridges.shape
    for k in range(count):
        for y in range(rows):
            for x in range(columns):
                left = ridges[k, y, x] - share[y, x] * np.float32(clutter[k, y, x])
                ridges[k, y, x] = left
                greatest[y, x] = max(greatest[y, x], abs(left))
