"""Scenes written as GeoTIFFs, and the real ones of Dabancheng on a grid."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from shapely import Point
from shapely.geometry.base import BaseGeometry

from geo.grid import WGS84, Grid, grid_for, to_crs, to_wgs84
from geo.scene import Scene, SceneRaster
from geo.sources.folder import FolderSource

UTM = "EPSG:32645"
ORIGIN = (600_000.0, 4_800_000.0)
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))

Writer = Callable[..., Path]


@pytest.fixture
def write_tiff(tmp_path: Path) -> Writer:
    """A function that writes DN (band, y, x) as a GeoTIFF in the test's folder and returns its path."""

    def write(
        name: str,
        dn: npt.NDArray[Any],
        *,
        bands: Sequence[str] | None = ("B04", "B03", "B02"),
        tags: Mapping[str, str] | None = None,
        crs: str = UTM,
        transform: Affine | None = None,
        place: Mapping[str, Any] | None = None,
        scale: float | None = 1e-4,
        offset: float = 0.0,
        mask: npt.NDArray[np.bool_] | None = None,
        **profile: Any,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if place is None:
            place = {"crs": crs, "transform": transform or Affine(10, 0, ORIGIN[0], 0, -10, ORIGIN[1])}
        creation = {"driver": "GTiff", "dtype": dn.dtype, **place, **profile}
        creation |= {"count": dn.shape[0], "height": dn.shape[1], "width": dn.shape[2]}
        with warnings.catch_warnings():
            # Some of these files are without georeferencing on purpose.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **creation) as dataset:
                dataset.write(dn)
                for number, text in enumerate(bands or (), start=1):
                    dataset.set_band_description(number, text)
                if scale is not None:
                    dataset.scales = [1.0 if text == "SCL" else scale for text in bands or [""] * len(dn)]
                    dataset.offsets = [offset] * len(dn)
                if mask is not None:
                    dataset.write_mask(mask)
                dataset.update_tags(**({"ACQUISITION_DATE": "2020-05-01"} if tags is None else tags))
        return path

    return write


@pytest.fixture(scope="session")
def random_dn() -> npt.NDArray[np.uint16]:
    """uint16 (3, 60, 80), never 0."""
    return np.random.default_rng(0).integers(500, 4000, (3, 60, 80), dtype=np.uint16)


@pytest.fixture(scope="session")
def home_grid() -> Grid:
    """The grid of `write_tiff`'s files, 60 by 80 pixels of 10 m."""
    return Grid(UTM, Affine(10, 0, ORIGIN[0], 0, -10, ORIGIN[1]), (60, 80), 10.0)


def square(longitude: float, latitude: float, half_m: float) -> BaseGeometry:
    """A square area in EPSG:4326 around a position."""
    return to_wgs84(to_crs(Point(longitude, latitude), WGS84, UTM).buffer(half_m, cap_style="square"), UTM)


@pytest.fixture(scope="session")
def facility_area() -> BaseGeometry:
    """3 km around the first facility of Dabancheng; a tenth lies outside the scenes."""
    return square(88.28993598, 43.38385, 1500)


@pytest.fixture(scope="session")
def facility_grid(facility_area: BaseGeometry) -> Grid:
    return grid_for(facility_area)


@pytest.fixture(scope="session")
def facility_rasters(
    dabancheng: Path, facility_area: BaseGeometry, facility_grid: Grid
) -> list[tuple[Scene, SceneRaster]]:
    """The thirteen scenes in true colour, in time order."""
    source = FolderSource(dabancheng)
    scenes = source.search(facility_area, *EVER).scenes
    return [(scene, source.read(scene, ("B02", "B03", "B04"), facility_grid)) for scene in scenes]
