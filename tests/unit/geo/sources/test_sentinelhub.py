"""The Sentinel Hub source against a Sentinel Hub on loopback."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import numpy as np
import pytest
from affine import Affine

from geo.errors import BudgetReachedError, InputError, SceneNotClearError, SceneUnusableError, SourceError
from geo.grid import Grid
from geo.sources.look import Choice
from geo.sources.meter import Meter
from geo.sources.sentinelhub_collection import SENTINEL2_L2A, own_collection
from geo.sources.sentinelhub_credentials import find_credentials
from geo.sources.sentinelhub_session import COPERNICUS_DATA_SPACE, Credentials, Session
from geo.sources.sentinelhub_source import SentinelHubSource
from tests.servers.loopback import Answer
from tests.servers.sentinelhub import CLIENT_ID, CLIENT_SECRET, SentinelHubServer
from tests.servers.stac import reflectance_pixels

TEN = Affine(10, 0, 600000, 0, -10, 4810000)
TWENTY = Affine(20, 0, 600000, 0, -20, 4810000)
# An odd number of 10 m pixels off the 20 m grid on either side.
GRID = Grid("EPSG:32645", Affine(10, 0, 601510, 0, -10, 4808190), (120, 150), 10.0)
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
ITEM = "S2A_MSIL2A_20210125T073201_N0500_R049_T45TXH_20230528T024029.SAFE"
CLEAR = np.full((300, 300), 5, np.uint8)


@pytest.fixture
def server():
    with SentinelHubServer() as server:
        yield server


def source_of(server, transport, collection=SENTINEL2_L2A, **choice):
    session = Session(transport, server.deployment, Credentials(CLIENT_ID, CLIENT_SECRET))
    return SentinelHubSource(session, collection, Choice(**choice))


def serve(server, item_id=ITEM, when="2021-01-25T05:07:20Z", seed=0, scl=CLEAR, **more):
    bands = {"B02": reflectance_pixels((600, 600), seed), "B04": reflectance_pixels((600, 600), seed + 9),
             "B11": reflectance_pixels((300, 300), seed + 1), "SCL": scl}  # fmt: skip
    transforms = {"B02": TEN, "B04": TEN, "B11": TWENTY, "SCL": TWENTY}
    server.add_scene(item_id, when, bands, transforms, **more)
    return bands


def only_scene(source):
    (scene,) = source.search(GRID.scene_footprint_wgs84, START, END).scenes
    return scene


def test_bands_are_bought_at_their_native_pixel_size(server, transport):
    bands = serve(server)
    source = source_of(server, transport)
    raster = source.read(only_scene(source), ["B04", "B11", "B02"], GRID)
    assert raster.bands == ("B04", "B11", "B02")
    assert raster.valid.all()
    np.testing.assert_array_equal(raster.dn[2], bands["B02"][181:301, 151:301])
    np.testing.assert_array_equal(raster.dn[0], bands["B04"][181:301, 151:301])
    assert abs(raster.dn[1].mean() - bands["B11"][90:151, 75:151].mean()) < 10
    assert (raster.classification == 5).all()
    sizes = [(body["output"]["width"], body["output"]["height"]) for body in bodies(server)]
    # The look with 60 m, the 10 m bands, and the 20 m bands with a margin of three pixels.
    assert sorted(sizes) == [(25, 20), (82, 67), (150, 120)]


def bodies(server):
    return [got.json for got in server.requests if got.path == "/api/v1/process"]


def test_harmonisation_is_stated_and_the_offset_goes_once(server, transport):
    bands = serve(server, added_dn=1000)
    source = source_of(server, transport)
    scene = only_scene(source)
    raster = source.read(scene, ["B02"], GRID)
    assert all(body["input"]["data"][0]["processing"]["harmonizeValues"] is True for body in bodies(server))
    assert (raster.scale, raster.offset) == ((1e-4,), (0.0,))
    np.testing.assert_array_equal(raster.dn[0], bands["B02"][181:301, 151:301] - 1000)
    assert (scene.processing_baseline, scene.offset_applied) == ("05.00", True)


def test_estimate_is_what_the_server_charges(server, transport):
    serve(server)
    source = source_of(server, transport)
    scene = only_scene(source)
    expected = source.estimate_cost([scene], ["B02", "B04", "B11"], GRID)
    before = transport.meter.spent
    source.read(scene, ["B02", "B04", "B11"], GRID)
    spent = transport.meter.spent
    assert expected.processing_units == pytest.approx(server.spent)
    assert spent.processing_units == pytest.approx(server.spent)
    assert spent.requests - before.requests == expected.requests == 3


def test_cloud_is_seen_before_bands_are_bought(server, transport):
    serve(server, scl=np.full((300, 300), 9, np.uint8))
    source = source_of(server, transport)
    with pytest.raises(SceneNotClearError, match="shows only 0%"):
        source.read(only_scene(source), ["B02"], GRID)
    assert len(bodies(server)) == 1
    assert transport.meter.spent.processing_units == pytest.approx(0.005)


def test_scene_that_vanished_is_unusable(server, transport):
    serve(server)
    source = source_of(server, transport)
    scene = only_scene(source)
    server.archive.clear()
    with pytest.raises(SceneUnusableError, match="no longer there"):
        source.read(scene, ["B02"], GRID)


def test_two_processings_and_two_tiles_are_one_scene(server, transport):
    serve(server, "S2A_MSIL2A_20210125T073201_N0214_R049_T45TXH_20210125T105105", "2021-01-25T05:07:20Z")
    serve(server, ITEM, "2021-01-25T05:07:20.296Z")
    serve(server, ITEM.replace("T45TXH", "T45TXJ"), "2021-01-25T05:07:05Z")
    found = source_of(server, transport).search(GRID.scene_footprint_wgs84, START, END)
    assert len(found.scenes) == 1
    assert found.scenes[0].processing_baseline == "05.00"
    assert any("processed with baseline 05.00 and not 02.14" in one.reason for one in found.left_out)


def test_catalogue_is_read_page_by_page(server, transport):
    for day in range(1, 6):
        serve(server, ITEM.replace("20210125T073201", f"2021020{day}T073201"), f"2021-02-0{day}T05:07:20Z")
    server.page_size = 2
    assert len(source_of(server, transport).search(GRID.scene_footprint_wgs84, START, END).scenes) == 5
    assert server.count("/search") == 3


def test_expired_token_is_renewed_once(server, transport):
    serve(server)
    source = source_of(server, transport)
    scene = only_scene(source)
    server.revoke_tokens()
    assert source.read(scene, ["B02"], GRID).valid.all()
    assert server.count("/auth/token") == 2


def test_retry_after_is_read_as_sentinel_hub_documents_it(server, transport):
    serve(server)
    source = source_of(server, transport)
    scene = only_scene(source)
    server.spoil("/process", Answer(status=429, headers={"Retry-After": "1500"}))
    source.read(scene, ["B02"], GRID)
    assert sum(transport.waits) == pytest.approx(1.5, abs=0.01)


def test_refused_credentials_are_a_sentence_without_the_secret(server, transport, caplog):
    caplog.set_level(logging.DEBUG)
    session = Session(transport, server.deployment, Credentials("somebody", "not-the-secret", "profile field"))
    source = SentinelHubSource(session)
    with pytest.raises(InputError) as caught:
        source.search(GRID.scene_footprint_wgs84, START, END)
    assert str(caught.value) == (
        "loopback refused the credentials (profile field): make an OAuth client at https://example.org/account"
    )
    assert server.count("/auth/token") == 1


def test_no_secret_shows_anywhere(server, transport, caplog):
    caplog.set_level(logging.DEBUG)
    serve(server)
    source = source_of(server, transport)
    source.read(only_scene(source), ["B02"], GRID)
    server.spoil("/process", Answer(status=403))
    with pytest.raises(SourceError, match="answered 403") as caught:
        source.read(only_scene(source), ["B02"], GRID)
    shown = (
        f"{caplog.text} {caught.value!r} {source._session!r} {vars(source)!r} {Credentials(CLIENT_ID, CLIENT_SECRET)!r}"
    )
    for secret in (CLIENT_ID, CLIENT_SECRET, "loopback-token"):
        assert secret not in shown


def test_bound_on_processing_units_stops_before_the_purchase(server, make_transport):
    transport = make_transport(meter=Meter(max_processing_units=0.01))
    serve(server)
    source = source_of(server, transport)
    scene = only_scene(source)
    with pytest.raises(BudgetReachedError, match=r"processing units and its bound is 0\.01"):
        source.read(scene, ["B02", "B11"], GRID)
    assert server.spent <= 0.01


def test_own_half_metre_collection(server, transport):
    half = Affine(0.5, 0, 601000, 0, -0.5, 4809000)
    grid = Grid("EPSG:32645", Affine(0.5, 0, 601100, 0, -0.5, 4808900), (300, 2600), 0.5)
    pixels = np.random.default_rng(3).integers(0, 2000, (1000, 3000), dtype=np.uint16)
    server.add_scene("b1", "2021-05-01T05:00:00Z", {"Pan": pixels}, {"Pan": half}, collection="byoc-c0ffee")
    collection = own_collection("c0ffee", {"PAN": "Pan"}, 0.5, 1 / 2047, attribution="© Somebody 2021")
    source = source_of(server, transport, collection)
    (scene,) = source.search(grid.scene_footprint_wgs84, START, END).scenes
    raster = source.read(scene, ["PAN"], grid)
    np.testing.assert_array_equal(raster.dn[0], pixels[200:500, 200:2800])
    assert (raster.scale, raster.classification, scene.attribution) == ((1 / 2047,), None, "© Somebody 2021")
    assert len(bodies(server)) == 2  # 2600 pixels are more than one request may ask for


class TestCredentials:
    def test_profile_then_environment_then_configuration(self, tmp_path):
        folder = tmp_path / "sentinelhub"
        folder.mkdir()
        (folder / "config.toml").write_text(
            '[default-profile]\nsh_client_id = "d"\nsh_client_secret = "ds"\n'
            '[field]\nsh_client_id = "f"\nsh_client_secret = "fs"\nsh_base_url = "https://example.org/"\n'
        )
        home = {"XDG_CONFIG_HOME": str(tmp_path)}
        both = {**home, "SH_CLIENT_ID": "e", "SH_CLIENT_SECRET": "es"}
        assert find_credentials(COPERNICUS_DATA_SPACE, "field", both)[1].client_id == "f"
        assert find_credentials(COPERNICUS_DATA_SPACE, "field", both)[0].base_url == "https://example.org"
        assert find_credentials(COPERNICUS_DATA_SPACE, None, both)[1].client_id == "e"
        assert find_credentials(COPERNICUS_DATA_SPACE, None, home)[1].client_id == "d"
        with pytest.raises(InputError, match="profile other isn't in"):
            find_credentials(COPERNICUS_DATA_SPACE, "other", home)

    def test_none_at_all_names_the_page_and_writes_nothing(self, tmp_path):
        with pytest.raises(InputError, match=r"make an OAuth client at https://shapps\.dataspace\.copernicus\.eu"):
            find_credentials(COPERNICUS_DATA_SPACE, None, {"XDG_CONFIG_HOME": str(tmp_path)})
        assert list(tmp_path.iterdir()) == []
