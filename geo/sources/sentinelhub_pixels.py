"""Pixels that the Process API sends: how they are asked for in pieces, read, and brought to a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from geo.bands import SCENE_CLASSIFICATION
from geo.errors import SceneUnusableError, SourceError
from geo.grid import Grid
from geo.sources.http import Reply
from geo.sources.window import Cutting, cut

LOOK_GSD_M = 60.0
_LONGEST_SIDE_PX = 2500  # Process API reference: width and height
_MARGIN_PX = 3  # cubic convolution reaches two


def look_shape(grid: Grid) -> tuple[int, int]:
    """(rows, columns) of the cheap look at a grid."""
    rows, columns = (max(round(side * grid.gsd_m / LOOK_GSD_M), 1) for side in grid.shape)
    return rows, columns


def native_grid(grid: Grid, gsd_m: float) -> Grid:
    """The pixels of another size under a grid, on multiples of their size, with a margin for resampling."""
    if gsd_m == grid.gsd_m:
        return grid
    min_x, min_y, max_x, max_y = grid.bounds
    left, bottom = (math.floor(value / gsd_m) - _MARGIN_PX for value in (min_x, min_y))
    right, top = (math.ceil(value / gsd_m) + _MARGIN_PX for value in (max_x, max_y))
    transform = Affine(gsd_m, 0.0, left * gsd_m, 0.0, -gsd_m, top * gsd_m)
    return Grid(grid.crs, transform, (top - bottom, right - left), gsd_m)


def parts(grid: Grid) -> Iterator[Grid]:
    """A grid in pieces that the Process API accepts."""
    for row in range(0, grid.shape[0], _LONGEST_SIDE_PX):
        for column in range(0, grid.shape[1], _LONGEST_SIDE_PX):
            shape = (min(_LONGEST_SIDE_PX, grid.shape[0] - row), min(_LONGEST_SIDE_PX, grid.shape[1] - column))
            yield Grid(grid.crs, grid.transform @ Affine.translation(column, row), shape, grid.gsd_m)


def decoded(reply: Reply, item_id: str, shape: tuple[int, int, int]) -> npt.NDArray[np.generic]:
    """The numbers (band, y, x) of a reply.

    Raises:
        SceneUnusableError: They are broken, or not as many as asked for.
        SourceError: The reply is something else than a TIFF.
    """
    kind = reply.headers.get("content-type", "no content type")
    if not kind.startswith("image/tiff"):
        raise SourceError(f"{reply.address} answered with {kind} instead of a TIFF: check the address")
    try:
        with MemoryFile(reply.body) as memory, memory.open() as dataset:
            pixels: npt.NDArray[np.generic] = dataset.read()
    except RasterioError as error:
        raise SceneUnusableError(f"{item_id} came as a broken TIFF: run again") from error
    if pixels.shape != shape:
        raise SceneUnusableError(f"{item_id} came with {pixels.shape} numbers instead of {shape}: run again")
    return pixels


def cut_all(
    names: Sequence[str], stored: npt.NDArray[np.generic], mask: npt.NDArray[np.bool_], native: Grid, grid: Grid
) -> dict[str, Cutting]:
    """Bands on their native pixels, each cut or resampled onto a grid.

    Args:
        names: Bands, the scene classification among them.
        stored: Numbers (band, y, x).
        mask: Data mask (y, x).
        native: Where they are.
        grid: Target.
    """
    rows, columns = native.shape
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        MemoryFile() as memory,
        memory.open(
            driver="GTiff", width=columns, height=rows, count=len(names), dtype=stored.dtype, crs=native.crs,
            transform=native.transform,
        ) as dataset,
    ):  # fmt: skip
        dataset.write(stored)
        dataset.write_mask(mask)
        return {
            name: cut(
                dataset, [index], grid, native.gsd_m, classes=name == SCENE_CLASSIFICATION, coarsest_ratio=math.inf
            )
            for index, name in enumerate(names, start=1)
        }
