"""Follows changes through time: matches findings to the changes on record and moves their status.

The tracker is a fold over assessments in time order: the record after scene k is a pure function of the record
after scene k-1 and the assessment after scene k. A series followed scene by scene, in weekly runs, therefore ends
with the same record as one followed at once.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from string import ascii_lowercase

from shapely.geometry.base import BaseGeometry

from detectors.base import Assessment, ChangeType, Finding, Verdict
from flows.change import HistoryEntry, Status
from geo.scene import Scene

# Findings of one family can be the same change at different stages.
_FAMILY = {ChangeType.GROUND_CLEARED: ChangeType.BUILDING_ADDED}

# Least overlap (shared area over the smaller of the two) for a finding to be the change on record.
_SAME_CHANGE_OVERLAP = 0.3

# A change whose ground lies in another's to at least this share has become part of it.
_ABSORBED_SHARE = 0.7

# How near an earlier change has to be for a new one to be called its extension, metres.
_PARENT_DISTANCE_M = 50.0

# Growth or loss of area below this share is drawing noise and makes no entry in the history.
_NOTABLE_AREA_SHARE = 0.05

# How many assessments in a row have to lack a change before it is withdrawn. What has been seen more often takes
# more to overturn, so that one hazy scene doesn't make a confirmed change flicker.
_MISSES_TO_WITHDRAW = {Status.FIRST: 1, Status.PROVISIONAL: 2, Status.CONFIRMED: 3}


@dataclass(frozen=True, slots=True)
class DetectorIdentity:
    """What identifies how a change was found."""

    name: str
    version: str
    parameters_sha256: str


@dataclass(frozen=True, slots=True)
class Track:
    """One change as the tracker follows it: the newest finding plus what it has been through.

    Attributes:
        change_id: Stable for the life of the change.
        detector: How it was found.
        status: How often it has been seen.
        finding: The newest finding that supports it, geometry in the facility grid's CRS.
        parent_change_id: The change that it extends, if any.
        misses: Assessments in a row that lacked it.
        last_seen: Acquisition of the newest scene that supports it.
    """

    change_id: str
    detector: DetectorIdentity
    status: Status
    finding: Finding
    parent_change_id: str | None
    misses: int
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """The record after one more scene, and what moved."""

    tracks: tuple[Track, ...]
    history: tuple[HistoryEntry, ...]


def advance(
    facility_id: str, detector: DetectorIdentity, tracks: Sequence[Track], assessment: Assessment, scene: Scene
) -> Step:
    """The record of one facility and detector after the assessment that followed a scene.

    Args:
        facility_id: Facility that the findings belong to.
        detector: Detector that made the assessment.
        tracks: The record so far, of this facility and detector.
        assessment: What the series up to `scene` shows. Findings of other facilities are already taken out.
        scene: The newest scene of the series.
    """
    if assessment.verdict is Verdict.NOT_ASSESSABLE:
        return Step(tuple(tracks), ())
    matches = match(tracks, assessment.findings)
    supported = {track.change_id: finding for finding, track in matches if track is not None}
    moved: list[Track] = []
    history: list[HistoryEntry] = []
    for track in tracks:
        found = supported.get(track.change_id)
        whole = None if found is not None else _absorbed_by(track, matches)
        after = _support(track, found, scene) if found is not None else _miss(track, absorbed=whole is not None)
        moved.append(after)
        history.extend(_entries(track, after, scene, whole))
    for finding, earlier in matches:
        if earlier is None:
            fresh = _begin(facility_id, detector, finding, moved, scene)
            moved.append(fresh)
            history.append(_entry(fresh, scene, "found"))
    return Step(tuple(moved), tuple(history))


def match(tracks: Sequence[Track], findings: Sequence[Finding]) -> list[tuple[Finding, Track | None]]:
    """Each finding with the change on record that it is, or None; best overlaps are taken first."""
    candidates = sorted(
        (
            (-_likeness(track.finding.geometry, finding.geometry), -_standing(track), track.change_id, index)
            for index, finding in enumerate(findings)
            for track in tracks
            if _family(track.finding.kind) == _family(finding.kind)
            and overlap(track.finding.geometry, finding.geometry) >= _SAME_CHANGE_OVERLAP
        ),
    )
    by_id = {track.change_id: track for track in tracks}
    taken: dict[int, Track] = {}
    used: set[str] = set()
    for _, _, change_id, index in candidates:
        if index not in taken and change_id not in used:
            taken[index] = by_id[change_id]
            used.add(change_id)
    return [(finding, taken.get(index)) for index, finding in enumerate(findings)]


def overlap(a: BaseGeometry, b: BaseGeometry) -> float:
    """Shared area over the smaller of two areas, 0 to 1: 1 where one holds the other, so growth keeps its match."""
    smaller = min(a.area, b.area)
    return float(a.intersection(b).area / smaller) if smaller > 0 else 0.0


def _likeness(a: BaseGeometry, b: BaseGeometry) -> float:
    """Shared over united area, 0 to 1: of two changes that have grown together the larger one goes on."""
    return float(a.intersection(b).area / a.union(b).area)


def _absorbed_by(track: Track, matches: Sequence[tuple[Finding, Track | None]]) -> Track | None:
    """The change on record that has grown over this one, which then is no change of its own any more."""
    for finding, other in matches:
        if other is not None and _family(finding.kind) == _family(track.finding.kind):
            shared = finding.geometry.intersection(track.finding.geometry).area
            if shared >= _ABSORBED_SHARE * track.finding.geometry.area:
                return other
    return None


def keep_ids(published: Iterable[Track], refolded: Sequence[Track]) -> tuple[Track, ...]:
    """Tracks that were folded anew, under the ids that they were published with.

    A scene that arrives late, or another parameter, makes the whole series be folded again. What is still the same
    change then keeps its published id.
    """
    renamed: dict[str, str] = {}
    published = list(published)
    for detector in {track.detector.name for track in refolded}:
        old = [track for track in published if track.detector.name == detector]
        new = [track for track in refolded if track.detector.name == detector]
        for finding, track in match(old, [track.finding for track in new]):
            if track is not None:
                fresh = next(candidate for candidate in new if candidate.finding is finding)
                renamed[fresh.change_id] = track.change_id
    return tuple(
        replace(
            track,
            change_id=renamed.get(track.change_id, track.change_id),
            parent_change_id=renamed.get(track.parent_change_id or "", track.parent_change_id),
        )
        for track in refolded
    )


def _family(kind: ChangeType) -> ChangeType:
    return _FAMILY.get(kind, kind)


def _standing(track: Track) -> int:
    """Orders equal overlaps: what is seen more often comes first, a withdrawn change last."""
    return [Status.WITHDRAWN, Status.FIRST, Status.PROVISIONAL, Status.CONFIRMED].index(track.status)


def _status_of(sightings: int) -> Status:
    return Status.CONFIRMED if sightings >= 3 else Status.PROVISIONAL if sightings == 2 else Status.FIRST


def _support(track: Track, finding: Finding, scene: Scene) -> Track:
    status = _status_of(len(finding.seen_in))
    if track.status is not Status.WITHDRAWN and _standing(track) > _standing(replace(track, status=status)):
        status = track.status
    last_seen = scene.acquired_at if scene.item_id in finding.seen_in else track.last_seen
    return replace(track, status=status, finding=finding, misses=0, last_seen=last_seen)


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
    seed = f"{facility_id}|{detector.name}|{_family(finding.kind)}|{scene.item_id}|{centre.x:.0f}|{centre.y:.0f}"
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


def _entries(before: Track, after: Track, scene: Scene, whole: Track | None) -> Iterable[HistoryEntry]:
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
    share = after.finding.area_m2 / before.finding.area_m2 - 1.0 if before.finding.area_m2 > 0 else 0.0
    if abs(share) >= _NOTABLE_AREA_SHARE:
        yield _entry(after, scene, "grown" if share > 0 else "shrunk")
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
