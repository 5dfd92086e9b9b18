"""Growth chart of a facility: ground taken by confirmed works over time, with what isn't known of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from detectors.base import ChangeType
from flows.change import Change, HistoryEntry, ReviewStatus, Status
from flows.publish.names import safe_name
from flows.publish.picture import round_length_m
from flows.publish.templating import render
from flows.record import FacilityRecord

_WIDTH, _HEIGHT = 640.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 14.0, 46.0
_M2_PER_HA = 10_000.0
_COUNTED = (ChangeType.BUILDING_ADDED, ChangeType.GROUND_CLEARED)


@dataclass(frozen=True, slots=True)
class Step:
    """Ground that is known to be taken from a moment on, and from when on it may have been.

    Attributes:
        earliest: Last clear scene without it.
        at: First scene that shows it.
        area_m2: Ground that this step adds, m²; negative where a change shrank or ended.
    """

    earliest: datetime
    at: datetime
    area_m2: float


def growth_steps(changes: Iterable[Change], history: Sequence[HistoryEntry], start: datetime) -> list[Step]:
    """What each scene added to the ground taken, ascending.

    Only confirmed changes that no reviewer rejected are counted; they grow as their history says.

    Args:
        changes: Of one facility.
        history: Of one facility.
        start: Start of the watched period: where a change was there in the first clear scene.
    """
    steps: list[Step] = []
    for change in changes:
        if not counts(change):
            continue
        known_m2, earlier = 0.0, change.last_without or start
        for at, area_m2, _ in states_of(change, history):
            if area_m2 != known_m2:
                steps.append(Step(min(earlier, at), at, area_m2 - known_m2))
                known_m2 = area_m2
            earlier = at
        if change.valid_to is not None:
            steps.append(Step(change.last_seen, change.valid_to, -change.area_m2))
    return sorted(steps, key=lambda step: (step.at, step.earliest, step.area_m2))


def states_of(change: Change, history: Iterable[HistoryEntry]) -> list[tuple[datetime, float, str | None]]:
    """What was known of a change from which moment on: its area, m², and its stage.

    A series can show works before there are scenes enough to tell them from passing things: what was first recorded
    counts from the first scene that shows it.
    """
    own = [(entry.at, entry.area_m2, entry.stage) for entry in history if entry.change_id == change.change_id]
    first = [(change.valid_from, *own[0][1:])] if own else [(change.valid_from, change.area_m2, change.stage)]
    # A stage may move in a scene that doesn't show the change itself, after the last that does.
    newest = max(change.last_seen, first[0][0], *(at for at, *_ in own))
    return [*first, *own[1:], (newest, change.area_m2, change.stage)]


def counts(change: Change) -> bool:
    """Whether a change is confirmed ground taken that no reviewer rejected."""
    return (
        change.change_type in _COUNTED
        and change.status is Status.CONFIRMED
        and change.review_status is not ReviewStatus.REJECTED
    )


def write_growth(record: FacilityRecord, changes: Sequence[Change], folder: Path) -> str:
    """Writes `evidence/<facility>/growth.svg` and returns its relative path.

    The line is what the scenes show; the pale band reaches back to the last clear scene without it. Ticks below are
    the clear scenes, so that a flat line without ticks doesn't pass for a quiet time.
    """
    steps = growth_steps(changes, record.history, record.window_start)
    path = f"evidence/{safe_name(record.facility.facility_id)}/growth.svg"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(_svg(record, steps), encoding="utf-8", newline="\n")
    return path


def _svg(record: FacilityRecord, steps: Sequence[Step]) -> str:
    start, end = record.window_start, record.window_end
    span_s = max((end - start).total_seconds(), 1.0)
    levels = _levels(steps)
    top_ha = _round_up(max((level for _, level in levels), default=0.0) / _M2_PER_HA)

    def x(moment: datetime) -> float:
        share = (min(max(moment, start), end) - start).total_seconds() / span_s
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(area_m2: float) -> float:
        share = area_m2 / _M2_PER_HA / top_ha
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    moments = [(start, 0.0), *levels, (end, levels[-1][1] if levels else 0.0)]
    line = [(x(moments[0][0]), y(0.0))]
    for (_, before), (moment, after) in pairwise(moments):
        line += [(x(moment), y(before)), (x(moment), y(after))]
    bands, below = [], 0.0
    for step in steps:
        if step.area_m2 > 0:
            left, top = x(step.earliest), y(below + step.area_m2)
            bands.append((left, top, round(x(step.at) - left, 1), round(y(below) - top, 1)))
        below += step.area_m2
    scenes = [x(scene.acquired_at) for scene in record.used_scenes if scene.acquired_at]
    years = [datetime(year, 1, 1, tzinfo=start.tzinfo) for year in range(start.year, end.year + 2)]
    return render(
        "site/growth.svg.j2",
        title=f"Ground taken by confirmed works, {record.facility.name}",
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        base=_HEIGHT - _BOTTOM,
        line=line,
        bands=bands,
        scenes=scenes,
        years=[(x(year), year.year) for year in years if start <= year <= end],
        marks=[(y(top_ha * share * _M2_PER_HA), f"{top_ha * share:g}") for share in (0.0, 0.5, 1.0)],
        first=f"{start:%Y-%m-%d}",
        last=f"{end:%Y-%m-%d}",
        total_ha=f"{(levels[-1][1] if levels else 0.0) / _M2_PER_HA:.1f}",
    )


def _levels(steps: Sequence[Step]) -> list[tuple[datetime, float]]:
    """Ground taken after each moment, m²; what several changes did at one moment is one step."""
    levels: dict[datetime, float] = {}
    total = 0.0
    for step in steps:
        total += step.area_m2
        levels[step.at] = max(total, 0.0)
    return list(levels.items())


def _round_up(most_ha: float) -> float:
    """A round number at the top of the axis that holds the curve."""
    if most_ha <= 0.0:
        return 1.0
    step = round_length_m(most_ha)
    return step if step >= most_ha else step * (2.0 if step * 2.0 >= most_ha else 2.5)
