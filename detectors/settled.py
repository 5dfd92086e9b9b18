"""The undisturbed state of every pixel: the median of the last scenes that showed it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

# Scenes that the median is of; a power of two.
MEMORY = 4


def settled(layers: FloatArray) -> FloatArray:
    """Per-pixel median of what `keep` put into layers (MEMORY, y, x), float32 (y, x); 0 where that is nothing."""
    median: FloatArray = np.empty(layers.shape[1:], np.float32)
    _settled(layers, median)
    return median


def newest_of(layers: FloatArray, count: npt.NDArray[np.int16]) -> FloatArray:
    """What was kept last in layers (MEMORY, ...), float32 (...); 0 where that is nothing."""
    return np.asarray(np.take_along_axis(layers, ((count - 1) % MEMORY)[None].astype(np.intp), axis=0)[0])


@compiled
def _median_of_four(a: np.float32, b: np.float32, c: np.float32, d: np.float32) -> np.float32:
    """What is left after taking off the extremes, halved: no sorting is needed."""
    low, high = (a, b) if a < b else (b, a)
    least, most = (c, d) if c < d else (d, c)
    return np.float32(0.5) * ((low if low > least else least) + (high if high < most else most))


@compiled
def _settled(layers: FloatArray, median: FloatArray) -> None:
    for row in range(median.shape[0]):
        a, b, c, d = layers[0, row], layers[1, row], layers[2, row], layers[3, row]
        for x in range(median.shape[1]):
            median[row, x] = _median_of_four(a[x], b[x], c[x], d[x])


@compiled
def keep(newest: FloatArray, where: BoolArray, count: npt.NDArray[np.int16], layers: FloatArray) -> None:
    """Put a scene in the place of the oldest.

    Places still free are filled so that the median of all four is the median of those taken: by the first scene, by the
    first two in turn, by the median of the first three.
    """
    for row in range(where.shape[0]):
        for x in range(where.shape[1]):
            if where[row, x]:
                taken = count[row, x]
                layers[taken & (MEMORY - 1), row, x] = newest[row, x]
                if taken == 0:
                    for place in range(1, MEMORY):
                        layers[place, row, x] = newest[row, x]
                elif taken == 1:
                    layers[3, row, x] = newest[row, x]
                    layers[2, row, x] = layers[0, row, x]
                elif taken == 2:
                    a, b, c = layers[0, row, x], layers[1, row, x], layers[2, row, x]
                    layers[3, row, x] = max(min(a, b), min(max(a, b), c))
