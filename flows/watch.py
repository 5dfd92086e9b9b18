"""Watching one facility: from its scenes to its record. Pure but for the source; knows nothing of Prefect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from detectors.base import Verdict
from flows.carry import carried_over
from flows.change import HistoryEntry
from flows.fetch import Fetched
from flows.following import Following
from flows.record import AssessmentRecord, FacilityRecord, Outcome, SceneRecord
from flows.stages import stage
from flows.subject import Subject
from geo.preparation import Preparation
from geo.scene import LeftOut, PreparedScene


@dataclass(frozen=True, slots=True)
class Followed:
    """A facility after its scenes.

    Attributes:
        record: Its record.
        preparation: Makes any scene that was used once more, of its pixels.
    """

    record: FacilityRecord
    preparation: Preparation


def follow(subject: Subject, fetched: Fetched) -> Followed:
    """Follows a facility scene by scene; the pixels of a scene are forgotten before the next one is read.

    Where the scenes on record are the beginning of the series, only the new ones are assessed. A scene that came
    late, or another parameter, makes the series be followed anew; what is still the same change keeps its id, and
    what isn't found any more is withdrawn.

    Raises:
        SourceError: Nothing can be read.
    """
    known = _comparable(subject)
    walk = _walk(subject, fetched, known) if known else None
    if walk is None:
        known, walk = None, _walk(subject, fetched, None)
    assert walk is not None  # noqa: S101 - only a known beginning can turn out to be another one
    return Followed(_record(subject, fetched, known, walk), walk.preparation)


def assess(subject: Subject, fetched: Fetched) -> FacilityRecord:
    """The record of a facility after its scenes as fetched."""
    return follow(subject, fetched).record


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
class _Walk:
    """A series from its first scene to its last.

    Attributes:
        preparation: What made its scenes comparable.
        used: The records of those that were used.
        followed: What each detector made of them.
    """

    preparation: Preparation
    used: tuple[SceneRecord, ...]
    followed: tuple[Following, ...]


def _comparable(subject: Subject) -> FacilityRecord | None:
    """The record so far, where a series that begins with its scenes may go on from it."""
    earlier = subject.earlier
    if earlier is None or earlier.parameters_sha256 != subject.parameters_sha256 or not earlier.assessments:
        return None
    return earlier if earlier.used_scenes else None


def _walk(subject: Subject, fetched: Fetched, known: FacilityRecord | None) -> _Walk | None:
    """Goes through a series; None where it turns out not to begin with the scenes of the known record."""
    preparation = Preparation(subject.grid, subject.method.preparation)
    followed = tuple(Following(subject, detector, known) for detector in subject.method.detectors)
    before = known.used_scenes if known else ()
    used: list[SceneRecord] = []
    for scene, record in _prepared(fetched, preparation):
        place = len(used)
        if place < len(before) and record != before[place]:
            return None
        used.append(record)
        with stage("detect"):
            for one in followed:
                one.add(scene, assess=place >= len(before))
    return _Walk(preparation, tuple(used), followed) if len(used) >= len(before) else None


def _prepared(fetched: Fetched, preparation: Preparation) -> Iterator[tuple[PreparedScene, SceneRecord]]:
    """The scenes that are used, as they are settled, with their records."""
    hashes: dict[str, str] = {}
    for scene, raster in fetched.rasters:
        with stage("prepare"):
            hashes[scene.item_id] = raster.sha256
            settled = preparation.add(scene, raster)
        for one in settled:
            yield one, _scene_record(one, hashes[one.scene.item_id])
    with stage("prepare"):
        settled = preparation.finish()
    for one in settled:
        yield one, _scene_record(one, hashes[one.scene.item_id])


def _record(subject: Subject, fetched: Fetched, known: FacilityRecord | None, walk: _Walk) -> FacilityRecord:
    earlier, followed = subject.earlier, walk.followed
    record = replace(
        _blank(subject),
        scenes=_scene_records(walk.used, fetched, walk.preparation.left_out),
        parameters_sha256=subject.parameters_sha256,
        source=subject.specification,
    )
    if not walk.used:
        return _unassessed(record, earlier)
    outcome, reason = _outcome(known or record, followed)
    record = replace(
        record,
        outcome=outcome,
        reason=reason,
        assessments=_in_order(known.assessments if known else (), followed),
        tracks=tuple(track for one in followed for track in one.tracks),
        history=_by_time((*(known.history if known else ()), *(entry for one in followed for entry in one.history))),
    )
    return record if known or earlier is None else carried_over(earlier, record)


def _unassessed(record: FacilityRecord, earlier: FacilityRecord | None) -> FacilityRecord:
    empty = replace(record, outcome=Outcome.NOT_ASSESSABLE, reason=no_usable_scene(record.scenes))
    if earlier is None:
        return empty
    return replace(empty, tracks=earlier.tracks, history=earlier.history, assessments=earlier.assessments)


def _outcome(before: FacilityRecord, followed: Sequence[Following]) -> tuple[Outcome, str]:
    """As the newest assessments say."""
    newest = [one.assessments[-1] for one in followed if one.assessments]
    newest = newest or _newest_by_detector(before.assessments)
    if newest and all(entry.verdict is Verdict.NOT_ASSESSABLE for entry in newest):
        return Outcome.NOT_ASSESSABLE, newest[0].reason
    return Outcome.ASSESSED, ""


def _newest_by_detector(assessments: Sequence[AssessmentRecord]) -> list[AssessmentRecord]:
    return list({entry.detector: entry for entry in assessments}.values())


def _in_order(known: Sequence[AssessmentRecord], followed: Sequence[Following]) -> tuple[AssessmentRecord, ...]:
    entries = (*known, *(entry for one in followed for entry in one.assessments))
    return tuple(sorted(entries, key=lambda entry: (entry.acquired_at, entry.detector)))


def _by_time(history: Sequence[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    return tuple(sorted(history, key=lambda entry: entry.at))


def _scene_records(
    used: Sequence[SceneRecord], fetched: Fetched, unprepared: Sequence[LeftOut]
) -> tuple[SceneRecord, ...]:
    judged = [left_out_record(scene) for scene in (*fetched.not_clear, *unprepared)]
    never_seen = [left_out_record(scene, unread=True) for scene in fetched.left_out]
    failed = [left_out_record(scene, unread=True, retry=True) for scene in fetched.failed]
    return tuple(sorted([*used, *judged, *never_seen, *failed], key=scene_order))


def left_out_record(scene: LeftOut, *, unread: bool = False, retry: bool = False) -> SceneRecord:
    """The record of a scene that isn't used."""
    return SceneRecord(scene.item_id, scene.acquired_at, used=False, reason=scene.reason, unread=unread, retry=retry)


def _scene_record(prepared: PreparedScene, pixels_sha256: str) -> SceneRecord:
    scene = prepared.scene
    return SceneRecord(
        item_id=scene.item_id,
        acquired_at=scene.acquired_at,
        used=True,
        collection=scene.collection,
        processing_baseline=scene.processing_baseline,
        gsd_m=scene.gsd_m,
        clear_fraction=prepared.clear_fraction,
        shift_x_m=float(prepared.shift_m[0]),
        shift_y_m=float(prepared.shift_m[1]),
        registration_quality=prepared.registration_quality,
        attribution=scene.attribution,
        pixels_sha256=pixels_sha256,
    )
