"""One detector on one facility: from prepared scenes to tracks, their history and the assessments on record."""

from __future__ import annotations

from collections.abc import Sequence

from shapely.geometry.base import BaseGeometry

from aoi.facility import Facility, owner_of
from detectors.base import Assessment, Detector, parameters_sha256
from flows.change import HistoryEntry
from flows.record import AssessmentRecord, FacilityRecord
from flows.subject import Subject
from flows.track import DetectorIdentity, Track
from flows.tracker import advance, told_areas, without_foreign
from geo.grid import Grid, to_wgs84
from geo.scene import PreparedScene


class Following:
    """A detector that follows a facility.

    Args:
        subject: The facility.
        detector: The detector.
        known: The record whose scenes the series begins with; None where it is followed anew.

    Attributes:
        detector: The detector.
        follower: What it follows with.
        tracks: The record so far, of this detector.
        history: What was added to it.
        assessments: One per scene that was assessed.
    """

    def __init__(self, subject: Subject, detector: Detector, known: FacilityRecord | None) -> None:
        self.detector = detector
        self._identity = DetectorIdentity(detector.name, detector.version, parameters_sha256(detector))
        self._facility = subject.facility
        self._candidates = (subject.facility, *subject.neighbours)
        self.follower = detector.start(subject.grid)
        earlier = known.tracks if known else ()
        self.tracks: tuple[Track, ...] = tuple(track for track in earlier if track.detector.name == detector.name)
        self.history: list[HistoryEntry] = []
        self._told_m2 = told_areas(known.history if known else ())
        self.assessments: list[AssessmentRecord] = []

    def add(self, scene: PreparedScene, *, assess: bool) -> None:
        """Takes in the next scene, and puts on record what can be said after it unless that is there already."""
        self.follower.add(scene)
        if assess:
            self._record(scene, self.follower.assess())

    def _record(self, prepared: PreparedScene, assessment: Assessment) -> None:
        scene, facility = prepared.scene, self._facility
        own = [_is_own(finding.geometry, prepared.grid, facility, self._candidates) for finding in assessment.findings]
        own_findings = without_foreign(assessment, own)
        step = advance(facility.facility_id, self._identity, self.tracks, own_findings, scene, self._told_m2)
        self.tracks = step.tracks
        self.history.extend(step.history)
        self._told_m2.update(told_areas(step.history))
        self.assessments.append(
            AssessmentRecord(
                self.detector.name,
                scene.item_id,
                scene.acquired_at,
                assessment.verdict,
                assessment.reason,
                assessment.clear_fraction,
            )
        )


def _is_own(geometry: BaseGeometry, grid: Grid, facility: Facility, candidates: Sequence[Facility]) -> bool:
    if len(candidates) == 1:
        return True
    owner = owner_of(to_wgs84(geometry, grid.crs), candidates)
    return owner is None or owner.facility_id == facility.facility_id
