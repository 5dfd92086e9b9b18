"""Which scenes show a change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.bits import Bits, shares
from detectors.pixel_history import PixelHistory
from geo.compiled import compiled
from geo.scene import BoolArray


@dataclass(frozen=True, slots=True)
class Sightings:
    """What every scene says of a change.

    Attributes:
        clear: float (scene,), share of its ground that is clear.
        enough: bool (scene,), whether enough of what had begun by then is clear for the scene to count at all.
        shown: bool (scene,), whether the scene shows most of what had begun by then.
    """

    clear: npt.NDArray[np.float64]
    enough: npt.NDArray[np.bool_]
    shown: npt.NDArray[np.bool_]


def sightings_of(history: PixelHistory, changed: BoolArray, shown_share: float, clear_share: float) -> Sightings:
    """What the scenes so far say of changed pixels, bool (y, x).

    Args:
        history: Pixels after the newest scene.
        changed: The pixels.
        shown_share: Share of the clear ones that must differ for a scene to show the change.
        clear_share: Share of those that have begun that must be clear for a scene to count.
    """
    pixels = np.flatnonzero(changed)
    begun, clear, shown = _counts(history.hits, history.clear, pixels, history.onset.ravel()[pixels])
    enough = clear >= clear_share * np.maximum(begun, 1)
    return Sightings(shares(history.clear, pixels), enough, enough & (shown >= shown_share * clear))


@compiled
def _counts(
    hits: Bits, clear: Bits, pixels: npt.NDArray[np.intp], onset: npt.NDArray[np.int16]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Per scene, how many pixels had begun by then, how many of these are clear, and how many of these differ."""
    scenes = hits.shape[0]
    begun, seen, shown = np.zeros(scenes, np.int64), np.zeros(scenes, np.int64), np.zeros(scenes, np.int64)
    for scene in range(scenes):
        for index in range(pixels.size):
            if onset[index] <= scene:
                byte, bit = pixels[index] >> 3, 7 - (pixels[index] & 7)
                looked = clear[scene, byte] >> bit & 1
                begun[scene] += 1
                seen[scene] += looked
                shown[scene] += looked & (hits[scene, byte] >> bit)
    return begun, seen, shown
