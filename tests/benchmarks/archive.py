"""An archive of any number of catalogue facilities, made from the real scene of Dabancheng.

The ground is real: six bands of the L2A scene, mirrored at its edges, cut out elsewhere and turned for each watch area.
Dates differ in brightness as the demo's real series does, by sub-pixel shifts, and by clouds shaped like the real ones
of the Romanian series where that is at hand. What grows is known: rows of roofs on ground without buildings, written
to `truth.csv`. It serves to measure cost; whether changes are found is measured elsewhere, on real ones.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from scipy import ndimage

from aoi.facility import Facility
from aoi.watch_areas import watch_areas
from flows.imagery import EXAMPLE_ARCHIVE
from geo.grid import Grid
from tests.conftest import ROOT

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
START = datetime(2019, 1, 3, 5, tzinfo=UTC)
YEARS = 5
_AREAS = "areas.json"
_SCALE = 1e-4
_CLOUD, _BARE = 9, 5
_CLOUDY_SHARE = 0.3  # of all scenes, more than half covered
_ROOF = np.array([0.28, 0.30, 0.32, 0.34, 0.36, 0.33], np.float32)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that is there.

    Attributes:
        folder: Where.
        scenes: How many clear dates.
        areas: What its files are of: facility ids by the name that files begin with.
    """

    folder: Path
    scenes: int
    areas: Mapping[str, Sequence[str]]

    @classmethod
    def kept(cls, folder: Path, facilities: Sequence[Facility], scenes: int) -> Archive:
        """One that was made before; it is made where there is none, or not all of it.

        Raises:
            ValueError: It was made without one of the facilities.
        """
        try:
            archive = cls(folder, scenes, json.loads((folder / _AREAS).read_text()))
        except FileNotFoundError:
            return make(facilities, scenes, folder)
        missing = {facility.facility_id for facility in facilities}.difference(*archive.areas.values())
        if missing:
            raise ValueError(f"{folder} was made without {', '.join(sorted(missing))}: name another folder")
        return archive

    def files(self, facilities: Sequence[Facility]) -> list[Path]:
        """The scenes of areas that some facilities lie in, ascending."""
        wanted = {facility.facility_id for facility in facilities}
        names = {name for name, ids in self.areas.items() if wanted & set(ids)}
        return sorted(path for path in self.folder.glob("*.tif") if path.stem.rpartition("_")[0] in names)


