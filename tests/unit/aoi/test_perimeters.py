from __future__ import annotations

import csv
import filecmp
import json
from pathlib import Path

import pytest
from shapely import Point, box

import aoi
from aoi.build import build_catalogue
from aoi.perimeters import PerimeterMatch, Verdict, match_perimeters
from geo.errors import InputError
from geo.grid import to_wgs84

DATA = Path(aoi.__file__).parent / "data"

SHARED = Path(__file__).parents[4] / "shared" / "data" / "facilities"
ASPI = SHARED / "aspi_camps_2020-09-24.csv"
OSM = SHARED / "osm_camp_perimeters_2021-03-15.geojson"
CRS = "EPSG:32645"
X, Y = 600_000.0, 4_800_000.0


def point(east_m: float, north_m: float = 0.0) -> Point:
    return to_wgs84(Point(X + east_m, Y + north_m), CRS)


def compound(east_m: float, width_m: float = 200.0):
    return to_wgs84(box(X + east_m, Y - 100.0, X + east_m + width_m, Y + 100.0), CRS)


def only(matches: tuple[PerimeterMatch, ...], facility_id: str) -> PerimeterMatch:
    return next(match for match in matches if match.facility_id == facility_id)


def test_a_point_inside_gets_the_perimeter() -> None:
    (match,) = match_perimeters({"a": point(50.0)}, {"way/1": compound(0.0)})
    assert match == PerimeterMatch("a", "way/1", 0.0, Verdict.INSIDE)


def test_two_points_inside_share_it_and_are_told() -> None:
    first, second = match_perimeters({"a": point(50.0), "b": point(90.0)}, {"way/1": compound(0.0)})
    assert first.verdict is second.verdict is Verdict.INSIDE
    assert (first.reason, second.reason) == ("shares the perimeter with b", "shares the perimeter with a")


def test_a_near_point_gets_a_free_perimeter() -> None:
    (match,) = match_perimeters({"a": point(-60.0)}, {"way/1": compound(0.0)})
    assert match == PerimeterMatch("a", "way/1", 60.0, Verdict.NEAR)


@pytest.mark.parametrize(
    ("points", "outlines", "reason"),
    [
        ({"a": point(-60.0), "b": point(50.0)}, {"way/1": compound(0.0)}, "holds b already"),
        ({"a": point(-60.0), "b": point(-250.0)}, {"way/1": compound(0.0)}, "b is near the same perimeter"),
        ({"a": point(-60.0)}, {"way/1": compound(0.0), "way/2": compound(-400.0)}, "way/2 is near as well"),
        ({"a": point(-150.0)}, {"way/1": compound(0.0)}, "farther than 100 m"),
    ],
)
def test_what_is_ambiguous_is_doubtful(points: dict[str, Point], outlines: dict, reason: str) -> None:
    match = only(match_perimeters(points, outlines), "a")
    assert match.verdict is Verdict.DOUBTFUL
    assert reason in match.reason


def test_a_rival_perimeter_that_holds_another_facility_is_none() -> None:
    points = {"a": point(-60.0), "b": point(-300.0)}
    match = only(match_perimeters(points, {"way/1": compound(0.0), "way/2": compound(-400.0)}), "a")
    assert (match.osm_id, match.verdict) == ("way/1", Verdict.NEAR)


def test_far_points_have_no_entry_and_lonely_perimeters_are_listed() -> None:
    (match,) = match_perimeters({"a": point(-2000.0)}, {"way/1": compound(0.0)})
    assert (match.facility_id, match.osm_id, match.verdict) == ("", "way/1", Verdict.UNCLAIMED)


@pytest.mark.skipif(not ASPI.exists(), reason="the published source files aren't beside this checkout")
def test_the_packaged_table_is_what_the_sources_give(tmp_path: Path) -> None:
    matches = build_catalogue(ASPI, OSM, tmp_path)
    verdicts = [match.verdict for match in matches]
    assert {verdict: verdicts.count(verdict) for verdict in Verdict} == {
        Verdict.INSIDE: 118,
        Verdict.NEAR: 2,
        Verdict.DOUBTFUL: 27,
        Verdict.UNCLAIMED: 5,
    }
    names = ["facilities.csv", "osm_perimeters.geojson", "osm_matching.csv"]
    assert filecmp.cmpfiles(tmp_path, DATA, names, shallow=False) == (names, [], [])


@pytest.mark.skipif(not ASPI.exists(), reason="the published source files aren't beside this checkout")
def test_no_fact_of_the_source_is_lost_or_changed() -> None:
    with ASPI.open(encoding="utf-8", newline="") as stream:
        source = {int(row["aspi_number"]): row for row in csv.DictReader(stream)}
    with (DATA / "facilities.csv").open(encoding="utf-8", newline="") as stream:
        table = {int(row["aspi_number"]): row for row in csv.DictReader(stream)}
    assert source.keys() == table.keys()
    for number, row in source.items():
        for column, cell in row.items():
            ours = table[number][column]
            assert ours == cell or float(ours) == pytest.approx(float(cell), abs=6e-8), (number, column)


def test_the_osm_file_carries_its_licence() -> None:
    document = json.loads((DATA / "osm_perimeters.geojson").read_text(encoding="utf-8"))
    assert "Open Database License 1.0" in document["licence"]
    assert len(document["features"]) == 110


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.csv can't be read"):
        build_catalogue(tmp_path / "nothing.csv", tmp_path / "nothing.geojson", tmp_path)
