"""What was observed and what was not: facility by detector by calendar month."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from detectors.base import Verdict
from flows.publish.table import Cell
from flows.record import AssessmentRecord, FacilityRecord, Outcome, SceneRecord

ASSESSED = "assessed"
NOT_ASSESSABLE = "not_assessable"

# Where a facility has failed from the start, which detectors it would have had isn't on its record.
ALL_DETECTORS = "all"

Month = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month, cut to the watched period. `start` is part of it, `end` is its last moment."""

    month: Month
    start: datetime
    end: datetime


def months(start: datetime, end: datetime) -> Iterator[Period]:
    """Calendar months in UTC that touch [start, end], the first and the last cut to it.

    >>> from datetime import datetime, UTC
    >>> first, last = months(datetime(2017, 12, 15, tzinfo=UTC), datetime(2018, 1, 10, tzinfo=UTC))
    >>> first.start.isoformat(), first.end.isoformat(), last.end.isoformat()
    ('2017-12-15T00:00:00+00:00', '2018-01-01T00:00:00+00:00', '2018-01-10T00:00:00+00:00')
    """
    begin = start.astimezone(UTC)
    end = end.astimezone(UTC)
    while True:
        next_year, next_month = divmod(begin.year * 12 + begin.month, 12)
        next_begin = datetime(next_year, next_month + 1, 1, tzinfo=UTC)
        yield Period((begin.year, begin.month), begin, min(next_begin, end))
        if next_begin > end:
            return
        begin = next_begin


def coverage_of(record: FacilityRecord, detectors: Sequence[str]) -> Iterator[dict[str, Cell]]:
    """One row per detector and month of the watched period.

    Args:
        record: What is known of a facility.
        detectors: Names of the detectors that the run asked for; those on the record are added.
    """
    facility = record.facility
    scenes = _by_month(record.scenes)
    assessments = _by_month(record.assessments)
    on_record = {assessment.detector for assessment in record.assessments}
    for detector in sorted({*detectors, *on_record}) or [ALL_DETECTORS]:
        for period in months(record.window_start, record.window_end):
            found = scenes.get(period.month, [])
            own = [entry for entry in assessments.get(period.month, []) if entry.detector == detector]
            used = [scene for scene in found if scene.used]
            reason = _why_not(record, found, own)
            fractions = [scene.clear_fraction for scene in found if scene.clear_fraction is not None]
            yield {
                "facility_id": facility.facility_id,
                "facility_name": facility.name,
                "facility_kind": str(facility.kind),
                "prefecture": facility.prefecture,
                "county": facility.county,
                "detector": detector,
                "period_start": period.start,
                "period_end": period.end,
                "state": NOT_ASSESSABLE if reason else ASSESSED,
                "reason": reason,
                "scenes_found": len(found),
                "clear_scenes": len(used),
                "best_clear_fraction": max(fractions, default=None),
            }


def _by_month(entries: Iterable[SceneRecord] | Iterable[AssessmentRecord]) -> dict[Month, list[Any]]:
    grouped: dict[Month, list[Any]] = defaultdict(list)
    for entry in entries:
        if entry.acquired_at is not None:
            moment = entry.acquired_at.astimezone(UTC)
            grouped[moment.year, moment.month].append(entry)
    return grouped


def _why_not(record: FacilityRecord, found: Sequence[SceneRecord], own: Sequence[AssessmentRecord]) -> str:
    """Why a month can't be told of; empty where it can."""
    if any(entry.verdict is not Verdict.NOT_ASSESSABLE for entry in own):
        return ""
    if own:
        return _counted([entry.reason for entry in own])
    if found and not any(scene.used for scene in found):
        return f"every scene left out: {_counted([scene.reason or 'no reason given' for scene in found])}"
    if record.outcome is Outcome.FAILED:
        return f"the newest run failed: {record.reason}"
    if found:
        return record.reason or "clear scenes found, but this detector made no assessment"
    return "no scene found"


def _counted(reasons: Iterable[str]) -> str:
    """Reasons, most frequent first, with how often each was given where that is more than once.

    >>> _counted(["cloud", "snow", "cloud"])
    'cloud (2 times); snow'
    """
    counts = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0]))
    return "; ".join(f"{reason} ({count} times)" if count > 1 else reason for reason, count in counts)
