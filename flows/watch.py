"""Watching one facility: from its scenes to its record. Pure but for the source; knows nothing of Prefect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from shapely.geometry.base import BaseGeometry

from aoi.facility import Facility, owner_of
from detectors.base import Assessment, Detector, Verdict, parameters_sha256, unmet
from flows.change import HistoryEntry
from flows.record import AssessmentRecord, FacilityRecord, Outcome, SceneRecord
from flows.tracker import DetectorIdentity, Track, advance, keep_ids, without_foreign
from geo.errors import SceneUnusableError
from geo.grid import Grid, to_wgs84
from geo.scene import ImageStack, LeftOut, Scene, SceneRaster
from geo.sources.base import ImagerySource
from geo.stack import PreparationParameters, build_stack


@dataclass(frozen=True, slots=True)
class Window:
    """The watched time, both ends included, aware."""

    start: datetime
    end: datetime

    def united(self, earlier: FacilityRecord | None) -> Window:
        """The window with the one on record: a series never becomes shorter than it has been."""
        if earlier is None:
            return self
        return Window(min(self.start, earlier.window_start), max(self.end, earlier.window_end))


@dataclass(frozen=True, slots=True)
class Method:
    """Everything besides the scenes that decides a result."""

    detectors: tuple[Detector, ...]
    preparation: PreparationParameters
    gsd_m: float

    @property
    def bands(self) -> tuple[str, ...]:
        """All bands that any detector can use, without repeats."""
        needs = [detector.requires for detector in self.detectors]
        return tuple(dict.fromkeys(band for need in needs for band in (*need.bands, *need.optional_bands)))

    def sha256(self, grid: Grid) -> str:
        """A hash that changes when a series has to be followed anew."""
        parts = {
            "grid": [grid.crs, tuple(grid.transform)[:6], grid.shape],
            "preparation": asdict(self.preparation),
            "detectors": [(d.name, d.version, parameters_sha256(d)) for d in self.detectors],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source gave for one facility.

    Attributes:
        rasters: The scenes that could be read, ascending by acquisition.
        left_out: The scenes that were found and could not be used, with the reason.
    """

    rasters: tuple[tuple[Scene, SceneRaster], ...]
    left_out: tuple[LeftOut, ...]


def fetch(source: ImagerySource, facility: Facility, window: Window, method: Method) -> Fetched:
    """Searches and reads the scenes of a facility.

    Raises:
        SourceError: The source can't be asked, or nothing can be read from it.
    """
    grid = facility.grid(method.gsd_m)
    found = source.search(facility.area_of_interest, window.start, window.end)
    rasters: list[tuple[Scene, SceneRaster]] = []
    left_out = list(found.left_out)
    for scene in found.scenes:
        try:
            rasters.append((scene, source.read(scene, method.bands, grid)))
        except SceneUnusableError as error:
            left_out.append(LeftOut(scene.item_id, scene.acquired_at, str(error)))
    return Fetched(tuple(rasters), tuple(left_out))


