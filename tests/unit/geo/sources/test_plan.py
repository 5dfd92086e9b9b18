"""What a run would cost, and stopping at a bound."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from affine import Affine

from geo.cache import SceneCache
from geo.errors import BudgetReachedError, InputError, SourceError
from geo.grid import Grid
from geo.sources.meter import Meter
from geo.sources.opening import open_radar, open_remote, open_sentinelhub, open_stac
from geo.sources.plan import Area, plan
from geo.sources.sentinelhub_session import DEPLOYMENTS
from geo.sources.sentinelhub_source import SentinelHubSource
from geo.sources.stac_apis import StacApi
from tests.servers.loopback import Answer
from tests.servers.sentinelhub import CLIENT_ID, CLIENT_SECRET, SentinelHubServer
from tests.servers.stac import StacServer, reflectance_pixels

TEN, TWENTY = Affine(10, 0, 600000, 0, -10, 4810000), Affine(20, 0, 600000, 0, -20, 4810000)
START, END = datetime(2022, 1, 1, tzinfo=UTC), datetime(2022, 12, 31, tzinfo=UTC)
KEYS = {"SH_CLIENT_ID": CLIENT_ID, "SH_CLIENT_SECRET": CLIENT_SECRET}


def area(name: str, left: float) -> Area:
    grid = Grid("EPSG:32645", Affine(10, 0, left, 0, -10, 4809000), (50, 60), 10.0)
    return Area(name, grid.scene_footprint_wgs84, grid)


AREAS = [area("aspi-0001", 600500), area("aspi-0002", 601500)]
BANDS = ["B02", "B11"]


def serve(server, names) -> None:
    for day, name in enumerate(names, start=1):
        bands = {"B02": reflectance_pixels((300, 300), day), "B11": reflectance_pixels((150, 150), day),
                 "SCL": np.full((150, 150), 5, np.uint8)}  # fmt: skip
        server.add_scene(name, f"2022-02-0{day}T05:00:00Z", bands, {"B02": TEN, "B11": TWENTY, "SCL": TWENTY})


@pytest.fixture
def hub(tmp_path, make_transport, monkeypatch):
    with SentinelHubServer() as server:
        serve(server, [f"S2A_MSIL2A_2022020{day}T050000_N0500_R049_T45TXH_20230528T024029.SAFE" for day in (1, 2, 3)])
        monkeypatch.setitem(DEPLOYMENTS, "loopback", server.deployment)

        def opened(**bounds):
            transport = make_transport(meter=Meter(**bounds))
            cache = SceneCache(str(tmp_path))
            return transport, open_sentinelhub(transport, "loopback", cache=cache, environment=KEYS)

        yield server, opened


def test_a_plan_spends_nothing_and_says_what_a_run_would(hub):
    server, opened = hub
    _, source = opened()
    rows = list(plan(AREAS, source, BANDS, START, END))
    assert server.count("/process") == 0
    assert [(row.area_id, row.scenes, row.held, row.cost.requests) for row in rows] == [
        ("aspi-0001", 3, 0, 9), ("aspi-0002", 3, 0, 9),
    ]  # fmt: skip
    for one in AREAS:
        for scene in source.search(one.geometry, START, END).scenes:
            source.read(scene, BANDS, one.grid)
    assert rows[-1].total.processing_units == pytest.approx(server.spent)
    again = list(plan(AREAS, source, BANDS, START, END))
    assert [(row.scenes, row.held, row.cost.processing_units) for row in again] == [(3, 3, 0.0), (3, 3, 0.0)]


def test_a_run_stops_at_its_bound_and_the_next_goes_on(hub):
    server, opened = hub
    _, source = opened()
    bound = 1.5 * next(plan(AREAS, source, BANDS, START, END)).cost.processing_units / 3
    rows = list(plan(AREAS, source, BANDS, START, END, max_processing_units=bound))
    assert [row.within_bounds for row in rows] == [False, False]
    for _ in range(9):
        _, source = opened(max_processing_units=bound)
        try:
            for scene in source.search(AREAS[0].geometry, START, END).scenes:
                source.read(scene, BANDS, AREAS[0].grid)
            break
        except BudgetReachedError:
            pass
    assert all(
        source.holds(scene, BANDS, AREAS[0].grid) for scene in source.search(AREAS[0].geometry, START, END).scenes
    )
    looks_and_bands = [got.json["output"]["width"] for got in server.requests if got.path == "/api/v1/process"]
    assert 9 <= len(looks_and_bands) <= 13  # what the bound cut off is bought again, nothing else


def test_an_area_that_cant_be_searched_is_a_row(tmp_path, make_transport):
    with StacServer() as server:
        serve(server, ["S2A_1", "S2A_2"])
        source = open_stac(
            make_transport(attempts=1), StacApi("loopback", f"{server.url}/v1"), cache=SceneCache(str(tmp_path))
        )
        server.spoil("/search", Answer(status=502))
        rows = list(plan(AREAS, source, BANDS, START, END, max_bytes=10**9))
        assert "answered 502" in rows[0].fault
        assert (rows[1].scenes, rows[1].fault, rows[1].cost.requests) == (2, "", 12)
        assert rows[1].within_bounds
        assert server.count("/files") == 0


def test_unknown_names_and_missing_keys_are_sentences(transport):
    with pytest.raises(InputError, match="isn't known: give sentinel-hub or copernicus-data-space"):
        open_sentinelhub(transport, "elsewhere", environment=KEYS)
    with pytest.raises(InputError, match=r"needs S3 keys .* make them at https://eodata-s3keysmanager"):
        open_stac(transport, "copernicus-data-space", environment={})
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    source = open_stac(transport, "copernicus-data-space", environment=keys)
    assert source.name == "stac copernicus-data-space"
    assert isinstance(open_sentinelhub(transport, "sentinel-hub", environment=KEYS), SentinelHubSource)
    assert source.estimate_cost([], BANDS, AREAS[0].grid).bytes == 0


def test_sources_are_opened_by_a_word(transport, tmp_path):
    described = tmp_path / "own.toml"
    described.write_text(
        'collection_id = "c0ffee"\ngsd_m = 0.5\nscale = 0.0001\nattribution = "© Somebody"\n[bands]\nB04 = "Red"\n'
    )
    assert open_remote("stac:planetary-computer", transport).name == "stac planetary-computer"
    assert open_remote("stac:https://example.org/stac", transport).name == "stac https://example.org/stac"
    assert open_remote("sentinelhub:", transport, environment=KEYS).name == "sentinelhub copernicus-data-space"
    own = open_remote(f"byoc:{described}", transport, environment=KEYS)
    assert (own.name, own.collection.catalog_id) == ("sentinelhub sentinel-hub", "byoc-c0ffee")
    assert own.collection.asked_as == {"B04": "Red"}
    assert open_radar("stac:", transport).name == "stac planetary-computer radar"
    assert open_radar("sentinelhub:", transport, environment=KEYS).name == "sentinelhub copernicus-data-space radar"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gsd_m = 0.5", "doesn't give 'collection_id'"),
        ('collection_id = "x"\nbands = 3', "can't be read as the description"),
        ("= nonsense", "can't be read as the description"),
    ],
)
def test_a_description_that_lacks_something(tmp_path, transport, text, words):
    described = tmp_path / "own.toml"
    described.write_text(text)
    with pytest.raises(InputError, match=words):
        open_remote(f"byoc:{described}", transport, environment=KEYS)


def test_words_that_name_nothing(transport):
    with pytest.raises(InputError, match="isn't known: give stac:NAME"):
        open_remote("ftp:somewhere", transport)
    with pytest.raises(InputError, match="radar source 'folder:x' isn't known"):
        open_radar("folder:x", transport)


def test_offline_needs_no_credentials(transport, tmp_path):
    cache, nothing = SceneCache(str(tmp_path / "cache")), {"XDG_CONFIG_HOME": str(tmp_path)}
    for word in ("sentinelhub:", "stac:copernicus-data-space"):
        source = open_remote(word, transport, cache=cache, environment=nothing, offline=True)
        with pytest.raises(SourceError, match="run once online"):
            source.search(AREAS[0].geometry, START, END)
    assert transport.meter.spent.requests == 0
