"""New ground and walls per prefecture, calendar quarter and kind of facility, to lay beside other figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shapely.ops import unary_union

from detectors.base import ChangeType
from flows.change import Change, ReviewStatus, Status
from flows.publish.coverage import ASSESSED
from flows.publish.schema import SUMMARY_FIELDS
from flows.publish.table import Cell, Table
from flows.record import FacilityRecord

_M2_PER_HA = 10_000.0

Key = tuple[str, str, str]


@dataclass(slots=True)
class _Sums:
    watched: int = 0
    assessed: int = 0
    changes: int = 0
    new_ground_m2: float = 0.0
    ground_removed_m2: float = 0.0
    new_wall_m: float = 0.0
    wall_removed_m: float = 0.0


@dataclass(slots=True)
class Summary:
    """Sums by prefecture, quarter and kind of facility. Quarters that were watched and had no change are in it."""

    _sums: dict[Key, _Sums] = field(default_factory=lambda: defaultdict(_Sums))

    def add(self, record: FacilityRecord, changes: Sequence[Change], coverage: Sequence[Mapping[str, Cell]]) -> None:
        """Adds one facility: its confirmed changes by the quarter of their onset, and when it was watched."""
        place = record.facility

        def sums(quarter: str) -> _Sums:
            return self._sums[place.prefecture, quarter, str(place.kind)]

        for quarter in {_quarter(row["period_start"]) for row in coverage}:
            sums(quarter).watched += 1
        for quarter in {_quarter(row["period_start"]) for row in coverage if row["state"] == ASSESSED}:
            sums(quarter).assessed += 1
        counted = {change.change_id: change for change in changes if _counts(change)}
        lengths = {change.change_id: change.length_m or 0.0 for change in changes}
        for change in counted.values():
            _add_change(sums(_quarter(change.valid_from)), change, lengths)
        grounds = defaultdict(list)
        for track in record.tracks:
            if track.change_id in counted and track.finding.kind in (
                ChangeType.BUILDING_ADDED,
                ChangeType.GROUND_CLEARED,
            ):
                grounds[_quarter(track.finding.first_with)].append(track.finding.geometry)
        for quarter, geometries in grounds.items():
            sums(quarter).new_ground_m2 += unary_union(geometries).area

    def table(self) -> Table:
        """The sums as a table, ascending by prefecture, quarter, kind."""
        table = Table("summary_by_prefecture", SUMMARY_FIELDS)
        for (prefecture, quarter, kind), sums in sorted(self._sums.items()):
            table.add(
                {
                    "prefecture": prefecture,
                    "quarter": quarter,
                    "facility_kind": kind,
                    "facilities_watched": sums.watched,
                    "facilities_assessed": sums.assessed,
                    "changes": sums.changes,
                    "new_ground_ha": sums.new_ground_m2 / _M2_PER_HA,
                    "ground_removed_ha": sums.ground_removed_m2 / _M2_PER_HA,
                    "new_wall_m": sums.new_wall_m,
                    "wall_removed_m": sums.wall_removed_m,
                }
            )
        return table


def _counts(change: Change) -> bool:
    return change.status is Status.CONFIRMED and change.review_status is not ReviewStatus.REJECTED


def _add_change(sums: _Sums, change: Change, lengths: Mapping[str, float]) -> None:
    sums.changes += 1
    length = change.length_m or 0.0
    match change.change_type:
        case ChangeType.BUILDING_REMOVED:
            sums.ground_removed_m2 += change.area_m2
        case ChangeType.PERIMETER_ADDED:
            sums.new_wall_m += length
        case ChangeType.PERIMETER_EXTENDED:
            sums.new_wall_m += max(length - lengths.get(change.parent_change_id or "", 0.0), 0.0)
        case ChangeType.PERIMETER_REMOVED:
            sums.wall_removed_m += length


def _quarter(moment: Cell) -> str:
    """Calendar quarter, UTC.

    >>> _quarter(datetime(2018, 4, 29, tzinfo=UTC))
    '2018-Q2'
    """
    assert isinstance(moment, datetime)  # noqa: S101  (narrows a cell's type)
    month = moment.astimezone(UTC)
    return f"{month.year}-Q{(month.month + 2) // 3}"
