"""A source as a place sees it whose pixels are fetched with those of its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shapely.geometry.base import BaseGeometry

from geo.grid import Grid
from geo.scene import Scene, SceneRaster
from geo.sources.base import Cost, SearchResult
from geo.sources.cached import CachedSource


class AreaSource:
    """A cached source that asks for whole areas and gives a place its part, so that no pixel is bought twice.

    The area decides which scenes there are, too: places of one area get the same product of an acquisition.

    Args:
        source: Whom to ask.
        area: What is fetched as one; holds the grid of every place that asks.
    """

    def __init__(self, source: CachedSource, area: Grid) -> None:
        self._source = source
        self._area = area

    @property
    def name(self) -> str:
        """Name of the source behind it."""
        return self._source.name

    def search(self, area: BaseGeometry, start: datetime, end: datetime) -> SearchResult:
        """Scenes of the area that touch the place (EPSG:4326).

        Raises:
            SourceError: The source can't be asked.
        """
        found = self._source.search(self._area.scene_footprint_wgs84, start, end)
        scenes = tuple(scene for scene in found.scenes if scene.scene_footprint.intersects(area))
        return SearchResult(scenes, found.left_out)

    def read(self, scene: Scene, bands: Sequence[str], grid: Grid) -> SceneRaster:
        """A place's part of a scene; all of the area is fetched if the place shows enough.

        Raises:
            SceneUnusableError: This scene can't be read, or shows too little of the place.
            SourceError: Nothing can be read.
        """
        return self._source.read(scene, bands, grid, self._area)

    def estimate_cost(self, scenes: Sequence[Scene], bands: Sequence[str], grid: Grid) -> Cost:
        """What `read` of these scenes would spend."""
        missing = [scene for scene in scenes if not self.holds(scene, bands, grid)]
        return self._source.source.estimate_cost(missing, bands, self._area)

    def holds(self, scene: Scene, bands: Sequence[str], grid: Grid) -> bool:
        """Whether `read` would ask for nothing."""
        return self._source.holds(scene, bands, grid)
