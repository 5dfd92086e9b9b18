"""Imagery from STAC APIs: no more than the blocks that an area touches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

import numpy as np
import numpy.typing as npt
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from shapely.geometry.base import BaseGeometry

from geo.bands import SCENE_CLASSIFICATION
from geo.errors import SceneUnusableError
from geo.grid import Grid, utm_zone
from geo.scene import LeftOut, Scene, SceneRaster
from geo.sources.acquisitions import Product, one_per_acquisition
from geo.sources.base import Cost, SearchResult
from geo.sources.look import Choice, by_cloud_cover, one_scene, require_clear
from geo.sources.remote import HEADER_BYTES, RemoteFile, opened
from geo.sources.signing import Signer, unsigned
from geo.sources.stac_apis import EARTH_SEARCH, StacApi
from geo.sources.stac_items import product_of
from geo.sources.stac_search import item_query, search_items
from geo.sources.transport import Transport
from geo.sources.window import COARSEST_RATIO, Cutting, cut

_BANDS_AT_ONCE = 16
# What the estimate takes for granted where only the file would tell: blocks as the large archives write them,
# and what deflate leaves of a Sentinel-2 band.
_BLOCK_PIXELS = 1024
_BYTES_PER_PIXEL = 1.3
_GSD_M = {"B02": 10, "B03": 10, "B04": 10, "B08": 10, "B01": 60, "B09": 60, "B10": 60}


class StacSource:
    """Scenes of a STAC API. Instances may be shared by threads.

    Args:
        transport: Sends.
        api: Where to search.
        choice: Which scenes are worth reading.
        sign: Opens the addresses of assets.
    """

    def __init__(
        self, transport: Transport, api: StacApi = EARTH_SEARCH, choice: Choice | None = None, sign: Signer = unsigned
    ) -> None:
        self.api = api
        self.choice = choice or Choice()
        self._transport = transport
        self._sign = sign
        self._threads = ThreadPoolExecutor(_BANDS_AT_ONCE, thread_name_prefix="band")

    @property
    def name(self) -> str:
        """Short name used in summaries and provenance."""
        return f"stac {self.api.name}"

    def search(self, area: BaseGeometry, start: datetime, end: datetime) -> SearchResult:
        """Scenes that touch an area (EPSG:4326) and were acquired in [start, end], both aware, one per acquisition.

        Raises:
            SourceError: The API can't be asked, or answers with something else than a search.
        """
        products: list[Product] = []
        left_out: list[LeftOut] = []
        query = item_query(self.api.collections, area, start, end)
        for item in search_items(self._transport, f"{self.api.url}/search", query):
            try:
                product = product_of(item, archive_keeps_offset=self.api.keeps_offset, asset_map=self.api.asset_map)
            except SceneUnusableError as error:
                left_out.append(LeftOut(str(item.get("id", "an item without id")), None, str(error)))
                continue
            if start <= product.scene.acquired_at <= end and product.scene.scene_footprint.intersects(area):
                products.append(product)
        scenes, repeated = one_per_acquisition(products, area, utm_zone(area.centroid.x, area.centroid.y))
        clear, cloudy = by_cloud_cover(scenes, self.choice.max_cloud_cover_pct)
        return SearchResult(clear, (*left_out, *repeated, *cloudy))

    def read(self, scene: Scene, bands: Sequence[str], grid: Grid, clear_in: Grid | None = None) -> SceneRaster:
        """The asked-for bands of a scene that it has, on a grid, as stored.

        The scene classification comes first; the bands are fetched only if enough of the grid, or of the window of
        it that is asked for, is seen in it.

        Raises:
            SceneNotClearError: Too little of the grid is seen.
            SceneUnreadError: It couldn't be fetched this time.
            SceneUnusableError: This scene can't be read: too coarse, gone, or broken.
            SourceError: The archive can't be read.
        """
        wanted = tuple(name for name in dict.fromkeys(bands) if name in scene.scale_offset)
        if not wanted:
            raise SceneUnusableError(f"{scene.item_id} has none of the bands {', '.join(bands)}")
        if scene.gsd_m > COARSEST_RATIO * grid.gsd_m:
            raise SceneUnusableError(
                f"{scene.item_id} has pixels of {scene.gsd_m:g} m, too coarse for a grid of {grid.gsd_m:g} m"
            )
        with one_scene(scene.item_id):
            classification = self._classification(scene, grid, clear_in or grid)
            cuttings = list(self._threads.map(lambda name: self._cut(scene, name, grid), wanted))
        radiometry = [scene.scale_offset[name] for name in wanted]
        return SceneRaster(
            dn=np.concatenate([cutting.dn for cutting in cuttings]),
            scale=tuple(scale for scale, _ in radiometry),
            offset=tuple(offset for _, offset in radiometry),
            valid=np.logical_and.reduce([cutting.valid for cutting in cuttings]),
            classification=classification,
            bands=wanted,
        )

    def estimate_cost(self, scenes: Sequence[Scene], bands: Sequence[str], grid: Grid) -> Cost:
        """What `read` of these scenes would fetch if all of them are clear; nothing is paid.

        The bytes are an expectation: blocks of 1024 pixels, wherever the grid may lie on them.
        """
        requests, size = 0, 0.0
        for scene in scenes:
            for name in {*bands, SCENE_CLASSIFICATION} & set(scene.assets):
                gsd_m = _GSD_M.get(name, 20) if scene.gsd_m == _GSD_M["B02"] else scene.gsd_m
                blocks = math.prod(1 + side * grid.gsd_m / gsd_m / _BLOCK_PIXELS for side in grid.shape)
                per_pixel = 0.1 if name == SCENE_CLASSIFICATION else _BYTES_PER_PIXEL
                requests += 2
                size += HEADER_BYTES + blocks * _BLOCK_PIXELS**2 * per_pixel
        return Cost(requests=requests, bytes=round(size))

    def _classification(self, scene: Scene, grid: Grid, clear_in: Grid) -> npt.NDArray[np.uint8] | None:
        if SCENE_CLASSIFICATION not in scene.assets:
            return None
        cutting = self._cut(scene, SCENE_CLASSIFICATION, grid)
        classification = np.where(cutting.valid, cutting.dn[0], 0).astype(np.uint8)
        top, left = grid.offset(clear_in) or (0, 0)
        rows, columns = clear_in.shape
        require_clear(classification[top : top + rows, left : left + columns], self.choice.min_clear_fraction)
        return classification

    def _cut(self, scene: Scene, name: str, grid: Grid) -> Cutting:
        file = RemoteFile(scene.assets[name], self._transport, self._sign)
        file.fetch_header()
        classes = name == SCENE_CLASSIFICATION
        with opened(file) as stored, _with_nodata(stored, scene.collection) as dataset:
            if dataset.crs is None:
                raise SceneUnusableError(f"{file.address} has no georeferencing: read it from another catalogue")
            gsd_m = abs(dataset.transform.a)
            return cut(dataset, [1], grid, gsd_m, classes=classes, coarsest_ratio=math.inf)


def _with_nodata(dataset: DatasetReader, collection: str) -> AbstractContextManager[DatasetReader]:
    """The dataset, with nodata 0 where it is Sentinel-2 and doesn't say: ESA's JPEG 2000 files can't.

    Source: Sentinel-2 Products Specification Document, special values.
    """
    says = dataset.nodata is not None or dataset.mask_flag_enums[0] != [MaskFlags.all_valid]
    if says or not collection.startswith("sentinel-2"):
        return nullcontext(dataset)
    vrt: AbstractContextManager[DatasetReader] = WarpedVRT(dataset, src_nodata=0, nodata=0)
    return vrt
