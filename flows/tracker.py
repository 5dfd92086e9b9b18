"""Follows changes through time: matches findings to the changes on record and moves their status.

The tracker is a fold over assessments in time order: the record after scene k is a pure function of the record
after scene k-1 and the assessment after scene k. A series followed scene by scene, in weekly runs, therefore ends
with the same record as one followed at once.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_lowercase

from detectors.base import Assessment, Finding, Verdict
from flows.change import HistoryEntry, Status
from flows.matching import absorbed_by, family, match, standing
from flows.track import DetectorIdentity, Track
from geo.scene import Scene

# How near an earlier change has to be for a new one to be called its extension, metres.
_PARENT_DISTANCE_M = 50.0

# Growth or loss of area below this share is drawing noise and makes no entry in the history.
_NOTABLE_AREA_SHARE = 0.05

# How many assessments in a row have to lack a change before it is withdrawn. What has been seen more often takes
# more to overturn, so that one hazy scene doesn't make a confirmed change flicker.
_MISSES_TO_WITHDRAW = {Status.FIRST: 1, Status.PROVISIONAL: 2, Status.CONFIRMED: 3}


@dataclass(frozen=True, slots=True)
class Step:
    """The record after one more scene, and what moved."""

    tracks: tuple[Track, ...]
    history: tuple[HistoryEntry, ...]


def advance(
    facility_id: str,
    detector: DetectorIdentity,
    tracks: Sequence[Track],
    assessment: Assessment,
    scene: Scene,
    told_m2: Mapping[str, float],
) -> Step:
    """The record of one facility and detector after the assessment that followed a scene.

    Args:
        facility_id: Facility that the findings belong to.
        detector: Detector that made the assessment.
        tracks: The record so far, of this facility and detector.
        assessment: What the series up to `scene` shows. Findings of other facilities are already taken out.
        scene: The newest scene of the series.
        told_m2: Area of each change, by its id, as its history told it last.
    """
    if assessment.verdict is Verdict.NOT_ASSESSABLE:
        return Step(tuple(tracks), ())
    matches = match(tracks, assessment.findings)
    supported = {track.change_id: finding for finding, track in matches if track is not None}
    moved: list[Track] = []
    history: list[HistoryEntry] = []
    for track in tracks:
        found = supported.get(track.change_id)
        whole = None if found is not None else absorbed_by(track, matches)
        after = _support(track, found, scene) if found is not None else _miss(track, absorbed=whole is not None)
        entries = tuple(_entries(track, after, scene, whole, told_m2.get(track.change_id, track.finding.area_m2)))
        moved.append(after if entries else _showing_the_same(after, track))
        history.extend(entries)
    for finding, earlier in matches:
        if earlier is None:
            fresh = _begin(facility_id, detector, finding, moved, scene)
            moved.append(fresh)
            history.append(_entry(fresh, scene, "found"))
    return Step(tuple(moved), tuple(history))


def told_areas(history: Iterable[HistoryEntry]) -> dict[str, float]:
    """Area of each change, m², as its newest entry tells it, by its id; entries in time order."""
    return {entry.change_id: entry.area_m2 for entry in history}


def _status_of(sightings: int) -> Status:
    return Status.CONFIRMED if sightings >= 3 else Status.PROVISIONAL if sightings == 2 else Status.FIRST


def _support(track: Track, finding: Finding, scene: Scene) -> Track:
    status = _status_of(len(finding.seen_in))
    if track.status is not Status.WITHDRAWN and standing(track) > standing(replace(track, status=status)):
        status = track.status
    last_seen = scene.acquired_at if scene.item_id in finding.seen_in else track.last_seen
    return replace(track, status=status, finding=finding, misses=0, last_seen=last_seen)


def _showing_the_same(after: Track, before: Track) -> Track:
    """A change of which nothing moved, with the scene that showed it before: another one would tell a reader nothing.

    So the evidence of a change is of when its record last moved, and `last_seen` tells how long it has stood since.
    """
    item_id = before.finding.after_item_id
    if item_id not in after.finding.seen_in:
        return after
    return replace(after, finding=replace(after.finding, after_item_id=item_id))


def _miss(track: Track, *, absorbed: bool) -> Track:
    if track.status is Status.WITHDRAWN:
        return track
    misses = track.misses + 1
    over = absorbed or misses >= _MISSES_TO_WITHDRAW[track.status]
    status = Status.WITHDRAWN if over else track.status
    return replace(track, status=status, misses=misses)


def _begin(
    facility_id: str, detector: DetectorIdentity, finding: Finding, tracks: Sequence[Track], scene: Scene
) -> Track:
    earlier = [
        track
        for track in tracks
        if track.status is not Status.WITHDRAWN
        and track.finding.first_with < finding.first_with
        and track.finding.geometry.distance(finding.geometry) <= _PARENT_DISTANCE_M
    ]
    parent = min(
        earlier,
        key=lambda track: (track.finding.geometry.distance(finding.geometry), -track.finding.area_m2, track.change_id),
        default=None,
    )
    return Track(
        change_id=_new_id(facility_id, detector, finding, tracks, scene),
        detector=detector,
        status=_status_of(len(finding.seen_in)),
        finding=finding,
        parent_change_id=parent.change_id if parent else None,
        misses=0,
        last_seen=scene.acquired_at,
    )


def _new_id(
    facility_id: str, detector: DetectorIdentity, finding: Finding, tracks: Sequence[Track], scene: Scene
) -> str:
    """An id of letters after the facility's own, which no spreadsheet or QGIS takes for a date or a number."""
    centre = finding.geometry.representative_point()
    seed = f"{facility_id}|{detector.name}|{family(finding.kind)}|{scene.item_id}|{centre.x:.0f}|{centre.y:.0f}"
    taken = {track.change_id for track in tracks}
    return next(
        candidate
        for repeat in itertools.count()
        if (candidate := f"{facility_id}-{_letters(f'{seed}|{repeat}')}") not in taken
    )


