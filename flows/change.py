"""The published record: one change, and every field that a product carries of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from shapely.geometry.base import BaseGeometry

from detectors.base import Stage

FieldType = Literal["text", "integer", "real", "datetime"]


class Status(StrEnum):
    """How often a change has been seen. `WITHDRAWN` is no longer supported and stays on record."""

    FIRST = "first"
    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class ReviewStatus(StrEnum):
    """A person's verdict."""

    UNREVIEWED = "unreviewed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Change:
    """One change on record, from its first sighting to its end. Fields as in `FIELDS`.

    Attributes:
        geometry: Polygon or MultiPolygon in EPSG:4326, longitude first.
    """

    change_id: str
    facility_id: str
    change_type: str
    status: Status
    geometry: BaseGeometry
    valid_from: datetime
    last_seen: datetime
    area_m2: float
    detector: str
    detector_version: str
    parameters_sha256: str
    software_version: str
    gsd_m: float
    after_item_id: str
    after_acquired_at: datetime
    collection: str
    facility_name: str = ""
    facility_kind: str = ""
    prefecture: str = ""
    county: str = ""
    security_tier: int | None = None
    parent_change_id: str | None = None
    stage: str | None = None
    valid_to: datetime | None = None
    last_without: datetime | None = None
    length_m: float | None = None
    confidence: float | None = None
    magnitude: float | None = None
    persistence: float | None = None
    registration: float | None = None
    clear_fraction: float | None = None
    registration_shift_m: float | None = None
    before_item_id: str | None = None
    before_acquired_at: datetime | None = None
    processing_baseline: str | None = None
    evidence_before: str | None = None
    evidence_after: str | None = None
    evidence_sha256: str | None = None
    review_status: ReviewStatus = ReviewStatus.UNREVIEWED
    reviewer: str | None = None
    reviewed_at: datetime | None = None
    review_note: str | None = None
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class PublishedField:
    """One column of the change layer."""

    name: str
    type: FieldType
    unit: str
    description: str


FIELDS: tuple[PublishedField, ...] = tuple(
    PublishedField(*row)
    for row in (
        ("change_id", "text", "", "Stable for the life of the change"),
        ("facility_id", "text", "", "Facility that the change belongs to"),
        ("facility_name", "text", "", "As the catalogue writes it"),
        ("facility_kind", "text", "", "camp, factory_park, factory_park_search_area or custom"),
        ("prefecture", "text", "", "From the catalogue"),
        ("county", "text", "", "From the catalogue"),
        ("security_tier", "integer", "", "1 (lowest) to 4 (highest), from the catalogue"),
        ("parent_change_id", "text", "", "The change that this one extends, if any"),
        (
            "change_type",
            "text",
            "",
            "building_added, building_removed, ground_cleared, perimeter_added, perimeter_extended, perimeter_removed",
        ),
        (
            "stage",
            "text",
            "",
            "How far the works have come: cleared (no building to be seen), under_construction (buildings, and still "
            "changing or not yet seen still for 90 days) or built; null for perimeters and where it isn't judged",
        ),
        (
            "status",
            "text",
            "",
            "first (seen once), provisional (twice), confirmed (three or more) or withdrawn (no longer supported)",
        ),
        ("valid_from", "datetime", "UTC", "Acquisition of the first scene that shows it"),
        (
            "valid_to",
            "datetime",
            "UTC",
            "Acquisition of the first scene without it again, or in which a ring is open; null while it stands",
        ),
        (
            "last_without",
            "datetime",
            "UTC",
            "Acquisition of the last clear scene that does not show it: the onset lies between this and valid_from",
        ),
        ("last_seen", "datetime", "UTC", "Newest scene that supports it"),
        ("area_m2", "real", "m²", "Polygon area in the facility's UTM zone"),
        ("length_m", "real", "m", "Length of the ring, for perimeters"),
        (
            "confidence",
            "real",
            "0..1",
            "Calibrated probability that the change is real; null where not calibrated",
        ),
        ("magnitude", "real", "0..1", "How far the change stands out of the local spread of stable ground"),
        ("persistence", "real", "0..1", "Share of the clear scenes since the onset that show it"),
        ("registration", "real", "0..1", "How surely the scenes lie on each other"),
        ("clear_fraction", "real", "0..1", "Share of its ground that was clear in the scenes used"),
        ("registration_shift_m", "real", "m", "Shift measured and removed between before and after"),
        ("gsd_m", "real", "m", "Native pixel size used"),
        ("before_item_id", "text", "", "Scene before the onset"),
        ("after_item_id", "text", "", "Scene that shows it, of when its record last moved"),
        ("before_acquired_at", "datetime", "UTC", "Acquisition of the scene before"),
        ("after_acquired_at", "datetime", "UTC", "Acquisition of the scene after"),
        ("collection", "text", "", "Imagery product"),
        ("processing_baseline", "text", "", "Processing baseline of the scene after; null where unknown"),
        ("detector", "text", "", "Detector that found it"),
        ("detector_version", "text", "", "Its version"),
        ("parameters_sha256", "text", "", "Hash of its parameters"),
        ("software_version", "text", "", "Version of facility-watch"),
        ("evidence_before", "text", "", "Image before, relative path"),
        ("evidence_after", "text", "", "Image after, relative path"),
        ("evidence_sha256", "text", "", "Hash of the two images"),
        ("review_status", "text", "", "A person's verdict: unreviewed, accepted, rejected or unsure"),
        ("reviewer", "text", "", "Who reviewed it"),
        ("reviewed_at", "datetime", "UTC", "When"),
        ("review_note", "text", "", "The reviewer's note"),
        ("attribution", "text", "", "What a publication has to say of the imagery's origin"),
    )
)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step in the life of a change: what was known of it after a scene.

    Attributes:
        change_id: The change.
        at: Acquisition of the scene that moved it.
        item_id: That scene.
        event: `found`, `grown`, `corrected`, `confirmed` …: what moved.
        status: Status from then on.
        area_m2: Area from then on, m².
        length_m: Ring length from then on, m; None for areal changes.
        note: Why, for a withdrawal or a correction.
        stage: Stage of the works from then on; None where it isn't judged.
    """

    change_id: str
    at: datetime
    item_id: str
    event: str
    status: Status
    area_m2: float
    length_m: float | None
    note: str = ""
    stage: Stage | None = None
