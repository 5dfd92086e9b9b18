"""Sentinel-1 backscatter from the files of a STAC API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
from rasterio.control import GroundControlPoint
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.transform import GCPTransformer
from rasterio.windows import Window
from shapely import get_coordinates
from shapely.geometry.base import BaseGeometry

from geo.errors import InputError, SceneUnusableError
from geo.grid import Grid
from geo.radar import RadarRaster, RadarScene, RadarSearchResult
from geo.scene import BoolArray
from geo.sources.base import Cost
from geo.sources.http import Request
from geo.sources.look import one_scene
from geo.sources.radar_calibration import Calibration
from geo.sources.radar_items import calibration_asset, radar_scenes
from geo.sources.remote import HEADER_BYTES, RemoteFile, opened
from geo.sources.signing import Signer, unsigned
from geo.sources.stac_apis import StacApi
from geo.sources.stac_search import item_query, search_items
from geo.sources.transport import Transport
from geo.sources.window import warp

_MARGIN_PX = 8  # the fit of the tie points is good to a pixel or two
_CALIBRATION_BYTES = 1_000_000


class StacRadar:
    """Sentinel-1 GRD as ESA delivers it: calibrated here, laid out by its tie points, relief not taken off.

    Args:
        transport: Sends.
        api: Where to search.
        sign: Opens the addresses of assets.

    Raises:
        InputError: The API has no Sentinel-1.
    """

    def __init__(self, transport: Transport, api: StacApi, sign: Signer = unsigned) -> None:
        if not api.radar_collection:
            raise InputError(f"{api.name} has no Sentinel-1 collection that is known: choose another catalogue")
        self.api = api
        self._transport = transport
        self._sign = sign

    @property
    def name(self) -> str:
        """Short name used in summaries and provenance."""
        return f"stac {self.api.name} radar"

    def search(self, area: BaseGeometry, start: datetime, end: datetime) -> RadarSearchResult:
        """Scenes with VV and VH that touch an area (EPSG:4326), acquired in [start, end], both aware.

        Raises:
            SourceError: The API can't be asked.
        """
        query = item_query([self.api.radar_collection], area, start, end)
        return radar_scenes(search_items(self._transport, f"{self.api.url}/search", query), joined=False)

    def read(self, scene: RadarScene, polarizations: Sequence[str], grid: Grid) -> RadarRaster:
        """Backscatter of a scene on a grid, resampled bilinearly in power.

        Raises:
            SceneUnusableError: It lacks a polarization or its calibration, or the files are broken or gone.
            SourceError: The archive can't be read.
        """
        with one_scene(scene.item_id):
            planes = np.stack([self._sigma0(scene, polarization, grid) for polarization in polarizations])
        valid: BoolArray = np.logical_and.reduce(np.isfinite(planes))
        planes[:, ~valid] = np.nan
        return RadarRaster(planes, valid, tuple(polarizations), orthorectified=False, noise_removed=False)

    def estimate_cost(self, scenes: Sequence[RadarScene], polarizations: Sequence[str], grid: Grid) -> Cost:
        """What `read` of these scenes would fetch: header, calibration table, blocks of 512 pixels of 2 bytes."""
        rows, columns = (side * grid.gsd_m / 10.0 + 512 for side in grid.shape)
        size = HEADER_BYTES + _CALIBRATION_BYTES + 2 * rows * columns
        count = len(scenes) * len(polarizations)
        return Cost(requests=3 * count, bytes=round(size * count))

    def _sigma0(self, scene: RadarScene, polarization: str, grid: Grid) -> npt.NDArray[np.float32]:
        table = calibration_asset(polarization)
        if polarization not in scene.assets or table not in scene.assets:
            raise SceneUnusableError(f"{scene.item_id} has no {polarization} or no calibration table for it")
        reply = self._transport.fetch(Request(self._sign(scene.assets[table])))
        calibration = Calibration.of_xml(reply.body, scene.item_id)
        file = RemoteFile(scene.assets[polarization], self._transport, self._sign)
        file.fetch_header()
        with opened(file) as dataset:
            return _on_grid(dataset, calibration, grid, scene.item_id)


def _on_grid(dataset: DatasetReader, calibration: Calibration, grid: Grid, item_id: str) -> npt.NDArray[np.float32]:
    """Sigma nought on the grid, NaN outside the scene."""
    points, crs = dataset.gcps
    if not points or crs is None:
        raise SceneUnusableError(f"{item_id} has no tie points: it isn't a GRD product in radar geometry")
    window = _window(points, grid, dataset.width, dataset.height)
    out = np.full(grid.shape, np.nan, np.float32)
    if window is None:
        return out
    dn = dataset.read(1, window=window).astype(np.float32)
    sigma0 = dn**2 / calibration.over(window) ** 2
    sigma0[dn == 0] = np.nan
    shifted = [
        GroundControlPoint(point.row - window.row_off, point.col - window.col_off, point.x, point.y, point.z)
        for point in points
    ]
    warp(
        sigma0, out, gcps=shifted, src_crs=crs, dst_transform=grid.transform, dst_crs=grid.crs, src_nodata=np.nan,
        dst_nodata=np.nan, resampling=Resampling.bilinear, SRC_METHOD="GCP_TPS",
    )  # fmt: skip
    return out


def _window(points: Sequence[GroundControlPoint], grid: Grid, width: int, height: int) -> Window | None:
    """The part of a file that lies under a grid, with a margin; None where they don't meet."""
    outline = get_coordinates(grid.scene_footprint_wgs84)
    with GCPTransformer(points, tps=True) as transformer:
        rows, columns = transformer.rowcol(outline[:, 0], outline[:, 1], op=float)
    top, bottom = max(int(min(rows)) - _MARGIN_PX, 0), min(int(max(rows)) + _MARGIN_PX, height)
    left, right = max(int(min(columns)) - _MARGIN_PX, 0), min(int(max(columns)) + _MARGIN_PX, width)
    return Window(left, top, right - left, bottom - top) if top < bottom and left < right else None
