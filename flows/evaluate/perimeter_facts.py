"""The catalogue's recorded walls and fences against what the perimeter detector found, one row per facility."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from aoi.facility import Fact
from detectors.base import ChangeType, Side, SideRole
from flows.ledger import Ledger
from flows.record import AssessmentRecord, FacilityRecord
from flows.track import Track

_STANDING = (ChangeType.PERIMETER_ADDED, ChangeType.PERIMETER_EXTENDED)
_DETECTOR = "perimeter"

NOTE = (
    "Only a perimeter that appeared, grew or went while imagery looked is found: one that stood from the first scene "
    "on is not. Interior fences are recorded in many more places than 10 m pixels can show."
)


def facts_of(outputs: Path) -> list[dict[str, str]]:
    """The table over all facilities that the ledger in an output folder holds, ascending by id.

    Raises:
        StoreError: There is no ledger, or it can't be read.
    """
    ledger = Ledger.at(outputs, create=False)
    try:
        return compare(ledger.records())
    finally:
        ledger.close()


def compare(records: Iterable[FacilityRecord]) -> list[dict[str, str]]:
    """Recorded facts, what was found, and whether the two agree, a row per facility."""
    return [_row(record) for record in records]


def _row(record: FacilityRecord) -> dict[str, str]:
    facts = record.facility.attributes
    tracks = [track for track in record.tracks if _is_perimeter(track)]
    standing = [t for t in tracks if t.finding.kind in _STANDING and t.finding.gone_at is None]
    newest = max(standing, key=lambda track: (track.finding.first_with, track.finding.area_m2), default=None)
    assessed = [each for each in record.assessments if each.detector == _DETECTOR]
    return {
        "facility": record.facility.facility_id,
        "wall on record": _recorded(facts.get("external_wall")),
        "fences on record": _recorded(facts.get("interior_fencing")),
        "ring found": "no" if newest is None else f"{newest.status}, {newest.finding.area_m2 / 1e4:.1f} ha",
        "wall m": "" if newest is None else f"{newest.finding.length_m or 0.0:.0f}",
        "sides seen": "" if newest is None else _sides_seen(newest),
        "dividers found": "" if newest is None else str(len(_dividers(newest))),
        "onset": "" if newest is None else _onset(newest),
        "scenes": str(len(record.used_scenes)),
        "comparison": _comparison(facts.get("external_wall"), newest is not None, tracks, assessed),
    }


def _is_perimeter(track: Track) -> bool:
    return track.finding.kind in (*_STANDING, ChangeType.PERIMETER_REMOVED) and track.status != "withdrawn"


def _recorded(fact: Fact | None) -> str:
    return "unknown" if fact is None else ("yes" if fact else "no")


def _sides_seen(track: Track) -> str:
    """Share of the ring's length that is seen as a line."""
    share = track.finding.outline_share
    return "" if share is None else f"{share:.0%}"


def _dividers(track: Track) -> list[Side]:
    return [side for side in track.finding.sides if side.role is SideRole.INTERIOR]


def _onset(track: Track) -> str:
    last_without, first_with = track.finding.last_without, track.finding.first_with
    return f"{last_without:%Y-%m-%d} to {first_with:%Y-%m-%d}" if last_without else f"by {first_with:%Y-%m-%d}"


def _comparison(fact: Fact | None, found: bool, tracks: list[Track], assessed: list[AssessmentRecord]) -> str:
    if not any(each.verdict != "not_assessable" for each in assessed):
        return "not assessable"
    removed = any(track.finding.kind is ChangeType.PERIMETER_REMOVED for track in tracks)
    if fact is None:
        return "no record"
    if found:
        return "agree" if fact else "found, not on record"
    if removed:
        return "removal found"
    return "on record, not found to appear" if fact else "agree"
