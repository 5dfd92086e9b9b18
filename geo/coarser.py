"""Scenes in larger pixels: each the mean of some whole ones, as a sensor with wider detectors would have seen them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from affine import Affine

from geo.grid import Grid
from geo.scene import PreparedScene


def coarser_grid(grid: Grid, times: int) -> Grid:
    """A grid whose pixels are each so many across of another; what fills none at the right and lower edge is left.

    >>> fine = Grid("EPSG:32645", Affine(0.5, 0.0, 600_000.0, 0.0, -0.5, 4_800_000.0), (103, 100), 0.5)
    >>> coarser_grid(fine, 5).shape, coarser_grid(fine, 5).gsd_m
    ((20, 20), 2.5)
    """
    if times == 1:
        return grid
    rows, columns = (length // times for length in grid.shape)
    return Grid(grid.crs, grid.transform * Affine.scale(times), (rows, columns), times * grid.gsd_m)


def averaged(scene: PreparedScene, grid: Grid) -> PreparedScene:
    """A scene on a grid from `coarser_grid`: means of what is valid; valid where at least half of the pixels were."""
    if grid == scene.grid:
        return scene
    times, (rows, columns) = round(grid.gsd_m / scene.grid.gsd_m), grid.shape
    within = (..., slice(rows * times), slice(columns * times))
    valid = scene.valid[within].reshape(rows, times, columns, times)
    count = valid.sum(axis=(1, 3))
    bands = len(scene.reflectance)
    summed = np.nan_to_num(scene.reflectance[within]).reshape(bands, rows, times, columns, times).sum(axis=(2, 4))
    shown = 2 * count >= times**2
    mean = np.where(shown, summed / np.maximum(count, 1), np.nan).astype(np.float32)
    return replace(scene, reflectance=mean, valid=shown, grid=grid)
