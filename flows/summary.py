"""What a run found, in the few lines that a person reads first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flows.change import Status
from flows.record import FacilityRecord, Outcome
from flows.track import Track


@dataclass(frozen=True, slots=True)
class ChangeCount:
    """Changes of one type and status at a facility."""

    change_type: str
    status: Status
    count: int
    area_m2: float


@dataclass(frozen=True, slots=True)
class FacilitySummary:
    """One facility of a run.

    Attributes:
        facility_id: Its id.
        name: Its name.
        outcome: How the run over it ended.
        reason: Why it was not assessable or failed; empty otherwise.
        scenes_used: How many scenes the detectors saw.
        newest_item_id: The newest of them; empty where there is none.
        left_out: Reason to how many scenes were left out for it.
        changes: Changes by type and status.
    """

    facility_id: str
    name: str
    outcome: Outcome
    reason: str
    scenes_used: int
    newest_item_id: str
    left_out: tuple[tuple[str, int], ...]
    changes: tuple[ChangeCount, ...]

    def row(self) -> dict[str, object]:
        """One flat row for tables."""
        return {
            "facility": f"{self.facility_id} {self.name}",
            "outcome": f"{self.outcome}{': ' + self.reason if self.reason else ''}",
            "scenes used": self.scenes_used,
            "scenes left out": "; ".join(f"{count} × {reason}" for reason, count in self.left_out),
            "changes": "; ".join(
                f"{change.count} {change.change_type} {change.status} ({change.area_m2 / 1e4:.1f} ha)"
                for change in self.changes
            ),
        }


@dataclass(frozen=True, slots=True)
class RunSummary:
    """All facilities of a run, and where its products are.

    Attributes:
        facilities: Those that the run came to.
        products: Paths within the output folder.
        stopped: Why it ended before the last facility; empty where it didn't.
    """

    facilities: tuple[FacilitySummary, ...]
    products: tuple[str, ...]
    stopped: str = ""

    @property
    def outcome(self) -> str:
        """How the run ended, in a few words."""
        if self.stopped:
            return f"stopped: {self.stopped}"
        return "failed for some" if self.failed else "complete"

    @property
    def failed(self) -> tuple[FacilitySummary, ...]:
        """The facilities that the run failed for."""
        return tuple(one for one in self.facilities if one.outcome is Outcome.FAILED)

    def rows(self) -> list[dict[str, object]]:
        """One flat row per facility, for tables."""
        return [one.row() for one in self.facilities]


def summarise(record: FacilityRecord) -> FacilitySummary:
    """The summary of one facility's record."""
    left_out = Counter(scene.reason for scene in record.scenes if not scene.used)
    return FacilitySummary(
        facility_id=record.facility.facility_id,
        name=record.facility.name,
        outcome=record.outcome,
        reason=record.reason,
        scenes_used=len(record.used_scenes),
        newest_item_id=record.used_scenes[-1].item_id if record.used_scenes else "",
        left_out=tuple(sorted(left_out.items(), key=lambda pair: (-pair[1], pair[0]))),
        changes=_counts(record.tracks),
    )


def _counts(tracks: Sequence[Track]) -> tuple[ChangeCount, ...]:
    groups: dict[tuple[str, Status], list[float]] = {}
    for track in tracks:
        groups.setdefault((str(track.finding.kind), track.status), []).append(track.finding.area_m2)
    order = list(Status)
    return tuple(
        ChangeCount(kind, status, len(areas), sum(areas))
        for (kind, status), areas in sorted(groups.items(), key=lambda pair: (pair[0][0], order.index(pair[0][1])))
    )
