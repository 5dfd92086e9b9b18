from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon, box

from aoi.facility import Facility, FacilityKind, owner_of
from geo.grid import WGS84, to_crs, to_wgs84


def place(
    facility_id: str = "a", lon: float = 88.29, lat: float = 43.38, buffer_m: float = 1000.0, **more: object
) -> Facility:
    geometry = more.pop("geometry", Point(lon, lat))
    kind = more.pop("kind", FacilityKind.CAMP)
    return Facility(facility_id, facility_id, kind, geometry, buffer_m, **more)


def around(lon: float, lat: float, half_m: float = 50.0, east_m: float = 0.0) -> Polygon:
    """A square near a position, in EPSG:4326."""
    centre = to_crs(Point(lon, lat), WGS84, "EPSG:32645")
    x, y = centre.x + east_m, centre.y
    return to_wgs84(box(x - half_m, y - half_m, x + half_m, y + half_m), "EPSG:32645")


@given(st.floats(74.0, 96.0), st.floats(35.0, 49.0), st.sampled_from([1000.0, 1250.0, 1500.0]))
def test_a_point_is_watched_in_a_square_of_twice_the_buffer(lon: float, lat: float, buffer_m: float) -> None:
    facility = place(lon=lon, lat=lat, buffer_m=buffer_m)
    area = to_crs(facility.area_of_interest, WGS84, facility.utm_crs)
    assert area.area == pytest.approx((2.0 * buffer_m) ** 2, rel=1e-5)
    min_x, min_y, max_x, max_y = area.bounds
    assert max_x - min_x == pytest.approx(2.0 * buffer_m, rel=1e-5)
    assert max_y - min_y == pytest.approx(2.0 * buffer_m, rel=1e-5)


@given(st.floats(74.0, 96.0), st.floats(35.0, 49.0))
def test_the_grid_covers_the_area_and_lies_on_whole_pixels(lon: float, lat: float) -> None:
    facility = place(lon=lon, lat=lat)
    grid = facility.grid()
    assert grid == place("another id", lon=lon, lat=lat).grid()
    assert grid.bounds[0] % 10.0 == 0.0
    assert grid.bounds[3] % 10.0 == 0.0
    area = to_crs(facility.area_of_interest, WGS84, grid.crs)
    assert grid.extent.buffer(0.01).covers(area)
    assert max(grid.shape) <= 202


def test_an_outline_is_grown_on_every_side_and_keeps_its_corners() -> None:
    outline = around(88.29, 43.38, half_m=200.0)
    facility = place(geometry=outline)
    area = to_crs(facility.area_of_interest, WGS84, "EPSG:32645")
    assert area.area == pytest.approx(2400.0**2, rel=1e-3)


def test_the_place_of_an_outline_is_where_its_source_puts_it() -> None:
    reported = place(
        geometry=around(88.29, 43.38), attributes={"reported_longitude_deg": 88.3, "reported_latitude_deg": 43.4}
    )
    assert (reported.point.x, reported.point.y) == (88.3, 43.4)
    assert place(geometry=around(88.29, 43.38)).point.distance(Point(88.29, 43.38)) < 1e-6


def test_a_change_belongs_to_the_perimeter_that_holds_it_not_to_the_nearer_point() -> None:
    change = around(88.29, 43.38, half_m=20.0, east_m=300.0)
    walls = place("walls", geometry=around(88.29, 43.38, half_m=400.0))
    nearer = place("nearer", geometry=around(88.29, 43.38, half_m=1.0, east_m=350.0).centroid)
    assert owner_of(change, [nearer, walls]) is walls


def test_outside_all_perimeters_the_nearest_owns() -> None:
    change = around(88.29, 43.38, half_m=20.0, east_m=300.0)
    near, far = place("z-near", lon=88.292), place("a-far", lon=88.285)
    for order in itertools.permutations([near, far]):
        assert owner_of(change, order) is near


def test_ties_go_to_the_lowest_id_in_any_order() -> None:
    change = around(88.29, 43.38)
    twins = [place("b"), place("a"), place("c")]
    for order in itertools.permutations(twins):
        owner = owner_of(change, order)
        assert owner is not None
        assert owner.facility_id == "a"


def test_a_shared_perimeter_goes_by_the_reported_positions() -> None:
    walls = around(88.29, 43.38, half_m=400.0)
    west = {"reported_longitude_deg": 88.287, "reported_latitude_deg": 43.38}
    east = {"reported_longitude_deg": 88.293, "reported_latitude_deg": 43.38}
    a, b = place("a", geometry=walls, attributes=west), place("b", geometry=walls, attributes=east)
    assert owner_of(around(88.29, 43.38, half_m=20.0, east_m=250.0), [a, b]) is b


def test_who_watches_less_than_half_of_a_change_does_not_own_it() -> None:
    facility = place(buffer_m=1000.0)
    assert owner_of(around(88.29, 43.38, half_m=50.0, east_m=990.0), [facility]) is facility
    assert owner_of(around(88.29, 43.38, half_m=50.0, east_m=1010.0), [facility]) is None
    assert owner_of(around(88.29, 43.38), []) is None


def test_a_wall_is_owned_by_length() -> None:
    facility = place()
    assert owner_of(LineString([(88.285, 43.38), (88.295, 43.38)]), [facility]) is facility
    assert owner_of(LineString([(88.285, 43.38), (88.395, 43.38)]), [facility]) is None


def test_a_search_area_owns_only_what_no_known_place_does() -> None:
    search = place("search", geometry=around(88.29, 43.38, half_m=3000.0), kind=FacilityKind.FACTORY_PARK_SEARCH_AREA)
    camp = place("camp")
    assert owner_of(around(88.29, 43.38), [search, camp]) is camp
    assert owner_of(around(88.29, 43.38, east_m=2000.0), [search, camp]) is search
