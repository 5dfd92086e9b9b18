"""From rasters as stored to one stack of comparable scenes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from geo import masks
from geo.bands import ordered, visible
from geo.errors import SceneUnusableError
from geo.grid import Grid
from geo.normalisation import normalise
from geo.radiometry import to_reflectance
from geo.registration import Displacement, Registrar, align
from geo.scene import BoolArray, FloatArray, ImageStack, LeftOut, Scene, SceneRaster


@dataclass(frozen=True, slots=True)
class PreparationParameters:
    """How scenes are made comparable.

    Attributes:
        min_clear_fraction: Share of the grid that has to be clear for a scene to be used, 0 to 1.
        max_shift_m: A displacement beyond this is taken for a failed registration.
        min_registration_quality: Share of the ground that has to agree on the displacement, 0 to 1.
        max_standard_error_px: Above this a scene is left out. A fifth of a pixel of misregistration is what keeps
            false change below a tenth (Dai & Khorram 1998).
        resample_above_px: Smaller displacements are left as they are, because resampling would cost more than it
            mends.
        same_acquisition: Scenes of one collection closer in time than this are one observation.
    """

    min_clear_fraction: float = 0.5
    max_shift_m: float = 40.0
    min_registration_quality: float = 0.3
    max_standard_error_px: float = 0.2
    resample_above_px: float = 0.05
    same_acquisition: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The stack, None where no scene can be used, and the scenes that aren't in it."""

    stack: ImageStack | None
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Clear:
    """One scene as reflectance, with the ground that is clear."""

    scene: Scene
    bands: tuple[str, ...]
    reflectance: FloatArray
    valid: BoolArray

    @property
    def clear_fraction(self) -> float:
        return float(self.valid.mean())


@dataclass(frozen=True, slots=True)
class _Placed:
    """One scene on the reference."""

    clear: _Clear
    shift_px: tuple[float, float]
    quality: float


def build_stack(
    rasters: Sequence[tuple[Scene, SceneRaster]],
    grid: Grid,
    parameters: PreparationParameters = PreparationParameters(),
) -> Prepared:
    """Make scenes comparable: reflectance, masks, co-registration and normalisation to the reference.

    The reference is the first scene in time that is clear enough. Nothing done to a scene depends on later ones, so
    that a stack can be added to for years and its first scenes stay what they were, bit for bit.

    Args:
        rasters: Scenes and their pixels on the grid, in any order.
        grid: The area's grid.
        parameters: How.
    """
    left_out: list[LeftOut] = []
    placed: list[_Placed] = []
    registrar: Registrar | None = None
    for clear in _observations(rasters, parameters, left_out):
        try:
            _require_clear(clear, parameters)
            if registrar is None:
                registrar = Registrar(_brightness(clear), clear.valid)
                placed.append(_Placed(clear, (0.0, 0.0), 1.0))
            else:
                placed.append(_place(clear, placed[0].clear, registrar, grid, parameters))
        except SceneUnusableError as error:
            left_out.append(LeftOut(clear.scene.item_id, clear.scene.acquired_at, str(error)))
    return Prepared(_stacked(placed, grid) if placed else None, tuple(left_out))


def _observations(
    rasters: Sequence[tuple[Scene, SceneRaster]], parameters: PreparationParameters, left_out: list[LeftOut]
) -> Iterable[_Clear]:
    """One scene per acquisition in time order; of several the clear one with the newest processing."""
    in_time = sorted(rasters, key=lambda pair: (pair[0].acquired_at, pair[0].item_id))
    groups: list[list[_Clear]] = []
    for scene, raster in in_time:
        clear = _clear(scene, raster)
        if groups and _same_acquisition(groups[-1][0].scene, scene, parameters):
            groups[-1].append(clear)
        else:
            groups.append([clear])
    for group in groups:
        best = max(group, key=lambda clear: _rank(clear, parameters))
        left_out.extend(
            LeftOut(
                clear.scene.item_id, clear.scene.acquired_at, f"same acquisition as {best.scene.item_id}, which is used"
            )
            for clear in group
            if clear is not best
        )
        yield best


