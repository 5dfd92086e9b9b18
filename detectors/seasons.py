"""What the ground looked like in the same season of earlier years: what comes back every year is no change."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detectors.blurring import gaussian
from detectors.features import SceneFeatures
from detectors.noise import TextureClasses
from geo.scene import BoolArray, FloatArray

YEAR_DAYS = 365.2425


@dataclass(frozen=True, slots=True)
class PastScene:
    """A scene as it is kept.

    Attributes:
        index: Number of the scene.
        day: Acquisition, days.
        detail: float16 (band, y, x); ten bits are finer than the noise of reflectance.
        clear: bool (y, x).
        present: bool (band,).
    """

    index: int
    day: float
    detail: npt.NDArray[np.float16]
    clear: BoolArray
    present: npt.NDArray[np.bool_]


@dataclass(slots=True)
class SeasonMemory:
    """Scenes to compare a later year's with."""

    scenes: list[PastScene] = field(default_factory=list)

    def keep(self, index: int, day: float, scene: SceneFeatures) -> None:
        """Take in a scene."""
        self.scenes.append(PastScene(index, day, scene.detail.astype(np.float16), scene.clear, scene.present))

    def same_season(self, day: float, within_days: float, at_most: int) -> list[PastScene]:
        """The newest scenes of earlier years that are near a day in the calendar."""
        alike = [
            past for past in self.scenes if _apart(day, past.day) <= within_days and day - past.day > YEAR_DAYS / 2
        ]
        return alike[-at_most:]


def _apart(day: float, other: float) -> float:
    """Days between two dates in the calendar, whatever the year."""
    return abs((day - other + YEAR_DAYS / 2) % YEAR_DAYS - YEAR_DAYS / 2)


def difference(
    scene: SceneFeatures, past: PastScene, classes: TextureClasses, least_noise: float, cap: float, sigma: float
) -> FloatArray:
    """How a scene differs in structure from a past one, float32 (y, x), in units of the noise of stable ground.

    The same measure as `Evidence.structure`, against one scene in place of the state before.

    Args:
        scene: The scene.
        past: What to compare with.
        classes: Stable ground by texture.
        least_noise: Reflectance below which a step is never sure.
        cap: Most that one pixel may bring in.
        sigma: Standard deviation of the Gaussian that evidence is pooled with, pixels.
    """
    both = np.flatnonzero(scene.present & past.present)
    energy = classes.energy(scene.detail[both] - past.detail[both].astype(np.float32), least_noise)
    energy[~(scene.clear & past.clear)] = 1.0
    return np.sqrt(gaussian(np.minimum(energy, np.float32(cap**2)), sigma))
