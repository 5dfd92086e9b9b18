"""Runs in any pieces, in any order and over any failures end where one run over everything ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.change import Status
from flows.ledger import Ledger
from flows.record import FacilityRecord
from geo.cache import SceneCache
from geo.errors import StoreError
from geo.sources.cached import CachedSource
from tests.flows.watching import END, PLACE, START, STEP, Archive, at_once, watch

COUNT = 16
ALL = set(range(COUNT))
CLOUDY = frozenset({2, 7, 11})
ONE_AFTER_ANOTHER = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> FacilityRecord:
    record = at_once(tmp_path_factory.mktemp("whole") / "out", Archive(set(ALL), cloudy=CLOUDY))
    assert len(record.used_scenes) == COUNT - len(CLOUDY)
    assert len(record.tracks) == 3
    return record


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    opened = Ledger.open("sqlite://")
    yield opened
    opened.close()


def fresh() -> Ledger:
    return Ledger.open("sqlite://")


def known(ledger: Ledger) -> FacilityRecord:
    record = ledger.load(PLACE.facility_id)
    assert record is not None
    return record


def standing(record: FacilityRecord) -> list[object]:
    """What stands on record, whatever ids it was given and whatever was withdrawn on the way."""
    tracks = [
        replace(t, change_id="", parent_change_id=None) for t in record.tracks if t.status is not Status.WITHDRAWN
    ]
    return sorted(tracks, key=lambda track: track.finding.geometry.bounds)


@ONE_AFTER_ANOTHER
@given(ends=st.lists(st.integers(0, COUNT + 3), max_size=6))
def test_splits_and_repeats_give_the_same_record(whole: FacilityRecord, ends: list[int]) -> None:
    ledger = fresh()
    archive = Archive(set(ALL), cloudy=CLOUDY)
    for end in sorted(ends):
        watch(archive, ledger, START + end * STEP)
    watch(archive, ledger)
    assert known(ledger) == whole
    ledger.close()


@ONE_AFTER_ANOTHER
@given(delays_days=st.lists(st.integers(0, 55), min_size=COUNT, max_size=COUNT), every=st.integers(1, 5))
def test_scenes_that_come_late_are_found_within_the_overlap(
    whole: FacilityRecord, delays_days: list[int], every: int
) -> None:
    ledger = fresh()
    arrival = {number: number * STEP.days + delay for number, delay in enumerate(delays_days)}
    for day in range(0, max(arrival.values()) + every * 10, every * 10):
        here = {number for number, arrived in arrival.items() if arrived <= day}
        watch(Archive(here, cloudy=CLOUDY), ledger)
    ended = known(ledger)
    assert ended.scenes == whole.scenes
    assert ended.assessments == whole.assessments
    assert standing(ended) == standing(whole)
    assert {entry.change_id for entry in ended.history} == {track.change_id for track in ended.tracks}
    ledger.close()


@ONE_AFTER_ANOTHER
@given(order=st.permutations(range(COUNT)), cuts=st.sets(st.integers(1, COUNT - 1), max_size=3))
def test_a_full_run_finds_what_came_in_any_order(whole: FacilityRecord, order: list[int], cuts: set[int]) -> None:
    ledger = fresh()
    for cut in sorted(cuts):
        watch(Archive(set(order[:cut]), cloudy=CLOUDY), ledger)
    watch(Archive(set(ALL), cloudy=CLOUDY), ledger, overlap=None)
    ended = known(ledger)
    assert (ended.scenes, ended.assessments) == (whole.scenes, whole.assessments)
    assert standing(ended) == standing(whole)
    ledger.close()


@ONE_AFTER_ANOTHER
@given(failing=st.lists(st.sets(st.integers(0, COUNT - 1)), min_size=1, max_size=3))
def test_scenes_that_could_not_be_read_are_tried_again(whole: FacilityRecord, failing: list[set[int]]) -> None:
    ledger = fresh()
    unread = set(ALL)
    for some in failing:
        watch(Archive(set(ALL), some, CLOUDY), ledger)
        unread &= some
        seen = {record.item_id for record in known(ledger).scenes if not record.unread}
        assert {f"s{number}" for number in unread}.isdisjoint(seen)
    watch(Archive(set(ALL), cloudy=CLOUDY), ledger)
    ended = known(ledger)
    assert (ended.scenes, ended.assessments) == (whole.scenes, whole.assessments)
    assert standing(ended) == standing(whole)
    ledger.close()


def test_where_nothing_is_new_no_pixel_is_read_and_nothing_is_followed(ledger: Ledger, whole: FacilityRecord) -> None:
    archive = Archive(set(ALL), cloudy=CLOUDY)
    assert watch(archive, ledger).followed
    archive.reads.clear()
    assert not watch(archive, ledger).followed
    assert not watch(archive, ledger, overlap=None).followed
    assert archive.reads == []
    assert known(ledger) == whole


def test_a_new_scene_under_cloud_is_all_that_is_read(ledger: Ledger) -> None:
    archive = Archive(ALL - {15}, cloudy=frozenset({15}))
    watch(archive, ledger)
    archive.reads.clear()
    archive.here.add(15)
    assert not watch(archive, ledger).followed
    assert archive.reads == ["s15"]
    assert "clear" in known(ledger).scenes[-1].reason
    assert not known(ledger).scenes[-1].retry


def test_a_scene_that_keeps_failing_costs_one_try_a_run(ledger: Ledger) -> None:
    archive = Archive(set(ALL), {5})
    watch(archive, ledger)
    archive.reads.clear()
    assert not watch(archive, ledger, overlap=None).followed
    assert archive.reads == ["s5"]


def test_what_was_published_and_is_not_found_any_more_is_withdrawn_and_stays(ledger: Ledger) -> None:
    watch(Archive(set(ALL)), ledger)
    published = {track.change_id for track in known(ledger).tracks}
    # The archive took the scenes with the last two patches back.
    watch(Archive(set(range(8))), ledger, overlap=None)
    after = {track.change_id: track.status for track in known(ledger).tracks}
    assert set(after) == published
    assert sorted(after.values()).count(Status.WITHDRAWN) == 2
    assert {entry.change_id for entry in known(ledger).history if entry.event == "withdrawn"} == {
        change_id for change_id, status in after.items() if status is Status.WITHDRAWN
    }


def test_a_clock_that_jumped_ahead_and_back_hides_nothing(ledger: Ledger, whole: FacilityRecord) -> None:
    early = ALL - {13, 14, 15}
    watch(Archive(set(early), cloudy=CLOUDY), ledger, END + timedelta(days=36_500))
    watch(Archive(set(ALL), cloudy=CLOUDY), ledger, END)
    assert known(ledger).tracks == whole.tracks
    assert known(ledger).scenes == whole.scenes


def cached(archive: Archive, folder: Path, *, ask_anew: bool = False) -> CachedSource:
    source = CachedSource(archive, SceneCache(str(folder)), fresh_for=timedelta(0))
    source.ask_anew = ask_anew
    return source


def test_what_was_fetched_before_a_run_broke_off_is_not_fetched_again(
    tmp_path: Path, ledger: Ledger, whole: FacilityRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(set(ALL), cloudy=CLOUDY)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "save", lambda *_: (_ for _ in ()).throw(StoreError("the disk is full")))
        with pytest.raises(StoreError):
            watch(cached(archive, tmp_path), ledger)
    watch(cached(archive, tmp_path), ledger)
    assert sorted(archive.reads) == sorted(f"s{number}" for number in ALL)
    assert known(ledger) == whole


def test_a_cache_folder_that_vanished_is_made_again(tmp_path: Path, ledger: Ledger, whole: FacilityRecord) -> None:
    archive = Archive(ALL - {14, 15}, cloudy=CLOUDY)
    watch(cached(archive, tmp_path / "cache"), ledger)
    shutil.rmtree(tmp_path / "cache")
    assert not watch(cached(archive, tmp_path / "cache"), ledger).followed
    archive.here |= {14, 15}
    # Years after its acquisition a scene is found by a full run only: the cache takes that time for settled.
    assert not watch(cached(archive, tmp_path / "cache"), ledger).followed
    assert watch(cached(archive, tmp_path / "cache", ask_anew=True), ledger, overlap=None).followed
    assert known(ledger) == whole


def test_the_test_place_is_deterministic(tmp_path: Path, whole: FacilityRecord) -> None:
    assert at_once(tmp_path / "again", Archive(set(ALL), cloudy=CLOUDY)) == whole