def assess(
    facility: Facility,
    neighbours: Sequence[Facility],
    fetched: Fetched,
    window: Window,
    method: Method,
    specification: str,
    earlier: FacilityRecord | None,
) -> FacilityRecord:
    """The record of a facility after its scenes.

    Where the scenes on record are the beginning of the series, only the new ones are followed. A scene that came
    late, or another parameter, makes the series be followed anew; what is still the same change keeps its id.

    Args:
        facility: The facility.
        neighbours: Facilities whose area of interest overlaps: a change is reported for one of them only.
        fetched: Its scenes.
        window: The watched time.
        method: Detectors, preparation and pixel size.
        specification: Imagery source as given, for the record.
        earlier: What is on record.
    """
    grid = facility.grid(method.gsd_m)
    prepared = build_stack(fetched.rasters, grid, method.preparation)
    stack = prepared.stack
    record = FacilityRecord(
        facility=facility,
        crs=grid.crs,
        gsd_m=grid.gsd_m,
        window_start=window.start,
        window_end=window.end,
        outcome=Outcome.ASSESSED,
        reason="",
        source=specification,
        parameters_sha256=method.sha256(grid),
        software_version=version("facility-watch"),
        scenes=_scene_records(stack, (*fetched.left_out, *prepared.left_out)),
        reviews=earlier.reviews if earlier else {},
    )
    if stack is None:
        return _unassessed(record, earlier)
    since = _already_followed(record, earlier)
    known = earlier if since else None
    followed = [_follow(facility, neighbours, detector, stack, since, known) for detector in method.detectors]
    tracks = tuple(track for one in followed for track in one.tracks)
    outcome, reason = _outcome(followed)
    return replace(
        record,
        outcome=outcome,
        reason=reason,
        assessments=tuple(
            sorted(
                (*(known.assessments if known else ()), *(entry for one in followed for entry in one.assessments)),
                key=lambda entry: (entry.acquired_at, entry.detector),
            )
        ),
        tracks=tracks if known or earlier is None else keep_ids(earlier.tracks, tracks),
        history=tuple(
            sorted(
                (*(known.history if known else ()), *(entry for one in followed for entry in one.history)),
                key=lambda entry: entry.at,
            )
        ),
    )


def failed(
    record: FacilityRecord | None, facility: Facility, window: Window, method: Method, reason: str
) -> FacilityRecord:
    """The record of a facility whose run failed: what was known stands, and the failure is on record."""
    grid = facility.grid(method.gsd_m)
    base = record or FacilityRecord(
        facility=facility,
        crs=grid.crs,
        gsd_m=grid.gsd_m,
        window_start=window.start,
        window_end=window.end,
        outcome=Outcome.FAILED,
        reason=reason,
        source="",
        parameters_sha256="",
        software_version=version("facility-watch"),
    )
    return replace(base, outcome=Outcome.FAILED, reason=reason, window_start=window.start, window_end=window.end)


@dataclass(frozen=True, slots=True)
class _Followed:
    tracks: tuple[Track, ...]
    history: tuple[HistoryEntry, ...]
    assessments: tuple[AssessmentRecord, ...]


def _follow(
    facility: Facility,
    neighbours: Sequence[Facility],
    detector: Detector,
    stack: ImageStack,
    since: int,
    known: FacilityRecord | None,
) -> _Followed:
    identity = DetectorIdentity(detector.name, detector.version, parameters_sha256(detector))
    tracks = tuple(track for track in known.tracks if track.detector.name == detector.name) if known else ()
    history: list[HistoryEntry] = []
    assessments: list[AssessmentRecord] = []
    candidates = (facility, *neighbours)
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
    reasons = sorted({scene.reason for scene in record.scenes})
    reason = f"no usable scene ({'; '.join(reasons)})" if reasons else "no scene of the area in the watched time"
    empty = replace(record, outcome=Outcome.NOT_ASSESSABLE, reason=reason)
    if earlier is None:
        return empty
    return replace(empty, tracks=earlier.tracks, history=earlier.history, assessments=earlier.assessments)


def _outcome(followed: Sequence[_Followed]) -> tuple[Outcome, str]:
    newest = [one.assessments[-1] for one in followed if one.assessments]
    if newest and all(entry.verdict is Verdict.NOT_ASSESSABLE for entry in newest):
        return Outcome.NOT_ASSESSABLE, newest[0].reason
    return Outcome.ASSESSED, ""


def _scene_records(stack: ImageStack | None, left_out: Sequence[LeftOut]) -> tuple[SceneRecord, ...]:
    used = [] if stack is None else [_scene_record(stack, index) for index in range(len(stack))]
    others = [SceneRecord(scene.item_id, scene.acquired_at, used=False, reason=scene.reason) for scene in left_out]
    undated = datetime.max.replace(tzinfo=UTC)
    return tuple(sorted([*used, *others], key=lambda scene: (scene.acquired_at or undated, scene.item_id)))


def _scene_record(stack: ImageStack, index: int) -> SceneRecord:
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
    )