def make(facilities: Sequence[Facility], scenes: int, folder: Path, *, processes: int = 2) -> Archive:
    """Writes one GeoTIFF per watch area and date, as an archive holds them: places that overlap are in one scene.

    Args:
        facilities: Whose.
        scenes: How many clear dates over five years; cloudy ones come on top.
        folder: Where; what isn't whole there is written again.
        processes: How many write at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = {facility.facility_id: facility for facility in facilities}
    areas = [
        _Area(area.grid, tuple(known[one] for one in area.facility_ids), scenes, folder)
        for area in watch_areas(facilities)
    ]
    with (
        (folder / "truth.csv").open("w", newline="") as file,
        ProcessPoolExecutor(processes, get_context("spawn")) as pool,
    ):
        for area in areas:
            csv.writer(file).writerows(
                [site.facility_id, site.onset, *(area.grid.transform @ (site.column, site.row)), area.grid.crs]
                for site in area.sites()
            )
        list(pool.map(_write_area, areas))
    ids = {area.name: [facility.facility_id for facility in area.facilities] for area in areas}
    unfinished = folder / f"{_AREAS}.unfinished"
    unfinished.write_text(json.dumps(ids, indent=1) + "\n")
    unfinished.replace(folder / _AREAS)  # last: with it the archive is whole
    return Archive(folder, scenes, ids)


def dates(scenes: int) -> list[datetime]:
    """When the clear scenes are of: evenly over the five years."""
    return [START + timedelta(days=365.25 * YEARS * number / scenes) for number in range(scenes)]


@dataclass(frozen=True, slots=True)
class _Site:
    """Where something is built: scene number from which on, and upper-left pixel in the area."""

    facility_id: str
    onset: int
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class _Area:
    """What is written as one; all chance in it comes from its facilities' ids alone."""

    grid: Grid
    facilities: tuple[Facility, ...]
    scenes: int
    folder: Path

    @property
    def name(self) -> str:
        return self.facilities[0].facility_id

    def sites(self) -> Iterator[_Site]:
        for facility in self.facilities:
            random, grid = _random(facility.facility_id), facility.grid(10.0)
            top, left = self.grid.offset(grid) or (0, 0)
            for _ in range(3):
                row, column = random.integers(40, min(grid.shape) - 60, 2)
                onset = random.integers(self.scenes // 4, self.scenes)
                yield _Site(facility.facility_id, int(onset), int(top + row), int(left + column))


def _random(facility_id: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(facility_id.encode()) % 2**63)


def _write_area(area: _Area) -> None:
    of_area = _random(f"{area.name} ground")
    ground = _cut(_ground(), int(of_area.integers(4)), of_area.integers(0, 1000, 2), area.grid.shape)
    sites = list(area.sites())
    for number, when in enumerate(dates(area.scenes)):
        random = _random(f"{area.name} {number}")
        pixels = _shifted(ground, random.normal(0, 0.2, 2))
        for site in sites:
            for block in range(max(0, min(5, number - site.onset + 1))):
                top = site.row + 6 * block
                pixels[:, top : top + 4, site.column : site.column + 14] = _ROOF[:, None, None]
        pixels *= random.normal(1.0, 0.05)
        pixels += 0.003 * random.standard_normal(pixels.shape, np.float32)
        cover = _cover(_clouds(), area.grid.shape, random, most=0.25)
        is_cloudy = random.random() < _CLOUDY_SHARE
        _write(area, when, pixels, cover)
        if is_cloudy:
            _write(area, when + timedelta(days=5), pixels, np.ones(area.grid.shape, bool))


@cache
def _ground() -> npt.NDArray[np.float32]:
    with rasterio.open(next(EXAMPLE_ARCHIVE.glob("*L2A*.tif"))) as scene:
        indices = [scene.descriptions.index(band) + 1 for band in BANDS]
        scale = np.array([scene.scales[index - 1] for index in indices], np.float32)[:, None, None]
        return scene.read(indices).astype(np.float32) * scale


@cache
def _clouds() -> npt.NDArray[np.bool_]:
    """Real cloud shapes (n, y, x); none where the series isn't here."""
    found = []
    for path in sorted((ROOT.parent / "shared" / "data" / "romania").glob("*.tif")):
        with rasterio.open(path) as scene:
            if "SCL" in scene.descriptions:
                found.append(np.isin(scene.read(scene.descriptions.index("SCL") + 1), (3, 8, 9)))
    return np.stack(found) if found else np.zeros((1, 100, 100), bool)


def _cut(
    ground: npt.NDArray[np.float32], turns: int, corner: npt.NDArray[np.int64], shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """A piece of the ground as large as it takes, mirrored at the edges and turned."""
    rows, columns = (
        _mirrored(start + np.arange(max(shape)), size) for start, size in zip(corner, ground.shape[1:], strict=True)
    )
    square = np.rot90(ground[:, rows[:, None], columns], turns, axes=(1, 2))
    return square[:, : shape[0], : shape[1]].copy()


def _shifted(pixels: npt.NDArray[np.float32], by: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Pixels (band, y, x) moved by less than one along each axis, linearly; `ndimage.shift` is far slower."""
    for axis, part in zip((1, 2), by, strict=True):
        weights = [max(part, 0.0), 1.0 - abs(part), max(-part, 0.0)]
        pixels = ndimage.correlate1d(pixels, weights, axis, mode="mirror")
    return pixels


def _mirrored(index: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    folded = index % (2 * size)
    return np.minimum(folded, 2 * size - 1 - folded)


def _cover(
    clouds: npt.NDArray[np.bool_], shape: tuple[int, int], random: np.random.Generator, *, most: float
) -> npt.NDArray[np.bool_]:
    shares = clouds.mean(axis=(1, 2))
    fitting = clouds[shares <= most]
    one = fitting[random.integers(len(fitting))] if len(fitting) else np.zeros((100, 100), bool)
    repeats = [-(-size // part) for size, part in zip(shape, one.shape, strict=True)]
    return np.kron(one, np.ones(repeats, bool))[: shape[0], : shape[1]]


def _write(area: _Area, when: datetime, pixels: npt.NDArray[np.float32], cover: npt.NDArray[np.bool_]) -> None:
    shown = np.where(cover, 0.7, pixels)
    dn = np.clip(np.rint(shown / _SCALE), 1, 65_535).astype(np.uint16)
    classes = np.where(cover, _CLOUD, _BARE).astype(np.uint16)[None]
    rows, columns = area.grid.shape
    profile = {"driver": "GTiff", "dtype": "uint16", "nodata": 0, "compress": "deflate", "zlevel": 1, "predictor": 2}
    tiles = {"tiled": True, "blockxsize": 256, "blockysize": 256} if columns > 768 else {}
    path = area.folder / f"{area.name}_{when:%Y-%m-%d}.tif"
    path.unlink(missing_ok=True)  # GDAL opens what it is to replace, and fails on half a file
    with rasterio.open(
        path, "w", count=len(BANDS) + 1, height=rows, width=columns,
        crs=area.grid.crs, transform=area.grid.transform, **profile, **tiles,
    ) as target:  # fmt: skip
        target.write(np.concatenate([dn, classes]))
        target.descriptions = (*BANDS, "SCL")
        target.scales = (*[_SCALE] * len(BANDS), 1.0)
        target.update_tags(ACQUISITION_DATE=when.isoformat())
