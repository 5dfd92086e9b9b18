import csv
import json
import re
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import geopandas
import jsonschema
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from records import DATES, dabancheng, entry, facility, finding, scene, track
from shapely.geometry import shape
from test_evidence import reader

from detectors.base import ChangeType
from flows.change import FIELDS, Status
from flows.ledger import Ledger
from flows.publish.layer import attribution_of, changes_of
from flows.publish.manifest import verify
from flows.publish.publishing import publish
from flows.publish.schema_json import change_layer_schema
from flows.publish.staging import finish_interrupted
from flows.publish.table import published_geometry
from geo.errors import InputError, StoreError


def _read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _csv(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_change_carries_what_its_scenes_tell():
    extension, wall, gone = changes_of(dabancheng())
    assert extension.registration_shift_m == pytest.approx(5.0)
    assert extension.attribution == "Contains modified Copernicus Sentinel data 2017-2018 processed by Sentinel Hub"
    assert extension.before_acquired_at == DATES["S2_2017-08-29"]
    assert extension.confidence is None
    assert wall.confidence == pytest.approx(0.87654321)
    assert gone.status is Status.WITHDRAWN


def test_a_change_whose_scene_is_no_longer_on_record_invents_nothing():
    orphan = dabancheng(tracks=(track("aspi-0050-abc", found=finding(before_item_id="lost")),))
    (change,) = changes_of(orphan)
    assert change.before_acquired_at is None
    assert change.registration_shift_m is None


@pytest.mark.parametrize(
    ("notices", "expected"),
    [
        (
            ["Contains modified Copernicus Sentinel data 2017"] * 2,
            "Contains modified Copernicus Sentinel data 2017-2018",
        ),
        (["", ""], "Contains modified Copernicus Sentinel data 2017-2018"),
        (["© Planet Labs PBC", "© Planet Labs PBC"], "© Planet Labs PBC"),
    ],
)
def test_attribution_names_the_years_of_the_scenes(notices, expected):
    scenes = [scene(i, attribution=n) for i, n in zip(("S2_2017-08-29", "S2_2018-04-29"), notices, strict=True)]
    assert attribution_of(scenes) == expected


def test_nothing_is_claimed_for_unknown_imagery():
    assert attribution_of([scene("S2_2017-08-29", attribution="", collection="unknown")]) == ""


def test_change_layer_fits_its_schema(outputs):
    layer = _read(outputs / "changes.geojson")
    jsonschema.Draft202012Validator(change_layer_schema()).validate(layer)
    jsonschema.Draft202012Validator.check_schema(change_layer_schema())
    assert [feature["id"] for feature in layer["features"]] == [
        "aspi-0050-mrtkqwza",
        "aspi-0050-pbvhsdla",
        "aspi-0050-uuivkxoe",
    ]
    assert list(layer["features"][0]["properties"]) == [field.name for field in FIELDS]


def test_geojson_follows_rfc_7946(outputs):
    text = (outputs / "changes.geojson").read_text(encoding="utf-8")
    layer = json.loads(text)
    assert "crs" not in layer
    assert len(text.splitlines()) == len(layer["features"]) + 2
    for feature in layer["features"]:
        geometry = shape(feature["geometry"])
        assert geometry.is_valid
        assert all(polygon.exterior.is_ccw for polygon in getattr(geometry, "geoms", [geometry]))
        assert all(round(number, 7) == number for point in shapely.get_coordinates(geometry) for number in point)


@given(
    st.lists(st.tuples(st.floats(0, 1e-5), st.floats(0, 1e-5)), min_size=3, max_size=9),
    st.floats(70, 100),
    st.floats(30, 50),
)
def test_published_geometry_is_valid_however_narrow(points, longitude, latitude):
    hull = shapely.MultiPoint([(longitude + x, latitude + y) for x, y in points]).convex_hull
    if hull.geom_type == "Polygon" and hull.area > 1e-12:
        geometry = published_geometry(hull)
        assert geometry.is_valid
        assert geometry.geom_type in ("Polygon", "MultiPolygon")


def test_geopackage_layers_hold_what_the_geojson_holds(outputs):
    path = outputs / "changes.gpkg"
    assert {name for name, kind in pyogrio.list_layers(path) if kind} == {
        *(
            "changes",
            "perimeter_sides",
            "retractions",
            "facilities",
            "facility_outlines",
            "areas_of_interest",
            "coverage",
        )
    }
    frame = geopandas.read_file(path, layer="changes")
    assert list(frame.columns[:-1]) == [field.name for field in FIELDS]
    assert frame.valid_from[0] == DATES["S2_2018-04-29"]
    assert frame.valid_to.isna().all()
    from_json = geopandas.read_file(outputs / "changes.geojson")
    assert frame.geometry.normalize().equals(
        from_json.geometry.apply(lambda g: shapely.multipolygons(shapely.get_parts(g))).normalize()
    )


def test_layers_without_rows_keep_their_columns(tmp_path):
    book = Ledger.at(tmp_path)
    publish(book, tmp_path / "outputs")
    book.close()
    info = pyogrio.read_info(tmp_path / "outputs" / "changes.gpkg", layer="changes")
    assert info["features"] == 0
    assert list(info["fields"]) == [field.name for field in FIELDS]
    assert _read(tmp_path / "outputs" / "changes.geojson")["features"] == []


def test_geopackage_describes_its_columns(outputs):
    with sqlite3.connect(outputs / "changes.gpkg") as connection:
        rows = dict(
            connection.execute("SELECT column_name, description FROM gpkg_data_columns WHERE table_name = 'changes'")
        )
    connection.close()
    assert rows == {field.name: field.description for field in FIELDS}


def test_coverage_says_why_a_month_was_not_assessed(outputs):
    rows = _csv(outputs / "coverage.csv")
    own = [row for row in rows if row["facility_id"] == "aspi-0050" and row["detector"] == "footprints"]
    reasons = {row["period_start"][:7]: row["reason"] for row in own}
    assert len(own) == 16
    assert reasons["2017-03"] == "1 usable scene(s), at least 2 needed"
    assert reasons["2017-04"] == "no scene found"
    assert reasons["2017-06"] == "every scene left out: 12 % clear, 50 % needed"
    assert [row["period_start"][:7] for row in own if row["state"] == "assessed"] == [
        *("2017-08", "2018-03", "2018-04", "2018-05")
    ]
    lost = [row for row in rows if row["facility_id"] == "custom-0001"]
    assert {row["state"] for row in lost} == {"not_assessable"}
    assert {row["reason"] for row in lost} == {"the newest run failed: the archive did not answer after 4 attempts"}
    assert {row["detector"] for row in lost} == {"footprints", "perimeter"}


def test_summary_counts_confirmed_changes_by_quarter(outputs):
    rows = {(row["prefecture"], row["quarter"]): row for row in _csv(outputs / "summary_by_prefecture.csv")}
    assert float(rows["Urumqi", "2018-Q2"]["new_ground_ha"]) == 36.0
    assert rows["Urumqi", "2018-Q2"]["changes"] == "1"
    assert rows["Urumqi", "2017-Q4"]["facilities_assessed"] == "0"


def test_retractions_name_what_when_and_why(outputs):
    (row,) = _csv(outputs / "retractions.csv")
    assert (row["change_id"], row["event"], row["status_before"]) == ("aspi-0050-uuivkxoe", "withdrawn", "first")
    assert row["retracted_at"] == "2018-05-26T05:06:07Z"
    assert "no longer supported" in row["reason"]


def test_corrections_are_told_for_a_person(tmp_path):
    def step(item_id, event, area_m2, note=""):
        return entry("aspi-0050-mrtkqwza", item_id, event, Status.CONFIRMED, area_m2, note)

    history = (
        step("S2_2018-03-22", "found", 90_000.0),
        step("S2_2018-04-29", "onset_corrected", 70_000.0, "2018-03-22T05:06:07+00:00 before"),
        step("S2_2018-04-29", "shrunk", 70_000.0),
        step("S2_2018-05-26", "reclassified", 70_000.0, "ground_cleared before"),
    )
    book = Ledger.at(tmp_path)
    book.save(dabancheng(history=history))
    publish(book, tmp_path / "outputs")
    book.close()
    told = {row["event"]: row["reason"] for row in _csv(tmp_path / "outputs" / "retractions.csv")}
    assert told == {
        "onset_corrected": "had been dated 2018-03-22 before",
        "shrunk": "90000 m² before, 70000 m² by the series up to S2_2018-04-29",
        "reclassified": "had been published as ground cleared",
    }


def test_no_cell_runs_as_a_formula(outputs):
    for path in outputs.glob("*.csv"):
        cells = [text for row in _csv(path) for text in row.values()]
        assert not any(text.startswith(("=", "@", "+")) for text in cells), path
    assert any(row["facility_name"].startswith("'=cmd") for row in _csv(outputs / "coverage.csv"))


def test_same_ledger_same_bytes(ledger, outputs, tmp_path):
    publish(ledger, tmp_path / "again")
    files = sorted(path.relative_to(outputs) for path in outputs.rglob("*") if path.is_file())
    assert files
    for name in files:
        assert (outputs / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_manifest_vouches_for_every_file(outputs):
    assert verify(outputs).whole
    (outputs / "coverage.csv").write_text("nothing to see", encoding="utf-8")
    (outputs / "changes.csv").unlink()
    found = verify(outputs)
    assert (found.altered, found.missing) == (("coverage.csv",), ("changes.csv",))
    manifest = _read(outputs / "manifest.json")
    assert manifest["run"]["parameters"]["from"] == "2017-03-01"
    assert [entry["item_id"] for entry in manifest["scenes"]] == sorted(DATES)


def test_a_manifest_that_leads_outside_is_refused(outputs):
    manifest = _read(outputs / "manifest.json")
    manifest["files"][0]["path"] = "../../etc/passwd"
    (outputs / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(InputError, match="outside the folder"):
        verify(outputs)


def test_an_interrupted_publish_leaves_the_earlier_products_whole(ledger, outputs, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("flows.publish.publishing.write_geopackage", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish(ledger, outputs)
    assert verify(outputs).whole
    assert not (outputs / ".publishing").exists()


def test_products_that_are_no_longer_written_go_and_nothing_else(ledger, outputs):
    manifest = _read(outputs / "manifest.json")
    (outputs / "evidence").mkdir(exist_ok=True)
    for name in ("evidence/old.png", "mine.txt"):
        (outputs / name).write_bytes(b"x")
    manifest["files"] += [{"path": "evidence/old.png", "sha256": "", "size_bytes": 1}]
    (outputs / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    publish(ledger, outputs)
    assert not (outputs / "evidence" / "old.png").exists()
    assert (outputs / "mine.txt").exists()


def test_an_unwritable_folder_is_said_so(ledger, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="can't be written"):
        publish(ledger, tmp_path / "file" / "outputs")


def test_overlapping_works_count_once(ledger, tmp_path):
    twice = dabancheng(
        tracks=(
            track("aspi-0050-a"),
            track("aspi-0050-b", found=finding(ChangeType.GROUND_CLEARED)),
            track("aspi-0050-c", found=finding(gone_at=datetime(2018, 6, 1, tzinfo=UTC))),
        )
    )
    ledger.save(twice)
    publish(ledger, tmp_path / "outputs")
    place = _read(tmp_path / "outputs" / "facilities.geojson")["features"][0]["properties"]
    assert place["ground_taken_m2"] == 360_000.0
    assert place["watchtowers"] == 1


def test_a_damaged_manifest_stops_nothing(ledger, outputs):
    (outputs / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="isn't a manifest"):
        verify(outputs)
    publish(ledger, outputs)
    assert verify(outputs).whole


def test_ids_from_elsewhere_lead_no_file_out_of_the_folder(ledger, tmp_path):
    place = facility(
        facility_id='../../evil id/"<b>', name="\u05de\u05d7\u05e0\u05d4 'x' " + "é" * 300, prefecture="../../P"
    )
    ledger.save(dabancheng(facility=place, tracks=(track("../../../c\"'<i>.png"),), history=(), reviews={}))
    published = publish(ledger, tmp_path / "deep" / "outputs", reader)
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"outputs"}
    assert all(re.fullmatch(r"[A-Za-z0-9_./-]+", name) and ".." not in name for name in published.files)
    assert max(len(part) for name in published.files for part in name.split("/")) < 120
    assert verify(tmp_path / "deep" / "outputs").whole


@pytest.mark.parametrize("moves", [0, 3, 9])
def test_a_swap_that_was_cut_short_is_finished(ledger, outputs, monkeypatch, moves):
    ledger.save(dabancheng(tracks=(track("aspi-0050-fresh"),), history=()))
    left = moves
    replace = type(outputs).replace

    def cut_short(self, target):
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", cut_short)
        with pytest.raises(KeyboardInterrupt):
            publish(ledger, outputs)
    finish_interrupted(outputs)
    assert verify(outputs).whole
    assert [feature["id"] for feature in _read(outputs / "changes.geojson")["features"]] == ["aspi-0050-fresh"]
    assert not list(outputs.glob(".publish*"))
    finish_interrupted(outputs)
    assert verify(outputs).whole


def test_the_manifest_names_the_very_pixels_behind_the_products(tmp_path: Path) -> None:
    ledger = Ledger.at(tmp_path)
    try:
        hashed = tuple(
            replace(scene, pixels_sha256=f"{number:064d}") for number, scene in enumerate(dabancheng().scenes)
        )
        ledger.save(dabancheng(scenes=hashed))
        publish(ledger, tmp_path)
    finally:
        ledger.close()
    listed = json.loads((tmp_path / "manifest.json").read_text())["scenes"]
    used = {one.item_id: {"aspi-0050": one.pixels_sha256} for one in hashed if one.used}
    assert {one["item_id"]: one["pixels_sha256"] for one in listed} == used