def _letters(seed: str, count: int = 8) -> str:
    digest = int.from_bytes(hashlib.sha256(seed.encode()).digest())
    letters = []
    for _ in range(count):
        digest, rest = divmod(digest, len(ascii_lowercase))
        letters.append(ascii_lowercase[rest])
    return "".join(letters)


def _entries(before: Track, after: Track, scene: Scene, whole: Track | None, told_m2: float) -> Iterable[HistoryEntry]:
    if after.status is not before.status:
        restored = before.status is Status.WITHDRAWN
        withdrawn = after.status is Status.WITHDRAWN
        event = "restored" if restored else "withdrawn" if withdrawn else "status_moved"
        why = f"now part of {whole.change_id}" if whole else f"no longer supported by the series up to {scene.item_id}"
        yield _entry(after, scene, event, why if withdrawn else "")
    if before.finding.kind is not after.finding.kind:
        yield _entry(after, scene, "reclassified", f"{before.finding.kind} before")
    if before.finding.first_with != after.finding.first_with:
        yield _entry(after, scene, "onset_corrected", f"{before.finding.first_with.isoformat()} before")
    # Against what was told last: growth by a little from scene to scene adds up.
    share = after.finding.area_m2 / told_m2 - 1.0 if told_m2 > 0 else 0.0
    if abs(share) >= _NOTABLE_AREA_SHARE:
        yield _entry(after, scene, "grown" if share > 0 else "shrunk")
    if before.finding.stage is not after.finding.stage:
        yield _entry(after, scene, "stage_moved", f"{before.finding.stage or 'not judged'} before")
    if after.finding.gone_at is not None and before.finding.gone_at is None:
        yield _entry(after, scene, "ended")


def _entry(track: Track, scene: Scene, event: str, note: str = "") -> HistoryEntry:
    return HistoryEntry(
        change_id=track.change_id,
        at=scene.acquired_at,
        item_id=scene.item_id,
        event=event,
        status=track.status,
        area_m2=track.finding.area_m2,
        length_m=track.finding.length_m,
        note=note,
        stage=track.finding.stage,
    )


def without_foreign(assessment: Assessment, own: Sequence[bool]) -> Assessment:
    """An assessment without the findings that belong to a neighbouring facility.

    Args:
        assessment: As the detector made it.
        own: For each finding whether it belongs here.
    """
    findings = tuple(finding for finding, mine in zip(assessment.findings, own, strict=True) if mine)
    if assessment.verdict is Verdict.CHANGED and not findings:
        return replace(assessment, verdict=Verdict.UNCHANGED, findings=())
    return replace(assessment, findings=findings)
