from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon, box

from aoi.catalogue import Catalogue, load_catalogue
from aoi.exporters import attribution, export_catalogue
from aoi.facility import Facility, FacilityKind
from aoi.facts import parse_fact
from aoi.importers.columns import attribute_name
from aoi.importers.geometry import canonical
from geo.errors import InputError

ENDINGS = ["geojson", "gpkg", "csv", "kml"]

texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=20).map(str.strip)
facts = texts.map(parse_fact).filter(lambda fact: fact is not None)
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}[a-z0-9]", fullmatch=True).filter(lambda name: attribute_name(name) == name)
points = st.builds(Point, st.floats(74.0, 96.0), st.floats(35.0, 48.0))
rings = points.map(lambda point: box(point.x, point.y, point.x + 0.01, point.y + 0.02))
holed = points.map(
    lambda p: Polygon(
        box(p.x, p.y, p.x + 0.03, p.y + 0.03).exterior.coords,
        [box(p.x + 0.01, p.y + 0.01, p.x + 0.02, p.y + 0.02).exterior.coords],
    )
)
several = points.map(
    lambda p: MultiPolygon([box(p.x, p.y, p.x + 0.01, p.y + 0.01), box(p.x + 0.02, p.y, p.x + 0.03, p.y + 0.01)])
)
facilities = st.builds(
    Facility,
    facility_id=st.from_regex(r"[a-z]{1,6}-[0-9]{1,4}", fullmatch=True),
    name=texts.filter(bool),
    kind=st.sampled_from(FacilityKind),
    geometry=st.one_of(points, rings, holed, several).map(canonical),
    buffer_m=st.integers(1, 20_000).map(float),
    prefecture=texts,
    county=texts,
    security_tier=st.sampled_from([None, 1, 2, 3, 4]),
    attributes=st.dictionaries(names, facts, max_size=4),
    sources=st.lists(st.from_regex(r"[a-z0-9-]{1,9}", fullmatch=True), min_size=1, max_size=3).map(tuple),
    retired=st.booleans(),
)


def by_id(places: object) -> list[Facility]:
    return sorted(places, key=lambda place: place.facility_id)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_packaged_catalogue_comes_in_again_unchanged(tmp_path: Path, ending: str) -> None:
    builtin = Catalogue.builtin()
    path = tmp_path / f"catalogue.{ending}"
    export_catalogue(builtin.facilities, path)
    assert load_catalogue(path) == builtin
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
@given(places=st.lists(facilities, min_size=1, max_size=4, unique_by=lambda place: place.facility_id))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_catalogue_comes_in_again_unchanged(ending: str, places: list[Facility]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"catalogue.{ending}"
        export_catalogue(places, path)
        assert list(load_catalogue(path).facilities) == by_id(places)


def test_geojson_is_rfc_7946(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.geojson"
    export_catalogue(Catalogue.builtin().facilities, path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert "crs" not in document
    assert [feature["id"] for feature in document["features"]][:2] == ["aspi-0001", "aspi-0002"]
    rings = [feature for feature in document["features"] if feature["geometry"]["type"] == "Polygon"]
    assert all(Polygon(feature["geometry"]["coordinates"][0]).exterior.is_ccw for feature in rings)


@pytest.mark.parametrize("ending", ["geojson", "csv", "kml"])
def test_the_same_catalogue_gives_the_same_bytes(tmp_path: Path, ending: str) -> None:
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    export_catalogue(Catalogue.builtin().facilities, first)
    export_catalogue(Catalogue.builtin().facilities, second)
    assert first.read_bytes() == second.read_bytes()


def test_a_geopackage_has_typed_layers(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.gpkg"
    export_catalogue(Catalogue.builtin().facilities, path)
    with sqlite3.connect(path) as database:
        shapes = dict(database.execute("SELECT table_name, geometry_type_name FROM gpkg_geometry_columns"))
        columns = {row[1]: row[2] for row in database.execute("PRAGMA table_info(facility_points)")}
    database.close()
    assert shapes == {"facility_points": "POINT", "facility_outlines": "MULTIPOLYGON"}
    assert {columns[name] for name in ("security_tier", "buildings_2020")} == {"INTEGER"}
    assert (columns["retired"], columns["buffer_m"]) == ("BOOLEAN", "REAL")


def test_credits_name_what_is_in_the_file_and_no_more() -> None:
    builtin = Catalogue.builtin()
    assert attribution([builtin.get("aspi-0050")]) == "Xinjiang Data Project, ASPI (2020)"
    assert "OpenStreetMap contributors, ODbL 1.0" in attribution(builtin.facilities)
    mine = Facility("mine", "Mine", FacilityKind.CUSTOM, Point(88, 43), 1000.0, sources=("list.csv",))
    assert attribution([mine]) == ""


@pytest.mark.parametrize("name", ["catalogue.xlsx", "nowhere/catalogue.csv", "nowhere/catalogue.gpkg"])
def test_what_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="can't be written"):
        export_catalogue(Catalogue.builtin().facilities, tmp_path / name)


def test_a_failed_export_leaves_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.kml"
    path.mkdir()
    with pytest.raises(InputError, match="can't be written"):
        export_catalogue(Catalogue.builtin().facilities, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["catalogue.kml"]
