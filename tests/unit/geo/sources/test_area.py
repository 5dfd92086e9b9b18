"""Places that share an area: what one of them made be fetched is there for all, and each is judged by itself."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from geo.cache import SceneCache
from geo.cache_file import decode, encode
from geo.cache_request import area_key, area_of
from geo.errors import SceneNotClearError, SceneUnusableError
from geo.grid import Grid
from geo.scene import Scene, SceneRaster
from geo.sources.area import AreaSource
from geo.sources.base import Cost, SearchResult
from geo.sources.cached import CachedSource
from geo.sources.look import require_clear

AREA = Grid("EPSG:32645", Affine(10, 0, 600000, 0, -10, 4800000), (40, 60), 10.0)
WEST = Grid("EPSG:32645", Affine(10, 0, 600000, 0, -10, 4799900), (30, 30), 10.0)
EAST = Grid("EPSG:32645", Affine(10, 0, 600250, 0, -10, 4800000), (30, 35), 10.0)
BANDS = ("B02", "B11")
WHEN = datetime(2024, 5, 1, 5, tzinfo=UTC)


def scene(item_id: str = "S2A_1", grid: Grid = AREA) -> Scene:
    return Scene(item_id, "sentinel-2-l2a", WHEN, grid.scene_footprint_wgs84, 10.0, BANDS)


class Sky:
    """A scene of the area, of which a window may be under cloud, and what was asked of it."""

    name = "sky"

    def __init__(self, cloud: tuple[slice, slice] | None = None, delay_s: float = 0.0) -> None:
        self.classes = np.full(AREA.shape, 4, np.uint8)
        if cloud is not None:
            self.classes[cloud] = 9
        self.delay_s = delay_s
        self.bought: list[Grid] = []
        self.looks = 0
        self.scenes: tuple[Scene, ...] = (scene(),)
        self.searched: list[object] = []

    def search(self, area, start, end):
        self.searched.append(area)
        return SearchResult(self.scenes)

    def read(self, scene, bands, grid, clear_in=None):
        self.looks += 1
        time.sleep(self.delay_s)
        whole = whole_raster(self.classes)
        require_clear(whole.part(AREA.offset(clear_in or grid), (clear_in or grid).shape).classification, 0.1)
        self.bought.append(grid)
        return whole.part(AREA.offset(grid), grid.shape)

    def estimate_cost(self, scenes, bands, grid):
        return Cost(len(scenes), grid.shape[0] * grid.shape[1] * len(scenes))


def whole_raster(classes: np.ndarray) -> SceneRaster:
    dn = np.random.default_rng(3).integers(0, 4000, (2, *AREA.shape)).astype(np.uint16)
    return SceneRaster(dn, (1e-4, 1e-4), (-0.1, 0.0), classes > 0, classes, BANDS)


def seen_by(sky: Sky, folder, *, offline: bool = False) -> AreaSource:
    cache = SceneCache(str(folder))
    return AreaSource(CachedSource(sky, cache, {}, min_clear_fraction=0.1, offline=offline), AREA)


def test_the_second_place_asks_for_nothing(tmp_path) -> None:
    sky = Sky()
    source = seen_by(sky, tmp_path)
    for grid in (WEST, EAST, WEST):
        got = source.read(scene(), BANDS, grid)
        expected = whole_raster(sky.classes).part(AREA.offset(grid), grid.shape)
        np.testing.assert_array_equal(got.dn, expected.dn)
        np.testing.assert_array_equal(got.valid, expected.valid)
        np.testing.assert_array_equal(got.classification, expected.classification)
    assert sky.bought == [AREA]
    assert source.holds(scene(), BANDS, EAST)
    assert source.estimate_cost([scene(), scene("S2A_2")], BANDS, EAST) == Cost(1, 2400)


def test_two_places_at_once_fetch_once(tmp_path) -> None:
    sky = Sky(delay_s=0.1)
    source = seen_by(sky, tmp_path)
    start = threading.Barrier(4)

    def read(grid: Grid) -> int:
        start.wait()
        return int(source.read(scene(), BANDS, grid).dn.sum())

    with ThreadPoolExecutor(4) as pool:
        west, east, west_too, east_too = pool.map(read, (WEST, EAST, WEST, EAST))
    assert (west, east) == (west_too, east_too)
    assert sky.bought == [AREA]


@pytest.mark.parametrize("order", [(WEST, EAST), (EAST, WEST)], ids=["clear first", "cloudy first"])
def test_each_place_is_judged_by_its_own_ground_whoever_asks_first(tmp_path, order) -> None:
    sky = Sky(cloud=(slice(None), slice(24, None)))  # all of the east, little of the west
    source = seen_by(sky, tmp_path)
    said = {}
    for grid in (*order, *order):
        try:
            said[area_key(grid)] = str(source.read(scene(), BANDS, grid).dn.shape)
        except SceneNotClearError as error:
            said[area_key(grid)] = str(error)
    assert said[area_key(WEST)] == "(2, 30, 30)"
    assert said[area_key(EAST)].startswith("shows only 0% of the area")
    assert sky.bought == [AREA]
    offline = seen_by(Sky(), tmp_path, offline=True)
    assert offline.read(scene(), BANDS, WEST).dn.shape == (2, 30, 30)
    with pytest.raises(SceneNotClearError, match="shows only 0%"):
        offline.read(scene(), BANDS, EAST)


def test_what_a_larger_area_holds_is_found_without_being_told(tmp_path) -> None:
    seen_by(Sky(), tmp_path).read(scene(), BANDS, WEST)
    alone = CachedSource(Sky(), SceneCache(str(tmp_path)), {}, offline=True)
    assert alone.read(scene(), BANDS, EAST).dn.shape == (2, 30, 35)
    beyond = Grid("EPSG:32645", Affine(10, 0, 600600, 0, -10, 4800000), (5, 5), 10.0)
    with pytest.raises(SceneUnusableError, match="isn't in the cache"):
        alone.read(scene(), BANDS, beyond)


def test_a_damaged_area_is_fetched_again(tmp_path) -> None:
    sky = Sky()
    source = seen_by(sky, tmp_path)
    source.read(scene(), BANDS, WEST)
    (path,) = tmp_path.rglob("*.tif")
    path.write_bytes(path.read_bytes()[:-40])
    assert source.read(scene(), BANDS, EAST).dn.shape == (2, 30, 35)
    assert sky.bought == [AREA, AREA]


def test_one_search_for_all_places_and_each_gets_the_scenes_that_touch_it(tmp_path) -> None:
    sky = Sky()
    sky.scenes = (scene("both"), scene("west only", Grid(WEST.crs, WEST.transform, (30, 20), 10.0)))
    source = seen_by(sky, tmp_path)
    now = datetime.now(UTC)
    west = source.search(WEST.scene_footprint_wgs84, WHEN, now)
    east = source.search(EAST.scene_footprint_wgs84, WHEN, now)
    assert [one.item_id for one in west.scenes] == ["both", "west only"]
    assert [one.item_id for one in east.scenes] == ["both"]
    assert sky.searched == [AREA.scene_footprint_wgs84]


def test_a_wide_area_is_stored_in_tiles_and_a_part_comes_back_bit_for_bit(tmp_path) -> None:
    grid = Grid("EPSG:32645", Affine(10, 0, 600000, 0, -10, 4800000), (500, 1500), 10.0)
    dn = np.random.default_rng(1).integers(0, 9000, (2, *grid.shape)).astype(np.uint16)
    whole = SceneRaster(dn, (1.0, 1.0), (0.0, 0.0), dn[0] > 100, None, BANDS)
    from rasterio.windows import Window

    part = decode(encode(whole, grid, {}), Window(700, 120, 301, 299))
    assert part is not None
    np.testing.assert_array_equal(part.dn, dn[:, 120:419, 700:1001])
    np.testing.assert_array_equal(part.valid, whole.valid[120:419, 700:1001])


@given(
    st.sampled_from([0.5, 0.3, 3.0, 10.0]), st.integers(200_000, 800_000), st.integers(0, 9_000_000),
    st.integers(1, 5000), st.integers(1, 5000),
)  # fmt: skip
def test_a_folder_tells_its_area(gsd_m, columns_east, rows_north, rows, columns) -> None:
    grid = Grid(
        "EPSG:32645", Affine(gsd_m, 0, columns_east * gsd_m, 0, -gsd_m, rows_north * gsd_m), (rows, columns), gsd_m
    )
    told = area_of(area_key(grid))
    assert told is not None
    assert told.offset(grid) == (0, 0)
    assert grid.offset(told) == (0, 0)


@given(st.integers(-5, 45), st.integers(-5, 65), st.integers(1, 50), st.integers(1, 70))
def test_a_window_is_found_just_where_it_lies_inside(row, column, rows, columns) -> None:
    part = Grid(AREA.crs, AREA.transform @ Affine.translation(column, row), (rows, columns), 10.0)
    inside = row >= 0 and row + rows <= 40 and column >= 0 and column + columns <= 60
    assert AREA.offset(part) == ((row, column) if inside else None)


def test_grids_that_arent_aligned_or_of_another_zone_are_no_windows() -> None:
    off = Grid(AREA.crs, AREA.transform @ Affine.translation(0.5, 0), (5, 5), 10.0)
    assert AREA.offset(off) is None
    assert AREA.offset(Grid("EPSG:32644", AREA.transform, (5, 5), 10.0)) is None
    assert AREA.offset(Grid(AREA.crs, AREA.transform, (5, 5), 5.0)) is None
    assert area_of("0123456789ab") is None
