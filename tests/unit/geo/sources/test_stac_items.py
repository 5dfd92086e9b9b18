"""Real STAC items as scenes."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from geo.errors import SceneUnusableError
from geo.sources.stac_apis import COPERNICUS_DATA_SPACE, EARTH_SEARCH, PLANETARY_COMPUTER, api_for
from geo.sources.stac_items import band_assets, product_of
from tests.servers.stac import real_item

SHARED = Path(__file__).parents[5] / "shared" / "data" / "stac"


def product(name: str, keeps_offset: bool | None = None, **changed):
    item = copy.deepcopy(real_item(name))
    item["properties"] |= changed
    return product_of(item, archive_keeps_offset=keeps_offset)


@pytest.mark.parametrize(
    ("name", "baseline", "applied", "offset"),
    [
        ("earth_search_S2A_33TWN_20220122_0_L2A.json", "03.01", False, 0.0),
        # The archive took the offset off, and the item gives it all the same.
        ("earth_search_S2B_33TWN_20220130_0_L2A.json", "04.00", True, 0.0),
        ("earth_search_S2B_33TWN_20220226_0_L2A.json", "04.00", False, -0.1),
        ("earth_search_S2A_32TMS_20221207_0_L2A.json", "05.09", True, 0.0),
        # Acquired in 2020, processed in 2023.
        ("stactools_N0500_of_2020.json", "05.00", None, -0.1),
    ],
)
def test_the_offset_comes_from_metadata_and_never_from_the_date(name, baseline, applied, offset):
    scene = product(name).scene
    assert (scene.processing_baseline, scene.offset_applied) == (baseline, applied)
    assert set(scene.scale_offset.values()) == {(1e-4, offset)}


def test_an_archive_that_gives_no_band_offset_is_known_or_refused():
    page = real_item("planetary_computer_page.json")
    item = page["features"][0]
    old = product_of(item, archive_keeps_offset=PLANETARY_COMPUTER.keeps_offset).scene
    assert old.scale_offset["B04"] == (1e-4, 0.0)
    item["properties"]["s2:processing_baseline"] = "05.11"
    new = product_of(item, archive_keeps_offset=PLANETARY_COMPUTER.keeps_offset).scene
    assert new.scale_offset["B04"] == (1e-4, pytest.approx(-0.1))
    with pytest.raises(SceneUnusableError, match=r"nothing says whether that was\s+taken off"):
        product_of(item, archive_keeps_offset=None)


def test_collection_1_says_nothing_of_the_offset_but_in_its_bands():
    item = next(one for one in real_item("earth_search_page.json")["features"] if one["collection"].endswith("c1-l2a"))
    scene = product_of(item, archive_keeps_offset=None).scene
    assert (scene.processing_baseline, scene.offset_applied) == ("05.11", None)
    assert scene.scale_offset["B08"] == (1e-4, -0.1)


def test_an_item_that_contradicts_itself_is_refused():
    item = copy.deepcopy(real_item("earth_search_S2B_33TWN_20220226_0_L2A.json"))
    for asset in item["assets"].values():
        for band in asset.get("raster:bands", []):
            band["offset"] = 0
    with pytest.raises(SceneUnusableError, match="contradicts itself"):
        product_of(item, archive_keeps_offset=None)


def test_earth_search_scene():
    made = product("earth_search_S2B_33TWN_20220226_0_L2A.json")
    scene = made.scene
    assert scene.item_id == "S2B_33TWN_20220226_0_L2A"
    assert scene.acquired_at == datetime(2022, 2, 26, 9, 57, 32, 883000, UTC)
    assert scene.bands == ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B11", "B12", "B8A", "SCL")
    assert scene.gsd_m == 10
    assert scene.cloud_cover_pct == pytest.approx(75.198358)
    assert scene.sun_elevation_deg == pytest.approx(31.728, abs=1e-3)
    assert scene.attribution == "Contains modified Copernicus Sentinel data 2022"
    assert scene.assets["B05"].endswith("/B05.tif")
    assert (made.platform, made.tile, made.crs) == ("sentinel-2b", "MGRS-33TWN", "EPSG:32633")
    assert scene.scene_footprint.area > 0.5


def test_planetary_computer_scene():
    made = product_of(real_item("planetary_computer_page.json")["features"][0], archive_keeps_offset=True)
    assert (made.platform, made.tile, made.crs) == ("sentinel-2a", "MGRS-60VUK", "EPSG:32660")
    assert made.scene.sun_elevation_deg == pytest.approx(90 - 81.331, abs=1e-3)
    assert len(made.scene.bands) == 13


def test_the_finest_asset_of_a_band_is_taken_and_a_geotiff_before_jpeg_2000():
    def asset(href, kind="image/jp2"):
        return {"href": href, "type": kind}

    assets = {"B02_60m": asset("c"), "B02_10m": asset("a"), "B02_20m": asset("b"), "SCL_20m": asset("s"),
              "red-jp2": asset("r2"), "red": asset("r", "image/tiff; application=geotiff"), "visual": asset("v"),
              "metadata": asset("m", "application/xml")}  # fmt: skip
    assert {name: one["href"] for name, one in band_assets(assets).items()} == {"B02": "a", "B04": "r", "SCL": "s"}


def test_asset_map_for_other_names():
    assets = {"analytic_red": {"href": "x", "type": "image/tiff"}}
    assert band_assets(assets, {"B04": "analytic_red", "B03": "analytic_green"}) == {"B04": assets["analytic_red"]}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda item: item["properties"].pop("datetime"), "no usable acquisition time"),
        (lambda item: item.pop("geometry"), "no usable geometry"),
        (lambda item: item.update(geometry={"type": "Polygon"}), "no usable geometry"),
        (lambda item: item.update(assets={}), "no asset that is a band"),
        (lambda item: item.update(properties=None), "no usable acquisition time"),
    ],
)
def test_items_that_lack_something(spoil, reason):
    item = copy.deepcopy(real_item("earth_search_S2B_33TWN_20220226_0_L2A.json"))
    spoil(item)
    with pytest.raises(SceneUnusableError, match=reason):
        product_of(item, archive_keeps_offset=None)


def test_stac_1_1_bands():
    item = copy.deepcopy(real_item("earth_search_S2B_33TWN_20220226_0_L2A.json"))
    del item["properties"]["earthsearch:boa_offset_applied"]
    item["assets"] = {
        "B04_10m": {"href": "https://example.org/B04.tif", "type": "image/tiff", "raster:scale": 0.0001,
                    "raster:offset": -0.1, "bands": [{"name": "B04", "eo:common_name": "red"}]},
        "B03_10m": {"href": "https://example.org/B03.tif", "type": "image/tiff",
                    "bands": [{"name": "B03", "raster:scale": 0.0001, "raster:offset": -0.1}]},
    }  # fmt: skip
    scene = product_of(item, archive_keeps_offset=None).scene
    assert scene.scale_offset == {"B03": (1e-4, -0.1), "B04": (1e-4, -0.1)}


def test_apis_by_name_and_by_address():
    assert api_for("earth-search") is EARTH_SEARCH
    assert api_for("https://stac.dataspace.copernicus.eu/v1/") is COPERNICUS_DATA_SPACE
    assert api_for("https://example.org/stac/").url == "https://example.org/stac"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded replies in ../shared/data/stac are absent")
def test_every_recorded_item_has_the_offset_that_its_metadata_say():
    """Straight from the items: the archive's flag, else the band's offset."""
    checked = 0
    for path in sorted(SHARED.glob("earth_search/*.json")) + sorted(SHARED.glob("stactools_sentinel2/*L2A*.json")):
        item = json.loads(path.read_text())
        scene = product_of(item, archive_keeps_offset=None).scene
        key = next(key for key in ("blue", "B02") if key in item["assets"])
        stated = item["assets"][key]["raster:bands"][0]["offset"]
        taken_off = item["properties"].get("earthsearch:boa_offset_applied") is True
        assert scene.scale_offset["B02"] == (1e-4, 0.0 if taken_off else stated), path.name
        checked += 1
    assert checked >= 30
