"""`facility-watch demo`, run as its user runs it: what comes out is held against truth drawn by eye."""

from __future__ import annotations

import json
import os
import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from flows.cli import main
from flows.publish.manifest import verify
from geo.grid import WGS84, to_crs

DATA = Path(__file__).parents[1] / "data"
UTM = "EPSG:32645"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["facility-watch", "demo", "--outputs", str(folder)])
        main_ended_well()
    return folder


def main_ended_well() -> None:
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code


@pytest.fixture(scope="module")
def changes(outputs: Path) -> list[dict[str, object]]:
    layer = json.loads((outputs / "changes.geojson").read_text())
    return [
        {**feature["properties"], "ground": to_crs(shape(feature["geometry"]), WGS84, UTM)}
        for feature in layer["features"]
        if feature["properties"]["status"] != "withdrawn"
    ]


def truth(name: str) -> list[dict[str, object]]:
    layer = json.loads((DATA / f"{name}.geojson").read_text())
    return [
        {**feature["properties"], "ground": to_crs(shape(feature["geometry"]), WGS84, UTM)}
        for feature in layer["features"]
    ]


def united(rows: list[dict[str, object]]) -> BaseGeometry:
    return shapely.union_all([row["ground"] for row in rows])


@pytest.mark.parametrize(
    ("interval", "last_without", "first_with"),
    [
        ("2017", "2017-03-02", "2017-06-10"),
        ("2018", "2018-03-22", "2018-04-29"),
        ("2020", "2018-10-11", "2020-06-02"),
    ],
)
def test_each_construction_is_found_where_and_when_it_was(
    changes: list[dict[str, object]], interval: str, last_without: str, first_with: str
) -> None:
    drawn = [row for row in truth("dabancheng_truth") if str(row["interval"]) == interval]
    real = united([row for row in drawn if row["label"] == "truth"])
    unscored = united([row for row in drawn if row["label"] == "ambiguous"])
    areal = [row for row in changes if row["change_type"] in ("building_added", "ground_cleared")]
    largest = max((row for row in areal), key=lambda row: row["ground"].intersection(real).area)
    assert str(largest["last_without"]).startswith(last_without)
    assert str(largest["valid_from"]).startswith(first_with)
    found = largest["ground"].difference(unscored)
    assert found.intersection(real).area / found.area > 0.75
    watched = real.intersection(united(areal).envelope.buffer(500))
    assert largest["ground"].intersection(watched).area / watched.area > 0.7


def test_each_perimeter_is_followed(changes: list[dict[str, object]]) -> None:
    for drawn in truth("dabancheng_perimeters"):
        rings = [row for row in changes if row["change_type"] == drawn["kind"]]
        best = max(rings, key=lambda row: iou(row["ground"], drawn["ground"]))
        assert iou(best["ground"], drawn["ground"]) > 0.75, drawn["ring"]
        assert str(best["last_without"])[:10] >= str(drawn["last_without"])[:10]


def iou(one: BaseGeometry, other: BaseGeometry) -> float:
    return float(one.intersection(other).area / one.union(other).area)


def test_the_extension_names_what_it_extends(changes: list[dict[str, object]]) -> None:
    by_id = {row["change_id"]: row for row in changes}
    extensions = [row for row in changes if row["change_type"] == "perimeter_extended"]
    extended = min(extensions, key=lambda row: str(row["valid_from"]))
    assert extended["status"] == "confirmed"
    assert by_id[extended["parent_change_id"]]["change_type"] == "perimeter_added"


def test_the_hills_with_their_snow_stay_silent(changes: list[dict[str, object]]) -> None:
    # North of the camp's outermost works there is nothing but hills.
    northernmost = max(row["ground"].bounds[3] for row in truth("dabancheng_truth"))
    for row in changes:
        assert row["ground"].centroid.y < northernmost


def test_each_change_belongs_to_one_facility_and_names_its_scenes(changes: list[dict[str, object]]) -> None:
    assert len({row["change_id"] for row in changes}) == len(changes)
    assert {row["facility_id"] for row in changes} == {"aspi-0050", "aspi-0124"}
    for row in changes:
        assert row["after_item_id"]
        assert row["before_item_id"]
        assert str(row["attribution"]).startswith("Contains modified Copernicus Sentinel data 201")
        assert row["gsd_m"] == 10.0
        assert len(str(row["parameters_sha256"])) == 64


def test_the_products_are_as_their_manifest_says(outputs: Path) -> None:
    found = verify(outputs)
    assert found.whole
    for name in ("changes.geojson", "changes.gpkg", "facilities.geojson", "coverage.csv", "monitor.qgz"):
        assert name in found.intact
    with sqlite3.connect(outputs / "changes.gpkg") as layers:
        names = {name for (name,) in layers.execute("SELECT table_name FROM gpkg_contents")}
    layers.close()
    assert {"changes", "facilities", "coverage", "retractions"} <= names


def test_a_second_run_gives_the_same_bytes(outputs: Path) -> None:
    def hashes() -> dict[str, str]:
        listed = json.loads((outputs / "manifest.json").read_text())["files"]
        names = [entry["path"] for entry in listed] if isinstance(listed, list) else list(listed)
        # What moved since the last run is nothing now, and that is what these two say.
        return {
            name: sha256((outputs / name).read_bytes()).hexdigest()
            for name in names
            if "_run.geojson" not in name and name != "feed.xml"
        }

    before = hashes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["facility-watch", "demo", "--outputs", str(outputs)])
        main_ended_well()
    assert hashes() == before


def test_telemetry_is_off(outputs: Path) -> None:
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["DO_NOT_TRACK"] == "1"
