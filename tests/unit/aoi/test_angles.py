from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoi.importers.angles import parse_angle_deg, split_pair
from aoi.importers.table import RowError


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("43.38385", 43.38385),
        ("43,38385", 43.38385),
        ("+43.5", 43.5),
        ("-43.5", -43.5),
        ("−43.5", -43.5),
        ("43.5°", 43.5),
        ("43.5N", 43.5),
        ("N 43.5", 43.5),
        ("43.5 S", -43.5),
        ("43°30'N", 43.5),
        ("43° 30.6' N", 43.51),
        ("43°30'36\"N", 43.51),
        ("43°30'36,0\"S", -43.51),
        ("43º30′36″", 43.51),
        ("43d30m36s", 43.51),
        ("43 30 36 S", -43.51),
        ("43:30:36", 43.51),
        ("-0°30'", -0.5),
        ("43°30'36''N", 43.51),
        ("北纬43度30分36秒", 43.51),
        ("４３．５", 43.5),
    ],
)
def test_every_way_of_writing_a_latitude(text: str, degrees: float) -> None:
    assert parse_angle_deg(text, "latitude") == pytest.approx(degrees, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "north",
        "4.338.385",
        "43°60'",
        "43°30'60\"",
        "43.5°30'",
        "90.1",
        "43.5E",
        "-43.5N",
        "1 2 3 4",
        "1e3",
        "nan",
        "∞",
    ],
)
def test_what_is_no_latitude_is_refused(text: str) -> None:
    with pytest.raises(RowError):
        parse_angle_deg(text, "latitude", "lat")


@given(st.integers(0, 89), st.integers(0, 59), st.integers(0, 59_999), st.sampled_from("NS"))
def test_degrees_minutes_seconds_round_trip(degrees: int, minutes: int, milliseconds: int, letter: str) -> None:
    seconds = milliseconds / 1000.0
    expected = (degrees + minutes / 60.0 + seconds / 3600.0) * (1 if letter == "N" else -1)
    for text in (f"{degrees}°{minutes}'{seconds:.3f}\"{letter}", f"{letter}{degrees} {minutes} {seconds:.3f}"):
        assert parse_angle_deg(text, "latitude") == pytest.approx(expected, abs=1e-9)


@given(st.floats(-180.0, 180.0))
def test_decimal_degrees_round_trip_with_point_and_comma(degrees: float) -> None:
    text = f"{degrees:.9f}"
    assert parse_angle_deg(text, "longitude") == float(text)
    assert parse_angle_deg(text.replace(".", ","), "longitude") == float(text)


@pytest.mark.parametrize(
    "text",
    [
        "43.5, 88.5",
        "43.5,88.5",
        "43.5;88.5",
        "43,5; 88,5",
        "43.5 88.5",
        "43.5N 88.5E",
        "43°30'N, 88°30'E",
        "43,5, 88,5",
    ],
)
def test_a_position_in_one_cell(text: str) -> None:
    first, second = split_pair(text)
    assert parse_angle_deg(first, "latitude") == 43.5
    assert parse_angle_deg(second, "longitude") == 88.5


@pytest.mark.parametrize("text", ["43.5", "43.5, 88.5, 12", ""])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(RowError, match="isn't a position"):
        split_pair(text)
