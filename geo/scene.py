"""Scenes and the stacks made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

from geo.grid import Grid

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scene:
    """One acquisition by one sensor, as its source describes it. STAC's words are kept.

    Attributes:
        item_id: The source's own identifier, unique within the source.
        collection: Imagery product, such as `sentinel-2-l2a`.
        acquired_at: Start of acquisition, aware, UTC.
        scene_footprint: Covered ground in EPSG:4326, longitude first.
        gsd_m: Native pixel size of the finest band, metres.
        bands: Names of the bands it holds (`B02`, …, `SCL`).
        cloud_cover_pct: Cloud cover of the whole scene, 0 to 100; None where unknown.
        processing_baseline: Such as `05.09`; None where unknown.
        offset_applied: Whether the radiometric offset of baseline 04.00 is already in the stored numbers.
        view_off_nadir_deg: Angle from nadir, degrees; None where unknown.
        sun_elevation_deg: Sun above the horizon, degrees; None where unknown.
        sun_azimuth_deg: Sun direction clockwise from north, degrees; None where unknown.
        attribution: What a publication has to say of the data's origin.
        assets: Asset name to its address.
        scale_offset: Band name to factor and addend from stored DN to reflectance, where the source's metadata
            gives them; an offset that the archive has taken off already is 0 here.
    """

    item_id: str
    collection: str
    acquired_at: datetime
    scene_footprint: BaseGeometry
    gsd_m: float
    bands: tuple[str, ...]
    cloud_cover_pct: float | None = None
    processing_baseline: str | None = None
    offset_applied: bool | None = None
    view_off_nadir_deg: float | None = None
    sun_elevation_deg: float | None = None
    sun_azimuth_deg: float | None = None
    attribution: str = ""
    assets: Mapping[str, str] = field(default_factory=dict)
    scale_offset: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SceneRaster:
    """A scene's pixels on a grid, as stored: digital numbers and how to read them.

    Attributes:
        dn: float32 (band, y, x) where resampled, else the file's own dtype.
        scale: (band,) factor from DN to reflectance.
        offset: (band,) addend after scaling.
        valid: bool (y, x), False outside the scene, on nodata and under the file's own mask.
        classification: uint8 (y, x) Sentinel-2 scene classification (SCL); None where the scene has none.
        bands: Names, in the order of the first axis of `dn`.
    """

    dn: npt.NDArray[np.generic]
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    valid: BoolArray
    classification: npt.NDArray[np.uint8] | None
    bands: tuple[str, ...]

    def part(self, corner: tuple[int, int], shape: tuple[int, int]) -> SceneRaster:
        """A window of it, copied: `corner` is the (row, column) of its upper-left pixel, `shape` is (rows, columns)."""
        (row, column), (rows, columns) = corner, shape
        window = (slice(row, row + rows), slice(column, column + columns))
        return replace(
            self,
            dn=self.dn[:, *window].copy(),
            valid=self.valid[window].copy(),
            classification=None if self.classification is None else self.classification[window].copy(),
        )

    @property
    def sha256(self) -> str:
        """A hash of the numbers, their mask and how to read them, so that evidence names the very pixels behind it."""
        digest = hashlib.sha256(repr((self.bands, self.scale, self.offset, self.dn.dtype.str, self.dn.shape)).encode())
        for part in (self.dn, self.valid, self.classification):
            if part is not None:
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A scene that was found and not used, and why."""

    item_id: str
    acquired_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class PreparedScene:
    """One scene as a stack has it: co-registered with the series' reference and in its radiometry.

    Attributes:
        scene: As its source describes it.
        reflectance: float32 (band, y, x), 0 to about 1; NaN where not valid.
        valid: bool (y, x): clear ground that may be compared.
        bands: Names of the band axis: those that the scene has.
        grid: The area's permanent grid.
        shift_m: float (2,): (x, y) displacement against the reference that was measured and removed, m.
        registration_quality: 0 to 1: how surely the shift is known.
        clear_fraction: 0 to 1: share of the grid that is valid.
    """

    scene: Scene
    reflectance: FloatArray
    valid: BoolArray
    bands: tuple[str, ...]
    grid: Grid
    shift_m: npt.NDArray[np.float64]
    registration_quality: float
    clear_fraction: float

    def pick(self, bands: Sequence[str]) -> FloatArray:
        """Some bands, float32 (band, y, x); NaN where the scene lacks one."""
        if tuple(bands) == self.bands:
            return self.reflectance
        picked = np.full((len(bands), *self.grid.shape), np.nan, np.float32)
        for index, name in enumerate(bands):
            if name in self.bands:
                picked[index] = self.reflectance[self.bands.index(name)]
        return picked


@dataclass(frozen=True, slots=True)
class ImageStack:
    """Co-registered, normalised scenes of one area in time order.

    Attributes:
        reflectance: float32 (time, band, y, x), 0 to about 1; NaN where not valid.
        valid: bool (time, y, x): clear ground that may be compared.
        bands: Names of the band axis.
        scenes: The scenes, ascending by acquisition.
        grid: The area's permanent grid.
        shift_m: float (time, 2): (x, y) displacement against the reference that was measured and removed, m.
        registration_quality: float (time,), 0 to 1: how surely the shift is known.
        clear_fraction: float (time,), 0 to 1: share of the grid that is valid.
        reference_index: Which scene the others were registered and normalised to.
    """

    reflectance: FloatArray
    valid: BoolArray
    bands: tuple[str, ...]
    scenes: tuple[Scene, ...]
    grid: Grid
    shift_m: npt.NDArray[np.float64]
    registration_quality: npt.NDArray[np.float64]
    clear_fraction: npt.NDArray[np.float64]
    reference_index: int = 0

    def __len__(self) -> int:
        return len(self.scenes)

    def __iter__(self) -> Iterator[PreparedScene]:
        """Its scenes one by one, each without the bands that it lacks."""
        for index, scene in enumerate(self.scenes):
            reflectance = self.reflectance[index]
            held = np.isfinite(reflectance).any(axis=(1, 2))
            held |= not held.any()  # where nothing is clear, nothing tells which bands there are
            yield PreparedScene(
                scene=scene,
                reflectance=reflectance if held.all() else reflectance[held],
                valid=self.valid[index],
                bands=tuple(name for name, here in zip(self.bands, held, strict=True) if here),
                grid=self.grid,
                shift_m=self.shift_m[index],
                registration_quality=float(self.registration_quality[index]),
                clear_fraction=float(self.clear_fraction[index]),
            )

    def band(self, name: str) -> FloatArray:
        """One band of all scenes, float32 (time, y, x)."""
        return self.reflectance[:, self.bands.index(name)]

    def take(self, indices: Sequence[int] | slice) -> ImageStack:
        """The stack of some of its scenes, kept in time order."""
        chosen = list(range(len(self)))[indices] if isinstance(indices, slice) else sorted(indices)
        return replace(
            self,
            reflectance=self.reflectance[chosen],
            valid=self.valid[chosen],
            scenes=tuple(self.scenes[i] for i in chosen),
            shift_m=self.shift_m[chosen],
            registration_quality=self.registration_quality[chosen],
            clear_fraction=self.clear_fraction[chosen],
            reference_index=chosen.index(self.reference_index) if self.reference_index in chosen else 0,
        )
