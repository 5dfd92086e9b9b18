"""Sentinel-1 from both loopback servers."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer
from rasterio.control import GroundControlPoint
from rasterio.io import MemoryFile
from rasterio.windows import Window

from geo.errors import InputError, SceneUnusableError
from geo.grid import Grid
from geo.sources.radar_calibration import Calibration
from geo.sources.radar_items import radar_scenes
from geo.sources.sentinelhub_radar import SentinelHubRadar
from geo.sources.sentinelhub_session import Credentials, Session
from geo.sources.stac_apis import PLANETARY_COMPUTER, StacApi
from geo.sources.stac_radar import StacRadar
from tests.servers.sentinelhub import CLIENT_ID, CLIENT_SECRET, SentinelHubServer
from tests.servers.stac import StacServer, real_item

GRID = Grid("EPSG:32645", Affine(10, 0, 601500, 0, -10, 4808200), (60, 80), 10.0)
AREA = GRID.scene_footprint_wgs84
START, END = datetime(2021, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)
HEIGHT, WIDTH, SPACING = 700, 800, 10.0


def real_radar_item() -> dict:
    """Earth Search's own, which is of HH over the southern ocean."""
    return next(one for one in real_item("earth_search_page.json")["features"] if one["collection"] == "sentinel-1-grd")


def ground_of(row, column):
    """Where a pixel of the made product lies, UTM: lines run down the track, which heads 12 degrees west of south."""
    angle = np.radians(12)
    along, across = np.asarray(row) * SPACING, np.asarray(column) * SPACING
    east = 599000 + across * np.cos(angle) - along * np.sin(angle)
    north = 4810500 - across * np.sin(angle) - along * np.cos(angle)
    return east, north


def grd(dn: np.ndarray) -> bytes:
    """A product in radar geometry: no geotransform, tie points in degrees."""
    to_degrees = Transformer.from_crs("EPSG:32645", "EPSG:4326", always_xy=True)
    points = []
    for row in np.linspace(0, HEIGHT - 1, 8):
        for column in np.linspace(0, WIDTH - 1, 8):
            longitude, latitude = to_degrees.transform(*ground_of(row, column))
            points.append(GroundControlPoint(row + 0.5, column + 0.5, longitude, latitude, 1000.0))
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=WIDTH, height=HEIGHT, count=1, dtype=dn.dtype, gcps=points, crs="EPSG:4326",
            tiled=True, blockxsize=256, blockysize=256, compress="deflate",
        ) as dataset:  # fmt: skip
            dataset.write(dn, 1)
        return bytes(memory.read())


def calibration_xml() -> bytes:
    """A = 300 at the first line and column, rising by 0.01 a line and 0.1 a column."""
    vectors = ""
    for line in (0, 350, 700):
        pixels = (0, 400, 800)
        amplitude = " ".join(f"{300 + 0.01 * line + 0.1 * pixel:.6e}" for pixel in pixels)
        vectors += (
            f"<calibrationVector><line>{line}</line><pixel count='3'>{' '.join(map(str, pixels))}</pixel>"
            f"<sigmaNought count='3'>{amplitude}</sigmaNought></calibrationVector>"
        )
    count = "<calibrationVectorList count='3'>"
    return f"<?xml version='1.0'?><calibration>{count}{vectors}</calibrationVectorList></calibration>".encode()


def smooth_dn() -> np.ndarray:
    rows, columns = np.indices((HEIGHT, WIDTH))
    return np.round(100 + 5 * rows + 3 * columns).astype(np.uint16)


