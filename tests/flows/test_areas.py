"""Places whose areas overlap are fetched as one: no pixel crosses the wire twice, and all else stays as it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from shapely import Point

from aoi.catalogue import Catalogue
from aoi.facility import Facility, FacilityKind
from flows.imagery import open_held
from flows.ledger import Ledger
from flows.parameters import MonitorParameters
from flows.places import fetch_areas, require_unmoved
from flows.publish.publishing import publish
from flows.record import FacilityRecord, Outcome
from flows.run import run
from flows.scenes import RecordedScenes
from geo.errors import InputError
from geo.grid import to_wgs84
from tests.servers import demo
from tests.servers.stac import StacServer

CRS = "EPSG:32645"


def place(facility_id: str, east_m: float, north_m: float = 4_850_000.0) -> Facility:
    point = to_wgs84(Point(east_m, north_m), CRS)
    return Facility(facility_id, facility_id, FacilityKind.CAMP, point, 1000.0)


def on_record(facility: Facility, **more) -> FacilityRecord:
    return FacilityRecord(
        facility, CRS, 10.0, demo.START, demo.END, Outcome.ASSESSED, "", "stac:x", "b" * 64, "1", **more
    )


def test_places_that_overlap_share_an_area_and_others_dont() -> None:
    a, b, far = place("a", 550_000), place("b", 551_000), place("far", 560_000)
    areas = fetch_areas([a, b, far], {}, 10.0)
    assert areas["a"] == areas["b"] != areas["far"]
    assert areas["far"] == far.grid()
    for one in (a, b):
        assert areas[one.facility_id].offset(one.grid()) is not None


def test_an_area_once_fetched_stays_when_a_place_is_added() -> None:
    a, b, inside = place("a", 550_000), place("b", 551_000), place("inside", 550_500)
    before = fetch_areas([a, b], {}, 10.0)
    known = {one.facility_id: on_record(one, area=before[one.facility_id]) for one in (a, b)}
    beside = place("beside", 552_500)
    after = fetch_areas([a, b, inside, beside], known, 10.0)
    assert after["a"] == after["b"] == after["inside"] == before["a"]
    assert after["beside"] == beside.grid()
    assert fetch_areas([a], known, 10.0) == {"a": before["a"]}


def test_half_metre_areas_have_half_metre_pixels() -> None:
    a, b = place("a", 550_000.3), place("b", 551_000.8)
    area = fetch_areas([a, b], {}, 0.5)["a"]
    assert area.gsd_m == 0.5
    assert [area.offset(one.grid(0.5)) is not None for one in (a, b)] == [True, True]


def test_a_place_that_moved_is_named_with_what_to_do() -> None:
    a, b = place("a", 550_000), place("b", 551_000)
    known = {one.facility_id: on_record(one) for one in (a, b)}
    require_unmoved([a, b], known)
    require_unmoved([a, replace(b, name="renamed")], known)
    with pytest.raises(InputError, match=r"^b: the catalogue has another position.*--moved keep"):
        require_unmoved([a, replace(b, buffer_m=1500.0)], known)


@pytest.mark.slow
def test_a_run_fetches_no_byte_twice_and_publishes_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACILITY_WATCH_CACHE", str(tmp_path / "cache"))
    places = ("aspi-0050", "aspi-0124")
    with StacServer() as server:
        demo.serve_stac(server)
        asked = MonitorParameters(
            source=f"stac:{server.url}/v1",
            facilities=places,
            start=demo.START.date(),
            end=demo.END.date(),
            outputs=tmp_path / "outputs",
            detectors=("footprints",),
        )
        summary = run(asked)
        fetched = ranges(server)
        assert fetched
        assert max(fetched.values()) == 1
        searches = sum(got.path == "/v1/search" for got in server.requests)
        assert searches == 1
        run(asked)
        assert ranges(server) == fetched
    assert [one.scenes_used for one in summary.facilities] == [13, 13]
    rasters = sorted(path.parent.name for path in (tmp_path / "cache").rglob("*.tif"))
    ledger = Ledger.at(tmp_path / "outputs")
    areas = {record.area for record in ledger.headings().values()}
    assert len(areas) == 1
    assert len(rasters) == 13
    again = tmp_path / "again"
    publish(ledger, again, RecordedScenes(ledger, open_held))
    ledger.close()
    for name in ("changes.geojson", "coverage.csv"):
        assert (again / name).read_bytes() == (tmp_path / "outputs" / name).read_bytes()
    assert list((again / "evidence").rglob("*.png"))


def ranges(server: StacServer) -> Counter[tuple[str, str]]:
    return Counter((got.path, got.headers.get("range", "")) for got in server.requests if got.path in server.files)


def test_the_packaged_catalogue_is_fetched_over_fewer_areas_than_places() -> None:
    active = Catalogue.builtin().active
    areas = fetch_areas(active, {}, 10.0)
    assert set(areas) == {one.facility_id for one in active}
    assert len(set(areas.values())) < 0.6 * len(active)
    assert all(areas[one.facility_id].offset(one.grid()) is not None for one in active)
