"""Pixels of an open raster on a grid: cut out where they align, resampled where they don't."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyproj
from affine import Affine
from rasterio.enums import MaskFlags, Resampling
from rasterio.io import DatasetReader
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window, from_bounds
from rasterio.windows import transform as window_transform

from geo.errors import SceneUnusableError
from geo.grid import Grid
from geo.scene import BoolArray

# Beyond this ratio of pixel sizes neighbouring file pixels fall into one grid pixel and have to be averaged,
# and the other way round a grid pixel would be invented from its neighbours.
COARSEST_RATIO = 1.5
_WARPING = threading.Lock()
_ALIGNED_WITHIN = 1e-3  # of a pixel
_MARGIN = 3  # pixels around the window: cubic resampling reaches two


@dataclass(frozen=True, slots=True)
class Cutting:
    """Pixels of some bands on a grid.

    Attributes:
        dn: (band, y, x); the file's own dtype where cut out, float32 where resampled; 0 where not valid.
        valid: bool (y, x), True where every band has a number and the file's masks let it through.
        resampled: Whether pixels were moved.
    """

    dn: npt.NDArray[np.generic]
    valid: BoolArray
    resampled: bool


def cut(
    dataset: DatasetReader,
    indexes: Sequence[int],
    grid: Grid,
    gsd_m: float,
    *,
    classes: bool = False,
    coarsest_ratio: float = COARSEST_RATIO,
) -> Cutting:
    """Some bands of a raster on a grid, reading no more than the grid covers.

    Where the raster's pixels are the grid's own they are returned bit for bit. Otherwise bands are resampled
    by area average when the raster is more than 1.5 times finer than the grid, else by cubic
    convolution; a pixel is valid only where all ground that it was made from is.

    Args:
        dataset: Open raster.
        indexes: Band numbers, from 1.
        grid: Target.
        gsd_m: The raster's pixel size, metres.
        classes: The bands hold class numbers: nearest neighbour, never an average.
        coarsest_ratio: How many times coarser than the grid the bands may be: a sensor's coarser bands come along
            with its finest.

    Raises:
        SceneUnusableError: The raster is more than `coarsest_ratio` times coarser than the grid.
        rasterio.errors.RasterioError: The pixels can't be read.
    """
    if gsd_m > coarsest_ratio * grid.gsd_m:
        raise SceneUnusableError(
            f"has pixels of {gsd_m:.3g} m, too coarse for a grid of {grid.gsd_m:g} m "
            f"(at most {coarsest_ratio * grid.gsd_m:g} m)"
        )
    corner = _aligned_corner(dataset, grid)
    if corner is not None:
        return _cut_out(dataset, indexes, grid, corner)
    return _resample(dataset, indexes, grid, gsd_m, classes)


def _aligned_corner(dataset: DatasetReader, grid: Grid) -> tuple[int, int] | None:
    """(column, row) of the grid's upper-left pixel in the raster; None where the pixels don't coincide."""
    if not _same_crs(dataset.crs.to_wkt(), grid.crs):
        return None
    rows, columns = grid.shape
    (left, top), (right, bottom) = (~dataset.transform @ (grid.transform @ at) for at in ((0, 0), (columns, rows)))
    column, row = round(left), round(top)
    off = max(abs(left - column), abs(top - row), abs(right - column - columns), abs(bottom - row - rows))
    return (column, row) if off < _ALIGNED_WITHIN else None


@lru_cache(maxsize=256)
def _same_crs(wkt: str, crs: str) -> bool:
    return bool(pyproj.CRS.from_wkt(wkt).equals(pyproj.CRS(crs), ignore_axis_order=True))


def _cut_out(dataset: DatasetReader, indexes: Sequence[int], grid: Grid, corner: tuple[int, int]) -> Cutting:
    rows, columns = grid.shape
    column, row = corner
    left, right = max(column, 0), min(column + columns, dataset.width)
    top, bottom = max(row, 0), min(row + rows, dataset.height)
    dn = np.zeros((len(indexes), rows, columns), np.result_type(*(dataset.dtypes[i - 1] for i in indexes)))
    valid = np.zeros((rows, columns), bool)
    if left < right and top < bottom:
        window = Window(left, top, right - left, bottom - top)
        target = (slice(top - row, bottom - row), slice(left - column, right - column))
        dn[:, *target], valid[target] = _read(dataset, indexes, window)
    return Cutting(dn, valid, resampled=False)


def _resample(dataset: DatasetReader, indexes: Sequence[int], grid: Grid, gsd_m: float, classes: bool) -> Cutting:
    dn = np.zeros((len(indexes), *grid.shape), np.float32)
    valid = np.zeros(grid.shape, bool)
    window = _covering_window(dataset, grid)
    if window is None:
        return Cutting(dn, valid, resampled=True)
    stored, stored_valid = _read(dataset, indexes, window)
    place = {
        "src_transform": window_transform(window, dataset.transform),
        "src_crs": dataset.crs,
        "dst_transform": grid.transform,
        "dst_crs": grid.crs,
    }
    finer = grid.gsd_m > COARSEST_RATIO * gsd_m
    smooth = Resampling.average if finer else Resampling.cubic
    for band, plane in enumerate(stored):
        source = np.where(stored_valid, plane, np.nan).astype(np.float32)
        warp(
            source,
            dn[band],
            src_nodata=np.nan,
            dst_nodata=np.nan,
            resampling=Resampling.nearest if classes else smooth,
            **place,
        )
    # The share of valid ground under a pixel. GDAL leaves out of it what lies outside the source, so a rim of nothing
    # is put around it: a pixel half outside isn't valid.
    share = np.zeros(grid.shape, np.float32)
    place["src_transform"] = place["src_transform"] @ Affine.translation(-1, -1)
    warp(
        np.pad(stored_valid, 1).astype(np.float32),
        share,
        resampling=Resampling.average if finer else Resampling.bilinear,
        **place,
    )
    valid = (share > 0.999) & np.isfinite(dn).all(axis=0)
    dn[:, ~valid] = 0
    return Cutting(dn, valid, resampled=True)


def warp(source: npt.NDArray[np.generic], destination: npt.NDArray[np.generic], **options: object) -> None:
    """`rasterio.warp.reproject`, one at a time: it silences a warning for all threads, and forgets to unsilence it.

    Args:
        source: Numbers to resample.
        destination: Where they go.
        options: As `reproject` takes them.
    """
    with _WARPING:
        reproject(source, destination, **options)


def _covering_window(dataset: DatasetReader, grid: Grid) -> Window | None:
    """The raster's pixels under a grid, with a margin; None where they don't meet."""
    bounds = transform_bounds(grid.crs, dataset.crs, *grid.bounds, densify_pts=21)
    asked = from_bounds(*bounds, transform=dataset.transform)
    left, top = max(math.floor(asked.col_off) - _MARGIN, 0), max(math.floor(asked.row_off) - _MARGIN, 0)
    right = min(math.ceil(asked.col_off + asked.width) + _MARGIN, dataset.width)
    bottom = min(math.ceil(asked.row_off + asked.height) + _MARGIN, dataset.height)
    return Window(left, top, right - left, bottom - top) if left < right and top < bottom else None


def _read(dataset: DatasetReader, indexes: Sequence[int], window: Window) -> tuple[npt.NDArray[np.generic], BoolArray]:
    """(DN (band, y, x), valid (y, x)): mask bands, alpha, nodata and NaN all count against a pixel."""
    dn = dataset.read(list(indexes), window=window)
    valid = np.ones(dn.shape[1:], bool)
    if any(MaskFlags.all_valid not in dataset.mask_flag_enums[index - 1] for index in indexes):
        valid &= (dataset.read_masks(list(indexes), window=window) > 0).all(axis=0)
    if dn.dtype.kind == "f":
        valid &= np.isfinite(dn).all(axis=0)
    return dn, valid
