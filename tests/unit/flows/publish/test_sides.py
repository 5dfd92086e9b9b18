import csv
import json
from datetime import UTC, datetime

import geopandas
import jsonschema
import pytest
from records import DATES, X, Y, dabancheng, finding, sides, track
from shapely import box
from shapely.geometry import LineString, shape

from detectors.base import ChangeType, Side, SideRole
from flows.change import Status
from flows.publish.layer import changes_of
from flows.publish.schema import SIDE_FIELDS
from flows.publish.schema_json import sides_schema
from flows.publish.sentence import sightings_of
from flows.publish.sides import add_sides
from flows.publish.table import Table

WALL = "aspi-0050-pbvhsdla"


def _sides(record):
    table = Table("perimeter_sides", SIDE_FIELDS)
    add_sides(table, record, changes_of(record))
    return table


def test_layer_fits_its_schema_and_names_its_sides_in_order(published):
    layer = json.loads((published / "perimeter_sides.geojson").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(sides_schema())
    jsonschema.Draft202012Validator(sides_schema()).validate(layer)
    assert [feature["id"] for feature in layer["features"]] == [f"{WALL}-{number}" for number in (1, 2, 3, 4)]
    ends = [shape(feature["geometry"]).coords for feature in layer["features"]]
    assert [end[-1] for end in ends] == [end[0] for end in [*ends[1:], ends[0]]]
    schema = json.loads((published / "perimeter_sides.schema.json").read_text(encoding="utf-8"))
    assert schema == sides_schema()


def test_every_product_says_the_same_of_a_side(published):
    frame = geopandas.read_file(published / "changes.gpkg", layer="perimeter_sides")
    assert frame.geom_type.unique().tolist() == ["LineString"]
    assert frame.strength.tolist() == [0.95, 1.0, 0.7, 0.0]
    assert frame.length_m.tolist() == [440.0, 940.0, 440.0, 940.0]
    assert frame.valid_from[0] == DATES["S2_2018-04-29"]
    with (published / "perimeter_sides.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["strength"] for row in rows] == ["0.95", "1.0", "0.7", "0.0"]
    assert rows[0]["change_id"] == WALL


def test_a_side_is_seen_in_the_scenes_that_show_it():
    table = _sides(dabancheng())
    assert table.column("scenes_seen") == [1, 1, 1, 0]
    assert table.column("scenes_clear") == [2, 2, 2, 2]
    assert table.column("first_seen")[0] == table.column("last_seen")[0] == DATES["S2_2018-04-29"]
    assert table.column("last_seen")[3] is None


def test_what_divides_a_ring_comes_after_its_outline_and_counts_for_itself():
    ring = box(X, Y, X + 400, Y + 400)
    fence = Side(LineString([(X + 200, Y), (X + 200, Y + 400)]), 0.8, (), SideRole.INTERIOR)
    divided = finding(ChangeType.PERIMETER_ADDED, geometry=ring, sides=(*sides(ring, 1.0, 1.0, 0.5, 0.5), fence))
    record = dabancheng(tracks=(track("aspi-0050-divided", found=divided),))
    table = _sides(record)
    assert table.column("role") == ["outline"] * 4 + ["interior"]
    assert table.column("strength")[4] == 0.8
    assert sightings_of(record, record.tracks[0]).line_share == 0.75


def _extended(status):
    """A ring seen in two scenes, then as part of a larger one."""
    ring = box(X, Y, X + 400, Y + 400)
    small = finding(
        ChangeType.PERIMETER_ADDED,
        geometry=ring,
        first_with=DATES["S2_2017-08-29"],
        seen_in=("S2_2017-08-29", "S2_2018-03-22", "S2_2018-04-29"),
        sides=sides(ring, 1.0, 1.0, 0.5, 0.5),
    )
    large = finding(ChangeType.PERIMETER_EXTENDED, geometry=box(X, Y, X + 800, Y + 400))
    first = track("aspi-0050-small", found=small)
    return dabancheng(
        tracks=(first, track("aspi-0050-large", status, large, parent_change_id="aspi-0050-small"))
    ), first


@pytest.mark.parametrize(("status", "clear"), [(Status.CONFIRMED, 3), (Status.WITHDRAWN, 4)])
def test_a_ring_that_was_extended_is_counted_until_then(status, clear):
    record, ring = _extended(status)
    counted = sightings_of(record, ring)
    assert (counted.seen, counted.clear, counted.extended) == (3, clear, status is Status.CONFIRMED)
    assert counted.line_share == 0.75
    assert set(_sides(record).column("scenes_clear")) == {clear}


def test_a_ring_that_is_gone_is_counted_until_then():
    ring = box(X, Y, X + 400, Y + 400)
    gone = finding(
        ChangeType.PERIMETER_ADDED, geometry=ring, gone_at=datetime(2018, 5, 1, tzinfo=UTC), seen_in=("S2_2018-04-29",)
    )
    wall = track("aspi-0050-gone", found=gone)
    counted = sightings_of(dabancheng(tracks=(wall,)), wall)
    assert (counted.seen, counted.clear) == (1, 1)
