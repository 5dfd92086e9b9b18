"""Stacks to evaluate on: a folder of images, and what can be done to a series in which nothing happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from scipy import ndimage

from geo.bands import visible
from geo.errors import InputError
from geo.grid import Grid
from geo.scene import ImageStack
from geo.sources.folder import FolderSource
from geo.stack import build_stack

BEGINNING = datetime(1980, 1, 1, tzinfo=UTC)
END = datetime(2100, 1, 1, tzinfo=UTC)


def folder_stack(folder: Path, bands: tuple[str, ...], grid: Grid | None = None) -> ImageStack:
    """All scenes of a folder of images, prepared as the monitor does it, on the grid of the first image or another.

    Raises:
        InputError: The folder has no images, or none that can be used.
    """
    first = next(iter(sorted(folder.glob("*.tif"))), None)
    if first is None:
        raise InputError(f"{folder} has no .tif files: give a folder of GeoTIFFs")
    grid = grid or _grid_of(first)
    source = FolderSource(folder)
    scenes = source.search(grid.scene_footprint_wgs84, BEGINNING, END).scenes
    stack = build_stack([(scene, source.read(scene, bands, grid)) for scene in scenes], grid).stack
    if stack is None:
        raise InputError(f"no scene in {folder} can be used: look at them with `facility-watch monitor`")
    return stack


def _grid_of(path: Path) -> Grid:
    with rasterio.open(path) as image:
        return Grid(str(image.crs), image.transform, image.shape, image.transform.a)


def window(stack: ImageStack, row: int, column: int, size: int) -> ImageStack:
    """A square part of a stack."""
    rows, columns = slice(row, row + size), slice(column, column + size)
    valid = stack.valid[:, rows, columns]
    grid = Grid(
        stack.grid.crs,
        stack.grid.transform @ Affine.translation(column, row),
        (valid.shape[1], valid.shape[2]),
        stack.grid.gsd_m,
    )
    return replace(
        stack,
        reflectance=stack.reflectance[:, :, rows, columns],
        valid=valid,
        grid=grid,
        clear_fraction=valid.mean(axis=(1, 2)),
    )


def reordered(stack: ImageStack, order: npt.NDArray[np.intp]) -> ImageStack:
    """The scenes in another order, under the dates that they take the place of."""
    scenes = tuple(
        replace(stack.scenes[new], acquired_at=stack.scenes[old].acquired_at) for old, new in enumerate(order)
    )
    return replace(
        stack,
        reflectance=stack.reflectance[order],
        valid=stack.valid[order],
        scenes=scenes,
        shift_m=stack.shift_m[order],
        registration_quality=stack.registration_quality[order],
        clear_fraction=stack.clear_fraction[order],
        reference_index=0,
    )


def shifted(stack: ImageStack, random: np.random.Generator, pixels: float = 1.5, share: float = 0.125) -> ImageStack:
    """Some scenes displaced by some pixels in a random direction."""
    reflectance, valid = stack.reflectance.copy(), stack.valid.copy()
    count = max(round(share * len(stack)), 1)
    for index in random.choice(np.arange(1, len(stack)), count, replace=False):
        angle = random.uniform(0.0, 2 * np.pi)
        by = (pixels * np.sin(angle), pixels * np.cos(angle))
        filled = np.nan_to_num(reflectance[index], nan=float(np.nanmedian(reflectance[index])))
        reflectance[index] = ndimage.shift(filled, (0.0, *by), order=1, mode="nearest")
        valid[index] = ndimage.shift(valid[index].astype(np.float32), by, order=1) > 0.99
        reflectance[index][:, ~valid[index]] = np.nan
    return replace(stack, reflectance=reflectance, valid=valid)


def true_colour(stack: ImageStack) -> ImageStack:
    """The visible bands alone."""
    chosen = [stack.bands.index(band) for band in visible(stack.bands)]
    return replace(stack, reflectance=stack.reflectance[:, chosen], bands=tuple(stack.bands[i] for i in chosen))
