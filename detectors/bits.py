"""Masks in an eighth of their room, to keep one for every scene."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.compiled import compiled
from geo.scene import BoolArray

# One row for every scene, one bit for every pixel: uint8 (scene, byte).
Bits = npt.NDArray[np.uint8]


def no_bits(shape: tuple[int, int]) -> Bits:
    """Those of no scene at all."""
    return np.zeros((0, -(-shape[0] * shape[1] // 8)), np.uint8)


def packed(mask: BoolArray) -> Bits:
    """A mask (y, x) as one row."""
    return np.packbits(mask)


def unpacked(row: Bits, shape: tuple[int, int]) -> BoolArray:
    """The mask, bool (y, x)."""
    return np.unpackbits(row, count=shape[0] * shape[1]).reshape(shape).astype(bool)


@compiled
def shares(bits: Bits, pixels: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Share of some pixels, flat indices, that each scene's mask has; 0 of no pixels."""
    share = np.zeros(bits.shape[0])
    for scene in range(bits.shape[0]):
        count = 0
        for pixel in pixels:
            count += bits[scene, pixel >> 3] >> (7 - (pixel & 7)) & 1
        share[scene] = count / max(pixels.size, 1)
    return share
