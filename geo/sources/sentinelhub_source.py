"""Imagery from Sentinel Hub: the commercial deployment, Copernicus Data Space, and a user's own collections there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

from geo.bands import SCENE_CLASSIFICATION
from geo.errors import SceneUnusableError
from geo.grid import Grid, utm_zone
from geo.scene import LeftOut, Scene, SceneRaster
from geo.sources.acquisitions import Product, one_per_acquisition
from geo.sources.base import Cost, SearchResult
from geo.sources.look import Choice, by_cloud_cover, one_scene, require_clear
from geo.sources.sentinelhub import ProcessApi, data_collection
from geo.sources.sentinelhub_catalog import product_of
from geo.sources.sentinelhub_collection import SENTINEL2_L2A, Collection, evalscript, processing_units
from geo.sources.sentinelhub_pixels import LOOK_GSD_M, cut_all, look_shape, native_grid, parts
from geo.sources.sentinelhub_session import Session
from geo.sources.stac_search import item_query, search_items
from geo.sources.window import COARSEST_RATIO, Cutting


class SentinelHubSource:
    """Scenes that Sentinel Hub's Process API cuts out, each band bought at its native pixel size.

    One overpass is one scene: the service itself joins the tiles that an area touches. Instances may be shared by
    threads.

    Args:
        session: Signed in to a deployment.
        collection: What to search and buy.
        choice: Which scenes are worth buying.
    """

    def __init__(self, session: Session, collection: Collection = SENTINEL2_L2A, choice: Choice | None = None) -> None:
        self.collection = collection
        self.choice = choice or Choice()
        self._session = session
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="buy")
        data = data_collection(collection, session.deployment.base_url)
        self._api = ProcessApi(session, data, {"harmonizeValues": True} if collection.harmonized else None)

    @property
    def name(self) -> str:
        """Short name used in summaries and provenance."""
        return f"sentinelhub {self._session.deployment.name}"

    def search(self, area: BaseGeometry, start: datetime, end: datetime) -> SearchResult:
        """Scenes that touch an area (EPSG:4326) and were acquired in [start, end], both aware, one per overpass.

        Raises:
            InputError: The credentials are refused.
            SourceError: The catalogue can't be asked.
        """
        query = item_query([self.collection.catalog_id], area, start, end)
        url = f"{self._session.deployment.base_url}/api/v1/catalog/1.0.0/search"
        products: list[Product] = []
        left_out: list[LeftOut] = []
        for feature in search_items(self._session, url, query):
            try:
                products.append(product_of(feature, self.collection))
            except SceneUnusableError as error:
                left_out.append(LeftOut(str(feature.get("id", "a feature without id")), None, str(error)))
        crs = utm_zone(area.centroid.x, area.centroid.y)
        scenes, repeated = one_per_acquisition(products, area, crs, joined=True)
        clear, cloudy = by_cloud_cover(scenes, self.choice.max_cloud_cover_pct)
        return SearchResult(clear, (*left_out, *repeated, *cloudy))

    def read(self, scene: Scene, bands: Sequence[str], grid: Grid, clear_in: Grid | None = None) -> SceneRaster:
        """The asked-for bands of a scene that it has, on a grid, as stored.

        First a look at scene classification and data mask with pixels of 60 m; the bands are bought only if
        enough of the grid, or of the window of it that is asked for, is seen in it.

        Raises:
            SceneNotClearError: Too little of the grid is seen.
            SceneUnreadError: It couldn't be fetched this time.
            SceneUnusableError: This scene can't be bought: too coarse, gone, or broken.
            BudgetReachedError: It would cost more than is left.
            SourceError: Nothing can be bought.
        """
        wanted = self._wanted(scene, bands)
        if scene.gsd_m > COARSEST_RATIO * grid.gsd_m:
            raise SceneUnusableError(
                f"{scene.item_id} has pixels of {scene.gsd_m:g} m, too coarse for a grid of {grid.gsd_m:g} m"
            )
        groups = self._groups(wanted)
        with one_scene(scene.item_id):
            if self.collection.classified:
                self._look(scene, clear_in or grid)
            bought = self._threads.map(lambda group: self._buy(scene, group[1], group[0], grid), groups.items())
            cuttings = {name: cutting for group in bought for name, cutting in group.items()}
        classes = cuttings.get(SCENE_CLASSIFICATION)
        return SceneRaster(
            dn=np.concatenate([cuttings[name].dn for name in wanted]),
            scale=tuple(scene.scale_offset[name][0] for name in wanted),
            offset=tuple(scene.scale_offset[name][1] for name in wanted),
            valid=np.logical_and.reduce([cuttings[name].valid for name in wanted]),
            classification=None if classes is None else np.where(classes.valid, classes.dn[0], 0).astype(np.uint8),
            bands=wanted,
        )

    def estimate_cost(self, scenes: Sequence[Scene], bands: Sequence[str], grid: Grid) -> Cost:
        """What `read` of these scenes would spend if all of them are clear; bytes before compression."""
        requests, size, units = 0, 0, 0.0
        for scene in scenes:
            if self.collection.classified:
                requests, units = requests + 1, units + processing_units(look_shape(grid), 1)
            for gsd_m, names in self._groups(self._wanted(scene, bands)).items():
                for part in parts(native_grid(grid, gsd_m)):
                    requests += 1
                    units += self._units(part, names)
                    size += math.prod(part.shape) * (len(names) + 1) * self.collection.dtype.itemsize
        return Cost(requests, size, units)

    def _wanted(self, scene: Scene, bands: Sequence[str]) -> tuple[str, ...]:
        wanted = tuple(name for name in dict.fromkeys(bands) if name in scene.scale_offset)
        if not wanted:
            raise SceneUnusableError(f"{scene.item_id} has none of the bands {', '.join(bands)}")
        return wanted

    def _groups(self, wanted: Sequence[str]) -> dict[float, list[str]]:
        """Native pixel size to the bands that have it, the scene classification among them."""
        names = [*wanted, SCENE_CLASSIFICATION] if self.collection.classified else list(wanted)
        groups: dict[float, list[str]] = {}
        for name in names:
            groups.setdefault(self.collection.band_gsd_m[name], []).append(name)
        return groups

    def _look(self, scene: Scene, grid: Grid) -> None:
        whole = Grid(grid.crs, grid.transform, look_shape(grid), LOOK_GSD_M)
        stored, mask = self._process(scene, [SCENE_CLASSIFICATION], whole, grid.bounds)
        if not mask.any():
            raise SceneUnusableError(f"{scene.item_id} is no longer there, or shows nothing of the area")
        require_clear(np.where(mask, stored[0], 0).astype(np.uint8), self.choice.min_clear_fraction)

    def _buy(self, scene: Scene, names: list[str], gsd_m: float, grid: Grid) -> dict[str, Cutting]:
        """Bands of one native pixel size, bought as they are and brought to the grid here."""
        native = native_grid(grid, gsd_m)
        stored = np.zeros((len(names), *native.shape), self.collection.dtype)
        mask = np.zeros(native.shape, bool)
        for part in parts(native):
            row = round((native.transform.f - part.transform.f) / gsd_m)
            column = round((part.transform.c - native.transform.c) / gsd_m)
            target = (slice(row, row + part.shape[0]), slice(column, column + part.shape[1]))
            stored[:, *target], mask[target] = self._process(scene, names, part, part.bounds)
        return cut_all(names, stored, mask, native, grid)

    def _process(
        self, scene: Scene, names: Sequence[str], grid: Grid, bounds: tuple[float, float, float, float]
    ) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
        asked = [self.collection.asked_as.get(name, name) for name in names]
        script = evalscript(asked, self.collection.sample_type)
        return self._api.process(
            script,
            scene.item_id,
            scene.acquired_at,
            grid.crs,
            bounds,
            (len(names) + 1, *grid.shape),
            self._units(grid, names),
        )

    def _units(self, grid: Grid, names: Sequence[str]) -> float:
        return processing_units(grid.shape, len(names), float32=self.collection.sample_type == "FLOAT32")