@pytest.fixture
def stac_server():
    with StacServer() as server:
        item = copy.deepcopy(real_radar_item())
        item["id"] = "S1A_IW_GRDH_1SDV_20210125T000612"
        item["collection"] = "sentinel-1-grd"
        item["geometry"] = {
            "type": "Polygon",
            "coordinates": [[list(point) for point in AREA.buffer(0.05).exterior.coords]],
        }
        item["properties"] |= {"datetime": "2021-01-25T00:06:24Z", "start_datetime": "2021-01-25T00:06:12Z",
                               "sar:polarizations": ["VV", "VH"]}  # fmt: skip
        dn = smooth_dn()
        server.files |= {
            "/files/vv.tiff": grd(dn),
            "/files/vh.tiff": grd(dn // 3),
            "/files/calibration.xml": calibration_xml(),
        }
        item["assets"] = {
            "vv": {"href": f"{server.url}/files/vv.tiff"},
            "vh": {"href": f"{server.url}/files/vh.tiff"},
            "schema-calibration-vv": {"href": f"{server.url}/files/calibration.xml"},
            "schema-calibration-vh": {"href": f"{server.url}/files/calibration.xml"},
        }
        server.items.append(item)
        yield server


@pytest.fixture
def radar(stac_server, transport):
    return StacRadar(transport, StacApi("loopback", f"{stac_server.url}/v1", radar_collection="sentinel-1-grd"))


def test_backscatter_is_calibrated_and_lies_where_it_should(radar):
    (scene,) = radar.search(AREA, START, END).scenes
    assert (scene.orbit_state, scene.relative_orbit, scene.polarizations) == ("ascending", 56, ("VV", "VH"))
    assert scene.acquired_at == datetime(2021, 1, 25, 0, 6, 12, tzinfo=UTC)
    raster = radar.read(scene, ["VV", "VH"], GRID)
    assert raster.valid.all()
    # Inverse of `ground_of` at the pixels' centres, then the same law that made the product.
    rows, columns = np.indices(GRID.shape)
    east, north = 601500 + 10 * (columns + 0.5), 4808200 - 10 * (rows + 0.5)
    angle = np.radians(12)
    across = (east - 599000) * np.cos(angle) - (north - 4810500) * np.sin(angle)
    along = -(east - 599000) * np.sin(angle) - (north - 4810500) * np.cos(angle)
    line, pixel = along / SPACING, across / SPACING
    expected = ((100 + 5 * line + 3 * pixel) / (300 + 0.01 * line + 0.1 * pixel)) ** 2
    # A shift of a third of a pixel would be more.
    np.testing.assert_allclose(raster.sigma0[0], expected, rtol=0.0015)
    assert (raster.orthorectified, raster.noise_removed) == (False, False)


def test_outside_the_swath_is_not_valid(radar):
    (scene,) = radar.search(AREA, START, END).scenes
    beyond = Grid("EPSG:32645", Affine(10, 0, 607000, 0, -10, 4808200), (60, 80), 10.0)
    raster = radar.read(scene, ["VV"], beyond)
    assert not raster.valid.any()
    assert np.isnan(raster.sigma0).all()


def test_scenes_of_other_modes_and_polarizations_are_left_out():
    result = radar_scenes([real_radar_item()], joined=False)
    assert result.scenes == ()
    assert result.left_out[0].reason == "holds HH, not VV and VH"
    other = copy.deepcopy(real_radar_item())
    other["properties"]["sar:instrument_mode"] = "EW"
    assert radar_scenes([other], joined=False).left_out[0].reason == "was taken in mode EW, not IW"


def test_broken_calibration_and_missing_points_are_told(radar, stac_server):
    (scene,) = radar.search(AREA, START, END).scenes
    stac_server.files["/files/calibration.xml"] = b"<html>"
    with pytest.raises(SceneUnusableError, match="a calibration table that can't be read"):
        radar.read(scene, ["VV"], GRID)
    with pytest.raises(SceneUnusableError, match="has no HH"):
        radar.read(scene, ["HH"], GRID)


def test_an_api_without_radar_is_refused(transport):
    with pytest.raises(InputError, match="no Sentinel-1 collection"):
        StacRadar(transport, StacApi("elsewhere", "http://127.0.0.1:9"))
    assert StacRadar(transport, PLANETARY_COMPUTER).name == "stac planetary-computer radar"


def test_calibration_is_interpolated_between_its_points():
    table = Calibration.of_xml(calibration_xml(), "x").over(Window(100, 50, 3, 2))
    np.testing.assert_allclose(table, [[310.5, 310.6, 310.7], [310.51, 310.61, 310.71]], rtol=1e-6)


class TestSentinelHub:
    @pytest.fixture
    def server(self):
        with SentinelHubServer() as server:
            yield server

    def test_a_pass_is_one_scene_and_comes_as_sigma_nought(self, server, transport):
        rng = np.random.default_rng(4)
        vv, vh = (rng.random((600, 600), dtype=np.float32) for _ in range(2))
        place = Affine(10, 0, 600000, 0, -10, 4810000)
        about = {"sar:instrument_mode": "IW", "s1:polarization": "DV", "sat:orbit_state": "descending",
                 "sat:relative_orbit": 19, "platform": "sentinel-1a"}  # fmt: skip
        for second in (12, 37):
            server.add_scene(f"S1A_{second}", f"2021-01-25T00:06:{second}Z", {"VV": vv, "VH": vh},
                             {"VV": place, "VH": place}, collection="sentinel-1-grd", **about)  # fmt: skip
        source = SentinelHubRadar(Session(transport, server.deployment, Credentials(CLIENT_ID, CLIENT_SECRET)))
        (scene,) = source.search(AREA, START, END).scenes
        assert (scene.orbit_state, scene.relative_orbit) == ("descending", 19)
        raster = source.read(scene, ["VV", "VH"], GRID)
        np.testing.assert_array_equal(raster.sigma0[1], vh[180:240, 150:230])
        assert (raster.orthorectified, raster.noise_removed) == (True, True)
        (body,) = (got.json for got in server.requests if got.path == "/api/v1/process")
        (data,) = body["input"]["data"]
        assert data["processing"]["backCoeff"] == "SIGMA0_ELLIPSOID"
        assert data["processing"]["orthorectify"] is True
        assert data["dataFilter"]["acquisitionMode"] == "IW"
        assert 'units: "LINEAR_POWER"' in body["evalscript"]
        # Twice for 32 bit, twice for orthorectification.
        assert source.estimate_cost([scene], ["VV", "VH"], GRID).processing_units == pytest.approx(
            60 * 80 / 512**2 * 2 / 3 * 4
        )
