"""The demo's main job over real sockets gives the same changes as from the folder, and asks for nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoi.catalogue import Catalogue
from detectors.registry import choose
from flows.fetch import hold, read, whole_series
from flows.imagery import open_held
from flows.method import Method, Window
from flows.record import FacilityRecord
from flows.subject import Job, Subject
from flows.watch import assess
from geo.cache import SceneCache
from geo.preparation import PreparationParameters
from geo.sources.base import ImagerySource
from geo.sources.cached import CachedSource
from geo.sources.look import Choice
from geo.sources.meter import Meter
from geo.sources.sentinelhub_session import Credentials, Session
from geo.sources.sentinelhub_source import SentinelHubSource
from geo.sources.stac import StacSource
from geo.sources.stac_apis import StacApi
from geo.sources.transport import Transport
from tests.servers import demo
from tests.servers.sentinelhub import CLIENT_ID, CLIENT_SECRET, SentinelHubServer
from tests.servers.stac import StacServer

pytestmark = pytest.mark.slow

# One band set for all three, so that they are the same pixels; the loopback servers serve the visible bands.
METHOD = Method(choose(), PreparationParameters(), 10.0)


def subject(specification: str) -> Subject:
    catalogue = Catalogue.builtin()
    facility = catalogue.get("aspi-0124")
    return Subject(facility, catalogue.near(facility), Window(demo.START, demo.END), METHOD, specification)


def watched(source: ImagerySource, specification: str) -> FacilityRecord:
    return assess(subject(specification), read(source, whole_series(source, subject(specification))))


@pytest.fixture(scope="module")
def from_folder() -> FacilityRecord:
    return watched(open_held("example"), "example")


def assert_same_changes(remote: FacilityRecord, folder: FacilityRecord) -> None:
    assert len(folder.tracks) >= 2
    assert remote.tracks == folder.tracks
    assert remote.history == folder.history
    assert [scene.item_id for scene in remote.used_scenes] == [scene.item_id for scene in folder.used_scenes]


def test_from_a_stac_api_and_once_only(from_folder: FacilityRecord, tmp_path: Path) -> None:
    with StacServer() as server, Transport(Meter()) as transport:
        demo.serve_stac(server)
        inner = StacSource(transport, StacApi("loopback", f"{server.url}/v1"), Choice(min_clear_fraction=0))
        source = CachedSource(inner, SceneCache(str(tmp_path)), {"url": server.url})
        assert_same_changes(watched(source, "stac:loopback"), from_folder)
        spent = transport.meter.spent
        assert spent.requests > 0
        whole = subject("stac:loopback")
        found = source.search(whole.facility.area_of_interest, demo.START, demo.END)
        job = Job(whole, found.scenes, found.left_out)
        searched = transport.meter.spent
        assert hold(source, job, 60.0) == job
        assert transport.meter.spent == searched
    offline = CachedSource(inner, SceneCache(str(tmp_path)), {"url": server.url}, offline=True)
    assert_same_changes(watched(offline, "stac:loopback"), from_folder)


def test_from_sentinel_hub(from_folder: FacilityRecord) -> None:
    with SentinelHubServer() as server, Transport(Meter()) as transport:
        demo.serve_sentinelhub(server)
        session = Session(transport, server.deployment, Credentials(CLIENT_ID, CLIENT_SECRET))
        source = SentinelHubSource(session, demo.COLLECTION)
        assert_same_changes(watched(source, "sentinelhub:loopback"), from_folder)
