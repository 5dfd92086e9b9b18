"""The tracker keeps ids and moves statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import box
from shapely.geometry.base import BaseGeometry

from detectors.base import Assessment, ChangeType, Components, Finding, Stage, Verdict
from flows.change import HistoryEntry, Status
from flows.matching import keep_ids, match, overlap
from flows.track import DetectorIdentity, Track
from flows.tracker import advance, told_areas, without_foreign
from geo.scene import Scene

DETECTOR = DetectorIdentity("footprints", "1", "0" * 64)
START = datetime(2017, 3, 2, 5, 0, tzinfo=UTC)
SCENES = [
    Scene(
        item_id=f"s{n}",
        collection="sentinel-2-l2a",
        acquired_at=START + timedelta(days=30 * n),
        scene_footprint=box(0, 0, 1, 1),
        gsd_m=10.0,
        bands=("B04",),
    )
    for n in range(10)
]


def finding(
    seen: tuple[int, ...], geometry: BaseGeometry | None = None, kind: ChangeType = ChangeType.BUILDING_ADDED
) -> Finding:
    geometry = geometry if geometry is not None else box(0, 0, 100, 100)
    first = seen[0]
    return Finding(
        kind=kind,
        geometry=geometry,
        area_m2=geometry.area,
        length_m=None,
        score=0.9,
        components=Components(0.9, 1.0, 1.0, 1.0),
        last_without=SCENES[first - 1].acquired_at if first else None,
        first_with=SCENES[first].acquired_at,
        before_item_id=SCENES[first - 1].item_id if first else None,
        after_item_id=SCENES[seen[-1]].item_id,
        seen_in=tuple(SCENES[n].item_id for n in seen),
    )


def fold(
    assessments: list[tuple[Finding, ...] | None],
    tracks: tuple[Track, ...] = (),
    since: int = 0,
    told: Mapping[str, float] | None = None,
) -> tuple[tuple[Track, ...], list[HistoryEntry]]:
    told = told or {track.change_id: track.finding.area_m2 for track in tracks}
    history: list[HistoryEntry] = []
    for n, findings in enumerate(assessments, start=since):
        if findings is None:
            assessment = Assessment(Verdict.NOT_ASSESSABLE, "cloud", 0.0)
        else:
            assessment = Assessment(Verdict.CHANGED if findings else Verdict.UNCHANGED, "", 1.0, findings)
        step = advance("aspi-0050", DETECTOR, tracks, assessment, SCENES[n], {**told, **told_areas(history)})
        tracks = step.tracks
        history.extend(step.history)
    return tracks, history


def test_status_moves_with_every_sighting_and_the_id_stays() -> None:
    ids, statuses = set(), []
    tracks: tuple[Track, ...] = ()
    for n in range(1, 4):
        tracks, _ = fold([(finding(tuple(range(1, n + 1))),)], tracks, since=n)
        ids.add(tracks[0].change_id)
        statuses.append(tracks[0].status)
    assert statuses == [Status.FIRST, Status.PROVISIONAL, Status.CONFIRMED]
    assert len(ids) == 1


def test_an_id_is_letters_after_the_facility() -> None:
    tracks, _ = fold([(finding((0,)),)])
    prefix, _, letters = tracks[0].change_id.rpartition("-")
    assert prefix == "aspi-0050"
    assert letters.isalpha()
    assert letters.islower()


def test_growth_keeps_the_id_and_is_on_record() -> None:
    tracks, history = fold([(finding((0,)),), (finding((0, 1), box(0, 0, 200, 100)),)])
    assert len(tracks) == 1
    assert tracks[0].finding.area_m2 == 20_000
    assert [entry.event for entry in history] == ["found", "status_moved", "grown"]


def test_evidence_is_of_when_the_record_last_moved() -> None:
    sightings = [(finding(tuple(range(n))),) for n in range(1, 6)]
    tracks, _ = fold(sightings)
    assert tracks[0].finding.after_item_id == SCENES[2].item_id, "confirmed by the third scene, and the same since"
    assert tracks[0].last_seen == SCENES[4].acquired_at
    tracks, _ = fold([(finding(tuple(range(6)), box(0, 0, 200, 100)),)], tracks, since=5)
    assert tracks[0].finding.after_item_id == SCENES[5].item_id, "grown"


def test_growth_by_a_little_from_scene_to_scene_is_told_and_shown() -> None:
    steps = [(finding(tuple(range(n + 1)), box(0, 0, 100.0 * 1.03**n, 100)),) for n in range(9)]
    tracks, history = fold(steps)
    assert [(entry.item_id, entry.event) for entry in history] == [
        ("s0", "found"),
        ("s1", "status_moved"),
        ("s2", "status_moved"),
        ("s4", "grown"),
        ("s6", "grown"),
        ("s8", "grown"),
    ]
    assert tracks[0].finding.after_item_id == "s8"
    in_two = fold(steps[5:], *(fold(steps[:5])[:1]), since=5, told=told_areas(fold(steps[:5])[1]))
    assert in_two[0] == tracks


def test_cleared_ground_becomes_a_building_under_the_same_id() -> None:
    tracks, history = fold([(finding((0,), kind=ChangeType.GROUND_CLEARED),), (finding((0, 1)),)])
    assert len(tracks) == 1
    assert tracks[0].finding.kind is ChangeType.BUILDING_ADDED
    assert "reclassified" in [entry.event for entry in history]


def test_a_stage_that_moves_is_on_record() -> None:
    told = [replace(finding((0, 1, 2)[:n]), stage=stage) for n, stage in enumerate((Stage.CLEARED, Stage.BUILT), 1)]
    tracks, history = fold([(told[0],), (told[1],)])
    assert tracks[0].finding.stage is Stage.BUILT
    moved = [entry for entry in history if entry.event == "stage_moved"]
    assert [(entry.stage, entry.note) for entry in moved] == [("built", "cleared before")]
    assert history[0].stage == "cleared"


def test_what_cannot_be_assessed_moves_nothing() -> None:
    before, _ = fold([(finding((0,)),)])
    after, history = fold([None, None], before, since=1)
    assert after == before
    assert history == []


@pytest.mark.parametrize(("sightings", "misses"), [(1, 1), (2, 2), (3, 3)])
def test_what_was_seen_more_often_takes_more_to_withdraw(sightings: int, misses: int) -> None:
    tracks, _ = fold([(finding(tuple(range(sightings))),)])
    for miss in range(misses):
        assert tracks[0].status is not Status.WITHDRAWN
        tracks, history = fold([()], tracks, since=sightings + miss)
    assert tracks[0].status is Status.WITHDRAWN
    assert history[-1].event == "withdrawn"
    assert SCENES[sightings + misses - 1].item_id in history[-1].note


def test_a_withdrawn_change_that_is_seen_again_keeps_its_id() -> None:
    tracks, history = fold([(finding((0,)),), (), (finding((0, 2)),)])
    assert len(tracks) == 1
    assert tracks[0].status is Status.PROVISIONAL
    assert [entry.event for entry in history] == ["found", "withdrawn", "restored"]


def test_new_ground_beside_an_earlier_change_names_it_as_its_parent() -> None:
    old, new = finding((0, 1, 2, 3)), finding((3,), box(110, 0, 300, 100))
    tracks, _ = fold([(old,), (old,), (old,), (old, new)])
    assert tracks[1].parent_change_id == tracks[0].change_id
    assert tracks[0].parent_change_id is None


def test_a_far_or_simultaneous_change_has_no_parent() -> None:
    tracks, _ = fold([(finding((0,)), finding((0,), box(110, 0, 300, 100)), finding((0,), box(900, 0, 950, 90)))])
    assert [track.parent_change_id for track in tracks] == [None, None, None]


def test_the_best_overlap_wins() -> None:
    tracks, _ = fold([(finding((0,)), finding((0,), box(90, 0, 190, 100)))])
    swapped = [finding((0, 1), box(88, 0, 190, 100)), finding((0, 1))]
    matched = match(tracks, swapped)
    assert matched[0][1] is not None
    assert matched[0][1].change_id == tracks[1].change_id
    assert matched[1][1] is not None
    assert matched[1][1].change_id == tracks[0].change_id


def test_a_change_that_another_has_grown_over_becomes_part_of_it() -> None:
    large, small = finding((0,), box(0, 0, 300, 100)), finding((0,), box(320, 0, 360, 100))
    tracks, history = fold([(small, large), (finding((0, 1), box(0, 0, 400, 100)),)])
    assert [track.status for track in tracks] == [Status.WITHDRAWN, Status.PROVISIONAL]
    (ended,) = [entry for entry in history if entry.event == "withdrawn"]
    assert ended.note == f"now part of {tracks[1].change_id}"


def test_a_series_folded_anew_keeps_the_published_ids() -> None:
    published, _ = fold([(finding((1,)),), (finding((1, 2)),)], since=1)
    late, _ = fold([(finding((0,), box(0, 0, 95, 100)),), (finding((0, 1, 2)),)], since=0)
    assert late[0].change_id != published[0].change_id
    kept = keep_ids(published, late)
    assert [track.change_id for track in kept] == [published[0].change_id]
    assert kept[0].finding == late[0].finding


def test_findings_of_a_neighbour_are_left_to_it() -> None:
    mine, theirs = finding((0,)), finding((0,), box(500, 0, 600, 100))
    both = Assessment(Verdict.CHANGED, "", 1.0, (mine, theirs))
    assert without_foreign(both, [True, False]).findings == (mine,)
    assert without_foreign(both, [False, False]).verdict is Verdict.UNCHANGED


def test_overlap_of_nothing_is_nothing() -> None:
    assert overlap(box(0, 0, 1, 1), box(0, 0, 0, 0)) == 0.0


_FINDINGS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 4), st.sampled_from(list(ChangeType)[:3])),
    max_size=4,
)


@given(st.lists(st.none() | _FINDINGS, min_size=2, max_size=9), st.data())
def test_in_pieces_or_at_once_the_record_is_the_same(
    series: list[list[tuple[int, int, int, ChangeType]] | None], data: st.DataObject
) -> None:
    assessments = [
        None
        if found is None
        else tuple(
            finding(tuple(range(max(0, n - size), n + 1)), box(x * 50, y * 50, x * 50 + size * 50, y * 50 + 80), kind)
            for x, y, size, kind in found
        )
        for n, found in enumerate(series)
    ]
    cut = data.draw(st.integers(1, len(assessments) - 1))
    at_once = fold(assessments)
    first, first_history = fold(assessments[:cut])
    second, second_history = fold(assessments[cut:], first, since=cut)
    assert second == at_once[0]
    assert first_history + second_history == at_once[1]
    ids = [track.change_id for track in second]
    assert len(ids) == len(set(ids))


def test_two_findings_that_start_alike_would_still_differ_by_place() -> None:
    tracks, _ = fold([(finding((0,)), replace(finding((0,)), geometry=box(300, 0, 400, 100)))])
    assert tracks[0].change_id != tracks[1].change_id
