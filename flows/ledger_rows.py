"""Records to rows of the ledger and back, without loss."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import shapely

from aoi.facility import Facility, FacilityKind
from detectors.base import ChangeType, Components, Finding, Side, SideRole, Stage, Verdict
from flows.change import HistoryEntry, Status
from flows.record import AssessmentRecord, FacilityRecord, Outcome, Review, SceneRecord
from flows.track import DetectorIdentity, Track
from geo.cache_request import area_key, area_of

Row = dict[str, Any]


def to_rows(record: FacilityRecord) -> dict[str, list[Row]]:
    """The rows of a record by table name."""
    facility_id = record.facility.facility_id

    def numbered(rows: Sequence[Row]) -> list[Row]:
        return [{**row, "facility_id": facility_id, "position": position} for position, row in enumerate(rows)]

    return {
        "facilities": [heading(record)],
        "scenes": numbered([_flat(scene) for scene in record.scenes]),
        "assessments": numbered([_flat(assessment) for assessment in record.assessments]),
        "tracks": numbered([_track_row(track) for track in record.tracks]),
        "history": numbered([_flat(entry) for entry in record.history]),
    }


def from_rows(rows: Mapping[str, Sequence[Row]], reviews: Mapping[str, Review]) -> FacilityRecord:
    """The record of one facility from its rows."""
    (row,) = rows["facilities"]
    facility = Facility(
        facility_id=row["facility_id"],
        name=row["name"],
        kind=FacilityKind(row["kind"]),
        geometry=shapely.from_wkb(bytes(row["geometry_wkb"])),
        buffer_m=row["buffer_m"],
        prefecture=row["prefecture"],
        county=row["county"],
        security_tier=row["security_tier"],
        attributes=json.loads(row["attributes"]),
        sources=tuple(json.loads(row["sources"])),
        retired=row["retired"],
    )
    return FacilityRecord(
        facility=facility,
        **{key: row[key] for key in ("crs", "gsd_m", "window_start", "window_end", "reason", "source")},
        **{key: row[key] for key in ("parameters_sha256", "software_version")},
        outcome=Outcome(row["outcome"]),
        area=None if row["area"] is None else area_of(row["area"]),
        scenes=tuple(SceneRecord(**_plain(scene)) for scene in rows["scenes"]),
        assessments=tuple(
            AssessmentRecord(**{**_plain(found), "verdict": Verdict(found["verdict"])}) for found in rows["assessments"]
        ),
        tracks=tuple(_track(track) for track in rows["tracks"]),
        history=tuple(
            HistoryEntry(**{**_plain(entry), "status": Status(entry["status"]), "stage": _stage(entry["stage"])})
            for entry in rows["history"]
        ),
        reviews=reviews,
    )


def _flat(one: SceneRecord | AssessmentRecord | HistoryEntry | Components) -> Row:
    """The fields of a dataclass that holds no other; `asdict` would copy each of them."""
    return {part.name: getattr(one, part.name) for part in fields(one)}


def _plain(row: Row) -> Row:
    return {key: cell for key, cell in row.items() if key not in ("facility_id", "position")}


def heading(record: FacilityRecord) -> Row:
    """What a record says of the facility and of the watched time, as one row."""
    facility = record.facility
    return {
        "facility_id": facility.facility_id,
        "name": facility.name,
        "kind": str(facility.kind),
        "geometry_wkb": shapely.to_wkb(facility.geometry),
        "buffer_m": facility.buffer_m,
        "prefecture": facility.prefecture,
        "county": facility.county,
        "security_tier": facility.security_tier,
        "attributes": json.dumps(dict(facility.attributes), sort_keys=True, ensure_ascii=False),
        "sources": json.dumps(facility.sources, ensure_ascii=False),
        "retired": facility.retired,
        "crs": record.crs,
        "gsd_m": record.gsd_m,
        "window_start": record.window_start,
        "window_end": record.window_end,
        "outcome": str(record.outcome),
        "reason": record.reason,
        "source": record.source,
        "area": None if record.area is None else area_key(record.area),
        "parameters_sha256": record.parameters_sha256,
        "software_version": record.software_version,
    }


def _track_row(track: Track) -> Row:
    finding = track.finding
    return {
        "change_id": track.change_id,
        "detector": track.detector.name,
        "detector_version": track.detector.version,
        "parameters_sha256": track.detector.parameters_sha256,
        "status": str(track.status),
        "kind": str(finding.kind),
        "geometry_wkb": shapely.to_wkb(finding.geometry),
        "area_m2": finding.area_m2,
        "length_m": finding.length_m,
        "score": finding.score,
        "confidence": finding.confidence,
        **_flat(finding.components),
        "last_without": finding.last_without,
        "first_with": finding.first_with,
        "gone_at": finding.gone_at,
        "last_seen": track.last_seen,
        "before_item_id": finding.before_item_id,
        "after_item_id": finding.after_item_id,
        "seen_in": json.dumps(finding.seen_in),
        "sides": json.dumps([_side_row(side) for side in finding.sides]),
        "stage": str(finding.stage) if finding.stage else None,
        "parent_change_id": track.parent_change_id,
        "misses": track.misses,
    }


def _track(row: Row) -> Track:
    kept = ("area_m2", "length_m", "score", "confidence", "last_without", "first_with", "gone_at", "before_item_id")
    finding = Finding(
        kind=ChangeType(row["kind"]),
        geometry=shapely.from_wkb(bytes(row["geometry_wkb"])),
        components=Components(row["magnitude"], row["persistence"], row["registration"], row["clear_fraction"]),
        after_item_id=row["after_item_id"],
        seen_in=tuple(json.loads(row["seen_in"])),
        sides=tuple(_side(side) for side in json.loads(row["sides"])),
        stage=_stage(row["stage"]),
        **{key: row[key] for key in kept},
    )
    return Track(
        change_id=row["change_id"],
        detector=DetectorIdentity(row["detector"], row["detector_version"], row["parameters_sha256"]),
        status=Status(row["status"]),
        finding=finding,
        parent_change_id=row["parent_change_id"],
        misses=row["misses"],
        last_seen=row["last_seen"],
    )


def _stage(cell: str | None) -> Stage | None:
    return Stage(cell) if cell else None


def _side_row(side: Side) -> Row:
    return {
        "wkb": shapely.to_wkb(side.geometry, hex=True),
        "strength": side.strength,
        "seen_in": side.seen_in,
        "role": side.role,
    }


def _side(row: Row) -> Side:
    return Side(shapely.from_wkb(str(row["wkb"])), row["strength"], tuple(row["seen_in"]), SideRole(row["role"]))
