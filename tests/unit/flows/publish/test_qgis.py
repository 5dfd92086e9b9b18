import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from markupsafe import escape
from PIL import Image
from test_evidence import reader

from flows.change import FIELDS
from flows.publish.publishing import publish
from flows.publish.review import collect_reviews

PYTHON = "/usr/bin/python3"


def _has_qgis():
    if not Path(PYTHON).exists() or not shutil.which("qgis"):
        return False
    return subprocess.run([PYTHON, "-c", "import qgis.core"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not _has_qgis(), reason="QGIS isn't installed (apt-get install qgis python3-qgis)")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    from records import dabancheng, failed

    from flows.ledger import Ledger

    folder = tmp_path_factory.mktemp("qgis")
    ledger = Ledger.at(folder)
    for record in (dabancheng(reviews={}), failed()):
        ledger.save(record)
    publish(ledger, folder, reader)
    script = Path(__file__).with_name("qgis_check.py")
    pictures = [folder / f"{name}.png" for name in ("map", "sheet", "form")]
    arguments = [folder, *pictures, "aspi-0050-pbvhsdla", "rejected", "a field wall"]
    done = subprocess.run(
        [PYTHON, script, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    yield folder, json.loads(done.stdout), ledger
    ledger.close()


def test_the_project_opens_without_a_word(opened):
    _, told, _ = opened
    assert told["opened"]
    assert told["messages"] == []
    assert told["crs"] == "EPSG:3857"
    assert told["layers"]
    assert all(told["layers"].values())
    assert told["groups"] == ["Changes", "Places", "Coverage", "Evidence"]


def test_a_layer_added_alone_is_styled_too(opened):
    _, told, _ = opened
    assert told["alone"] == told["geojson"]
    assert told["alone"][0] == "building_added"
    assert told["geojson_date"] == "DateTime"


def test_sides_of_perimeters_are_a_layer_of_their_own(opened):
    _, told, _ = opened
    assert told["sides"] == {
        "temporal": [True, "valid_from"],
        "group": "Changes",
        "alias": "Length (m)",
        "labels": True,
        "kind": "LineString",
        "count": 4,
    }
    assert told["sides_alone"] == told["sides_geojson"]
    assert told["sides_alone"] == ["perimeter_added", "perimeter_extended", "perimeter_removed"]


def test_time_is_ready(opened):
    _, told, _ = opened
    assert told["temporal"] == [True, "valid_from"]
    assert told["range"] == ["2017-03-01T00:00:00Z", "2018-06-30T00:00:00Z"]
    assert {told["types"][field.name] for field in FIELDS if field.type == "datetime"} == {"DateTime"}


def test_the_form_lets_review_fields_alone_be_edited(opened):
    _, told, _ = opened
    assert told["writable"] == ["review_status", "reviewer", "reviewed_at", "review_note"]
    assert [next(iter(choice.values())) for choice in told["choices"]] == [
        *("unreviewed", "accepted", "rejected", "unsure")
    ]
    assert told["tabs"][0] == "Review"
    assert told["alias"] == "Area (m²)"


def test_every_field_is_explained_where_qgis_3_22_shows_it(opened):
    folder, told, _ = opened
    assert told["shown_tabs"] == ["Review", "Change", "Evidence", "Provenance", "What the fields mean"]
    for field in FIELDS:
        assert escape(field.description) in told["guides"]["Changes"]
        assert f"({field.name}): {field.description}" in told["abstract"].splitlines()[2 + FIELDS.index(field)]
    assert "Share of its length seen as a line" in told["guides"]["Perimeter sides"]
    assert all("<table" in text for text in told["guides"].values())
    drawn = np.asarray(Image.open(folder / "form.png").convert("L"))
    assert (drawn[60:] < 100).mean() > 0.01  # letters


def test_map_tips_show_both_images(opened):
    folder, told, _ = opened
    assert "aspi-0050-mrtkqwza_before.png" in told["tips"][0]
    assert f"file:///{folder}/evidence" in told["tips"][0]


def test_the_map_is_drawn_with_styles_over_the_evidence(opened):
    folder, told, _ = opened
    drawn = np.asarray(Image.open(folder / "map.png").convert("RGB")).astype(int)
    wine = (np.abs(drawn - (0x88, 0x22, 0x55)).max(axis=-1) < 40).sum()
    orange = (np.abs(drawn - (0xD5, 0x5E, 0x00)).max(axis=-1) < 40).sum()
    assert wine > 300
    assert orange > 300
    assert told["sheets"]["count"] == 2
    assert told["sheets"]["legend"] == ["Changes", "Perimeter sides", "Facilities"]
    assert told["sheets"]["notice"].count("Contains modified Copernicus Sentinel data 2017-2018") == 1
    assert np.asarray(Image.open(folder / "sheet.png").convert("L")).std() > 5


def test_a_verdict_given_in_qgis_comes_home_before_the_file_is_replaced(opened):
    folder, told, ledger = opened
    assert told["edited"]
    published = publish(ledger, folder, reader)
    assert published.reviews.taken == ("aspi-0050-pbvhsdla",)
    review = ledger.load("aspi-0050").reviews["aspi-0050-pbvhsdla"]
    assert (str(review.review_status), review.review_note) == ("rejected", "a field wall")
    assert collect_reviews(ledger, folder) is None
