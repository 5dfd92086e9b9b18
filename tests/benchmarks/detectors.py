"""What the detectors cost beside decoding the same pixels: 300×300 px, 60 scenes, six bands, one core.

    python -m tests.benchmarks.detectors

The decoded files are written for the purpose in the same run. The ground is that of the packaged series, with noise
and shifts of its own in every scene, so that it compresses and moves about as the real thing does, and a building site
is begun in every tenth scene, in one alone, or in none. Each measurement runs in a process of its own, because a
process's peak memory never falls again; what the imports take is part of it. What is compiled is loaded, or compiled at
the first time, before the clock starts, and has a row of its own.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Container, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from scipy import ndimage

from detectors.base import Detector, assess, follow
from detectors.footprints import Footprints
from detectors.perimeter import Perimeter
from flows.cli.console import show_table
from flows.imagery import EXAMPLE_ARCHIVE
from geo.grid import Grid
from geo.scene import FloatArray, ImageStack, Scene

SIDE, SCENES = 300, 60
WARMING = 8  # scenes, among them the first with a building site
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
GRID = Grid("EPSG:32645", Affine(10.0, 0.0, 600_910.0, 0.0, -10.0, 4_805_600.0), (SIDE, SIDE), 10.0)


@dataclass(frozen=True)
class Spent:
    """Processor seconds, and the largest resident set of the process, MB."""

    cpu_s: float
    peak_mb: float


def rows() -> Iterator[dict[str, str]]:
    """One row for each thing measured."""
    with tempfile.TemporaryDirectory() as scratch:
        built, single, quiet = (Path(scratch) / name for name in ("built", "single", "quiet"))
        write(built)
        write(single, begun=(25,))
        write(quiet, begun=())
        decoded = _apart(_decode, built)
        yield _row("decode from deflate GeoTIFFs", decoded, decoded)
        for detector in (Footprints, Perimeter):
            load, assessed, follow_all = (partial(work, detector) for work in (_load, _assess, _follow))
            yield _row(f"{detector.name}: load what is compiled, once per process", _apart(load, built), decoded)
            yield _row(f"{detector.name}: assess after the last scene", _apart(assessed, built), decoded)
            yield _row(f"{detector.name}: follow, one assessment per scene", _apart(follow_all, built), decoded)
            yield _row(f"{detector.name}: likewise, where one site is built", _apart(follow_all, single), decoded)
            yield _row(f"{detector.name}: likewise, where nothing is built", _apart(follow_all, quiet), decoded)


def write(folder: Path, begun: Container[int] = range(5, SCENES, 10)) -> None:
    """60 scenes of six bands as uint16 GeoTIFFs, deflate with predictor, blocks of 256 px; sites begin in some."""
    folder.mkdir()
    random = np.random.default_rng(0)
    ground = _ground()
    for number in range(SCENES):
        if number in begun:
            _build(ground, number)
        moved = ndimage.shift(ground, (0, *random.normal(0.0, 0.15, 2)), order=1, mode="nearest")
        dn = moved * random.uniform(0.9, 1.1) + random.normal(0.0, 30.0, moved.shape)
        with rasterio.open(
            folder / f"{number:02d}.tif", "w", driver="GTiff", width=SIDE, height=SIDE, count=len(BANDS),
            dtype="uint16", crs=GRID.crs, transform=GRID.transform, compress="deflate", predictor=2, tiled=True,
            blockxsize=256, blockysize=256,
        ) as image:  # fmt: skip
            image.write(np.clip(dn, 1, 12_000).astype(np.uint16))


def _build(ground: FloatArray, number: int) -> None:
    """Rows of roofs, 400 by 300 m."""
    row, column = 20 + (number // 10) * 45, 30 + (number * 37) % 200
    for step in range(0, 40, 5):
        ground[:, row + step : row + step + 3, column : column + 30] *= 1.6


def _ground() -> FloatArray:
    """Digital numbers (band, y, x) of the packaged series' first scene, its bands repeated to six."""
    with rasterio.open(min(EXAMPLE_ARCHIVE.glob("*.tif"))) as image:
        colours = image.read((1, 2, 3)).astype(np.float32)
    fitted = np.pad(colours, ((0, 0), (0, max(SIDE - colours.shape[1], 0)), (0, 0)), mode="reflect")[:, :SIDE, :SIDE]
    return np.asarray(np.tile(fitted / fitted.mean() * 2000.0, (2, 1, 1)), np.float32)


def _apart(work: Callable[[Path], float], folder: Path) -> Spent:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, work, folder).result()


def _measured(work: Callable[[Path], float], folder: Path) -> Spent:
    cpu_s = work(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Spent(cpu_s, peak * (1 if sys.platform == "darwin" else 1024) / 1e6)


def _decode(folder: Path) -> float:
    begun = time.process_time()
    for path in sorted(folder.glob("*.tif")):
        with rasterio.open(path) as image:
            image.read()
    return time.process_time() - begun


def _load(detector: type[Detector], folder: Path) -> float:
    """What the first scenes of a process take longer than those of any other."""
    stack = _stack(folder).take(slice(WARMING))
    return _followed(detector, stack) - _followed(detector, stack)


def _followed(detector: type[Detector], stack: ImageStack) -> float:
    begun = time.process_time()
    assert sum(1 for _ in follow(detector(), stack)) == len(stack)
    return time.process_time() - begun


def _assess(detector: type[Detector], folder: Path) -> float:
    stack = _stack(folder)
    _followed(detector, stack.take(slice(WARMING)))
    begun = time.process_time()
    assess(detector(), stack)
    return time.process_time() - begun


def _follow(detector: type[Detector], folder: Path) -> float:
    stack = _stack(folder)
    _followed(detector, stack.take(slice(WARMING)))
    return _followed(detector, stack)


def _stack(folder: Path) -> ImageStack:
    reflectance = np.empty((SCENES, len(BANDS), SIDE, SIDE), np.float32)
    for number, path in enumerate(sorted(folder.glob("*.tif"))):
        with rasterio.open(path) as image:
            reflectance[number] = image.read()
    reflectance *= np.float32(1e-4)
    start = datetime(2018, 1, 1, tzinfo=UTC)
    scenes = tuple(
        Scene(f"scene-{number:02d}", "benchmark", start + timedelta(days=20 * number), GRID.extent, 10.0, BANDS)
        for number in range(SCENES)
    )
    return ImageStack(
        reflectance=reflectance,
        valid=np.ones((SCENES, SIDE, SIDE), bool),
        bands=BANDS,
        scenes=scenes,
        grid=GRID,
        shift_m=np.zeros((SCENES, 2)),
        registration_quality=np.ones(SCENES),
        clear_fraction=np.ones(SCENES),
    )


def _row(what: str, spent: Spent, decoded: Spent) -> dict[str, str]:
    return {
        "what": what,
        "processor (s)": f"{spent.cpu_s:.2f}",
        "times decoding": f"{spent.cpu_s / decoded.cpu_s:.1f}",
        "peak memory (MB)": f"{spent.peak_mb:.0f}",
    }


if __name__ == "__main__":
    show_table(list(rows()), title="Detectors: 300×300 px, 60 scenes, six bands, one core")
