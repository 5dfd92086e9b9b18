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
from shapely import LineString, Point, box

from aoi.facility import Facility, FacilityKind
from detectors.base import ChangeType, Components, Finding, Side, Verdict
from flows.change import HistoryEntry, ReviewStatus, Status
from flows.ledger import Ledger, exclusive, ledger_path
from flows.record import AssessmentRecord, FacilityRecord, Outcome, Review, SceneRecord
from flows.tracker import DetectorIdentity, Track
from geo.errors import StoreError

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
            sides=(Side(LineString([(600000.1, 4800000), (600100, 4800000.7)]), 2 / 3, ("s1",)),),
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


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.at(tmp_path)
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
        refused = subprocess.run(hold, capture_output=True, text=True, check=False)  # noqa: S603
    assert "another run is using this output folder" in refused.stderr
    assert subprocess.run(hold, check=False).returncode == 0  # noqa: S603


def test_an_output_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    occupied = tmp_path / "outputs"
    occupied.write_text("")
    with pytest.raises(StoreError, match="can't be written to"), exclusive(occupied):
        pytest.fail("the lock was given")
