"""Any source, asked for nothing that is held already."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from shapely import from_geojson, to_geojson, to_wkb
from shapely.geometry.base import BaseGeometry

from geo.cache import SceneCache
from geo.cache_request import Request, search_path
from geo.errors import SceneNotClearError, SceneUnusableError, SourceError
from geo.grid import Grid
from geo.scene import LeftOut, Scene, SceneRaster
from geo.sources.base import Cost, RemoteSource, SearchResult
from geo.sources.look import require_clear

# Catalogues go on taking in late and reprocessed products of the last weeks; what is older is settled.
_SETTLED_AFTER = timedelta(days=30)


class CachedSource:
    """A source behind a cache: a second run asks for nothing.

    Searches are answered from the cache while they are fresh; later only the weeks that aren't settled are asked
    for again. Scenes that showed too little aren't looked at twice.

    Args:
        source: Whom to ask.
        cache: Where answers are kept.
        settings: What its searches and verdicts depend on besides (JSON), such as its choice of scenes.
        fresh_for: How long an answer to a search holds for times after it was asked.
        min_clear_fraction: Share of the grid that a scene has to show, 0 to 1, where its classification is known.
        offline: Never ask the source: what isn't held isn't there. For replays, and for workers beside a run
            that keeps pace and bounds.

    Attributes:
        ask_anew: Whether searches ask the source for all of the time again, also for weeks that are settled.
    """

    def __init__(
        self,
        source: RemoteSource,
        cache: SceneCache,
        settings: Mapping[str, Any] | None = None,
        fresh_for: timedelta = timedelta(hours=6),
        *,
        min_clear_fraction: float = 0.0,
        offline: bool = False,
    ) -> None:
        self.source = source
        self.cache = cache
        self._settings = dict(settings or {})
        self._fresh_for = fresh_for
        self._offline = offline
        self._min_clear_fraction = min_clear_fraction
        self._lock = threading.Lock()
        self._fetching: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self.ask_anew = False

    @property
    def name(self) -> str:
        """Name of the source behind it."""
        return self.source.name

    def search(self, area: BaseGeometry, start: datetime, end: datetime) -> SearchResult:
        """As the source's own, with no more requests than are needed; offline, whatever is held of that time.

        Raises:
            SourceError: Offline, and nothing is held.
        """
        path = search_path(self.name, self._settings, to_wkb(area))
        with self._alone_with(path):
            return self._searched(path, area, start, end)

    def _searched(self, path: str, area: BaseGeometry, start: datetime, end: datetime) -> SearchResult:
        held = self.cache.document(path)
        now = self.cache.clock()
        known, first, ask_from = SearchResult(()), start, start
        if held is not None and not self.ask_anew and datetime.fromisoformat(held["start"]) <= start:
            held_result, first = _result(held["result"]), datetime.fromisoformat(held["start"])
            covered_to, asked_at = (datetime.fromisoformat(held[name]) for name in ("end", "asked_at"))
            ask_from = min(covered_to, asked_at - _SETTLED_AFTER)
            fresh_to = asked_at + self._fresh_for
            # A search up to the present stays good for a while; one of a past window says nothing of later times.
            good_to = fresh_to if covered_to >= asked_at - self._fresh_for else covered_to
            if self._offline or end <= ask_from or (now <= fresh_to and end <= good_to):
                return _between(held_result, start, end)
            known = _between(held_result, first, ask_from, before=True)
        if self._offline:
            raise SourceError(f"no search of {self.name} for this area and time is in the cache: run once online")
        fresh = self.source.search(area, ask_from, end)
        found = SearchResult(known.scenes + fresh.scenes, known.left_out + fresh.left_out)
        record = {"start": first, "end": end, "asked_at": now}
        self.cache.put_document(
            path, {name: moment.isoformat() for name, moment in record.items()} | {"result": _document(found)}
        )
        return _between(found, start, end)

    def read(self, scene: Scene, bands: Sequence[str], grid: Grid, area: Grid | None = None) -> SceneRaster:
        """As the source's own, from the cache where it is held there.

        Args:
            scene: Which scene.
            bands: Which bands.
            grid: On which pixels.
            area: What is fetched where it isn't held, so that the neighbours have it too; just the grid without.

        Raises:
            SceneNotClearError: The scene shows too little of the grid.
            StoreError: The cache can't be read or written.
        """
        request = self._request(scene, bands, grid)
        held = self._held(request)
        if held is not None:
            return held
        if self._offline:
            raise SceneUnusableError(f"{scene.item_id} isn't in the cache: run once online")
        whole = replace(request, grid=area or grid)
        with self._alone_with(whole.stem):
            held = self._held(request)  # a neighbour may have fetched it meanwhile
            return self._fetch(request, whole) if held is None else held

    def _held(self, request: Request) -> SceneRaster | None:
        verdict = self.cache.verdict(request)
        if verdict is not None:
            raise SceneNotClearError(verdict)
        raster = self.cache.get(request)
        return None if raster is None else self._judged(raster)

    def _judged(self, raster: SceneRaster) -> SceneRaster:
        """The raster, if it shows enough: it may have been fetched because a neighbour was clear."""
        if raster.classification is not None:
            require_clear(raster.classification, self._min_clear_fraction)
        return raster

    def _fetch(self, request: Request, whole: Request) -> SceneRaster:
        try:
            raster = self.source.read(request.scene, request.bands, whole.grid, request.grid)
        except SceneNotClearError as error:
            self.cache.put_verdict(request, str(error))
            raise
        self.cache.put(whole, raster)
        corner = whole.grid.offset(request.grid)
        if corner is None:
            raise ValueError(f"{request.grid} isn't a window of {whole.grid}")
        return self._judged(raster.part(corner, request.grid.shape))

    @contextmanager
    def _alone_with(self, key: str) -> Iterator[None]:
        """While what a key stands for is being fetched: who else wants it waits, and then finds it held."""
        with self._lock:
            fetching = self._fetching.setdefault(key, threading.Lock())
        with fetching:
            yield

    def estimate_cost(self, scenes: Sequence[Scene], bands: Sequence[str], grid: Grid) -> Cost:
        """What `read` of these scenes would spend: nothing for those that are held."""
        missing = [scene for scene in scenes if not self.holds(scene, bands, grid)]
        return self.source.estimate_cost(missing, bands, grid)

    def holds(self, scene: Scene, bands: Sequence[str], grid: Grid) -> bool:
        """Whether `read` would ask for nothing."""
        return self.cache.holds(self._request(scene, bands, grid))

    def _request(self, scene: Scene, bands: Sequence[str], grid: Grid) -> Request:
        return Request(self.name, self._settings, scene, tuple(dict.fromkeys(bands)), grid)


def _between(result: SearchResult, start: datetime, end: datetime, *, before: bool = False) -> SearchResult:
    """What was acquired in [start, end], or in [start, end) where `before`; what has no time stays."""

    def within(moment: datetime | None) -> bool:
        return moment is None or (start <= moment and (moment < end if before else moment <= end))

    return SearchResult(
        tuple(scene for scene in result.scenes if within(scene.acquired_at)),
        tuple(dict.fromkeys(one for one in result.left_out if within(one.acquired_at))),
    )


def _document(result: SearchResult) -> dict[str, Any]:
    return {
        "scenes": [_scene_document(scene) for scene in result.scenes],
        "left_out": [
            {**asdict(one), "acquired_at": one.acquired_at and one.acquired_at.isoformat()} for one in result.left_out
        ],
    }


def _result(document: Mapping[str, Any]) -> SearchResult:
    return SearchResult(
        tuple(_scene(entry) for entry in document["scenes"]),
        tuple(
            LeftOut(one["item_id"], one["acquired_at"] and datetime.fromisoformat(one["acquired_at"]), one["reason"])
            for one in document["left_out"]
        ),
    )


def _scene_document(scene: Scene) -> dict[str, Any]:
    own = {name: getattr(scene, name) for name in scene.__dataclass_fields__}
    return own | {
        "acquired_at": scene.acquired_at.isoformat(),
        "scene_footprint": to_geojson(scene.scene_footprint),
        "assets": dict(scene.assets),
        "scale_offset": {name: list(pair) for name, pair in scene.scale_offset.items()},
    }


def _scene(document: Mapping[str, Any]) -> Scene:
    return Scene(
        **{
            **document,
            "acquired_at": datetime.fromisoformat(document["acquired_at"]),
            "scene_footprint": from_geojson(document["scene_footprint"]),
            "bands": tuple(document["bands"]),
            "scale_offset": {name: (pair[0], pair[1]) for name, pair in document["scale_offset"].items()},
        }
    )
