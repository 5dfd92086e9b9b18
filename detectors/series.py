"""The scenes that a follower has been given: what is kept of them when their pixels are gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from geo.bands import ordered
from geo.grid import Grid
from geo.scene import PreparedScene


@dataclass(frozen=True, slots=True)
class SeenScene:
    """One of them; attributes as those of `PreparedScene` and its scene."""

    item_id: str
    acquired_at: datetime
    registration_quality: float
    clear_fraction: float


@dataclass(slots=True)
class Series:
    """The scenes so far, ascending by acquisition.

    Attributes:
        grid: The area's permanent grid.
        bands: All bands that any of them has.
        scenes: The scenes.
    """

    grid: Grid
    bands: tuple[str, ...] = ()
    scenes: list[SeenScene] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.scenes)

    def add(self, scene: PreparedScene) -> None:
        """Takes the next scene down."""
        self.bands = ordered((*self.bands, *scene.bands))
        self.scenes.append(
            SeenScene(scene.scene.item_id, scene.scene.acquired_at, scene.registration_quality, scene.clear_fraction)
        )

    @property
    def registration_quality(self) -> npt.NDArray[np.float64]:
        """Float (time,), 0 to 1."""
        return np.array([scene.registration_quality for scene in self.scenes])

    @property
    def days(self) -> list[float]:
        """Acquisition of each scene, days since 1970."""
        return [scene.acquired_at.timestamp() / 86400.0 for scene in self.scenes]
