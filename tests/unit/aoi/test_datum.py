from __future__ import annotations

import math

import prcoords
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from shapely import Point, box

from aoi.importers.datum import Datum, to_wgs84_datum
from aoi.importers.table import RowError

GEOD = Geod(ellps="WGS84")


def metres(a: Point, b: Point) -> float:
    return float(GEOD.inv(a.x, a.y, b.x, b.y)[2])


def test_a_published_pair_is_met() -> None:
    # Two other implementations, eviltransform 0.1.1 and geocoordinates-rs 0.14.2, give the same displaced position.
    displaced = Point(88.292785875, 43.385424982)
    assert metres(to_wgs84_datum(displaced, Datum.GCJ02), Point(88.28994, 43.38385)) < 0.05


@given(st.floats(73.5, 96.4), st.floats(34.5, 49.0))
def test_displacement_is_undone_to_a_decimetre(longitude: float, latitude: float) -> None:
    displaced = prcoords.wgs_gcj((latitude, longitude), False)
    there = Point(displaced.lon, displaced.lat)
    true = Point(longitude, latitude)
    assert 50.0 < metres(there, true) < 1000.0
    assert metres(to_wgs84_datum(there, Datum.GCJ02), true) < 0.1


def test_baidu_is_displaced_further() -> None:
    displaced = prcoords.wgs_bd((43.38385, 88.28994), False)
    there = Point(displaced.lon, displaced.lat)
    assert metres(to_wgs84_datum(there, Datum.BD09), Point(88.28994, 43.38385)) < 1.0


def test_every_vertex_of_an_outline_is_converted() -> None:
    outline = box(88.28, 43.38, 88.29, 43.39)
    moved = to_wgs84_datum(outline, Datum.GCJ02)
    assert math.isclose(moved.area, outline.area, rel_tol=1e-2)
    assert metres(moved.centroid, outline.centroid) > 100.0


def test_wgs84_is_left_alone() -> None:
    point = Point(88.28, 43.38)
    assert to_wgs84_datum(point, Datum.WGS84) is point


def test_outside_china_it_is_refused() -> None:
    with pytest.raises(RowError, match="gcj02 is defined in China only"):
        to_wgs84_datum(Point(16.4, 48.2), Datum.GCJ02)
