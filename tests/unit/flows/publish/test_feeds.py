import json
import xml.etree.ElementTree as ET
import zipfile
from importlib.resources import files
from pathlib import Path

import pystac
from records import X, Y, dabancheng, finding, track
from shapely import box
from stac_validator.validate import StacValidate
from test_evidence import reader

from flows.change import FIELDS, Status
from flows.publish.publishing import publish
from flows.publish.since import SINCE

ATOM = "{http://www.w3.org/2005/Atom}"


def _moved(folder):
    features = json.loads((folder / f"{SINCE}.geojson").read_text(encoding="utf-8"))["features"]
    return {feature["id"]: feature["properties"]["since_last_run"] for feature in features}


def test_everything_is_new_the_first_time_and_nothing_in_a_quiet_run(ledger, tmp_path):
    publish(ledger, tmp_path / "outputs")
    assert set(_moved(tmp_path / "outputs").values()) == {"new"}
    publish(ledger, tmp_path / "outputs")
    assert set(_moved(tmp_path / "outputs").values()) == {"new"}, "the same run says the same again"
    ledger.begin_run({})
    publish(ledger, tmp_path / "outputs")
    assert _moved(tmp_path / "outputs") == {}


def test_growth_withdrawal_and_news_are_told(ledger, tmp_path):
    publish(ledger, tmp_path / "outputs")
    ledger.begin_run({})
    grown = track("aspi-0050-mrtkqwza", found=finding(geometry=box(X, Y, X + 900, Y + 480)))
    wall = track("aspi-0050-pbvhsdla", Status.WITHDRAWN, dabancheng().tracks[0].finding)
    ledger.save(dabancheng(tracks=(grown, wall, track("aspi-0050-fresh"))))
    publish(ledger, tmp_path / "outputs")
    expected = {
        "aspi-0050-mrtkqwza": "grown",
        "aspi-0050-pbvhsdla": "withdrawn",
        "aspi-0050-fresh": "new",
    }
    assert _moved(tmp_path / "outputs") == expected
    publish(ledger, tmp_path / "outputs")
    assert _moved(tmp_path / "outputs") == expected


def test_feed_holds_confirmed_changes_alone(published):
    feed = ET.parse(published / "feed.xml").getroot()
    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.find(f"{ATOM}id").text == "urn:facility-watch:aspi-0050-mrtkqwza"
    assert entry.find(f"{ATOM}updated").text == feed.find(f"{ATOM}updated").text == "2018-05-26T05:06:07Z"
    expected = "Dabancheng Facility #1: consistent with the construction of buildings"
    assert entry.find(f"{ATOM}title").text == expected
    assert "consistent with" in entry.find(f"{ATOM}summary").text


def _schemas():
    """The schemas of STAC 1.1.0 and GeoJSON that come with pystac, by address, as stac-validator asks for them."""
    folder = files("pystac.validation") / "jsonschemas"
    found = {}
    for path in Path(str(folder)).rglob("*.json"):
        base = json.loads(path.read_text(encoding="utf-8"))["$id"].rpartition("/")[0]  # the name is wrong in one $id
        found[f"{base}/{path.name}"] = str(path)
    return found


def test_stac_validator_accepts_the_catalogue_and_refuses_a_broken_one(ledger, tmp_path):
    publish(ledger, tmp_path, reader)
    root = tmp_path / "evidence" / "catalog.json"
    validator = StacValidate(str(root), recursive=True, schema_map=_schemas())
    assert validator.run(), validator.message
    assert {told["asset_type"] for told in validator.message} == {"CATALOG", "ITEM"}
    assert len(validator.message) == 1 + 1 + 3
    item = tmp_path / "evidence" / "aspi-0050" / "aspi-0050-mrtkqwza.json"
    item.write_text(item.read_text(encoding="utf-8").replace('"datetime"', '"moment"'), encoding="utf-8")
    assert not StacValidate(str(root), recursive=True, schema_map=_schemas()).run()


def test_stac_items_are_valid_and_their_assets_exist(ledger, tmp_path):
    publish(ledger, tmp_path, reader)
    catalogue = pystac.Catalog.from_file(tmp_path / "evidence" / "catalog.json")
    items = list(catalogue.get_items(recursive=True))
    assert {item.id for item in items} == {"aspi-0050-mrtkqwza", "aspi-0050-pbvhsdla", "aspi-0050-uuivkxoe"}
    for item in items:
        item.validate()
        assert set(item.assets) == {"before", "after", "before_image", "after_image"}
        for asset in item.assets.values():
            assert (tmp_path / "evidence" / "aspi-0050" / asset.href).is_file()
        assert item.common_metadata.start_datetime < item.common_metadata.end_datetime


def test_workbook_runs_no_formula_and_dates_are_dates(published):
    with zipfile.ZipFile(published / "changes.xlsx") as book:
        sheets = {name: book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")}
        names = book.read("xl/workbook.xml").decode()
    assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets.values())
    assert all(f'name="{name}"' in names for name in ("fields", "changes", "coverage", "retractions"))
    assert "<v>43219.21258101852</v>" in sheets["xl/worksheets/sheet2.xml"]  # 2018-04-29 05:06:07


def test_layers_by_place_hold_their_own_changes(published):
    by_facility = json.loads((published / "by_facility" / "aspi-0050.geojson").read_text(encoding="utf-8"))
    by_prefecture = json.loads((published / "by_prefecture" / "Urumqi.geojson").read_text(encoding="utf-8"))
    assert by_facility == by_prefecture == json.loads((published / "changes.geojson").read_text(encoding="utf-8"))
    assert len(by_facility["features"][0]["properties"]) == len(FIELDS)
