"""Watching one facility: from its scenes to its record. Pure but for the source; knows nothing of Prefect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from shapely.geometry.base import BaseGeometry

from aoi.facility import Facility, owner_of
from detectors.base import Assessment, Detector, Verdict, parameters_sha256, unmet
from flows.carry import carried_over
from flows.change import HistoryEntry
from flows.fetch import Fetched
from flows.record import AssessmentRecord, FacilityRecord, Outcome, SceneRecord
from flows.stages import stage
from flows.subject import Subject
from flows.track import DetectorIdentity, Track
from flows.tracker import advance, without_foreign
from geo.grid import Grid, to_wgs84
from geo.scene import ImageStack, LeftOut
from geo.stack import build_stack


@dataclass(frozen=True, slots=True)
class Series:
    """The scenes of a facility, comparable.

    Attributes:
        stack: Those that are used; None where none is.
        scenes: The record of all of them.
    """

    stack: ImageStack | None
    scenes: tuple[SceneRecord, ...]


def prepare(subject: Subject, fetched: Fetched) -> Series:
    """Makes the scenes of a facility comparable. The pixels as stored aren't needed any more after this."""
    with stage("prepare"):
        prepared = build_stack(fetched.rasters, subject.grid, subject.method.preparation)
        return Series(prepared.stack, _scene_records(prepared.stack, fetched, prepared.left_out))


def follow(subject: Subject, series: Series) -> FacilityRecord:
    """The record of a facility after its scenes.

    Where the scenes on record are the beginning of the series, only the new ones are followed. A scene that came
    late, or another parameter, makes the series be followed anew; what is still the same change keeps its id, and
    what isn't found any more is withdrawn.
    """
    stack, earlier = series.stack, subject.earlier
    record = replace(
        _blank(subject),
        scenes=series.scenes,
        parameters_sha256=subject.parameters_sha256,
        source=subject.specification,
    )
    if stack is None:
        return _unassessed(record, earlier)
    since = _already_followed(record, earlier)
    known = earlier if since else None
    with stage("detect"):
        followed = [_follow(subject, detector, stack, since, known) for detector in subject.method.detectors]
    outcome, reason = _outcome(record if known is None else known, followed)
    record = replace(
        record,
        outcome=outcome,
        reason=reason,
        assessments=_in_order(known.assessments if known else (), followed),
        tracks=tuple(track for one in followed for track in one.tracks),
        history=_by_time((*(known.history if known else ()), *(entry for one in followed for entry in one.history))),
    )
    return record if known or earlier is None else carried_over(earlier, record)


def assess(subject: Subject, fetched: Fetched) -> FacilityRecord:
    """The record of a facility after its scenes as fetched."""
    return follow(subject, prepare(subject, fetched))


def failed(subject: Subject, reason: str) -> FacilityRecord:
    """The record of a facility whose run failed: what was known stands, and the failure is on record."""
    window = subject.window
    return replace(
        subject.earlier or _blank(subject),
        outcome=Outcome.FAILED,
        reason=reason,
        window_start=window.start,
        window_end=window.end,
    )


def no_usable_scene(scenes: Sequence[SceneRecord]) -> str:
    """Why nothing can be said where no scene is used."""
    reasons = sorted({scene.reason for scene in scenes})
    return f"no usable scene ({'; '.join(reasons)})" if reasons else "no scene of the area in the watched time"


def scene_order(scene: SceneRecord) -> tuple[datetime, str]:
    """Ascending by acquisition, undated scenes last."""
    return (scene.acquired_at or datetime.max.replace(tzinfo=UTC), scene.item_id)


def _blank(subject: Subject) -> FacilityRecord:
    return FacilityRecord(
        facility=subject.facility,
        crs=subject.grid.crs,
        gsd_m=subject.grid.gsd_m,
        window_start=subject.window.start,
        window_end=subject.window.end,
        outcome=Outcome.ASSESSED,
        reason="",
        source="",
        area=subject.area,
        parameters_sha256="",
        software_version=version("facility-watch"),
        reviews=subject.earlier.reviews if subject.earlier else {},
    )


@dataclass(frozen=True, slots=True)
class _Followed:
    tracks: tuple[Track, ...]
    history: tuple[HistoryEntry, ...]
    assessments: tuple[AssessmentRecord, ...]


def _follow(
    subject: Subject, detector: Detector, stack: ImageStack, since: int, known: FacilityRecord | None
) -> _Followed:
    identity = DetectorIdentity(detector.name, detector.version, parameters_sha256(detector))
    tracks = tuple(track for track in known.tracks if track.detector.name == detector.name) if known else ()
    if since == len(stack):
        return _Followed(tracks, (), ())
    history: list[HistoryEntry] = []
    assessments: list[AssessmentRecord] = []
    facility = subject.facility
    candidates = (facility, *subject.neighbours)
    for scene, assessment in zip(stack.scenes[since:], _assessments(detector, stack, since), strict=True):
        own = [_is_own(finding.geometry, stack.grid, facility, candidates) for finding in assessment.findings]
        step = advance(facility.facility_id, identity, tracks, without_foreign(assessment, own), scene)
        tracks = step.tracks
        history.extend(step.history)
        assessments.append(
            AssessmentRecord(
                detector.name,
                scene.item_id,
                scene.acquired_at,
                assessment.verdict,
                assessment.reason,
                assessment.clear_fraction,
            )
        )
    return _Followed(tracks, tuple(history), tuple(assessments))


