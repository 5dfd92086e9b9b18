from __future__ import annotations

import os
import pickle
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from pyproj import Transformer
from shapely import box

from geo.errors import InputError, SceneUnusableError
from geo.grid import to_wgs84
from geo.sources.folder import FolderSource
from geo.sources.folder_index import load
from geo.sources.geotiff import read_header

UTM = "EPSG:32645"
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
EVERYWHERE = box(-180, -80, 180, 84)


def only_scene(folder: Path):
    found = FolderSource(folder).search(EVERYWHERE, *EVER)
    assert found.left_out == ()
    (scene,) = found.scenes
    return scene


def only_reason(folder: Path) -> str:
    found = FolderSource(folder).search(EVERYWHERE, *EVER)
    assert found.scenes == ()
    (left_out,) = found.left_out
    return left_out.reason


def test_the_embedded_archive_is_thirteen_scenes_in_time_order(dabancheng, facility_area):
    found = FolderSource(dabancheng).search(facility_area, *EVER)

    assert found.left_out == ()
    assert [scene.acquired_at.date().isoformat() for scene in found.scenes] == [
        "2017-03-02", "2017-06-10", "2017-07-08", "2017-08-04", "2017-08-29", "2018-03-22", "2018-04-29",
        "2018-05-26", "2018-06-10", "2018-06-23", "2018-07-23", "2018-10-11", "2020-06-02",
    ]  # fmt: skip
    first, last = found.scenes[0], found.scenes[-1]
    assert (first.collection, last.collection) == ("sentinel-2-l1c", "sentinel-2-l2a")
    assert first.bands == ("B04", "B03", "B02")
    assert "B11" in last.bands
    assert first.gsd_m == 10.0
    assert last.attribution == "Contains modified Copernicus Sentinel data 2020"


def test_pixels_that_align_are_the_files_own_bit_for_bit(dabancheng, facility_area, facility_grid):
    source = FolderSource(dabancheng)
    scene = source.search(facility_area, *EVER).scenes[0]

    raster = source.read(scene, ("B02", "B04"), facility_grid)

    with rasterio.open(dabancheng / "S2_L1C_2017-03-02.tif") as dataset:
        whole = dataset.read([3, 1])
        mask = dataset.dataset_mask() > 0
        left = round((facility_grid.transform.c - dataset.transform.c) / 10)
        north = round((facility_grid.transform.f - dataset.transform.f) / 10)
    assert (north, facility_grid.shape) == (16, (301, 301)), "the grid begins north of the scene and ends south of it"
    rows, columns = slice(north, north + 270), slice(left, left + 301)
    assert raster.dn.dtype == np.uint8
    assert raster.bands == ("B02", "B04")
    np.testing.assert_array_equal(raster.dn[:, rows], whole[:, :, columns])
    np.testing.assert_array_equal(raster.valid[rows], mask[:, columns])
    assert not raster.valid[:north].any()
    assert not raster.valid[north + 270 :].any()


def test_only_the_time_and_the_area_asked_for_are_found(dabancheng, facility_area):
    source = FolderSource(dabancheng)
    elsewhere = box(80.0, 40.0, 80.1, 40.1)

    during = source.search(facility_area, datetime(2018, 1, 1, tzinfo=UTC), datetime(2018, 6, 10, tzinfo=UTC))

    assert [scene.item_id for scene in during.scenes] == [
        "S2_L1C_2018-03-22", "S2_L1C_2018-04-29", "S2_L1C_2018-05-26", "S2_L1C_2018-06-10",
    ]  # fmt: skip
    assert source.search(elsewhere, *EVER).scenes == ()


def test_headers_are_read_once(dabancheng, facility_area, monkeypatch):
    source = FolderSource(dabancheng)
    source.search(facility_area, *EVER)
    monkeypatch.setattr("geo.sources.folder.read_header", lambda *_: pytest.fail("a header was read again"))

    assert len(source.search(facility_area, *EVER).scenes) == 13


