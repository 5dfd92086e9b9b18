"""What every imagery source can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shapely.geometry.base import BaseGeometry

from geo.grid import Grid
from geo.scene import LeftOut, Scene, SceneRaster


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found, ascending by acquisition, and what it had to leave out."""

    scenes: tuple[Scene, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading would spend: requests, bytes and Sentinel Hub processing units (0 where free)."""

    requests: int = 0
    bytes: int = 0
    processing_units: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.requests + other.requests, self.bytes + other.bytes, self.processing_units + other.processing_units
        )


class ImagerySource(Protocol):
    """A place that imagery can be searched in and read from."""

    @property
    def name(self) -> str:
        """Short name used in summaries and provenance."""

    def search(self, area: BaseGeometry, start: datetime, end: datetime) -> SearchResult:
        """Scenes that touch an area (EPSG:4326) and were acquired in [start, end], both aware.

        Raises:
            SourceError: The source can't be asked.
        """

    def read(self, scene: Scene, bands: Sequence[str], grid: Grid) -> SceneRaster:
        """The asked-for bands of a scene that it has, on a grid, as stored.

        Raises:
            SceneUnusableError: This scene can't be read; others may.
            SourceError: Nothing can be read.
        """

    def estimate_cost(self, scenes: Sequence[Scene], bands: Sequence[str], grid: Grid) -> Cost:
        """What `read` of these scenes would spend."""


class RemoteSource(ImagerySource, Protocol):
    """A source that costs something, so that it looks first whether a scene shows enough."""

    def read(self, scene: Scene, bands: Sequence[str], grid: Grid, clear_in: Grid | None = None) -> SceneRaster:
        """As `ImagerySource.read`.

        Args:
            scene: Which scene.
            bands: Which bands.
            grid: On which pixels.
            clear_in: The window of the grid that has to show enough ground; all of it without.

        Raises:
            SceneNotClearError: It shows too little.
            SceneUnusableError: This scene can't be read; others may.
            SourceError: Nothing can be read.
        """
