import hashlib
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from records import DATES, X, Y, dabancheng, finding, track
from shapely import box

from flows.change import Status
from flows.publish.evidence import cut_out, make_evidence
from flows.publish.growth import growth_steps
from flows.publish.layer import changes_of
from flows.publish.manifest import verify
from flows.publish.picture import common_stretch, panel, rings_of
from flows.publish.publishing import publish
from flows.publish.series import evenly, write_series
from geo.errors import SourceError
from geo.grid import Grid

GRID = Grid("EPSG:32645", Affine(10.0, 0.0, X - 1000.0, 0.0, -10.0, Y + 2000.0), (300, 300), 10.0)


def reader(facility_id, item_id):
    """Ground of 0.2 with a bright block where the extension is, from 2018-04-29 on; a masked corner."""
    rgb = np.full((3, 300, 300), 0.2, dtype="float32")
    if DATES[item_id] >= DATES["S2_2018-04-29"]:
        rgb[:, 160:200, 100:190] = 0.4
    rgb[:, :20, :20] = np.nan
    return rgb, GRID


def gone(facility_id, item_id):
    raise SourceError(f"{item_id}: no longer there")


@pytest.fixture
def extension():
    return changes_of(dabancheng())[0]


def test_both_images_share_one_stretch_and_hold_the_change(extension, tmp_path):
    made = make_evidence(extension, reader, tmp_path)
    assert (made.stretch.low, made.stretch.high) == (0.2, 0.4)
    before, after = (Image.open(tmp_path / path) for path in (made.change.evidence_before, made.change.evidence_after))
    width = round(after.width * made.panel_share["after"][0])
    height = round(after.height * made.panel_share["after"][1])
    inside = (width // 2, height // 2)
    assert after.getpixel(inside) == (255, 255, 255)
    assert before.getpixel(inside) == (0, 0, 0)
    (ring,) = made.rings
    left, right = min(x for x, _ in ring), max(x for x, _ in ring)
    assert after.getpixel((round((left + 0.02) * width), height // 2)) == (255, 255, 255)
    assert after.getpixel((round((left - 0.02) * width), height // 2)) == (0, 0, 0)
    assert right - left == pytest.approx(900 / 1300, abs=0.01)


def test_evidence_hash_is_that_of_the_two_images(extension, tmp_path):
    change = make_evidence(extension, reader, tmp_path).change
    both = b"".join((tmp_path / path).read_bytes() for path in (change.evidence_before, change.evidence_after))
    assert change.evidence_sha256 == hashlib.sha256(both).hexdigest()


def test_geotiff_measures_what_the_scene_held(extension, tmp_path):
    made = make_evidence(extension, reader, tmp_path)
    with rasterio.open(tmp_path / made.rasters["after"]) as raster:
        assert raster.crs.to_epsg() == 32645
        assert raster.nodata == 0
        (sample,) = raster.sample([(X + 450, Y + 200)])
        assert sample * raster.scales == pytest.approx([0.4, 0.4, 0.4])
        assert raster.tags()["ITEM_ID"] == "S2_2018-04-29"
        assert "Copernicus" in raster.tags()["ATTRIBUTION"]


def test_the_outline_is_beside_the_bare_image_never_on_it(extension, tmp_path):
    made = make_evidence(extension, reader, tmp_path)
    whole = np.asarray(Image.open(tmp_path / made.change.evidence_after))
    width, height = (round(s * n) for s, n in zip(made.panel_share["after"], whole.shape[1::-1], strict=True))
    bare, drawn = whole[:height, :width], whole[:height, -width:]
    assert np.ptp(bare, axis=-1).max() == 0  # the ground is grey, so any colour would be ink
    assert np.ptp(drawn, axis=-1).max() > 100


def test_a_scene_that_is_gone_leaves_the_evidence_empty(extension, tmp_path):
    assert make_evidence(extension, gone, tmp_path) is None


def test_a_change_without_a_scene_before_has_one_image(tmp_path):
    first = track("aspi-0050-a", found=finding(before_item_id=None, last_without=None))
    (change,) = changes_of(dabancheng(tracks=(first,)))
    made = make_evidence(change, reader, tmp_path)
    assert made.change.evidence_before is None
    assert made.change.evidence_after.endswith("_after.png")


def test_a_chip_at_the_edge_stays_on_the_grid():
    rgb, grid = reader("", "S2_2017-03-02")
    chip = cut_out(rgb, grid, box(X - 990, Y + 1900, X - 900, Y + 1990))
    assert chip.rgb.shape == (3, 80, 80)
    assert chip.transform.c == grid.transform.c
    assert np.isnan(chip.rgb[0, 0, 0])


def test_masked_pixels_are_grey_and_pixels_are_not_blended():
    rgb = np.array([[[0.1, np.nan]], [[0.1, 0.2]], [[0.1, 0.2]]], dtype="float32")
    picture = np.asarray(panel(rgb, common_stretch([rgb]), 3))
    assert (picture[:, :3] == picture[0, 0]).all()
    assert (picture[:, 3:] == 128).all()


def test_rings_fall_where_the_geometry_lies():
    assert rings_of(box(X, Y, X + 10, Y + 10), GRID.transform)[0][0] == pytest.approx((101.0, 200.0))


def test_series_holds_each_clear_scene_once(tmp_path):
    path = write_series(dabancheng(), reader, tmp_path)
    with Image.open(tmp_path / path) as animation:
        assert animation.n_frames == len(DATES)
    assert write_series(dabancheng(), gone, tmp_path) is None


def test_evenly_keeps_the_ends():
    chosen = evenly(list(range(100)), 24)
    assert (chosen[0], chosen[-1], len(set(chosen))) == (0, 99, 24)


def test_growth_adds_up_to_what_stands(extension):
    record = dabancheng()
    steps = growth_steps(changes_of(record), record.history, record.window_start)
    assert [(step.at, step.area_m2) for step in steps] == [
        (DATES["S2_2018-04-29"], 200_000.0),
        (DATES["S2_2018-05-26"], 160_000.0),
    ]
    assert steps[0].earliest == extension.last_without
    assert sum(step.area_m2 for step in steps) == extension.area_m2


def test_growth_counts_nothing_that_ended_or_was_rejected():
    ended = dabancheng(
        tracks=(track("aspi-0050-a", found=finding(gone_at=datetime(2018, 6, 1, tzinfo=UTC))),), history=(), reviews={}
    )
    assert sum(step.area_m2 for step in growth_steps(changes_of(ended), (), ended.window_start)) == 0.0


def test_publish_with_scenes_fills_the_evidence_and_is_stable(ledger, tmp_path):
    publish(ledger, tmp_path / "a", reader)
    publish(ledger, tmp_path / "b", reader)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert sum(path.suffix == ".tif" for path in files) == 6
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert verify(tmp_path / "a").whole
    chart = ET.parse(tmp_path / "a" / "evidence" / "custom-0001" / "growth.svg")
    assert "<script>alert(1)</script>" in chart.getroot()[0].text


def test_pictures_that_stand_are_not_made_again(ledger, tmp_path):
    asked = []

    def counting(facility_id, item_id):
        asked.append(item_id)
        return reader(facility_id, item_id)

    publish(ledger, tmp_path / "a", counting)
    first = {path: path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file()}
    asked.clear()
    publish(ledger, tmp_path / "a", counting)
    assert asked == []
    assert first == {path: path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file()}


def test_pictures_are_made_again_where_they_were_altered_or_their_change_moved(ledger, tmp_path):
    publish(ledger, tmp_path, reader)
    altered = tmp_path / "evidence" / "aspi-0050" / "aspi-0050-mrtkqwza_after.png"
    genuine = altered.read_bytes()
    altered.write_bytes(b"forged")
    wall = tmp_path / "evidence" / "aspi-0050" / "aspi-0050-pbvhsdla_after.png"
    before = wall.read_bytes()
    record = dabancheng()
    moved = (replace(record.tracks[0], status=Status.CONFIRMED), *record.tracks[1:])
    ledger.save(replace(record, tracks=moved))
    publish(ledger, tmp_path, reader)
    assert altered.read_bytes() == genuine
    assert wall.read_bytes() != before  # its caption says how often it was seen
    assert verify(tmp_path).whole