def copied(dabancheng: Path, folder: Path, count: int) -> Path:
    folder.mkdir()
    for path in sorted(dabancheng.glob("*.tif"))[:count]:
        shutil.copy2(path, folder)
    return folder


def test_headers_are_kept_from_run_to_run(dabancheng, tmp_path, monkeypatch):
    folder, kept = copied(dabancheng, tmp_path / "scenes", 4), tmp_path / "state" / "index.json"
    first = FolderSource(folder, kept).search(EVERYWHERE, *EVER)
    opened = []
    monkeypatch.setattr(
        "geo.sources.folder.read_header", lambda path, name: opened.append(name) or read_header(path, name)
    )
    assert FolderSource(folder, kept).search(EVERYWHERE, *EVER) == first
    assert opened == []
    changed, gone = sorted(folder.iterdir())[:2]
    os.utime(changed, ns=(1, 1))
    gone.unlink()
    assert len(FolderSource(folder, kept).search(EVERYWHERE, *EVER).scenes) == 3
    assert opened == [changed.name]
    assert FolderSource(folder, kept).search(EVERYWHERE, *EVER) == FolderSource(folder).search(EVERYWHERE, *EVER)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"code": "another", "footprints": [], "files": {}}'])
def test_kept_headers_that_are_damaged_or_foreign_are_read_anew(dabancheng, tmp_path, content):
    folder, kept = copied(dabancheng, tmp_path / "scenes", 2), tmp_path / "index.json"
    kept.write_bytes(content)
    assert len(FolderSource(folder, kept).search(EVERYWHERE, *EVER).scenes) == 2
    assert len(load(kept)) == 2


