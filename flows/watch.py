"""Watching one facility: from its scenes to its record. Pure but for the source; knows nothing of Prefect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from detectors.base import Verdict
from flows.carry import carried_over
from flows.change import HistoryEntry
from flows.checkpoint import Checkpoint
from flows.fetch import Fetched
from flows.following import Following
from flows.record import AssessmentRecord, FacilityRecord, Outcome, SceneRecord
from flows.shown import Shown
from flows.subject import Subject
from flows.walk import Walk
from geo.preparation import Preparation
from geo.scene import LeftOut


@dataclass(frozen=True, slots=True)
class Followed:
    """A facility after its scenes.

    Attributes:
        record: Its record.
        preparation: Makes any scene that was used once more, of its pixels.
        checkpoint: What the next run may go on from; None where it can't.
        shown: Scenes that were gone through, in true colour.
    """

    record: FacilityRecord
    preparation: Preparation
    checkpoint: Checkpoint | None
    shown: Shown


@dataclass(frozen=True, slots=True)
class Rest:
    """What there is to follow where a checkpoint spares the scenes on record.

    Attributes:
        checkpoint: After the scenes on record.
        fetched: The other scenes.
    """

    checkpoint: Checkpoint
    fetched: Fetched


def follow(subject: Subject, fetched: Fetched, rest: Rest | None = None) -> Followed:
    """Follows a facility scene by scene.

    Where the scenes on record are the beginning of the series, only the new ones are assessed. A scene that came
    late, or another parameter, makes the series be followed anew; what is still the same change keeps its id, and
    what isn't found any more is withdrawn. The record is the same with a checkpoint and without,
    unless the archive has changed a scene under its own name: with a checkpoint old scenes aren't read again.

    Args:
        subject: The facility.
        fetched: All of its scenes.
        rest: Those that aren't on record, where there is a checkpoint after those that are.

    Raises:
        SourceError: Nothing can be read.
    """
    known = comparable(subject)
    if known is not None and rest is not None:
        walk = Walk.resumed(subject, known, rest.checkpoint)
        if walk.go(rest.fetched):
            return _followed(walk, rest.fetched, [scene for scene in known.read_scenes if not scene.used])
    walk = Walk.anew(subject, known)
    if not walk.go(fetched):
        walk = Walk.anew(subject, None)
        walk.go(fetched)
    return _followed(walk, fetched, [])


def assess(subject: Subject, fetched: Fetched) -> FacilityRecord:
    """The record of a facility after its scenes as fetched."""
    return follow(subject, fetched).record


def comparable(subject: Subject) -> FacilityRecord | None:
    """The record so far, where a series that begins with its scenes may go on from it."""
    earlier = subject.earlier
    if earlier is None or earlier.parameters_sha256 != subject.parameters_sha256 or not earlier.assessments:
        return None
    return earlier if earlier.used_scenes else None


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


def _followed(walk: Walk, fetched: Fetched, judged: Sequence[SceneRecord]) -> Followed:
    """What came of a walk over some scenes, others of which were read and left out before."""
    subject, known, followed = walk.subject, walk.known, walk.followed
    record = replace(
        _blank(subject),
        scenes=tuple(sorted([*walk.used, *judged, *_left_out(fetched, walk.preparation.left_out)], key=scene_order)),
        parameters_sha256=subject.parameters_sha256,
        source=subject.specification,
    )
    if not walk.used:
        return Followed(_unassessed(record, subject.earlier), walk.preparation, None, walk.shown)
    outcome, reason = _outcome(known or record, followed)
    record = replace(
        record,
        outcome=outcome,
        reason=reason,
        assessments=_in_order(known.assessments if known else (), followed),
        tracks=tuple(track for one in followed for track in one.tracks),
        history=_by_time((*(known.history if known else ()), *(entry for one in followed for entry in one.history))),
    )
    if known is None and subject.earlier is not None:
        record = carried_over(subject.earlier, record)
    return Followed(record, walk.preparation, walk.checkpoint, walk.shown)


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


def _left_out(fetched: Fetched, unprepared: Sequence[LeftOut]) -> list[SceneRecord]:
    judged = [left_out_record(scene) for scene in (*fetched.not_clear, *unprepared)]
    never_seen = [left_out_record(scene, unread=True) for scene in fetched.left_out]
    failed = [left_out_record(scene, unread=True, retry=True) for scene in fetched.failed]
    return [*judged, *never_seen, *failed]


def left_out_record(scene: LeftOut, *, unread: bool = False, retry: bool = False) -> SceneRecord:
    """The record of a scene that isn't used."""
    return SceneRecord(scene.item_id, scene.acquired_at, used=False, reason=scene.reason, unread=unread, retry=retry)
