from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, box

from aoi.catalogue import Catalogue
from aoi.facility import Facility, FacilityKind
from aoi.watch_areas import saving, watch_areas
from geo.grid import to_wgs84

CRS = "EPSG:32645"


def place(east_m: float, north_m: float = 4_850_000.0, name: str = "", buffer_m: float = 1000.0) -> Facility:
    point = to_wgs84(Point(east_m, north_m), CRS)
    return Facility(name or f"p-{east_m:.0f}-{north_m:.0f}", "P", FacilityKind.CAMP, point, buffer_m)


def test_overlapping_areas_are_fetched_as_one() -> None:
    places = [place(550_000), place(551_000)]
    (area,) = watch_areas(places)
    assert area.facility_ids == ("p-550000-4850000", "p-551000-4850000")
    assert area.tiles == ("45TWJ",)
    assert area.area_m2 == pytest.approx(2000.0 * 3000.0, rel=0.02)
    total = saving(places, [area])
    assert total.apart_m2 == pytest.approx(8e6, rel=0.02)
    assert total.saved_m2 == pytest.approx(2e6, rel=0.05)
    assert total.watched_m2 == pytest.approx(area.area_m2, rel=0.01)


def test_a_small_gap_is_bridged_and_a_large_one_is_not() -> None:
    assert len(watch_areas([place(550_000), place(552_200)])) == 1
    assert len(watch_areas([place(550_000), place(552_700)])) == 2
    # Diagonal neighbours would add more ground than a request costs.
    assert len(watch_areas([place(550_000), place(552_200, 4_852_200)])) == 2


def test_an_area_stays_in_its_tile() -> None:
    # 45TXJ begins at 600 km and the tile west of it reaches 9.8 km beyond.
    across = watch_areas([place(599_500), place(600_500)])
    assert [(len(area.facility_ids), area.tiles) for area in across] == [(2, ("45TWJ",))]
    chain = watch_areas([place(x, name=f"n{x}") for x in range(599_000, 613_000, 1500)])
    assert all(area.bounds[2] <= 609_760 or area.bounds[0] >= 600_000 for area in chain)
    assert all(len(area.tiles) == 1 for area in chain)


def test_an_area_larger_than_the_overlap_of_tiles_names_them_all() -> None:
    (area,) = watch_areas([place(600_000, 4_850_000, buffer_m=12_000.0)])
    assert area.tiles == ("45TWJ", "45TXJ")


@given(st.lists(st.tuples(st.integers(520_000, 540_000), st.integers(4_820_000, 4_840_000)), max_size=25, unique=True))
@settings(max_examples=50, deadline=None)
def test_no_pixel_is_bought_twice_and_none_is_left_out(spots: list[tuple[int, int]]) -> None:
    places = [place(x, y) for x, y in spots]
    areas = watch_areas(places)
    for one, other in combinations(areas, 2):
        assert box(*one.bounds).intersection(box(*other.bounds)).area == 0.0
    assert sorted(key for area in areas for key in area.facility_ids) == sorted(p.facility_id for p in places)
    grids = {p.facility_id: p.grid() for p in places}
    for area in areas:
        for key in area.facility_ids:
            grid = grids[key]
            assert grid.crs == area.crs
            assert box(*area.bounds).covers(grid.extent)
            assert (grid.bounds[0] - area.bounds[0]) % grid.gsd_m == 0.0
    assert watch_areas(places[::-1]) == areas


def test_all_380_are_bought_once() -> None:
    places = Catalogue.builtin().active
    total = saving(places, watch_areas(places))
    assert total.places == 380
    assert total.areas < 300
    assert total.still_twice_m2 < 1e4
    assert total.watched_m2 < total.together_m2 < total.apart_m2