def _same_acquisition(first: Scene, second: Scene, parameters: PreparationParameters) -> bool:
    close = second.acquired_at - first.acquired_at <= parameters.same_acquisition
    return first.collection == second.collection and close


def _rank(clear: _Clear, parameters: PreparationParameters) -> tuple[bool, str, float, str]:
    enough = clear.clear_fraction >= parameters.min_clear_fraction
    return (enough, clear.scene.processing_baseline or "", clear.clear_fraction, clear.scene.item_id)


def _clear(scene: Scene, raster: SceneRaster) -> _Clear:
    reflectance = to_reflectance(raster)
    valid = raster.valid & np.isfinite(reflectance).all(axis=0)
    if raster.classification is not None:
        valid &= masks.clear_classes(raster.classification)
    else:
        valid &= ~masks.grown(masks.snow(reflectance, raster.bands))
    reflectance[:, ~valid] = np.nan
    return _Clear(scene, raster.bands, reflectance, valid)


def _require_clear(clear: _Clear, parameters: PreparationParameters) -> None:
    if clear.clear_fraction < parameters.min_clear_fraction:
        raise SceneUnusableError(
            f"{100 * clear.clear_fraction:.0f} % of the area clear, "
            f"at least {100 * parameters.min_clear_fraction:.0f} % needed"
        )


def _brightness(clear: _Clear) -> FloatArray:
    """float32 (y, x): mean of the visible bands, in which every scene shows much the same edges."""
    planes = [clear.reflectance[clear.bands.index(name)] for name in visible(clear.bands)]
    brightness: FloatArray = np.mean(planes, axis=0)
    return brightness


def _place(
    clear: _Clear, reference: _Clear, registrar: Registrar, grid: Grid, parameters: PreparationParameters
) -> _Placed:
    found = registrar.displacement(_brightness(clear), clear.valid, parameters.max_shift_m / grid.gsd_m)
    _require_registered(found, parameters)
    reflectance, valid = clear.reflectance, clear.valid
    if _largest_px(found, grid.shape) > parameters.resample_above_px:
        reflectance, valid = align(reflectance, valid, found)
    shared = [clear.bands.index(name) for name in clear.bands if name in reference.bands]
    at_reference = [reference.bands.index(clear.bands[i]) for i in shared]
    reflectance[shared], _ = normalise(reflectance[shared], valid, reference.reflectance[at_reference], reference.valid)
    rows, columns = found.offset_px
    moved = _Clear(clear.scene, clear.bands, reflectance, valid)
    return _Placed(moved, (columns, rows), found.quality)


def _require_registered(found: Displacement, parameters: PreparationParameters) -> None:
    poor = found.quality < parameters.min_registration_quality
    if poor or found.standard_error_px > parameters.max_standard_error_px:
        raise SceneUnusableError(
            f"can't be registered to the reference: only {100 * found.quality:.0f} % of the ground agrees on a shift"
        )


def _largest_px(found: Displacement, shape: tuple[int, int]) -> float:
    """Largest displacement over the area: at one of its corners, since it is affine."""
    half = np.array(shape) / 2
    corners = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)]) * half
    return float(np.hypot(*(np.array(found.offset_px) + corners @ found.slope.T).T).max())


def _stacked(placed: Sequence[_Placed], grid: Grid) -> ImageStack:
    bands = ordered(name for one in placed for name in one.clear.bands)
    reflectance = np.full((len(placed), len(bands), *grid.shape), np.nan, np.float32)
    for time, one in enumerate(placed):
        reflectance[time, [bands.index(name) for name in one.clear.bands]] = one.clear.reflectance
    valid = np.stack([one.clear.valid for one in placed])
    # Columns count east and rows south, whereas y counts north.
    shift_m: npt.NDArray[np.float64] = np.array([one.shift_px for one in placed]) * [grid.gsd_m, -grid.gsd_m]
    return ImageStack(
        reflectance=reflectance,
        valid=valid,
        bands=bands,
        scenes=tuple(one.clear.scene for one in placed),
        grid=grid,
        shift_m=shift_m,
        registration_quality=np.array([one.quality for one in placed]),
        clear_fraction=valid.mean(axis=(1, 2)),
    )