def _assessments(detector: Detector, stack: ImageStack, since: int) -> list[Assessment]:
    """One assessment per scene from `since` on; too short a series, or one that lacks bands, is not assessable."""
    waiting = [
        Assessment(Verdict.NOT_ASSESSABLE, reason, float(stack.clear_fraction[index]))
        for index in range(since, len(stack))
        if (reason := unmet(detector.requires, stack.take(slice(0, index + 1)))) is not None
    ]
    first = since + len(waiting)
    return [*waiting, *(detector.follow(stack, first) if first < len(stack) else ())]


def _is_own(geometry: BaseGeometry, grid: Grid, facility: Facility, candidates: Sequence[Facility]) -> bool:
    if len(candidates) == 1:
        return True
    owner = owner_of(to_wgs84(geometry, grid.crs), candidates)
    return owner is None or owner.facility_id == facility.facility_id


def _already_followed(record: FacilityRecord, earlier: FacilityRecord | None) -> int:
    """How many scenes at the beginning of the series are on record already; 0 where it has to be followed anew."""
    if earlier is None or earlier.parameters_sha256 != record.parameters_sha256 or not earlier.assessments:
        return 0
    before, now = earlier.used_scenes, record.used_scenes
    return len(before) if now[: len(before)] == before else 0


def _unassessed(record: FacilityRecord, earlier: FacilityRecord | None) -> FacilityRecord:
    empty = replace(record, outcome=Outcome.NOT_ASSESSABLE, reason=no_usable_scene(record.scenes))
    if earlier is None:
        return empty
    return replace(empty, tracks=earlier.tracks, history=earlier.history, assessments=earlier.assessments)


def _outcome(before: FacilityRecord, followed: Sequence[_Followed]) -> tuple[Outcome, str]:
    """As the newest assessments say."""
    newest = [one.assessments[-1] for one in followed if one.assessments]
    newest = newest or _newest_by_detector(before.assessments)
    if newest and all(entry.verdict is Verdict.NOT_ASSESSABLE for entry in newest):
        return Outcome.NOT_ASSESSABLE, newest[0].reason
    return Outcome.ASSESSED, ""


def _newest_by_detector(assessments: Sequence[AssessmentRecord]) -> list[AssessmentRecord]:
    return list({entry.detector: entry for entry in assessments}.values())


def _in_order(known: Sequence[AssessmentRecord], followed: Sequence[_Followed]) -> tuple[AssessmentRecord, ...]:
    entries = (*known, *(entry for one in followed for entry in one.assessments))
    return tuple(sorted(entries, key=lambda entry: (entry.acquired_at, entry.detector)))


def _by_time(history: Sequence[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    return tuple(sorted(history, key=lambda entry: entry.at))


def _scene_records(
    stack: ImageStack | None, fetched: Fetched, unprepared: Sequence[LeftOut]
) -> tuple[SceneRecord, ...]:
    hashes = {scene.item_id: raster.sha256 for scene, raster in fetched.rasters}
    used = [] if stack is None else [_scene_record(stack, index, hashes) for index in range(len(stack))]
    judged = [left_out_record(scene) for scene in (*fetched.not_clear, *unprepared)]
    never_seen = [left_out_record(scene, unread=True) for scene in fetched.left_out]
    failed = [left_out_record(scene, unread=True, retry=True) for scene in fetched.failed]
    return tuple(sorted([*used, *judged, *never_seen, *failed], key=scene_order))


def left_out_record(scene: LeftOut, *, unread: bool = False, retry: bool = False) -> SceneRecord:
    """The record of a scene that isn't used."""
    return SceneRecord(scene.item_id, scene.acquired_at, used=False, reason=scene.reason, unread=unread, retry=retry)


def _scene_record(stack: ImageStack, index: int, hashes: Mapping[str, str]) -> SceneRecord:
    scene = stack.scenes[index]
    return SceneRecord(
        item_id=scene.item_id,
        acquired_at=scene.acquired_at,
        used=True,
        collection=scene.collection,
        processing_baseline=scene.processing_baseline,
        gsd_m=scene.gsd_m,
        clear_fraction=float(stack.clear_fraction[index]),
        shift_x_m=float(stack.shift_m[index, 0]),
        shift_y_m=float(stack.shift_m[index, 1]),
        registration_quality=float(stack.registration_quality[index]),
        attribution=scene.attribution,
        pixels_sha256=hashes[scene.item_id],
    )
