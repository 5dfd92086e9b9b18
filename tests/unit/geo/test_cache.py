"""The scene cache, and a source behind it."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely import box

from geo.cache import SceneCache
from geo.cache_file import decode, encode, provenance
from geo.cache_request import Request
from geo.errors import SceneNotClearError, SceneUnusableError, SourceError
from geo.grid import Grid
from geo.scene import LeftOut, Scene, SceneRaster
from geo.sources.base import Cost, SearchResult
from geo.sources.cached import CachedSource

GRID = Grid("EPSG:32645", Affine(10, 0, 600000, 0, -10, 4800000), (6, 8), 10.0)
AREA = box(88.2, 43.2, 88.3, 43.3)
NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


def scene(day: int, **more) -> Scene:
    moment = datetime(2024, 1, 1, 5, tzinfo=UTC) + timedelta(days=day)
    return Scene(f"S2A_{day:03d}", "sentinel-2-l2a", moment, AREA, 10.0, ("B02", "SCL"), cloud_cover_pct=3.5,
                 assets={"B02": "http://127.0.0.1/b02.tif"}, scale_offset={"B02": (1e-4, -0.1)}, **more)  # fmt: skip


def raster(seed: int = 0, dtype=np.uint16, classified: bool = True) -> SceneRaster:
    rng = np.random.default_rng(seed)
    dn = rng.integers(0, 4000, (2, 6, 8)).astype(dtype)
    scl = rng.integers(0, 12, (6, 8)).astype(np.uint8) if classified else None
    return SceneRaster(dn, (1e-4, 1e-4), (-0.1, 0.0), rng.random((6, 8)) > 0.3, scl, ("B02", "B11"))


def assert_same(one: SceneRaster, other: SceneRaster) -> None:
    np.testing.assert_array_equal(one.dn, other.dn)
    assert one.dn.dtype == other.dn.dtype
    np.testing.assert_array_equal(one.valid, other.valid)
    assert (one.scale, one.offset, one.bands) == (other.scale, other.offset, other.bands)
    if other.classification is None:
        assert one.classification is None
    else:
        np.testing.assert_array_equal(one.classification, other.classification)


def request(day: int = 0, grid: Grid = GRID, bands=("B02", "B11")) -> Request:
    return Request("loopback", {"min_clear_fraction": 0.1}, scene(day), bands, grid)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class CountingSource:
    """Knows some scenes, and counts what it is asked."""

    name = "counting"

    def __init__(self, scenes: list[Scene]) -> None:
        self.scenes = scenes
        self.searches: list[tuple[datetime, datetime]] = []
        self.reads: list[str] = []
        self.fault: Exception | None = None

    def search(self, area, start, end):
        self.searches.append((start, end))
        chosen = tuple(one for one in self.scenes if start <= one.acquired_at <= end)
        return SearchResult(chosen, (LeftOut("overcast", None, "97 % of the whole scene is cloud"),))

    def read(self, scene, bands, grid, clear_in=None):
        self.reads.append(scene.item_id)
        if self.fault:
            raise self.fault
        return raster(int(scene.item_id[-3:]))

    def estimate_cost(self, scenes, bands, grid):
        return Cost(len(scenes), 100 * len(scenes), 0.5 * len(scenes))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("classified", [True, False])
def test_what_is_stored_comes_back(tmp_path, dtype, classified):
    cache = SceneCache(str(tmp_path))
    cache.put(request(), raster(1, dtype, classified))
    assert_same(SceneCache(str(tmp_path)).get(request()), raster(1, dtype, classified))


@given(arrays(np.float32, (1, 6, 8), elements=st.floats(-1e6, 1e6, width=32)))
def test_resampled_numbers_come_back_bit_for_bit(dn):
    kept = SceneRaster(dn, (1.0,), (0.0,), np.ones((6, 8), bool), None, ("B02",))
    assert_same(decode(encode(kept, GRID, {})), kept)


def test_areas_scenes_bands_and_metadata_have_files_of_their_own(tmp_path):
    cache = SceneCache(str(tmp_path))
    cache.put(request(), raster())
    moved = replace(GRID, transform=Affine(10, 0, 600010, 0, -10, 4800000))
    reprocessed = replace(request(), scene=replace(scene(0), scale_offset={"B02": (1e-4, 0.0)}))
    for other in (request(1), request(grid=moved), request(bands=("B02",)), reprocessed):
        assert cache.get(other) is None


def test_the_file_tells_where_it_is_from(tmp_path):
    clock = Clock()
    cache = SceneCache(str(tmp_path), clock=clock)
    cache.put(request(), raster())
    (path,) = tmp_path.rglob("*.tif")
    told = provenance(path.read_bytes())
    assert (told["item_id"], told["source"], told["stored_at"]) == ("S2A_000", "loopback", NOW.isoformat())
    assert told["assets"] == {"B02": "http://127.0.0.1/b02.tif"}


@pytest.mark.parametrize("damage", ["cut", "bit", "empty"])
def test_a_damaged_file_is_removed_and_not_believed(tmp_path, damage):
    cache = SceneCache(str(tmp_path))
    cache.put(request(), raster())
    (path,) = tmp_path.rglob("*.tif")
    data = bytearray(path.read_bytes())
    if damage == "bit":
        data[len(data) // 2] ^= 1
    path.write_bytes({"cut": bytes(data[:300]), "bit": bytes(data), "empty": b""}[damage])
    assert cache.get(request()) is None
    assert not path.exists()


def test_nothing_half_written_is_found(tmp_path, monkeypatch):
    cache = SceneCache(str(tmp_path))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache._fs, "mv", full)
    with pytest.raises(Exception, match=r"can't be written .*: free space or give another"):
        cache.put(request(), raster())
    assert cache.get(request()) is None
    assert cache.entries() == []


def test_oldest_go_when_it_outgrows_its_size(tmp_path):
    cache = SceneCache(str(tmp_path))
    for day in range(6):
        cache.put(request(day), raster(day))
        age(tmp_path, f"S2A_{day:03d}", NOW + timedelta(hours=day))
    size = max(entry.size_bytes for entry in cache.entries())
    bounded = SceneCache(str(tmp_path), max_bytes=int(3.5 * size))
    assert [entry.item_id for entry in bounded.prune()] == ["S2A_000", "S2A_001", "S2A_002"]
    assert sum(entry.size_bytes for entry in bounded.entries()) <= bounded.max_bytes
    bounded.put(request(9), raster(9))
    assert sum(entry.size_bytes for entry in bounded.entries()) <= bounded.max_bytes
    assert_same(bounded.get(request(9)), raster(9))


def test_files_go_when_they_are_too_old(tmp_path):
    clock = Clock()
    cache = SceneCache(str(tmp_path), max_age=timedelta(days=30), clock=clock)
    cache.put(request(0), raster())
    cache.put(request(1), raster())
    age(tmp_path, "S2A_000", NOW - timedelta(days=31))
    age(tmp_path, "S2A_001", NOW - timedelta(days=29))
    assert [entry.item_id for entry in cache.prune()] == ["S2A_000"]


def age(folder: Path, item_id: str, moment: datetime) -> None:
    for path in folder.rglob(f"{item_id}*"):
        os.utime(path, (moment.timestamp(), moment.timestamp()))


def test_any_fsspec_address_will_do():
    cache = SceneCache("memory://shared/cache")
    cache.put(request(), raster())
    assert_same(SceneCache("memory://shared/cache").get(request()), raster())
    assert [entry.kind for entry in cache.entries()] == ["scene"]
    assert len(cache.clear()) == 1
    assert cache.entries() == []


class TestCachedSource:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def inner(self) -> CountingSource:
        return CountingSource([scene(day) for day in range(0, 150, 5)])

    @pytest.fixture
    def cached(self, tmp_path, inner, clock) -> CachedSource:
        return CachedSource(inner, SceneCache(str(tmp_path), clock=clock))

    def test_a_second_run_asks_for_nothing(self, tmp_path, inner, clock, cached):
        start = datetime(2024, 1, 1, tzinfo=UTC)
        found = cached.search(AREA, start, clock.now)
        for one in found.scenes:
            cached.read(one, ["B02", "B11"], GRID)
        clock.now += timedelta(minutes=5)
        again = CachedSource(inner, SceneCache(str(tmp_path), clock=clock))
        second = again.search(AREA, start, clock.now)
        assert second == found
        assert_same(again.read(second.scenes[3], ["B02", "B11"], GRID), raster(15))
        assert len(inner.searches) == 1
        assert len(inner.reads) == len(found.scenes)
        assert again.estimate_cost(second.scenes, ["B02", "B11"], GRID) == Cost()

    def test_only_weeks_that_arent_settled_are_asked_again(self, inner, clock, cached):
        start = datetime(2024, 1, 1, tzinfo=UTC)
        cached.search(AREA, start, clock.now)
        clock.now += timedelta(days=10)
        inner.scenes.append(scene(148))  # published late
        found = cached.search(AREA, start, clock.now)
        assert inner.searches[1] == (NOW - timedelta(days=30), clock.now)
        assert [one.item_id for one in found.scenes][-2:] == ["S2A_145", "S2A_148"]
        assert len(found.scenes) == 31
        assert len(found.left_out) == 1

    def test_a_window_that_is_long_past_is_never_asked_again(self, inner, clock, cached):
        window = (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))
        cached.search(AREA, *window)
        clock.now += timedelta(days=400)
        assert len(cached.search(AREA, *window).scenes) == 7
        assert len(inner.searches) == 1

    def test_no_gap_is_taken_for_searched(self, inner, clock, cached):
        first = (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 20, tzinfo=UTC))
        later = (datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 20, tzinfo=UTC))
        cached.search(AREA, *first)
        assert all(later[0] <= one.acquired_at <= later[1] for one in cached.search(AREA, *later).scenes)
        between = cached.search(AREA, first[0], later[1]).scenes
        assert [one.item_id for one in between] == [f"S2A_{day:03d}" for day in range(0, 80, 5)]

    def test_a_scene_that_shows_too_little_isnt_looked_at_twice(self, inner, cached):
        inner.fault = SceneNotClearError("shows only 3% of the area")
        for _ in range(2):
            with pytest.raises(SceneNotClearError, match="shows only 3% of the area"):
                cached.read(scene(0), ["B02"], GRID)
        assert inner.reads == ["S2A_000"]

    def test_another_choice_of_scenes_buys_no_pixel_twice(self, inner, cached):
        cached.read(scene(0), ["B02"], GRID)
        inner.fault = SceneNotClearError("shows only 30% of the area")
        with pytest.raises(SceneNotClearError):
            cached.read(scene(5), ["B02"], GRID)
        inner.fault = None
        laxer = CachedSource(inner, cached.cache, {"min_clear_fraction": 0.0})
        assert_same(laxer.read(scene(0), ["B02"], GRID), raster(0))
        assert_same(laxer.read(scene(5), ["B02"], GRID), raster(5))
        assert inner.reads == ["S2A_000", "S2A_005", "S2A_005"]

    def test_other_faults_are_not_kept(self, inner, cached):
        inner.fault = SceneUnusableError("broken")
        with pytest.raises(SceneUnusableError):
            cached.read(scene(0), ["B02"], GRID)
        assert cached.cache.entries() == []
        inner.fault = None
        assert cached.read(scene(0), ["B02"], GRID).valid.any()

    def test_offline_asks_nobody(self, inner, clock, cached):
        start = datetime(2024, 1, 1, tzinfo=UTC)
        found = cached.search(AREA, start, clock.now)
        cached.read(found.scenes[0], ["B02"], GRID)
        clock.now += timedelta(days=100)
        offline = CachedSource(inner, cached.cache, offline=True)
        assert offline.search(AREA, start, clock.now).scenes == found.scenes
        assert_same(offline.read(found.scenes[0], ["B02"], GRID), raster(0))
        with pytest.raises(SceneUnusableError, match="S2A_005 isn't in the cache: run once online"):
            offline.read(found.scenes[1], ["B02"], GRID)
        with pytest.raises(SourceError, match="no search of counting for this area and time"):
            offline.search(AREA.buffer(1), start, clock.now)
        assert (len(inner.searches), len(inner.reads)) == (1, 1)
