"""A folder of GeoTIFFs, each one scene."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from geo.bands import SCENE_CLASSIFICATION
from geo.errors import InputError, SceneUnusableError
from geo.grid import Grid
from geo.scene import LeftOut, Scene, SceneRaster
from geo.sources.base import Cost, SearchResult
from geo.sources.folder_index import load, stamp_of, store
from geo.sources.geotiff import ASSET, Header, describe, read_header
from geo.sources.window import cut

_SUFFIXES = {".tif", ".tiff"}
_THREADS = 8  # opening a file waits for the disk, not for the processor


@dataclass(frozen=True)
class _Index:
    """Every file of the folder, its header read once."""

    headers: dict[str, Header]
    left_out: tuple[LeftOut, ...]

    @cached_property
    def scenes(self) -> tuple[Scene, ...]:
        """Ascending by acquisition."""
        scenes = (header.scene for header in self.headers.values())
        return tuple(sorted(scenes, key=lambda scene: (scene.acquired_at, scene.item_id)))

    @cached_property
    def tree(self) -> STRtree:
        """Where they lie: an archive of hundreds of places has tens of thousands of files."""
        return STRtree([scene.scene_footprint for scene in self.scenes])


class FolderSource:
    """Imagery in any directory of single-scene GeoTIFFs, whatever their CRS, pixel size and extent.

    A file tells by itself what it holds: bands by their descriptions, scale, offset, nodata and mask as
    stored, the acquisition time by its tags or its name. A scene's `item_id` is the file's name without
    suffix, or its path within the folder where two files share one. Headers are read once per instance, which may be
    shared by threads.
    """

    name = "folder"

    def __init__(self, root: Path, kept: Path | None = None) -> None:
        """Name a folder.

        Args:
            root: The folder.
            kept: File in which headers are kept from run to run; None to read all of them once in each.
        """
        self.root = root
        self._kept = kept
        self._index: _Index | None = None
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[FolderSource], tuple[Path]]:
        """Another process reads the headers for itself."""
        return FolderSource, (self.root,)

    def require_scenes(self) -> None:
        """Meets an unusable folder before anything else is begun.

        Raises:
            InputError: The folder doesn't exist or holds no GeoTIFF.
        """
        _geotiffs(self.root)

    def search(self, area: BaseGeometry, start: datetime, end: datetime) -> SearchResult:
        """Scenes that touch an area (EPSG:4326) and were acquired in [start, end], both aware.

        A file that can't be used is left out with its reason, whatever area is asked for: where it lies
        may be just what it doesn't tell.

        Raises:
            InputError: The folder doesn't exist or holds no GeoTIFF.
        """
        index = self._indexed()
        touching = (index.scenes[number] for number in np.sort(index.tree.query(area, predicate="intersects")))
        return SearchResult(tuple(scene for scene in touching if start <= scene.acquired_at <= end), index.left_out)

    def read(self, scene: Scene, bands: Sequence[str], grid: Grid) -> SceneRaster:
        """The asked-for bands of a scene that it has, on a grid, as stored; its scene classification if any.

        Raises:
            SceneUnusableError: The file has none of the bands, is too coarse, or its pixels can't be read.
        """
        try:
            with rasterio.open(self.root / scene.assets[ASSET]) as dataset:
                return self._read(dataset, self._header(scene, dataset), bands, grid)
        except RasterioError as error:
            raise SceneUnusableError(f"{scene.assets[ASSET]} has pixels that can't be read: copy it again") from error

    def _read(self, dataset: DatasetReader, header: Header, bands: Sequence[str], grid: Grid) -> SceneRaster:
        address = header.scene.assets[ASSET]
        wanted = tuple(
            name for name in dict.fromkeys(bands) if name in header.band_index and name != SCENE_CLASSIFICATION
        )
        if not wanted:
            raise SceneUnusableError(f"{address} has none of the bands {', '.join(bands)}")
        try:
            return _pixels(dataset, header, wanted, grid)
        except SceneUnusableError as error:
            raise SceneUnusableError(f"{address} {error}") from error

    def estimate_cost(self, scenes: Sequence[Scene], bands: Sequence[str], grid: Grid) -> Cost:
        """Bytes that `read` would take from the disk, as float32 and before compression; nothing is paid."""
        pixels = grid.shape[0] * grid.shape[1]
        size = sum(
            len(set(bands) & set(scene.bands)) * pixels * max(grid.gsd_m / scene.gsd_m, 1) ** 2 for scene in scenes
        )
        return Cost(requests=0, bytes=round(size * np.dtype(np.float32).itemsize))

    def _header(self, scene: Scene, dataset: DatasetReader) -> Header:
        if self._index is None:  # in a worker, which needs the files of its facility only
            return describe(dataset, scene.assets[ASSET])
        header = self._index.headers.get(scene.item_id)
        if header is None:
            raise SceneUnusableError(f"{scene.item_id} isn't in {self.root}: search the folder again")
        return header

    def _indexed(self) -> _Index:
        with self._lock:
            if self._index is None:
                self._index = _index(self.root, self._kept)
            return self._index


def _pixels(dataset: DatasetReader, header: Header, wanted: Sequence[str], grid: Grid) -> SceneRaster:
    gsd_m = header.scene.gsd_m
    cutting = cut(dataset, [header.band_index[name] for name in wanted], grid, gsd_m)
    classification = None
    if SCENE_CLASSIFICATION in header.band_index:
        number = header.band_index[SCENE_CLASSIFICATION]
        classification = cut(dataset, [number], grid, gsd_m, classes=True).dn[0].astype(np.uint8)
    return SceneRaster(
        dn=cutting.dn,
        scale=tuple(header.scale[name] for name in wanted),
        offset=tuple(header.offset[name] for name in wanted),
        valid=cutting.valid,
        classification=classification,
        bands=tuple(wanted),
    )


def _geotiffs(root: Path) -> list[Path]:
    if not root.is_dir():
        raise InputError(f"the imagery folder {root} doesn't exist: give a folder of GeoTIFFs")
    paths = sorted(path for path in root.rglob("*") if path.suffix.casefold() in _SUFFIXES and path.is_file())
    if not paths:
        raise InputError(f"the imagery folder {root} holds no GeoTIFF (.tif, .tiff): put scenes there or give another")
    return paths


def _index(root: Path, kept: Path | None) -> _Index:
    paths = _geotiffs(root)
    relative = [path.relative_to(root).as_posix() for path in paths]
    outcomes = _outcomes(paths, relative, kept)
    shared = {stem for stem, count in Counter(path.stem for path in paths).items() if count > 1}
    headers: dict[str, Header] = {}
    left_out: list[LeftOut] = []
    for path, address, outcome in zip(paths, relative, outcomes, strict=True):
        item_id = address.rpartition(".")[0] if path.stem in shared else path.stem
        item_id = address if item_id in headers else item_id
        if isinstance(outcome, Header):
            headers[item_id] = replace(outcome, scene=replace(outcome.scene, item_id=item_id))
        else:
            left_out.append(LeftOut(item_id, None, outcome))
    return _Index(headers, tuple(left_out))


def _outcomes(paths: Sequence[Path], relative: Sequence[str], kept: Path | None) -> list[Header | str]:
    """Each file's header, or why it has none; opened are those that are new or have changed since headers were kept."""
    known = load(kept) if kept else {}
    stamps = [stamp_of(path) for path in paths] if kept else [(0, 0)] * len(paths)
    held = {
        name: known[name][1]
        for name, stamp in zip(relative, stamps, strict=True)
        if name in known and known[name][0] == stamp
    }
    new = [(path, name) for path, name in zip(paths, relative, strict=True) if name not in held]
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        # A file without georeferencing is left out with its reason, which tells more than the warning.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        read = dict(zip((name for _, name in new), pool.map(lambda one: _header_or_reason(*one), new), strict=True))
    outcomes = [held.get(name) or read[name] for name in relative]
    if kept and (new or len(known) > len(held)):
        found = zip(relative, stamps, outcomes, strict=True)
        store(kept, {name: (stamp, one) for name, stamp, one in found if isinstance(one, Header)})
    return outcomes


def _header_or_reason(path: Path, relative_path: str) -> Header | str:
    try:
        return read_header(path, relative_path)
    except SceneUnusableError as error:
        return str(error)
