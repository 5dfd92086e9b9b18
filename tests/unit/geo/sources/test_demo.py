"""The demo's scenes read from both loopback servers are the folder's."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from geo.grid import Grid
from geo.radiometry import to_reflectance
from geo.sources.folder import FolderSource
from geo.sources.look import Choice
from geo.sources.sentinelhub_session import Credentials, Session
from geo.sources.sentinelhub_source import SentinelHubSource
from geo.sources.stac import StacSource
from geo.sources.stac_apis import StacApi
from tests.servers import demo
from tests.servers.sentinelhub import CLIENT_ID, CLIENT_SECRET, SentinelHubServer
from tests.servers.stac import StacServer

# The built-up part, and a corner that reaches out of the scenes.
GRIDS = [
    Grid("EPSG:32645", Affine(10, 0, 602000, 0, -10, 4805000), (200, 300), 10.0),
    Grid("EPSG:32645", Affine(10, 0, 600500, 0, -10, 4803200), (60, 90), 10.0),
]


# The same ground in the next zone, where every pixel has to be resampled.
NEXT_ZONE = Grid("EPSG:32646", Affine(10, 0, 116040, 0, -10, 4815150), (200, 300), 10.0)


@pytest.fixture(params=["stac", "sentinelhub"])
def remote(request, make_transport):
    transport = make_transport()
    if request.param == "stac":
        with StacServer() as server:
            demo.serve_stac(server)
            yield StacSource(transport, StacApi("loopback", f"{server.url}/v1"), Choice(min_clear_fraction=0))
    else:
        with SentinelHubServer() as server:
            demo.serve_sentinelhub(server)
            session = Session(transport, server.deployment, Credentials(CLIENT_ID, CLIENT_SECRET))
            yield SentinelHubSource(session, demo.COLLECTION)


def test_thirteen_scenes_are_read_as_from_the_folder(remote):
    folder = FolderSource(demo.FOLDER)
    area = GRIDS[0].scene_footprint_wgs84
    expected = folder.search(area, demo.START, demo.END).scenes
    found = remote.search(area, demo.START, demo.END).scenes
    assert [(scene.item_id, scene.acquired_at) for scene in found] == [
        (scene.item_id, scene.acquired_at) for scene in expected
    ]
    assert len(found) == 13
    for ours, theirs in zip(found, expected, strict=True):
        for grid in GRIDS:
            raster, wanted = remote.read(ours, demo.VISIBLE, grid), folder.read(theirs, demo.VISIBLE, grid)
            assert raster.bands == wanted.bands
            np.testing.assert_array_equal(raster.valid, wanted.valid)
            assert 0 < raster.valid.mean() <= 1
            np.testing.assert_array_equal(to_reflectance(raster), to_reflectance(wanted))
            assert raster.classification is None


def test_resampled_scenes_are_the_folders_too(make_transport):
    with StacServer() as server:
        demo.serve_stac(server)
        transport = make_transport()
        source = StacSource(transport, StacApi("loopback", f"{server.url}/v1"), Choice(min_clear_fraction=0))
        folder = FolderSource(demo.FOLDER)
        area = NEXT_ZONE.scene_footprint_wgs84
        ours, theirs = (one.search(area, demo.START, demo.END).scenes[-2] for one in (source, folder))
        raster, wanted = (source.read(ours, demo.VISIBLE, NEXT_ZONE), folder.read(theirs, demo.VISIBLE, NEXT_ZONE))
        assert wanted.valid.mean() > 0.9
        np.testing.assert_array_equal(raster.valid, wanted.valid)
        np.testing.assert_array_equal(to_reflectance(raster), to_reflectance(wanted))
