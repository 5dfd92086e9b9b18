"""The demo series, followed at once and in pieces, with the real detectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aoi.catalogue import Catalogue
from detectors.registry import choose
from flows.change import Status
from flows.fetch import Fetched, read, whole_series
from flows.imagery import open_held
from flows.ledger import Ledger
from flows.matching import overlap
from flows.method import Method, Window
from flows.publish.publishing import publish
from flows.record import FacilityRecord, Outcome
from flows.subject import Job, Subject
from flows.watch import assess
from flows.work import follow_job
from geo.grid import Grid
from geo.preparation import PreparationParameters
from geo.scene import LeftOut, Scene, SceneRaster
from geo.sources.base import ImagerySource

FACILITIES = ("aspi-0050", "aspi-0124")
START = datetime(2017, 3, 1, tzinfo=UTC)
END = datetime(2020, 12, 31, tzinfo=UTC)
METHOD = Method(choose(), PreparationParameters(), 10.0)
CATALOGUE = Catalogue.builtin()


@pytest.fixture(scope="module")
def source() -> ImagerySource:
    return open_held("example")


def watch(source: ImagerySource, facility_id: str, end: datetime, earlier: FacilityRecord | None) -> FacilityRecord:
    facility = CATALOGUE.get(facility_id)
    subject = Subject(
        facility, CATALOGUE.near(facility), Window(START, end).united(earlier), METHOD, "example", earlier
    )
    return assess(subject, read(source, whole_series(source, subject)))


@pytest.fixture(scope="module")
def at_once(source: ImagerySource) -> dict[str, FacilityRecord]:
    return {facility_id: watch(source, facility_id, END, None) for facility_id in FACILITIES}


def published(records: Sequence[FacilityRecord], folder: Path) -> dict[str, str]:
    folder.mkdir()
    ledger = Ledger.at(folder)
    try:
        for record in records:
            ledger.save(record)
        files = publish(ledger, folder).files
    finally:
        ledger.close()
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files}


@pytest.mark.slow
def test_in_pieces_and_at_once_are_the_same_to_the_last_byte(
    source: ImagerySource, at_once: dict[str, FacilityRecord], tmp_path: Path
) -> None:
    whole = at_once["aspi-0124"]
    days = [scene.acquired_at for scene in whole.used_scenes if scene.acquired_at]
    ledger = Ledger.at(tmp_path)
    try:
        for day in (days[0], days[4], days[5], END):
            ledger.save(watch(source, "aspi-0124", day, ledger.load("aspi-0124")))
        in_pieces = ledger.load("aspi-0124")
    finally:
        ledger.close()
    assert in_pieces == whole
    assert published([in_pieces], tmp_path / "pieces") == published([whole], tmp_path / "whole")


@pytest.mark.slow
def test_a_scene_that_comes_late_is_worked_in_and_what_stays_the_same_keeps_its_id(
    source: ImagerySource, at_once: dict[str, FacilityRecord]
) -> None:
    whole = at_once["aspi-0124"]
    facility = whole.facility
    subject = Subject(facility, CATALOGUE.near(facility), Window(START, END), METHOD, "example")
    rasters = tuple(read(source, whole_series(source, subject)).rasters)
    without = Fetched(rasters[:5] + rasters[6:], ())
    first = assess(subject, without)
    assert len(first.used_scenes) == len(whole.used_scenes) - 1
    then = assess(replace(subject, earlier=first), Fetched(rasters, ()))
    assert then.used_scenes == whole.used_scenes
    found = then.tracks[: len(whole.tracks)]
    assert [replace(t, change_id="", parent_change_id=None) for t in found] == [
        replace(t, change_id="", parent_change_id=None) for t in whole.tracks
    ]
    assert all(track.status is Status.WITHDRAWN for track in then.tracks[len(whole.tracks) :])
    assert {track.change_id for track in first.tracks} <= {track.change_id for track in then.tracks}
    assert {entry.change_id for entry in then.history} == {track.change_id for track in then.tracks}
    standing = {track.change_id: track for track in first.tracks if track.status != "withdrawn"}
    kept = [track for track in then.tracks if track.change_id in standing]
    assert kept
    for track in kept:
        assert overlap(track.finding.geometry, standing[track.change_id].finding.geometry) > 0.3


@pytest.mark.slow
def test_from_a_checkpoint_the_real_detectors_go_on_as_if_they_had_never_stopped(
    source: ImagerySource, at_once: dict[str, FacilityRecord], tmp_path: Path
) -> None:
    whole = at_once["aspi-0124"]
    facility = whole.facility
    days = [scene.acquired_at for scene in whole.used_scenes if scene.acquired_at]
    read: list[str] = []
    record = None
    for day in (days[7], days[8], END):
        window = Window(START, day).united(record)
        subject = Subject(facility, CATALOGUE.near(facility), window, METHOD, "example", record)
        found = source.search(facility.area_of_interest, window.start, window.end)
        counted = Counted(source)
        record = follow_job(counted, Job(subject, found.scenes, found.left_out, checkpoints=str(tmp_path))).record
        read += counted.read_ids
    assert record == whole
    assert sorted(read) == sorted(scene.item_id for scene in whole.scenes)


class Counted:
    """A source that remembers what was read."""

    def __init__(self, source: ImagerySource) -> None:
        self._source = source
        self.read_ids: list[str] = []

    def read(self, scene: Scene, bands: Sequence[str], grid: Grid) -> SceneRaster:
        self.read_ids.append(scene.item_id)
        return self._source.read(scene, bands, grid)


def test_a_change_where_areas_overlap_is_reported_once(at_once: dict[str, FacilityRecord]) -> None:
    # A piece that was nearer to the one and grew into what belongs to the other is withdrawn there: no second report.
    one, other = (
        [track for track in record.tracks if track.status is not Status.WITHDRAWN] for record in at_once.values()
    )
    for track in one:
        for twin in other:
            same = track.finding.kind == twin.finding.kind and track.finding.first_with == twin.finding.first_with
            assert not (same and overlap(track.finding.geometry, twin.finding.geometry) > 0.5)


def test_a_repeated_run_changes_nothing(source: ImagerySource, at_once: dict[str, FacilityRecord]) -> None:
    assert watch(source, "aspi-0124", END, at_once["aspi-0124"]) == at_once["aspi-0124"]


def test_without_a_scene_what_was_known_stands(at_once: dict[str, FacilityRecord]) -> None:
    known = at_once["aspi-0124"]
    gone = Fetched((), (LeftOut("S2_X", END, "fetch failed: connection reset"),))
    after = assess(Subject(known.facility, (), Window(START, END), METHOD, "folder", known), gone)
    assert after.outcome is Outcome.NOT_ASSESSABLE
    assert "connection reset" in after.reason
    assert after.tracks == known.tracks
