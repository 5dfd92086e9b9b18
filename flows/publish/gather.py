"""From the ledger to the tables of every product, one facility in memory at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from aoi.facility import Fact
from detectors.base import ChangeType
from flows.change import FIELDS, Change, HistoryEntry, ReviewStatus, Status
from flows.publish.built_up import built_up
from flows.publish.coverage import coverage_of
from flows.publish.evidence import Evidence
from flows.publish.fact_columns import append_facts
from flows.publish.layer import changes_of
from flows.publish.schema import (
    BUILT_UP_FIELDS,
    COVERAGE_FIELDS,
    FACILITY_FIELDS,
    HISTORY_FIELDS,
    RETRACTION_FIELDS,
    SIDE_FIELDS,
)
from flows.publish.sentence import CORRECTIONS, Sightings, sightings_of
from flows.publish.sides import add_sides
from flows.publish.summary import Summary
from flows.publish.table import Cell, Table, change_table, published_geometry
from flows.record import FacilityRecord

_OSM_NOTICE = "Outline © OpenStreetMap contributors, ODbL 1.0"
_TAKES_GROUND = (ChangeType.BUILDING_ADDED, ChangeType.GROUND_CLEARED)


@dataclass(slots=True)
class Layers:
    """Everything that is published of a ledger, ready to write.

    Attributes:
        changes: The change layer.
        sides: Sides of the perimeters among them.
        facilities: Watched places; geometry as the catalogue has it.
        areas_of_interest: Watched ground of each facility, by facility id, EPSG:4326.
        coverage: Facility by detector by month.
        retractions: Every withdrawal and correction.
        history: Every step in the life of every change.
        built_up: Ground taken by works, by facility and clear scene.
        summary: By prefecture, quarter and kind of facility.
        evidence: What was written for a change, by change id.
        records: Every change as an object, in the order of the change layer.
        sightings: How often each change was seen, by change id.
    """

    changes: Table = field(default_factory=lambda: Table("changes", FIELDS))
    sides: Table = field(default_factory=lambda: Table("perimeter_sides", SIDE_FIELDS))
    facilities: Table = field(default_factory=lambda: Table("facilities", FACILITY_FIELDS))
    areas_of_interest: dict[str, BaseGeometry] = field(default_factory=dict)
    coverage: Table = field(default_factory=lambda: Table("coverage", COVERAGE_FIELDS))
    retractions: Table = field(default_factory=lambda: Table("retractions", RETRACTION_FIELDS))
    history: Table = field(default_factory=lambda: Table("change_history", HISTORY_FIELDS))
    built_up: Table = field(default_factory=lambda: Table("built_up_area", BUILT_UP_FIELDS))
    summary: Summary = field(default_factory=Summary)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    records: list[Change] = field(default_factory=list)
    sightings: dict[str, Sightings] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Illustrated:
    """A facility's changes with their evidence, and its pictures.

    Attributes:
        changes: With their evidence fields filled where there is evidence.
        evidence: What was written, by change id.
        series: Relative path of the animated series; None where there is none.
        growth: Relative path of the growth chart.
    """

    changes: tuple[Change, ...]
    evidence: Mapping[str, Evidence]
    series: str | None
    growth: str


Illustrator = Callable[[FacilityRecord, tuple[Change, ...]], Illustrated]


def gather(records: Iterable[FacilityRecord], illustrate: Illustrator, detectors: Sequence[str] = ()) -> Layers:
    """The tables of every product.

    Args:
        records: Ascending by facility id.
        illustrate: Writes a facility's evidence while its record is at hand.
        detectors: Names of the detectors that the newest run asked for.
    """
    layers = Layers()
    facts: list[Mapping[str, Fact]] = []
    for record in records:
        shown = illustrate(record, changes_of(record))
        changes = shown.changes
        layers.evidence.update(shown.evidence)
        layers.records.extend(changes)
        layers.sightings.update((track.change_id, sightings_of(record, track)) for track in record.tracks)
        facts.append(record.facility.attributes)
        _add_changes(layers, changes)
        add_sides(layers.sides, record, changes)
        _add_facility(layers, record, shown)
        _add_history(layers, record, changes)
        for row in built_up(record, changes):
            layers.built_up.add(row)
        rows = list(coverage_of(record, detectors))
        for row in rows:
            layers.coverage.add(row)
        layers.summary.add(record, changes, rows)
    append_facts(layers.facilities, facts)
    return layers


def _add_changes(layers: Layers, changes: Sequence[Change]) -> None:
    table = change_table(changes)
    layers.changes.rows.extend(table.rows)
    layers.changes.geometries.extend(table.geometries)


def _stands(change: Change) -> bool:
    return change.status is not Status.WITHDRAWN and change.review_status is not ReviewStatus.REJECTED


def _add_facility(layers: Layers, record: FacilityRecord, shown: Illustrated) -> None:
    changes = shown.changes
    facility, position = record.facility, record.facility.point
    standing = [change for change in changes if _stands(change)]
    layers.areas_of_interest[facility.facility_id] = published_geometry(facility.area_of_interest)
    layers.facilities.add(
        {
            "facility_id": facility.facility_id,
            "facility_name": facility.name,
            "facility_kind": str(facility.kind),
            "prefecture": facility.prefecture,
            "county": facility.county,
            "security_tier": facility.security_tier,
            "series": shown.series,
            "growth_chart": shown.growth,
            "longitude": position.x,
            "latitude": position.y,
            "outline_known": "yes" if facility.geometry.area > 0 else "no",
            "buffer_m": float(facility.buffer_m),
            "retired": "yes" if facility.retired else "no",
            "watched_from": record.window_start,
            "watched_to": record.window_end,
            "outcome": str(record.outcome),
            "reason": record.reason,
            "scenes_found": len(record.scenes),
            "clear_scenes": len(record.used_scenes),
            "changes_standing": len(standing),
            "changes_confirmed": sum(change.status is Status.CONFIRMED for change in standing),
            "changes_withdrawn": sum(change.status is Status.WITHDRAWN for change in changes),
            "ground_taken_m2": ground_taken_m2(record, standing),
            "sources": "; ".join(facility.sources),
            "attribution": _OSM_NOTICE if "osm-perimeters" in facility.sources else "",
        },
        published_geometry(facility.geometry),
    )


def ground_taken_m2(record: FacilityRecord, standing: Sequence[Change]) -> float:
    """Ground under confirmed works that stand, overlaps counted once, in the facility's own UTM zone, m²."""
    kept = {change.change_id for change in standing if change.status is Status.CONFIRMED and change.valid_to is None}
    grounds = [
        track.finding.geometry
        for track in record.tracks
        if track.change_id in kept and track.finding.kind in _TAKES_GROUND
    ]
    return float(unary_union(grounds).area) if grounds else 0.0


