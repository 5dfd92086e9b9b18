"""An archive of any number of catalogue facilities, made from the real scene of Dabancheng.

The ground is real: six bands of the L2A scene, mirrored at its edges, cut out elsewhere and turned for each facility.
Dates differ in brightness as the demo's real series does, by sub-pixel shifts, and by clouds shaped like the real ones
of the Romanian series where that is at hand. What grows is known: rows of roofs on ground without buildings, written
to `truth.csv`. It serves to measure cost; whether changes are found is measured elsewhere, on real ones.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from scipy import ndimage

from aoi.facility import Facility
from flows.imagery import EXAMPLE_ARCHIVE
from geo.grid import Grid
from tests.conftest import ROOT

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
START = datetime(2019, 1, 3, 5, tzinfo=UTC)
YEARS = 5
_SCALE = 1e-4
_CLOUD, _BARE = 9, 5
_CLOUDY_SHARE = 0.3  # of all scenes, more than half covered
_ROOF = np.array([0.28, 0.30, 0.32, 0.34, 0.36, 0.33], np.float32)


def make(facilities: Sequence[Facility], scenes: int, folder: Path, *, first: int = 0) -> None:
    """Writes one GeoTIFF per facility and date.

    Args:
        facilities: Whose.
        scenes: How many clear dates over five years; cloudy ones come on top.
        folder: Where.
        first: Number of the first date to write, so that an archive can be added to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ground, clouds = _ground(), _clouds()
    with (folder / "truth.csv").open("a", newline="") as file:
        truth = csv.writer(file)
        for facility in facilities:
            grid = facility.grid(10.0)
            for onset, row, column in _Place(facility, grid.shape, scenes).sites:
                truth.writerow([facility.facility_id, onset, *(grid.transform @ (column, row)), grid.crs])
            _write_facility(facility, grid, scenes, folder, (ground, clouds), first)


def dates(scenes: int) -> list[datetime]:
    """When the clear scenes are of: evenly over the five years."""
    return [START + timedelta(days=365.25 * YEARS * number / scenes) for number in range(scenes)]


class _Place:
    """What is particular to a facility, from its id alone."""

    def __init__(self, facility: Facility, shape: tuple[int, int], scenes: int) -> None:
        self.random = np.random.default_rng(int.from_bytes(facility.facility_id.encode()) % 2**63)
        self.turns = int(self.random.integers(4))
        self.corner = self.random.integers(0, 1000, 2)
        self.sites = [
            (int(self.random.integers(scenes // 4, scenes)), *map(int, self.random.integers(40, min(shape) - 60, 2)))
            for _ in range(3)
        ]


def _write_facility(
    facility: Facility,
    grid: Grid,
    scenes: int,
    folder: Path,
    real: tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]],
    first: int,
) -> None:
    place = _Place(facility, grid.shape, scenes)
    ground = _cut(real[0], place, grid.shape)
    for number, when in enumerate(dates(scenes)):
        random = np.random.default_rng([number, *place.corner])
        pixels = ndimage.shift(ground, (0, *random.normal(0, 0.2, 2)), order=1, mode="mirror")
        for onset, row, column in place.sites:
            for block in range(max(0, min(5, number - onset + 1))):
                top = row + 6 * block
                pixels[:, top : top + 4, column : column + 14] = _ROOF[:, None, None]
        pixels *= random.normal(1.0, 0.05)
        pixels += random.normal(0, 0.003, pixels.shape).astype(np.float32)
        if number >= first:
            _write(folder, facility, grid, when, pixels, _cover(real[1], grid.shape, random, most=0.25))
            if random.random() < _CLOUDY_SHARE:
                cover = np.ones(grid.shape, bool)
                _write(folder, facility, grid, when + timedelta(days=5), pixels, cover)


def _ground() -> npt.NDArray[np.float32]:
    with rasterio.open(next(EXAMPLE_ARCHIVE.glob("*L2A*.tif"))) as scene:
        indices = [scene.descriptions.index(band) + 1 for band in BANDS]
        scale = np.array([scene.scales[index - 1] for index in indices], np.float32)[:, None, None]
        pixels = scene.read(indices).astype(np.float32) * scale
    return np.pad(pixels, ((0, 0), (0, 1400), (0, 1100)), mode="symmetric")


def _clouds() -> npt.NDArray[np.bool_]:
    """Real cloud shapes (n, y, x); none where the series isn't here."""
    found = []
    for path in sorted((ROOT.parent / "shared" / "data" / "romania").glob("*.tif")):
        with rasterio.open(path) as scene:
            if "SCL" in scene.descriptions:
                found.append(np.isin(scene.read(scene.descriptions.index("SCL") + 1), (3, 8, 9)))
    return np.stack(found) if found else np.zeros((1, 100, 100), bool)


def _cut(ground: npt.NDArray[np.float32], place: _Place, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    row, column = place.corner
    side = max(shape)
    square = np.rot90(ground[:, row : row + side, column : column + side], place.turns, axes=(1, 2))
    return square[:, : shape[0], : shape[1]].copy()


def _cover(
    clouds: npt.NDArray[np.bool_], shape: tuple[int, int], random: np.random.Generator, *, most: float
) -> npt.NDArray[np.bool_]:
    shares = clouds.mean(axis=(1, 2))
    fitting = clouds[shares <= most]
    one = fitting[random.integers(len(fitting))] if len(fitting) else np.zeros((100, 100), bool)
    repeats = [-(-size // part) for size, part in zip(shape, one.shape, strict=True)]
    return np.kron(one, np.ones(repeats, bool))[: shape[0], : shape[1]]


def _write(
    folder: Path,
    facility: Facility,
    grid: Grid,
    when: datetime,
    pixels: npt.NDArray[np.float32],
    cover: npt.NDArray[np.bool_],
) -> None:
    path = folder / f"{facility.facility_id}_{when:%Y-%m-%d}.tif"
    shown = np.where(cover, 0.7, pixels)
    dn = np.clip(np.rint(shown / _SCALE), 1, 65_535).astype(np.uint16)
    classes = np.where(cover, _CLOUD, _BARE).astype(np.uint16)[None]
    rows, columns = grid.shape
    profile = {"driver": "GTiff", "dtype": "uint16", "nodata": 0, "compress": "deflate", "zlevel": 1, "predictor": 2}
    with rasterio.open(
        path, "w", count=len(BANDS) + 1, height=rows, width=columns, crs=grid.crs, transform=grid.transform, **profile
    ) as target:
        target.write(np.concatenate([dn, classes]))
        target.descriptions = (*BANDS, "SCL")
        target.scales = (*[_SCALE] * len(BANDS), 1.0)
        target.update_tags(ACQUISITION_DATE=when.isoformat())


def facilities_apart(catalogue: Sequence[Facility], count: int) -> Iterator[Facility]:
    """So many facilities of a catalogue, none of which lies in the scenes of another."""
    taken: list[Facility] = []
    for facility in catalogue:
        if len(taken) == count:
            return
        if all(facility.area_of_interest.distance(other.area_of_interest) > 0.01 for other in taken):
            taken.append(facility)
            yield facility
