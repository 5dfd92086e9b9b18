"""One scene goes wrong: the right sentence, nothing half-cached, no endless loop, and every other scene arrives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from affine import Affine

from geo.cache import SceneCache
from geo.errors import (
    BudgetReachedError,
    SceneUnreadError,
    SceneUnusableError,
    ServiceDownError,
    SourceError,
    TemporarySourceError,
)
from geo.grid import Grid
from geo.sources.cached import CachedSource
from geo.sources.look import Choice
from geo.sources.many import read_many
from geo.sources.sentinelhub_session import Credentials, Session
from geo.sources.sentinelhub_source import SentinelHubSource
from geo.sources.stac import StacSource
from geo.sources.stac_apis import StacApi
from tests.servers.loopback import Answer, Fault, LoopbackServer
from tests.servers.sentinelhub import CLIENT_ID, CLIENT_SECRET, SentinelHubServer
from tests.servers.stac import StacServer, cog, reflectance_pixels

TEN, TWENTY = Affine(10, 0, 600000, 0, -10, 4810000), Affine(20, 0, 600000, 0, -20, 4810000)
GRID = Grid("EPSG:32645", Affine(10, 0, 600500, 0, -10, 4809500), (60, 50), 10.0)
AREA = GRID.scene_footprint_wgs84
START, END = datetime(2022, 1, 1, tzinfo=UTC), datetime(2023, 1, 1, tzinfo=UTC)
BANDS = {"B02": reflectance_pixels((300, 300), 1), "SCL": np.full((150, 150), 5, np.uint8)}
DAYS = range(1, 6)
BAD = 3
ATTEMPTS = 3


@dataclass
class Place:
    """A server with five scenes, and a cached source that asks it."""

    server: LoopbackServer
    source: CachedSource
    spoiled_part: str
    search_part: str

    def run(self) -> tuple[dict[int, Any], dict[int, SourceError]]:
        """(day to raster, day to error) of every scene that is found."""
        rasters, errors = {}, {}
        for scene in self.source.search(AREA, START, END).scenes:
            try:
                rasters[scene.acquired_at.day] = self.source.read(scene, ["B02"], GRID)
            except SourceError as error:
                errors[scene.acquired_at.day] = error
        return rasters, errors


@pytest.fixture
def patience_s(request) -> float:
    """Short where a server keeps silent or drips, else long: a busy machine must not look like a fault."""
    return 0.3 if re.search("drip|silence", request.node.name) else 20.0


@pytest.fixture
def stac(tmp_path, make_transport, patience_s):
    transport = make_transport(attempts=ATTEMPTS, timeout_s=patience_s, deadline_s=patience_s)
    with StacServer() as server:
        for day in DAYS:
            server.add_scene(
                f"S2A_45TXH_2022020{day}_0_L2A", f"2022-02-0{day}T05:00:00Z", BANDS, {"B02": TEN, "SCL": TWENTY}
            )
        api = StacApi("loopback", f"{server.url}/v1")
        source = StacSource(transport, api, Choice())
        cached = CachedSource(source, SceneCache(str(tmp_path)))
        yield Place(server, cached, f"S2A_45TXH_2022020{BAD}_0_L2A/B02", "/v1/search")


@pytest.fixture
def hub(tmp_path, make_transport, patience_s):
    transport = make_transport(attempts=ATTEMPTS, timeout_s=patience_s, deadline_s=patience_s)
    with SentinelHubServer() as server:
        for day in DAYS:
            name = f"S2A_MSIL2A_2022020{day}T050000_N0500_R049_T45TXH_20230528T024029.SAFE"
            server.add_scene(name, f"2022-02-0{day}T05:00:00Z", BANDS, {"B02": TEN, "SCL": TWENTY})
        session = Session(
            transport,
            server.deployment,
            Credentials(CLIENT_ID, CLIENT_SECRET),
        )
        cached = CachedSource(SentinelHubSource(session), SceneCache(str(tmp_path)))
        yield Place(server, cached, "/process", "/search")


@pytest.fixture(params=["stac", "hub"])
def place(request) -> Place:
    return request.getfixturevalue(request.param)


def assert_others_arrived(place: Place, rasters: dict[int, Any], missing: set[int]) -> None:
    assert set(rasters) == set(DAYS) - missing
    for raster in rasters.values():
        np.testing.assert_array_equal(raster.dn[0], BANDS["B02"][50:110, 50:100])
    kept = [entry for entry in place.source.cache.entries() if entry.kind != "search"]
    assert len(kept) == len(rasters)


TEMPORARY = [
    (Answer(status=429, headers={"Retry-After": "2"}), r"answered 429 \(Too Many Requests\)"),
    (Answer(status=429), r"answered 429 \(Too Many Requests\)"),
    (Answer(status=500), r"answered 500 \(Internal Server Error\)"),
    (Answer(status=502), r"answered 502 \(Bad Gateway\)"),
    (Fault.TRUNCATED, "broke off its answer"),
    (Fault.RESET, "broke off its answer"),
    (Fault.DRIP, "didn't finish answering"),
    (Fault.SILENCE, "doesn't answer in time"),
]
NAMES = ["429-retry-after", "429", "500", "502", "truncated", "reset", "drip", "silence"]


@pytest.mark.parametrize(("fault", "words"), TEMPORARY, ids=NAMES)
def test_a_fault_that_passes_is_not_noticed(place, fault, words):
    place.server.spoil(place.spoiled_part, fault)
    rasters, errors = place.run()
    assert errors == {}
    assert_others_arrived(place, rasters, set())


@pytest.mark.parametrize(("fault", "words"), TEMPORARY, ids=NAMES)
def test_a_fault_that_stays_costs_one_scene_and_the_next_run_gets_it(stac, fault, words):
    stac.server.spoil(stac.spoiled_part, fault, times=ATTEMPTS)
    rasters, errors = stac.run()
    assert set(errors) == {BAD}
    assert isinstance(errors[BAD], SceneUnreadError)
    with pytest.raises(TemporarySourceError, match=rf"{words}.*, 3 times in a row: run again later"):
        raise errors[BAD]
    assert_others_arrived(stac, rasters, {BAD})
    asked = len(stac.server.requests)
    rasters, errors = stac.run()
    assert errors == {}
    assert_others_arrived(stac, rasters, set())
    assert 0 < len(stac.server.requests) - asked <= 6  # only the missing scene was asked for


@pytest.mark.parametrize(("fault", "words"), TEMPORARY[:6], ids=NAMES[:6])
def test_sentinel_hub_fault_that_stays_costs_one_scene(hub, fault, words):
    scenes = hub.source.search(AREA, START, END).scenes
    hub.source.read(scenes[0], ["B02"], GRID)
    hub.server.spoil("/process", fault, times=ATTEMPTS)
    with pytest.raises(TemporarySourceError, match=words):
        hub.source.read(scenes[1], ["B02"], GRID)
    rasters, errors = hub.run()
    assert errors == {}
    assert_others_arrived(hub, rasters, set())


@pytest.mark.parametrize(("fault", "words"), TEMPORARY[:6], ids=NAMES[:6])
def test_a_fault_in_the_middle_of_a_page(place, fault, words):
    place.server.page_size = 2
    place.server.spoil(place.search_part, fault)
    rasters, errors = place.run()
    assert errors == {}
    assert_others_arrived(place, rasters, set())


def test_a_search_that_keeps_failing_is_one_error_and_not_an_empty_answer(place):
    place.server.spoil(place.search_part, Answer(status=502), times=ATTEMPTS)
    with pytest.raises(TemporarySourceError, match=r"answered 502 \(Bad Gateway\), 3 times in a row"):
        place.run()
    assert place.source.cache.entries() == []
    assert place.run()[1] == {}


def test_a_search_that_answers_with_a_web_page(place):
    place.server.spoil(place.search_part, Answer(b"<html>", headers={"Content-Type": "text/html"}))
    with pytest.raises(SourceError, match="answered with text/html instead of a JSON object"):
        place.run()


def test_a_search_that_answers_without_items(place):
    place.server.spoil(place.search_part, Answer.of_json({"detail": "hello"}))
    with pytest.raises(SourceError, match="answered without a list of items"):
        place.run()


def test_pages_in_a_circle_end(stac):
    page = {
        "features": [stac.server.items[0]],
        "links": [{"rel": "next", "method": "GET", "href": f"{stac.server.url}/v1/search?p=1"}],
    }
    stac.server.spoil(stac.search_part, Answer.of_json(page), times=99)
    with pytest.raises(SourceError, match="same pages again and again"):
        stac.run()
    assert len(stac.server.requests) == 2


def test_a_scene_that_vanished(stac):
    del stac.server.files[f"/files/{stac.spoiled_part}.tif"]
    rasters, errors = stac.run()
    with pytest.raises(SceneUnusableError, match=r"B02\.tif is no longer there: search again"):
        raise errors[BAD]
    assert_others_arrived(stac, rasters, {BAD})


@pytest.mark.parametrize(
    "damage", [lambda data: b"<html>not a TIFF</html>" * 100, lambda data: data[:8] + b"\xff" * 3000 + data[3008:],
               lambda data: data[:60_000], lambda data: data[:20_000] + bytes(len(data) - 20_000)],
    ids=["html", "header", "cut", "blocks"],
)  # fmt: skip
def test_a_broken_tiff(stac, damage):
    path = f"/files/{stac.spoiled_part}.tif"
    stac.server.files[path] = damage(cog(BANDS["B02"], TEN))
    rasters, errors = stac.run()
    with pytest.raises(SceneUnusableError, match=r"B02\.tif is a broken (or no )?raster file"):
        raise errors[BAD]
    assert_others_arrived(stac, rasters, {BAD})


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(b"II*\0junk", headers={"Content-Type": "image/tiff"}), SceneUnusableError, "came as a broken TIFF"),
        (Answer(b"<html>", headers={"Content-Type": "text/html"}), SourceError, "text/html instead of a TIFF"),
        (
            Answer.of_json({"error": {"message": "Tile is broken"}}, 400),
            SceneUnusableError,
            "was refused: .*Tile is broken",
        ),
        (Answer.of_json({"error": {"message": "Insufficient processing units"}}, 403), SourceError, "Insufficient"),
        (
            Answer(cog(np.ones((10, 10), np.uint16), TEN), headers={"Content-Type": "image/tiff"}),
            SceneUnusableError,
            "instead of",
        ),
    ],
)
def test_a_wrong_answer_of_the_process_api(hub, answer, kind, words):
    hub.server.spoil("/process", answer)
    rasters, errors = hub.run()
    assert len(errors) == 1
    (error,) = errors.values()
    with pytest.raises(kind, match=words):
        raise error
    assert_others_arrived(hub, rasters, set(errors))


def test_a_token_refused_for_ever_is_asked_for_twice_only(hub):
    hub.server.handler = lambda got: (
        hub.server._handle(got) if got.path == "/auth/token" else Answer.of_json({"error": {"message": "no"}}, 401)
    )
    with pytest.raises(Exception, match=r"refused the credentials .*: make an OAuth client at"):
        hub.run()
    assert hub.server.count("/auth/token") == 2


@pytest.mark.parametrize("fault", [Answer(status=500), Answer(status=429), Fault.RESET, Fault.TRUNCATED])
def test_a_sign_in_that_fails_for_a_moment(hub, fault):
    hub.server.spoil("/auth/token", fault)
    assert hub.run()[1] == {}


def test_many_scenes_at_once_come_in_order_and_a_bad_one_stays_alone(stac):
    del stac.server.files[f"/files/{stac.spoiled_part}.tif"]
    stac.server.latency_s = 0.02
    scenes = stac.source.search(AREA, START, END).scenes
    outcomes = list(read_many(stac.source, scenes, ["B02"], GRID))
    assert [scene.acquired_at.day for scene, _ in outcomes] == list(DAYS)
    assert [isinstance(outcome, SceneUnusableError) for _, outcome in outcomes] == [day == BAD for day in DAYS]
    rasters = {scene.acquired_at.day: raster for scene, raster in outcomes if not isinstance(raster, Exception)}
    assert_others_arrived(stac, rasters, {BAD})


def test_many_scenes_stop_at_a_bound(stac):
    scenes = stac.source.search(AREA, START, END).scenes
    stac.source.source._transport.meter.max_bytes = 1
    with pytest.raises(BudgetReachedError):
        list(read_many(stac.source, scenes, ["B02"], GRID))
    assert stac.server.count("/files") == 0


def test_an_archive_that_is_down_is_one_error_soon(stac):
    scenes = stac.source.search(AREA, START, END).scenes
    stac.server.spoil("/files", Answer(status=503), times=10_000)
    errors = []
    for _ in range(10):
        for scene in scenes:
            with pytest.raises(SourceError) as caught:
                stac.source.read(scene, ["B02"], GRID)
            errors.append(caught.value)
    assert isinstance(errors[0], SceneUnreadError)
    with pytest.raises(ServiceDownError, match="left 20 requests in a row unanswered: run again later"):
        raise errors[-1]
    assert not isinstance(errors[-1], SceneUnusableError)
    assert stac.server.count("/files") == 20 * ATTEMPTS