def test_a_source_travels_to_another_process(dabancheng, facility_area):
    source = FolderSource(dabancheng)
    source.search(facility_area, *EVER)

    assert len(pickle.loads(pickle.dumps(source)).search(facility_area, *EVER).scenes) == 13


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_without_imagery_is_an_input_error(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no imagery")

    with pytest.raises(InputError, match=name):
        FolderSource(tmp_path / name).search(EVERYWHERE, *EVER)


def test_files_are_found_in_any_depth_and_case(write_tiff, random_dn, tmp_path):
    for name in ("a.TIF", "deep/er/b.tiff", "c.Tiff"):
        write_tiff(name, random_dn)

    found = FolderSource(tmp_path).search(EVERYWHERE, *EVER)

    assert [scene.item_id for scene in found.scenes] == ["a", "b", "c"]


def test_two_files_of_one_name_and_day_keep_ids_of_their_own(write_tiff, random_dn, tmp_path):
    for name in ("one/S2_2020-05-01.tif", "two/S2_2020-05-01.tif", "two/S2_2020-05-01.tiff", "S2_b.tif"):
        write_tiff(name, random_dn)

    found = FolderSource(tmp_path).search(EVERYWHERE, *EVER)

    ids = [scene.item_id for scene in found.scenes]
    assert sorted(ids) == ["S2_b", "one/S2_2020-05-01", "two/S2_2020-05-01", "two/S2_2020-05-01.tiff"]


def test_bad_files_are_named_and_the_good_one_goes_on(write_tiff, random_dn, tmp_path, capfd):
    write_tiff("good.tif", random_dn)
    write_tiff("no_crs.tif", random_dn, place={})
    write_tiff("no_place.tif", random_dn, place={"crs": UTM})
    write_tiff("no_date.tif", random_dn, tags={})
    write_tiff("odd_bands.tif", random_dn, bands=("B04", "temperature", "B02"))
    write_tiff("cut_off.tif", random_dn)
    (tmp_path / "cut_off.tif").write_bytes((tmp_path / "cut_off.tif").read_bytes()[:100])
    (tmp_path / "text.tif").write_text("not an image")

    found = FolderSource(tmp_path).search(EVERYWHERE, *EVER)

    assert [scene.item_id for scene in found.scenes] == ["good"]
    reasons = {left_out.item_id: left_out.reason for left_out in found.left_out}
    assert reasons.keys() == {"no_crs", "no_place", "no_date", "odd_bands", "cut_off", "text"}
    for name, reason in reasons.items():
        assert reason.startswith(f"{name}.tif ")
    assert "no CRS" in reasons["no_crs"]
    assert "no georeferencing" in reasons["no_place"]
    assert "no acquisition date" in reasons["no_date"]
    assert "2 (temperature)" in reasons["odd_bands"]
    assert "can't be opened" in reasons["text"]
    assert capfd.readouterr() == ("", ""), "GDAL has nothing to say to the user"


def test_a_file_whose_pixels_are_cut_off_is_unusable(dabancheng, tmp_path, facility_grid):
    path = tmp_path / "cut_off_2017-03-02.tif"
    rasterio.shutil.copy(dabancheng / "S2_L1C_2017-03-02.tif", path, driver="GTiff")  # the header comes first here
    path.write_bytes(path.read_bytes()[:200_000])
    scene = only_scene(tmp_path)

    with pytest.raises(SceneUnusableError, match=r"cut_off_2017-03-02\.tif has pixels that can't be read"):
        FolderSource(tmp_path).read(scene, ("B02", "B03", "B04"), facility_grid)


def test_scale_offset_nodata_and_mask_are_the_files(write_tiff, random_dn, tmp_path, home_grid):
    dn = random_dn.copy()
    dn[1, 5, 6] = 0
    mask = np.ones((60, 80), bool)
    mask[50:] = False
    write_tiff("nodata.tif", dn, scale=2e-4, offset=-0.1, nodata=0)
    write_tiff("masked.tif", dn, mask=mask)
    source = FolderSource(tmp_path)
    masked, nodata = source.search(EVERYWHERE, *EVER).scenes

    raster = source.read(nodata, ("B02", "B03", "B04"), home_grid)
    assert raster.scale == (2e-4,) * 3
    assert raster.offset == (-0.1,) * 3
    assert np.argwhere(~raster.valid).tolist() == [[5, 6]]
    np.testing.assert_array_equal(source.read(masked, ("B04",), home_grid).valid, mask)


def test_a_scene_classification_comes_along_and_is_never_a_band(write_tiff, random_dn, tmp_path, home_grid):
    classes = np.random.default_rng(1).integers(0, 12, (1, 60, 80)).astype(np.uint16)
    write_tiff("s.tif", np.vstack([random_dn, classes]), bands=("B04", "B03", "B02", "SCL"), nodata=0)

    raster = FolderSource(tmp_path).read(only_scene(tmp_path), ("B04", "SCL"), home_grid)

    assert raster.bands == ("B04",)
    np.testing.assert_array_equal(raster.classification, classes[0])


def test_a_scene_with_none_of_the_bands_is_unusable(write_tiff, random_dn, tmp_path, home_grid):
    write_tiff("s.tif", random_dn)

    with pytest.raises(SceneUnusableError, match=r"s\.tif has none of the bands B08"):
        FolderSource(tmp_path).read(only_scene(tmp_path), ("B08",), home_grid)


def test_another_crs_is_resampled_to_within_a_tenth_of_a_pixel(write_tiff, tmp_path, home_grid):
    """A smooth function of position comes out where it belongs."""

    def field(x, y):
        return 2000 + 800 * np.sin(x / 90) + 800 * np.cos(y / 110)

    other = "EPSG:3857"
    east, north = Transformer.from_crs(UTM, other, always_xy=True).transform(600_400, 4_799_700)
    step = 13.0  # about 9.5 m on the ground here
    transform = Affine(step, 0, east - 80 * step, 0, -step, north + 80 * step)
    columns, rows = np.meshgrid(np.arange(160) + 0.5, np.arange(160) + 0.5)
    x, y = Transformer.from_crs(other, UTM, always_xy=True).transform(
        transform.c + columns * step, transform.f - rows * step
    )
    write_tiff("s.tif", field(x, y)[None].astype(np.uint16), bands=("B04",), crs=other, transform=transform)

    scene = only_scene(tmp_path)
    raster = FolderSource(tmp_path).read(scene, ("B04",), home_grid)

    assert scene.gsd_m == pytest.approx(13.0)
    grid_x = 600_000 + (np.arange(80) + 0.5) * 10
    grid_y = 4_800_000 - (np.arange(60) + 0.5) * 10
    expected = field(*np.meshgrid(grid_x, grid_y))
    assert raster.valid.all()
    steepest_per_pixel = 800 / 90 * 10
    assert np.abs(raster.dn[0] - expected).max() < 0.1 * steepest_per_pixel


def test_a_finer_file_is_averaged(write_tiff, tmp_path, home_grid):
    fine = np.random.default_rng(2).integers(1, 4000, (1, 240, 320), dtype=np.uint16)
    mask = np.ones((240, 320), bool)
    mask[9, 9] = False
    write_tiff("s.tif", fine, bands=("B04",), transform=Affine(2.5, 0, 600_000, 0, -2.5, 4_800_000), mask=mask)

    raster = FolderSource(tmp_path).read(only_scene(tmp_path), ("B04",), home_grid)

    expected = fine[0].reshape(60, 4, 80, 4).mean(axis=(1, 3))
    assert np.argwhere(~raster.valid).tolist() == [[2, 2]], "a pixel made in part of masked ground isn't valid"
    np.testing.assert_allclose(raster.dn[0][raster.valid], expected[raster.valid], rtol=1e-5)


def test_a_coarser_file_is_unusable(write_tiff, tmp_path, home_grid):
    dn = np.full((1, 20, 27), 100, np.uint16)
    write_tiff("s.tif", dn, bands=("B04",), transform=Affine(30, 0, 600_000, 0, -30, 4_800_000))

    with pytest.raises(SceneUnusableError, match=r"s\.tif has pixels of 30 m, too coarse for a grid of 10 m"):
        FolderSource(tmp_path).read(only_scene(tmp_path), ("B04",), home_grid)


def test_half_a_pixel_off_is_resampled_and_its_border_not_valid(write_tiff, random_dn, tmp_path, home_grid):
    write_tiff("s.tif", random_dn, transform=Affine(10, 0, 600_005, 0, -10, 4_800_000))

    raster = FolderSource(tmp_path).read(only_scene(tmp_path), ("B04",), home_grid)

    assert raster.dn.dtype == np.float32
    assert not raster.valid[:, 0].any()
    assert raster.valid[:, 1:].all()


def test_cost_is_bytes_of_the_window(dabancheng, facility_area, facility_grid):
    source = FolderSource(dabancheng)
    scenes = source.search(facility_area, *EVER).scenes

    cost = source.estimate_cost(scenes[:2], ("B02", "B04", "B08"), facility_grid)

    assert (cost.requests, cost.processing_units) == (0, 0.0)
    assert cost.bytes == 2 * 2 * 301 * 301 * 4


def test_scenes_of_one_day_are_ordered_by_their_hour(write_tiff, random_dn, tmp_path):
    late = "2020-05-01T07:00:00+00:00"
    write_tiff("a.tif", random_dn, tags={"ACQUISITION_DATETIME": late})
    write_tiff("b.tif", random_dn, tags={"ACQUISITION_DATETIME": "2020-05-01T05:20:21Z"})

    scenes = FolderSource(tmp_path).search(EVERYWHERE, *EVER).scenes

    assert [scene.item_id for scene in scenes] == ["b", "a"]
    assert scenes[1].acquired_at - scenes[0].acquired_at == timedelta(hours=1, minutes=39, seconds=39)


def test_the_footprint_covers_the_file(write_tiff, random_dn, tmp_path):
    write_tiff("s.tif", random_dn)

    footprint = only_scene(tmp_path).scene_footprint

    expected = to_wgs84(box(600_000, 4_799_400, 600_800, 4_800_000), UTM)
    assert footprint.symmetric_difference(expected).area < 1e-4 * expected.area
