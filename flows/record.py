"""What is known of one facility: the unit that the ledger stores in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from aoi.facility import Facility
from detectors.base import Verdict
from flows.change import HistoryEntry, ReviewStatus
from flows.track import Track
from geo.grid import Grid


class Outcome(StrEnum):
    """How the newest run over a facility ended."""

    ASSESSED = "assessed"
    NOT_ASSESSABLE = "not_assessable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """A scene that was found for a facility: used, or left out and why.

    Attributes:
        item_id: The source's identifier.
        acquired_at: Acquisition, UTC; None for a file whose date could not be read.
        used: Whether the detectors saw it.
        reason: Why not; empty where used.
        collection: Imagery product.
        processing_baseline: None where unknown.
        gsd_m: Native pixel size, m.
        clear_fraction: Share of the area that was clear, 0 to 1.
        shift_x_m: Displacement against the reference that was measured and removed, eastward, m.
        shift_y_m: The same, northward, m.
        registration_quality: 0 to 1.
        attribution: Origin of the data.
        pixels_sha256: Hash of its pixels over the facility, as read; None where it wasn't used.
        unread: Whether its pixels were never seen, so that it is read as soon as it can be had.
        retry: Whether reading it failed, so that the next run looks for it again however old it is.
    """

    item_id: str
    acquired_at: datetime | None
    used: bool
    reason: str = ""
    collection: str = ""
    processing_baseline: str | None = None
    gsd_m: float | None = None
    clear_fraction: float | None = None
    shift_x_m: float | None = None
    shift_y_m: float | None = None
    registration_quality: float | None = None
    attribution: str = ""
    pixels_sha256: str | None = None
    unread: bool = False
    retry: bool = False


@dataclass(frozen=True, slots=True)
class AssessmentRecord:
    """What one detector said of the facility after one scene."""

    detector: str
    item_id: str
    acquired_at: datetime
    verdict: Verdict
    reason: str
    clear_fraction: float


@dataclass(frozen=True, slots=True)
class Review:
    """A person's verdict on a change; kept over every later run."""

    change_id: str
    review_status: ReviewStatus
    reviewer: str | None = None
    reviewed_at: datetime | None = None
    review_note: str | None = None


@dataclass(frozen=True, slots=True)
class FacilityRecord:
    """All that is known of one facility.

    Attributes:
        facility: As the catalogue had it at the newest run.
        crs: CRS of the grid and of every track's geometry.
        gsd_m: Pixel size of the grid, m.
        window_start: From when on it has been watched.
        window_end: Until when it has been watched.
        outcome: How the newest run over it ended.
        reason: Why it was not assessable or failed; empty otherwise.
        source: Imagery source, as given.
        area: What is fetched as one with it, so that its pixels can be found again; None where files are just read.
        parameters_sha256: Hash of everything that decides the result besides the scenes.
        software_version: Version that made the record.
        scenes: Found scenes, ascending by acquisition.
        assessments: Ascending by acquisition, then detector.
        tracks: Changes as followed.
        history: What moved, in order.
        reviews: Verdicts by change id.
    """

    facility: Facility
    crs: str
    gsd_m: float
    window_start: datetime
    window_end: datetime
    outcome: Outcome
    reason: str
    source: str
    parameters_sha256: str
    software_version: str
    area: Grid | None = None
    scenes: tuple[SceneRecord, ...] = ()
    assessments: tuple[AssessmentRecord, ...] = ()
    tracks: tuple[Track, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    reviews: Mapping[str, Review] = field(default_factory=dict)

    @property
    def used_scenes(self) -> tuple[SceneRecord, ...]:
        """The scenes that the detectors saw."""
        return tuple(scene for scene in self.scenes if scene.used)

    @property
    def read_scenes(self) -> tuple[SceneRecord, ...]:
        """The scenes whose pixels were judged, used or not."""
        return tuple(scene for scene in self.scenes if not scene.unread)

    def scene(self, item_id: str) -> SceneRecord:
        """One scene by id."""
        return next(scene for scene in self.scenes if scene.item_id == item_id)
