"""Built-up area of a facility after each clear scene, by stage, so that its growth can be plotted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from detectors.base import Stage
from flows.change import Change
from flows.publish.growth import counts, states_of
from flows.publish.table import Cell
from flows.record import FacilityRecord


def built_up(record: FacilityRecord, changes: Sequence[Change]) -> Iterator[dict[str, Cell]]:
    """One row for each scene that was used, ascending; none where no confirmed works took ground.

    Args:
        record: The facility.
        changes: Its changes.
    """
    works = [(change, states_of(change, record.history)) for change in changes if counts(change)]
    moments = sorted({scene.acquired_at for scene in record.used_scenes if scene.acquired_at}) if works else []
    for moment in moments:
        standing = [
            state
            for change, states in works
            if (change.valid_to is None or moment < change.valid_to)
            and (state := _state_at(states, moment)) is not None
        ]
        by_stage = {stage: sum(area_m2 for area_m2, own in standing if own == stage) for stage in Stage}
        yield {
            "facility_id": record.facility.facility_id,
            "acquired_at": moment,
            "ground_taken_m2": sum(area_m2 for area_m2, _ in standing),
            **{f"{stage}_m2": float(area_m2) for stage, area_m2 in by_stage.items()},
            "works": len(standing),
        }


def _state_at(
    states: Sequence[tuple[datetime, float, str | None]], moment: datetime
) -> tuple[float, str | None] | None:
    """Area and stage as known at a moment; None before the first."""
    known = [(area_m2, stage) for at, area_m2, stage in states if at <= moment]
    return known[-1] if known else None
