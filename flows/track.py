"""One change as it is followed through time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from detectors.base import Finding
from flows.change import Status


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
