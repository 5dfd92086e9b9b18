"""A run that goes on from a checkpoint ends where one ends that follows everything, whatever became of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.checkpoints import Checkpoints
from flows.ledger import Ledger
from flows.record import FacilityRecord
from tests.flows.test_incremental import ALL, CLOUDY, COUNT, known, standing
from tests.flows.watching import START, STEP, Archive, at_once, watch

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> FacilityRecord:
    return at_once(tmp_path_factory.mktemp("whole") / "out", Archive(set(ALL), cloudy=CLOUDY))


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    opened = Ledger.open("sqlite://")
    yield opened
    opened.close()


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.checkpoint")) if folder.is_dir() else []


def flip_a_bit(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    if data:  # cut to nothing before, it stays so
        data[int(place * (len(data) - 1))] ^= 1
    path.write_bytes(data)


FATES = st.one_of(
    st.just("kept"), st.just("lost"), st.just("cut"), st.just("foreign"), st.just("older"), st.floats(0.0, 1.0)
)


def befall(folder: Path, fate: str | float, older: bytes | None) -> None:
    for path in kept(folder):
        if fate == "lost":
            path.unlink()
        elif fate == "cut":
            path.write_bytes(path.read_bytes()[:-100])
        elif fate == "foreign":
            path.write_bytes(b"something else")
        elif fate == "older" and older is not None:
            path.write_bytes(older)
        elif isinstance(fate, float):
            flip_a_bit(path, fate)


@FEW
@given(pieces=st.lists(st.tuples(st.integers(0, COUNT + 3), FATES), max_size=6))
def test_any_pieces_with_any_fate_of_the_checkpoints_give_the_record_of_one_run(
    whole: FacilityRecord, pieces: list[tuple[int, str | float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("checkpoints")
    ledger = Ledger.open("sqlite://")
    archive = Archive(set(ALL), cloudy=CLOUDY)
    older = None
    for end, fate in sorted(pieces, key=lambda piece: piece[0]):
        watch(archive, ledger, START + end * STEP, checkpoints=folder)
        before = [path.read_bytes() for path in kept(folder)]
        befall(folder, fate, older)
        older = next(iter(before), None)
    watch(archive, ledger, checkpoints=folder)
    assert known(ledger) == whole
    assert len(kept(folder)) <= 1
    ledger.close()


@FEW
@given(delays_days=st.lists(st.integers(0, 55), min_size=COUNT, max_size=COUNT), every=st.integers(1, 5))
def test_scenes_that_come_late_are_worked_in(
    whole: FacilityRecord, delays_days: list[int], every: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("checkpoints")
    ledger = Ledger.open("sqlite://")
    arrival = {number: number * STEP.days + delay for number, delay in enumerate(delays_days)}
    for day in range(0, max(arrival.values()) + every * 10, every * 10):
        here = {number for number, arrived in arrival.items() if arrived <= day}
        watch(Archive(here, cloudy=CLOUDY), ledger, checkpoints=folder)
    ended = known(ledger)
    assert (ended.scenes, ended.assessments) == (whole.scenes, whole.assessments)
    assert standing(ended) == standing(whole)
    ledger.close()


@FEW
@given(failing=st.lists(st.sets(st.integers(0, COUNT - 1)), min_size=1, max_size=3))
def test_scenes_that_could_not_be_read_are_tried_again(
    whole: FacilityRecord, failing: list[set[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("checkpoints")
    ledger = Ledger.open("sqlite://")
    for some in (*failing, set()):
        watch(Archive(set(ALL), some, CLOUDY), ledger, checkpoints=folder)
    ended = known(ledger)
    assert (ended.scenes, ended.assessments) == (whole.scenes, whole.assessments)
    assert standing(ended) == standing(whole)
    ledger.close()


def test_only_what_is_new_is_read(tmp_path: Path, ledger: Ledger, whole: FacilityRecord) -> None:
    archive = Archive(ALL - {14, 15}, cloudy=CLOUDY)
    watch(archive, ledger, checkpoints=tmp_path)
    for number in (14, 15):
        archive.reads.clear()
        archive.here.add(number)
        assert watch(archive, ledger, checkpoints=tmp_path).followed
        assert set(archive.reads) == {f"s{number}"}
    assert known(ledger) == whole


def test_where_a_scene_is_gone_the_series_is_followed_anew(tmp_path: Path, ledger: Ledger) -> None:
    archive = Archive(ALL - {15})
    watch(archive, ledger, checkpoints=tmp_path)
    archive.here ^= {6, 15}
    watch(archive, ledger, overlap=None, checkpoints=tmp_path)
    fresh = Ledger.open("sqlite://")
    watch(Archive(ALL - {6}), fresh)
    assert known(ledger).scenes == known(fresh).scenes
    assert standing(known(ledger)) == standing(known(fresh))
    fresh.close()


def test_two_products_of_one_acquisition_are_judged_together(tmp_path: Path, ledger: Ledger) -> None:
    class Twice(Archive):
        def search(self, *args):  # scene 9 once more, from the neighbouring tile, five minutes later
            found = super().search(*args)
            twins = tuple(
                replace(one, item_id="s10", acquired_at=one.acquired_at + timedelta(minutes=5))
                for one in found.scenes
                if one.item_id == "s9" and 10 in self.here
            )
            return replace(found, scenes=tuple(one for one in found.scenes if one.item_id != "s10") + twins)

    archive = Twice(set(range(10)))
    watch(archive, ledger, checkpoints=tmp_path)
    archive.here.add(10)
    watch(archive, ledger, checkpoints=tmp_path)
    fresh = Ledger.open("sqlite://")
    watch(Twice(set(range(11))), fresh)
    assert known(ledger).scenes == known(fresh).scenes
    assert sum(scene.used for scene in known(ledger).scenes) == 10
    fresh.close()


def test_checkpoints_are_shown_and_cleared(tmp_path: Path, ledger: Ledger, whole: FacilityRecord) -> None:
    archive = Archive(ALL - {15}, cloudy=CLOUDY)
    watch(archive, ledger, checkpoints=tmp_path)
    store = Checkpoints(str(tmp_path))
    (entry,) = store.entries()
    assert entry.size_bytes == (tmp_path / entry.path).stat().st_size
    assert store.clear() == [entry]
    assert store.entries() == []
    archive.here.add(15)
    watch(archive, ledger, checkpoints=tmp_path)
    assert known(ledger) == whole
