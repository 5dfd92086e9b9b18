"""Scenes that were fetched once, kept so that no pixel is fetched twice."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fsspec.core import url_to_fs
from rasterio.windows import Window

from geo.cache_file import decode, encode
from geo.cache_request import SEARCH, Request, area_key, area_of, digest
from geo.errors import StoreError
from geo.grid import Grid
from geo.scene import SceneRaster

_PARTIAL = ".partial-"
_ABANDONED_AFTER = timedelta(days=1)
_RASTER, _VERDICT = ".tif", ".verdict.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the cache.

    Attributes:
        path: Within the cache.
        kind: `scene`, `verdict` (a scene that shows too little) or `search`.
        area_key: Which area it is of (`geo.cache_request.area_key`).
        item_id: Which scene; empty for searches.
        size_bytes: Its size.
        stored_at: When it was stored, UTC.
    """

    path: str
    kind: str
    area_key: str
    item_id: str
    size_bytes: int
    stored_at: datetime


class SceneCache:
    """Files in any place that fsspec reaches: one for each request, bounded, verified when read.

    A file is written beside its place and renamed, so that a reader finds all of it or nothing. Several threads,
    processes and machines may share a cache.

    Args:
        url: A folder, or an fsspec address such as `s3://bucket/folder`.
        max_bytes: Size beyond which the oldest files go; None for no bound.
        max_age: Age beyond which files go; None for no bound.
        clock: Now, aware.

    Raises:
        StoreError: The address can't be used.
    """

    def __init__(
        self,
        url: str,
        max_bytes: int | None = None,
        max_age: timedelta | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        try:
            self._fs, root = url_to_fs(url)
            self._root = str(root).rstrip("/")
        except (ValueError, ImportError) as error:
            raise StoreError(
                f"the cache {url} can't be opened ({error}): give a folder or an fsspec address"
            ) from error
        self.url = url
        self.max_bytes = max_bytes
        self.max_age = max_age
        self.clock = clock
        self._held_bytes: int | None = None
        self._areas: set[Grid] | None = None
        self._lock = threading.Lock()

    def get(self, request: Request) -> SceneRaster | None:
        """The raster for a request; None where there is none, or one that was damaged (it is removed).

        Where a larger area was stored that the request is a part of, the part is cut out of that.
        """
        for stored in self._answers(request):
            path = stored.stem + _RASTER
            data = self._read(path)
            if data is None:
                continue
            raster = decode(data, _window(stored.grid, request.grid))
            if raster is not None:
                return raster
            self._remove(path)
        return None

    def put(self, request: Request, raster: SceneRaster) -> None:
        """Store what a source answered, with the request and the time as provenance."""
        provenance = {**request.document(), "stored_at": self.clock().isoformat()}
        self._write(request.stem + _RASTER, encode(raster, request.grid, provenance))
        with self._lock:
            if self._areas is not None:
                self._areas.add(request.grid)

    def verdict(self, request: Request) -> str | None:
        """Why the scene was found to show too little; None where it wasn't."""
        document = self.document(request.verdict_stem + _VERDICT)
        return None if document is None else str(document["reason"])

    def put_verdict(self, request: Request, reason: str) -> None:
        """Note that a scene shows too little, so that it isn't looked at again."""
        document = {**request.document(), "stored_at": self.clock().isoformat(), "reason": reason}
        self.put_document(request.verdict_stem + _VERDICT, document)

    def holds(self, request: Request) -> bool:
        """Whether a request would be answered without asking the source."""
        rasters = (stored.stem + _RASTER for stored in self._answers(request))
        paths = (request.verdict_stem + _VERDICT, *rasters)
        return any(self._fs.exists(f"{self._root}/{path}") for path in paths)

    def document(self, path: str) -> dict[str, Any] | None:
        """A stored JSON object whose hash is right; None where there is none, or a damaged one (it is removed)."""
        data = self._read(path)
        if data is None:
            return None
        try:
            stored = json.loads(data)
            document: dict[str, Any] = stored["document"]
            intact = stored["sha256"] == digest(document)
        except (ValueError, KeyError, TypeError):
            intact = False
        if not intact:
            self._remove(path)
            return None
        return document

    def put_document(self, path: str, document: Mapping[str, Any]) -> None:
        """Store a JSON object with its hash."""
        stored = {"document": document, "sha256": digest(document)}
        self._write(path, json.dumps(stored, sort_keys=True, indent=1).encode())

    def entries(self) -> list[Entry]:
        """All files, oldest first."""
        entries = [self._entry(path, info) for path, info in self._listing() if _PARTIAL not in path]
        return sorted(
            (entry for entry in entries if entry is not None), key=lambda entry: (entry.stored_at, entry.path)
        )

    def prune(self) -> list[Entry]:
        """Remove what is older than the cache's age, then the oldest until it fits its size.

        Returns:
            What was removed.
        """
        for path, info in self._listing():
            if _PARTIAL in path and self.clock() - _modified(info) > _ABANDONED_AFTER:
                self._fs.rm_file(path)
        entries = self.entries()
        held = sum(entry.size_bytes for entry in entries)
        removed = []
        for entry in entries:
            too_old = self.max_age is not None and self.clock() - entry.stored_at > self.max_age
            if not too_old and (self.max_bytes is None or held <= self.max_bytes):
                continue
            self._remove(entry.path)
            held -= entry.size_bytes
            removed.append(entry)
        with self._lock:
            self._held_bytes = held
        return removed

    def clear(self, area_keys: Sequence[str] | None = None) -> list[Entry]:
        """Remove everything, or everything of some areas."""
        removed = [entry for entry in self.entries() if area_keys is None or entry.area_key in area_keys]
        for entry in removed:
            self._remove(entry.path)
        with self._lock:
            self._held_bytes = None
        return removed

    def _answers(self, request: Request) -> Iterator[Request]:
        """The request itself, then the same scene over the areas that were stored and hold its grid."""
        yield request
        wider = [area for area in self._known_areas() if area != request.grid and area.offset(request.grid) is not None]
        for area in sorted(wider, key=area_key):
            yield replace(request, grid=area)

    def _known_areas(self) -> list[Grid]:
        """Areas that had a folder when this process first asked, and those that it stored since."""
        with self._lock:
            if self._areas is None:
                try:
                    folders = self._fs.ls(self._root, detail=False)
                except FileNotFoundError:
                    folders = []
                areas = (area_of(str(folder).rstrip("/").rpartition("/")[2]) for folder in folders)
                self._areas = {area for area in areas if area is not None}
            return list(self._areas)

    def _read(self, path: str) -> bytes | None:
        try:
            return bytes(self._fs.cat_file(f"{self._root}/{path}"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path} of the cache {self.url} can't be read ({error}): check the place") from error

    def _write(self, path: str, data: bytes) -> None:
        place = f"{self._root}/{path}"
        partial = f"{place}{_PARTIAL}{uuid.uuid4().hex}"
        try:
            self._fs.makedirs(place.rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(partial, data)
            self._fs.mv(partial, place)
        except OSError as error:
            raise StoreError(f"the cache {self.url} can't be written ({error}): free space or give another") from error
        if self._outgrown(len(data)):
            self.prune()

    def _outgrown(self, size_bytes: int) -> bool:
        if self.max_bytes is None:
            return False
        with self._lock:
            if self._held_bytes is None:
                self._held_bytes = sum(int(info["size"]) for _, info in self._listing())
            else:
                self._held_bytes += size_bytes
            return self._held_bytes > self.max_bytes

    def _remove(self, path: str) -> None:
        try:
            self._fs.rm_file(f"{self._root}/{path}")
        except FileNotFoundError:
            return  # another process was faster
        except OSError as error:
            raise StoreError(f"{path} of the cache {self.url} can't be removed ({error}): check the place") from error

    def _listing(self) -> list[tuple[str, dict[str, Any]]]:
        try:
            found = self._fs.find(self._root, detail=True)
        except FileNotFoundError:
            return []
        return [(str(path), info) for path, info in found.items()]

    def _entry(self, path: str, info: Mapping[str, Any]) -> Entry | None:
        relative = path.removeprefix(self._root).lstrip("/")
        area, _, name = relative.partition("/")
        for suffix, kind in ((_RASTER, "scene"), (_VERDICT, "verdict"), (SEARCH, "search")):
            if name.endswith(suffix):
                item_id = "" if kind == "search" else name.removesuffix(suffix).rpartition(".")[0]
                return Entry(relative, kind, area, item_id, int(info["size"]), _modified(info))
        return None


def _window(area: Grid, part: Grid) -> Window | None:
    """Where a part is in an area; None for all of it."""
    corner = area.offset(part)
    if area == part or corner is None:
        return None
    (row, column), (rows, columns) = corner, part.shape
    return Window(column, row, columns, rows)


def _modified(info: Mapping[str, Any]) -> datetime:
    """When a file was written, whatever the file system calls it."""
    stamp = info.get("mtime", info.get("LastModified", info.get("created")))
    if isinstance(stamp, datetime):
        return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(stamp or 0), UTC)
