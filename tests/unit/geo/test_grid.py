from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point, Polygon, box

from geo.errors import InputError
from geo.grid import WGS84, grid_for, to_crs, to_wgs84, utm_zone

in_xinjiang = st.tuples(st.floats(73.5, 96.3), st.floats(34.4, 49.1))


@given(in_xinjiang, st.floats(50, 4000), st.sampled_from([0.5, 3.0, 10.0]))
def test_a_grid_covers_its_area_and_is_snapped(position, half_m, gsd_m):
    crs = utm_zone(*position)
    area = to_wgs84(to_crs(Point(position), WGS84, crs).buffer(half_m), crs)

    grid = grid_for(area, gsd_m)

    min_x, min_y, max_x, max_y = grid.bounds
    assert all(math.isclose(edge / gsd_m, round(edge / gsd_m), abs_tol=1e-6) for edge in grid.bounds)
    assert grid.shape == (round((max_y - min_y) / gsd_m), round((max_x - min_x) / gsd_m))
    assert grid.extent.buffer(1e-3).covers(to_crs(area, WGS84, grid.crs))
    needed = 2 * half_m / gsd_m
    assert all(needed - 1 <= size <= needed + 2 for size in grid.shape)


@given(in_xinjiang, st.floats(100, 4000))
def test_area_survives_the_way_there_and_back(position, half_m):
    crs = utm_zone(*position)
    square = to_crs(Point(position), WGS84, crs).buffer(half_m, cap_style="square")

    assert to_crs(to_wgs84(square, crs), WGS84, crs).area == pytest.approx(square.area, rel=1e-6)


def test_the_footprint_is_within_a_metre_of_the_grid():
    grid = grid_for(box(88.25, 43.36, 88.32, 43.41))

    back = to_crs(grid.scene_footprint_wgs84.segmentize(0.0005), WGS84, grid.crs)

    assert back.hausdorff_distance(grid.extent.segmentize(20)) < 1.0


@pytest.mark.parametrize("position", [(200.0, 40.0), (88.0, 89.0), (43.38, -88.29)])
def test_a_position_outside_utm_is_refused(position):
    with pytest.raises(InputError, match="longitude then latitude"):
        utm_zone(*position)


@pytest.mark.parametrize(
    ("area", "gsd_m"), [(Polygon(), 10.0), (box(88, 43, 88.1, 43.1), 0.0), (box(88, 43, 88.1, 43.1), math.nan)]
)
def test_what_has_no_grid_is_refused(area, gsd_m):
    with pytest.raises(InputError):
        grid_for(area, gsd_m)
