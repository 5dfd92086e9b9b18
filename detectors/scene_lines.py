"""What scenes show of lines, one by one, several together, and all of those before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from detectors.line_strength import Strength, add_to_mean, averaged_strength, pooled_strength
from detectors.lines import Votes
from geo.scene import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class SceneLines:
    """What one scene shows of lines.

    Attributes:
        votes: int8 (orientation, y, x).
        texture: float32 (y, x): logarithm of local contrast, in units of its own median.
        clear: bool (y, x): valid ground, less a rim in which lines can't be read.
    """

    votes: Votes
    texture: FloatArray
    clear: BoolArray


def pooled(scenes: Sequence[SceneLines]) -> Strength:
    """Line strength of several scenes together."""
    return pooled_strength([scene.votes for scene in scenes], [scene.clear for scene in scenes])


@dataclass(slots=True)
class OldLines:
    """Lines and texture of the scenes before, averaged; the older a scene, the less it counts once there are many.

    Attributes:
        votes: int16 (orientation, y, x): mean of signed votes, in 1/256 of a vote.
        texture: float32 (y, x): mean.
        count: int16 (y, x): clear scenes so far, at most as many as are remembered.
    """

    votes: npt.NDArray[np.int16]
    texture: FloatArray
    count: npt.NDArray[np.int16]

    @classmethod
    def none(cls, scene: SceneLines) -> OldLines:
        """Of no scene yet, for scenes like this one."""
        shape = scene.clear.shape
        return cls(np.zeros(scene.votes.shape, np.int16), np.zeros(shape, np.float32), np.zeros(shape, np.int16))

    def add(self, scene: SceneLines, most: int) -> None:
        """Takes a scene in; from so many on it is one of them."""
        self.count = np.where(scene.clear, np.minimum(self.count + 1, most), self.count).astype(np.int16)
        add_to_mean(scene.votes, scene.clear, self.count, self.votes)
        weight = np.float32(1.0) / np.maximum(self.count, 1)
        self.texture += np.where(scene.clear, (scene.texture - self.texture) * weight, np.float32(0.0))

    @property
    def strength(self) -> Strength:
        """Of the lines."""
        return averaged_strength(self.votes)

    @property
    def seen(self) -> BoolArray:
        """Ground that was clear at all, bool (y, x)."""
        return np.asarray(self.count > 0)


def eroded(valid: BoolArray, rim_px: int) -> BoolArray:
    """Valid ground without the rim along gaps in which a line filter still sees the gap."""
    if valid.all():
        return valid
    return np.asarray(ndimage.binary_erosion(valid, iterations=rim_px, border_value=1))
