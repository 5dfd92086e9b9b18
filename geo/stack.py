"""From rasters as stored to one stack of comparable scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geo.bands import ordered
from geo.grid import Grid
from geo.preparation import Preparation, PreparationParameters
from geo.scene import ImageStack, LeftOut, PreparedScene, Scene, SceneRaster


@dataclass(frozen=True, slots=True)
class Prepared:
    """The stack, None where no scene can be used, and the scenes that aren't in it."""

    stack: ImageStack | None
    left_out: tuple[LeftOut, ...]


def build_stack(
    rasters: Sequence[tuple[Scene, SceneRaster]],
    grid: Grid,
    parameters: PreparationParameters | None = None,
) -> Prepared:
    """Make scenes comparable, as `geo.preparation.Preparation` does it, and hold all of them.

    Until there are two scenes that can be registered the stack is the first clear one alone. A band that a scene
    lacks and another has is NaN.

    Args:
        rasters: Scenes and their pixels on the grid, in any order.
        grid: The area's grid.
        parameters: How; the default where None.
    """
    preparation = Preparation(grid, parameters or PreparationParameters())
    scenes: list[PreparedScene] = []
    for scene, raster in sorted(rasters, key=lambda pair: (pair[0].acquired_at, pair[0].item_id)):
        scenes += preparation.add(scene, raster)
    scenes += preparation.finish()
    return Prepared(_stacked(scenes, grid) if scenes else None, tuple(preparation.left_out))


def _stacked(scenes: Sequence[PreparedScene], grid: Grid) -> ImageStack:
    bands = ordered(name for one in scenes for name in one.bands)
    return ImageStack(
        reflectance=np.stack([one.pick(bands) for one in scenes]),
        valid=np.stack([one.valid for one in scenes]),
        bands=bands,
        scenes=tuple(one.scene for one in scenes),
        grid=grid,
        shift_m=np.stack([one.shift_m for one in scenes]),
        registration_quality=np.array([one.registration_quality for one in scenes]),
        clear_fraction=np.array([one.clear_fraction for one in scenes]),
    )
