"""The STAC source against a STAC API on loopback."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer

from geo.errors import SceneNotClearError, SceneUnusableError
from geo.grid import Grid
from geo.radiometry import to_reflectance
from geo.sources.look import Choice
from geo.sources.stac import StacSource
from geo.sources.stac_apis import StacApi
from tests.servers.stac import StacServer, reflectance_pixels

TEN = Affine(10, 0, 600000, 0, -10, 4810000)
TWENTY = Affine(20, 0, 600000, 0, -20, 4810000)
GRID = Grid("EPSG:32645", Affine(10, 0, 601500, 0, -10, 4808200), (120, 150), 10.0)
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
CLEAR = np.full((300, 300), 5, np.uint8)


def source_of(server: StacServer, transport, **choice) -> StacSource:
    return StacSource(transport, StacApi("loopback", f"{server.url}/v1"), Choice(**choice))


def serve(
    server: StacServer,
    item_id: str = "S2B_45TXH_20220226_0_L2A",
    when: str = "2022-02-26T05:00:00Z",
    seed: int = 0,
    scl=CLEAR,
    **properties,
):
    bands = {"B02": reflectance_pixels((600, 600), seed), "B11": reflectance_pixels((300, 300), seed + 1), "SCL": scl}
    server.add_scene(item_id, when, bands, {"B02": TEN, "B11": TWENTY, "SCL": TWENTY}, **properties)
    return bands


def test_ten_metre_bands_come_bit_for_bit_and_twenty_metre_bands_resampled(stac_server, transport):
    bands = serve(stac_server)
    source = source_of(stac_server, transport)
    (scene,) = source.search(GRID.scene_footprint_wgs84, START, END).scenes
    raster = source.read(scene, ["B02", "B11", "B08"], GRID)
    assert raster.bands == ("B02", "B11")
    assert raster.valid.all()
    np.testing.assert_array_equal(raster.dn[0], bands["B02"][180:300, 150:300])
    # Cubic convolution keeps the mean of the ground; nearest neighbour would repeat pixels.
    ground = bands["B11"][90:150, 75:150]
    assert abs(raster.dn[1].mean() - ground.mean()) < 10
    assert np.ptp(raster.dn[1][::2, ::2] - raster.dn[1][1::2, 1::2]) > 0
    assert (raster.classification == 5).all()


def test_offset_is_taken_off_once(stac_server, transport):
    serve(stac_server)  # baseline 04.00, boa_offset_applied false
    source = source_of(stac_server, transport)
    (scene,) = source.search(GRID.scene_footprint_wgs84, START, END).scenes
    raster = source.read(scene, ["B02"], GRID)
    assert raster.scale == (1e-4,)
    assert raster.offset == (-0.1,)
    np.testing.assert_allclose(to_reflectance(raster)[0], raster.dn[0] * 1e-4 - 0.1, atol=1e-6)


def test_only_touched_blocks_are_fetched(stac_server, transport):
    serve(stac_server)
    source = source_of(stac_server, transport)
    (scene,) = source.search(GRID.scene_footprint_wgs84, START, END).scenes
    before = stac_server.sent_bytes
    source.read(scene, ["B02"], GRID)
    file = stac_server.files["/files/S2B_45TXH_20220226_0_L2A/B02.tif"]
    # Grid columns 150 to 299 and rows 180 to 299 touch four of nine 256-pixel blocks.
    assert stac_server.sent_bytes - before < 0.75 * len(file)
    assert stac_server.count("B02.tif") <= 3


def test_cloudy_scene_isnt_fetched(stac_server, transport):
    cloud = np.full((300, 300), 9, np.uint8)
    cloud[:100] = 5
    serve(stac_server, scl=cloud)
    source = source_of(stac_server, transport, min_clear_fraction=0.5)
    (scene,) = source.search(GRID.scene_footprint_wgs84, START, END).scenes
    with pytest.raises(SceneNotClearError, match="only 17% of the area"):
        source.read(scene, ["B02"], GRID)
    assert stac_server.count("B02.tif") == 0


def test_scene_of_a_neighbouring_zone_is_resampled(stac_server, transport):
    ramp = np.add.outer(np.arange(600), np.arange(600)).astype(np.uint16) * 4 + 1000
    to_tile = Transformer.from_crs("EPSG:32645", "EPSG:32646", always_xy=True)
    centre = to_tile.transform(602250, 4807600)
    left, top = round(centre[0], -1) - 3000, round(centre[1], -1) + 3000
    corner = Affine(10, 0, left, 0, -10, top)
    stac_server.add_scene(
        "S2B_46TCN_20220226_0_L2A", "2022-02-26T05:00:00Z", {"B02": ramp}, {"B02": corner}, "EPSG:32646"
    )
    source = source_of(stac_server, transport)
    (scene,) = source.search(GRID.scene_footprint_wgs84, START, END).scenes
    raster = source.read(scene, ["B02"], GRID)
    assert raster.dn.dtype == np.float32
    assert raster.valid.mean() > 0.9
    rows, columns = np.nonzero(raster.valid)
    easting, northing = to_tile.transform(601505 + 10 * columns, 4808195 - 10 * rows)
    expected = 1000 + 4 * ((top - northing) / 10 - 0.5 + (easting - left) / 10 - 0.5)
    np.testing.assert_allclose(raster.dn[0][rows, columns], expected, atol=1.0)


def test_pages_are_followed(stac_server, transport):
    for day in range(1, 8):
        serve(stac_server, f"S2B_45TXH_2022020{day}_0_L2A", f"2022-02-0{day}T05:00:00Z", day)
    stac_server.page_size = 3
    found = source_of(stac_server, transport).search(GRID.scene_footprint_wgs84, START, END)
    assert [scene.acquired_at.day for scene in found.scenes] == [1, 2, 3, 4, 5, 6, 7]
    assert stac_server.count("/v1/search") == 3


def test_nothing_found_is_no_error(stac_server, transport):
    assert source_of(stac_server, transport).search(GRID.scene_footprint_wgs84, START, END).scenes == ()


def test_newer_processing_counts_and_the_record_says_so(stac_server, transport):
    serve(stac_server, "S2B_45TXH_20220226_0_L2A")
    serve(stac_server, "S2B_45TXH_20220226_1_L2A", "2022-02-26T05:00:03Z", **{"s2:processing_baseline": "05.10"})
    found = source_of(stac_server, transport).search(GRID.scene_footprint_wgs84, START, END)
    assert [scene.item_id for scene in found.scenes] == ["S2B_45TXH_20220226_1_L2A"]
    (left_out,) = found.left_out
    assert left_out.item_id == "S2B_45TXH_20220226_0_L2A"
    assert left_out.reason == (
        "the same acquisition as S2B_45TXH_20220226_1_L2A, which was processed with baseline 05.10 and not 04.00"
    )


def test_cloudy_tiles_and_broken_items_are_left_out_with_their_reason(stac_server, transport):
    serve(stac_server, "overcast", "2022-03-01T05:00:00Z", **{"eo:cloud_cover": 97.2})
    serve(stac_server, "good", "2022-03-06T05:00:00Z")
    serve(stac_server, "no-bands", "2022-03-11T05:00:00Z")
    stac_server.items[-1]["assets"] = {}
    found = source_of(stac_server, transport).search(GRID.scene_footprint_wgs84, START, END)
    assert [scene.item_id for scene in found.scenes] == ["good"]
    reasons = {one.item_id: one.reason for one in found.left_out}
    assert reasons["overcast"] == "97 % of the whole scene is cloud"
    assert "no asset that is a band" in reasons["no-bands"]


def test_bands_that_it_hasnt_and_grids_too_fine_are_refused(stac_server, transport):
    serve(stac_server)
    source = source_of(stac_server, transport)
    (scene,) = source.search(GRID.scene_footprint_wgs84, START, END).scenes
    with pytest.raises(SceneUnusableError, match="none of the bands B03"):
        source.read(scene, ["B03"], GRID)
    fine = Grid("EPSG:32645", Affine(2, 0, 601500, 0, -2, 4808200), (10, 10), 2.0)
    with pytest.raises(SceneUnusableError, match="too coarse"):
        source.read(scene, ["B02"], fine)


def test_jpeg_2000_as_esa_delivers_it(stac_server, transport, tmp_path):
    """Several tiles, no nodata in the file: zeros aren't ground, and numbers are."""
    pixels = reflectance_pixels((600, 600), 5)
    pixels[:, :160] = 0
    item = stac_server.add_scene("S2A_JP2", "2022-02-26T05:00:00Z", {"B02": pixels}, {"B02": TEN})
    path = "/files/S2A_JP2/B02.jp2"
    with rasterio.open(
        tmp_path / "B02.jp2", "w", driver="JP2OpenJPEG", width=600, height=600, count=1, dtype="uint16",
        crs="EPSG:32645", transform=TEN, BLOCKXSIZE=128, BLOCKYSIZE=128, REVERSIBLE="YES", QUALITY="100",
    ) as dataset:  # fmt: skip
        dataset.write(pixels, 1)
    stac_server.files[path] = (tmp_path / "B02.jp2").read_bytes()
    item["assets"] = {"B02_10m": {**item["assets"]["blue"], "href": f"{stac_server.url}{path}", "type": "image/jp2"}}
    source = source_of(stac_server, transport)
    (scene,) = source.search(GRID.scene_footprint_wgs84, START, END).scenes
    before = stac_server.sent_bytes
    raster = source.read(scene, ["B02"], GRID)
    np.testing.assert_array_equal(raster.dn[0], pixels[180:300, 150:300])
    np.testing.assert_array_equal(raster.valid, pixels[180:300, 150:300] > 0)
    assert stac_server.sent_bytes - before < 0.5 * len(stac_server.files[path])
