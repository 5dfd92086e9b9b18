"""The ledger keeps records without loss, whole or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from affine import Affine
from shapely import LineString, Point, box

from aoi.facility import Facility, FacilityKind
from detectors.base import ChangeType, Components, Finding, Side, SideRole, Stage, Verdict
from flows.change import HistoryEntry, ReviewStatus, Status
from flows.ledger import Ledger, exclusive, ledger_path
from flows.ledger_tables import metadata
from flows.record import AssessmentRecord, FacilityRecord, Outcome, Review, SceneRecord
from flows.track import DetectorIdentity, Track
from geo.errors import InputError, StoreError
from geo.grid import Grid
from tests.servers import postgresql

EARLY, LATE = datetime(2017, 3, 2, 5, 1, 2, 345000, tzinfo=UTC), datetime(2018, 10, 11, tzinfo=UTC)


def record(facility_id: str = "aspi-0050", area: float = 0.1 + 0.2) -> FacilityRecord:
    track = Track(
        change_id=f"{facility_id}-abcdefgh",
        detector=DetectorIdentity("footprints", "1.0", "a" * 64),
        status=Status.FIRST,
        finding=Finding(
            kind=ChangeType.GROUND_CLEARED,
            geometry=box(600000.1, 4800000, 600100, 4800100.3),
            area_m2=area,
            length_m=None,
            score=1 / 3,
            components=Components(0.1, 0.2, 0.3, 0.4),
            last_without=EARLY,
            first_with=LATE,
            before_item_id="s0",
            after_item_id="s1",
            seen_in=("s1",),
            sides=(Side(LineString([(600000.1, 4800000), (600100, 4800000.7)]), 2 / 3, ("s1",), SideRole.INTERIOR),),
            stage=Stage.CLEARED,
        ),
        parent_change_id=None,
        misses=0,
        last_seen=LATE,
    )
    return FacilityRecord(
        facility=Facility(
            facility_id=facility_id,
            name="Dabancheng «#1» '; DROP TABLE tracks; --",
            kind=FacilityKind.CAMP,
            geometry=Point(88.28993598, 43.38385),
            buffer_m=1500.0,
            prefecture="Urumqi",
            security_tier=3,
            attributes={"buildings_2020": 92, "usage_before_2017": "Barren"},
            sources=("ASPI",),
        ),
        crs="EPSG:32645",
        gsd_m=10.0,
        window_start=EARLY,
        window_end=LATE,
        outcome=Outcome.ASSESSED,
        reason="",
        source="folder",
        area=Grid("EPSG:32645", Affine(10.0, 0.0, 600000.0, 0.0, -10.0, 4800010.0), (300, 500), 10.0),
        parameters_sha256="b" * 64,
        software_version="0.1.0",
        scenes=(
            SceneRecord("s0", EARLY, used=True, clear_fraction=0.9, shift_x_m=1.25, attribution="Copernicus"),
            SceneRecord("s1", LATE, used=True),
            SceneRecord("broken.tif", None, used=False, reason="can't be opened"),
        ),
        assessments=(AssessmentRecord("footprints", "s1", LATE, Verdict.CHANGED, "", 0.9),),
        tracks=(track,),
        history=(HistoryEntry(track.change_id, LATE, "s1", "found", Status.FIRST, area, None),),
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if postgresql.binaries() is None:
        pytest.skip("PostgreSQL isn't installed here: apt-get install postgresql")
    with postgresql.running(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.fixture
def database(server: str, request: pytest.FixtureRequest) -> str:
    """URL of an empty database of the server."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    engine = sa.create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.replace("/postgres", f"/{name}", 1) if server.endswith("/postgres") else server


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    is_file = request.param == "sqlite"
    opened = Ledger.at(tmp_path) if is_file else Ledger.open(request.getfixturevalue("database"))
    yield opened
    opened.close()


def test_a_record_comes_back_to_the_last_bit(ledger: Ledger) -> None:
    ledger.save(record())
    assert ledger.load("aspi-0050") == record()
    assert ledger.load("aspi-0051") is None


def test_a_record_replaces_the_earlier_one_of_its_facility_alone(ledger: Ledger) -> None:
    ledger.save(record("aspi-0124"))
    ledger.save(record())
    ledger.save(replace(record(), tracks=(), reason="cloud"))
    assert ledger.facility_ids() == ("aspi-0050", "aspi-0124")
    loaded = list(ledger.records())
    assert loaded[0].tracks == ()
    assert loaded[1] == record("aspi-0124")


def test_a_record_that_cannot_be_stored_leaves_the_earlier_one(ledger: Ledger) -> None:
    ledger.save(record())
    twice = record().tracks * 2
    with pytest.raises(StoreError, match="aspi-0050 could not be stored"):
        ledger.save(replace(record(), reason="new", tracks=twice))
    assert ledger.load("aspi-0050") == record()


def test_a_verdict_outlives_the_record_it_was_given_on(ledger: Ledger) -> None:
    ledger.save(record())
    verdict = Review("aspi-0050-abcdefgh", ReviewStatus.REJECTED, "A. Reviewer", LATE, "a gravel pit")
    ledger.review("aspi-0050", verdict)
    ledger.save(record(area=5000.0))
    loaded = ledger.load("aspi-0050")
    assert loaded is not None
    assert loaded.reviews == {"aspi-0050-abcdefgh": verdict}