def _add_history(layers: Layers, record: FacilityRecord, changes: Sequence[Change]) -> None:
    """The history of each change, and of it what takes back or corrects what had been published."""
    by_id = {change.change_id: (change, published_geometry(change.geometry)) for change in changes}
    moved: dict[str, list[HistoryEntry]] = defaultdict(list)
    for entry in record.history:
        if entry.change_id not in by_id:
            continue
        change, geometry = by_id[entry.change_id]
        earlier = [before for before in moved[entry.change_id] if before.at < entry.at]
        before = earlier[-1] if earlier else entry
        moved[entry.change_id].append(entry)
        shared: dict[str, Cell] = {
            "change_id": entry.change_id,
            "facility_id": change.facility_id,
            "facility_name": change.facility_name,
            "prefecture": change.prefecture,
            "change_type": change.change_type,
            "item_id": entry.item_id,
            "event": entry.event,
            "area_m2": entry.area_m2,
        }
        step: dict[str, Cell] = {"at": entry.at, "status": str(entry.status), "length_m": entry.length_m}
        step["stage"] = entry.stage
        layers.history.add({**shared, **step, "note": _reason(entry, before) if entry.note else ""})
        if entry.event in CORRECTIONS:
            taken: dict[str, Cell] = {
                "retracted_at": entry.at,
                "status_before": str(before.status),
                "status_after": str(entry.status),
                "reason": _reason(entry, before),
            }
            layers.retractions.add({**shared, **taken}, geometry)
    _add_rejections(layers, changes)


def _reason(entry: HistoryEntry, before: HistoryEntry) -> str:
    """Why, for a person; the history itself keeps the bare fact."""
    if entry.event == "onset_corrected":
        return f"had been dated {datetime.fromisoformat(entry.note.removesuffix(' before')):%Y-%m-%d} before"
    if entry.event == "reclassified":
        return f"had been published as {entry.note.removesuffix(' before').replace('_', ' ')}"
    if entry.event == "restored":
        return f"supported again by the series up to {entry.item_id}"
    return entry.note or f"{before.area_m2:.0f} m² before, {entry.area_m2:.0f} m² by the series up to {entry.item_id}"


def _add_rejections(layers: Layers, changes: Sequence[Change]) -> None:
    for change in changes:
        if change.review_status is ReviewStatus.REJECTED:
            said = f": {change.review_note}" if change.review_note else ""
            layers.retractions.add(
                {
                    **{name: getattr(change, name) for name in ("change_id", "facility_id", "facility_name")},
                    "prefecture": change.prefecture,
                    "change_type": change.change_type,
                    "event": "rejected",
                    "retracted_at": change.reviewed_at,
                    "status_before": str(change.status),
                    "status_after": str(change.status),
                    "area_m2": change.area_m2,
                    "reason": f"rejected by {change.reviewer or 'a reviewer'}{said}",
                },
                published_geometry(change.geometry),
            )
