"""Sentinel-1 backscatter from Sentinel Hub."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from shapely.geometry.base import BaseGeometry

from geo.errors import SceneUnusableError
from geo.grid import Grid
from geo.radar import RadarRaster, RadarScene, RadarSearchResult
from geo.sources.base import Cost
from geo.sources.look import one_scene
from geo.sources.radar_items import radar_scenes
from geo.sources.sentinelhub import ProcessApi, radar_collection
from geo.sources.sentinelhub_collection import evalscript, processing_units
from geo.sources.sentinelhub_pixels import parts
from geo.sources.sentinelhub_session import Session
from geo.sources.stac_search import item_query, search_items

_PROCESSING = {"backCoeff": "SIGMA0_ELLIPSOID", "orthorectify": True, "demInstance": "COPERNICUS"}


class SentinelHubRadar:
    """Sentinel-1 GRD of one pass as one scene: calibrated, thermal noise removed, orthorectified by the service.

    Args:
        session: Signed in to a deployment.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._api = ProcessApi(session, radar_collection(session.deployment.base_url), _PROCESSING)

    @property
    def name(self) -> str:
        """Short name used in summaries and provenance."""
        return f"sentinelhub {self._session.deployment.name} radar"

    def search(self, area: BaseGeometry, start: datetime, end: datetime) -> RadarSearchResult:
        """Scenes with VV and VH that touch an area (EPSG:4326), acquired in [start, end], both aware.

        Raises:
            InputError: The credentials are refused.
            SourceError: The catalogue can't be asked.
        """
        query = item_query(["sentinel-1-grd"], area, start, end)
        url = f"{self._session.deployment.base_url}/api/v1/catalog/1.0.0/search"
        return radar_scenes(search_items(self._session, url, query), joined=True)

    def read(self, scene: RadarScene, polarizations: Sequence[str], grid: Grid) -> RadarRaster:
        """Backscatter of a scene on a grid.

        Raises:
            SceneUnusableError: It shows nothing of the grid, or comes broken.
            BudgetReachedError: It would cost more than is left.
            SourceError: Nothing can be bought.
        """
        names = tuple(polarizations)
        sigma0 = np.full((len(names), *grid.shape), np.nan, np.float32)
        valid = np.zeros(grid.shape, bool)
        for part in parts(grid):
            row = round((grid.transform.f - part.transform.f) / grid.gsd_m)
            column = round((part.transform.c - grid.transform.c) / grid.gsd_m)
            target = (slice(row, row + part.shape[0]), slice(column, column + part.shape[1]))
            with one_scene(scene.item_id):
                numbers, mask = self._api.process(
                    evalscript(names, "FLOAT32", units="LINEAR_POWER"), scene.item_id, scene.acquired_at, part.crs,
                    part.bounds, (len(names) + 1, *part.shape), _units(part, names),
                )  # fmt: skip
            sigma0[:, *target], valid[target] = numbers, mask
        if not valid.any():
            raise SceneUnusableError(f"{scene.item_id} is no longer there, or shows nothing of the area")
        sigma0[:, ~valid] = np.nan
        return RadarRaster(sigma0, valid, names, orthorectified=True, noise_removed=True)

    def estimate_cost(self, scenes: Sequence[RadarScene], polarizations: Sequence[str], grid: Grid) -> Cost:
        """What `read` of these scenes would spend; bytes before compression."""
        pieces = list(parts(grid))
        size = sum(part.shape[0] * part.shape[1] for part in pieces) * (len(polarizations) + 1) * 4
        units = sum(_units(part, polarizations) for part in pieces)
        return Cost(len(scenes) * len(pieces), len(scenes) * size, len(scenes) * units)


def _units(grid: Grid, polarizations: Sequence[str]) -> float:
    return processing_units(grid.shape, len(polarizations), float32=True, orthorectified=True)