def test_runs_are_on_record(ledger: Ledger) -> None:
    assert ledger.last_run() is None
    run_id = ledger.begin_run({"source": "folder"})
    ledger.end_run(run_id, "complete")
    last = ledger.last_run()
    assert last is not None
    assert last["parameters"] == {"source": "folder"}
    assert last["outcome"] == "complete"


def test_a_ledger_of_another_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    Ledger.at(tmp_path).close()
    with sqlite3.connect(ledger_path(tmp_path)) as connection:
        connection.execute("UPDATE ledger_meta SET text = '99'")
    connection.close()
    with pytest.raises(StoreError, match="ledger version 99"):
        Ledger.at(tmp_path)


def test_a_ledger_whose_making_broke_off_is_made_to_its_end(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{ledger_path(tmp_path)}")
    for table in metadata.sorted_tables[:4]:
        table.create(engine)
    engine.dispose()
    with pytest.raises(StoreError, match="there is no ledger yet"):
        Ledger.at(tmp_path, create=False)
    made = Ledger.at(tmp_path)
    made.save(record())
    assert made.load("aspi-0050") == record()
    made.close()
    Ledger.at(tmp_path, create=False).close()


def test_another_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(ledger_path(tmp_path)) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()
    with pytest.raises(StoreError, match="is no ledger"):
        Ledger.at(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    ledger_path(tmp_path).write_bytes(b"not a database, but long enough to be read as one" * 20)
    with pytest.raises(StoreError, match="can't be opened as a ledger"):
        Ledger.at(tmp_path)


def test_a_missing_ledger_is_not_made_by_readers(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no ledger yet"):
        Ledger.at(tmp_path, create=False)
    assert not ledger_path(tmp_path).exists()


def test_a_second_run_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    code = "import sys, pathlib, flows.ledger as l\nwith l.exclusive(pathlib.Path(sys.argv[1])): pass"
    hold = [sys.executable, "-c", code, str(tmp_path)]
    with exclusive(tmp_path):
        refused = subprocess.run(hold, capture_output=True, text=True, check=False)
    assert "another run is using this output folder" in refused.stderr
    assert subprocess.run(hold, check=False).returncode == 0


def test_an_output_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    occupied = tmp_path / "outputs"
    occupied.write_text("")
    with pytest.raises(StoreError, match="can't be written to"), exclusive(occupied):
        pytest.fail("the lock was given")


def test_a_run_that_never_ended_goes_on(ledger: Ledger) -> None:
    first = ledger.begin_run({"source": "folder"})
    assert ledger.begin_run({"source": "folder"}) == first
    assert ledger.begin_run({"source": "stac"}) == first + 1
    ledger.end_run(first + 1, "complete")
    assert ledger.begin_run({"source": "stac"}) == first + 2


def test_what_a_record_says_of_the_facility_alone_is_stored_alone(ledger: Ledger) -> None:
    ledger.save(record())
    later = replace(record(), window_end=datetime(2020, 1, 1, tzinfo=UTC))
    ledger.save_heading(replace(later, tracks=()))
    assert ledger.load("aspi-0050") == later


def test_a_ledger_on_a_server_is_held_by_one_run(database: str) -> None:
    one, other = Ledger.open(database), Ledger.open(database)
    with one.exclusive():
        with pytest.raises(StoreError, match="another run is using this ledger"), other.exclusive():
            pytest.fail("it was given twice")
        other.save(record())  # readers and writers of other programs aren't shut out
    with other.exclusive():
        pass
    one.close()
    other.close()


def test_a_killed_run_lets_go_of_the_server(database: str) -> None:
    code = "import os, sys, flows.ledger as l\nwith l.Ledger.open(sys.argv[1]).exclusive(): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, database], check=False)
    opened = Ledger.open(database)
    with opened.exclusive():
        pass
    opened.close()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://watcher:a-secret-word@127.0.0.1:9/none", "can't be opened as a ledger"),
        ("mysql://watcher:a-secret-word@127.0.0.1/none", "give a postgresql or sqlite URL"),
        ("a-secret-word", "isn't a database URL"),
    ],
)
def test_a_database_that_is_not_there_is_named_without_its_password(url: str, sentence: str) -> None:
    with pytest.raises((StoreError, InputError), match=sentence) as caught:
        Ledger.open(url)
    assert "a-secret-word" not in str(caught.value)


@pytest.mark.skipif(postgresql.binaries() is None, reason="needs PostgreSQL's programs")
def test_a_database_that_is_lost_in_mid_run_is_named_without_its_password(tmp_path: Path) -> None:
    with postgresql.running(tmp_path) as url:
        opened = Ledger.open(url)
        opened.save(record())
    for ask in (opened.last_run, lambda: opened.load("aspi-0050"), lambda: opened.save(record())):
        with pytest.raises(StoreError, match=r"the database was lost .* the next run goes on from there") as caught:
            ask()
        assert "a-secret-word" not in str(caught.value)
    opened.close()


def test_a_wrong_password_is_not_shown(database: str) -> None:
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        Ledger.open(database.replace("a-secret-word", "another-secret"))
    assert "another-secret" not in str(caught.value)


def test_the_environment_names_the_ledger(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACILITY_WATCH_LEDGER", database)
    opened = Ledger.at(tmp_path)
    opened.save(record())
    opened.close()
    assert not ledger_path(tmp_path).exists()
    again = Ledger.at(tmp_path / "elsewhere", create=False)
    assert again.load("aspi-0050") == record()
    again.close()
