"""A JSON Schema of a GeoJSON product, made from the same table of fields that the product is written from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from detectors.base import ChangeType
from flows.change import FIELDS, PublishedField, ReviewStatus, Status

_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "real": {"type": ["number", "null"]},
    "datetime": {"type": ["string", "null"], "format": "date-time", "pattern": "Z$"},
}
_CHOICES = {"change_type": ChangeType, "status": Status, "review_status": ReviewStatus}
_REQUIRED = ("change_id", "facility_id", "change_type", "status", "valid_from", "last_seen", "area_m2", "review_status")

_POSITION = {
    "type": "array",
    "minItems": 2,
    "maxItems": 2,
    "prefixItems": [
        {"type": "number", "minimum": -180, "maximum": 180},
        {"type": "number", "minimum": -90, "maximum": 90},
    ],
}
_RING = {"type": "array", "minItems": 4, "items": {"$ref": "#/$defs/position"}}
_POLYGON = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/ring"}}


def change_layer_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `changes.geojson`: RFC 7946's structure and every published field."""
    feature = _object(
        {
            "type": {"const": "Feature"},
            "id": {"type": "string", "minLength": 1},
            "geometry": {"oneOf": [_geometry("Polygon", "polygon"), _geometry("MultiPolygon", "multi_polygon")]},
            "properties": _object({field.name: _property(field) for field in FIELDS}),
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Change layer of facility-watch",
        **_object({"type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": feature}}),
        "$defs": {
            "position": _POSITION,
            "ring": _RING,
            "polygon": _POLYGON,
            "multi_polygon": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/polygon"}},
        },
    }


def write_schema(path: Path) -> None:
    """Writes the schema of the change layer."""
    path.write_text(
        json.dumps(change_layer_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _geometry(kind: str, definition: str) -> dict[str, Any]:
    return _object({"type": {"const": kind}, "coordinates": {"$ref": f"#/$defs/{definition}"}})


def _property(field: PublishedField) -> dict[str, Any]:
    kind = dict(_TYPES[field.type])
    if field.name in _REQUIRED:
        kind["type"] = kind["type"][0]
    if field.name in _CHOICES:
        kind["enum"] = [str(choice) for choice in _CHOICES[field.name]]
    if field.unit == "0..1":
        kind |= {"minimum": 0, "maximum": 1}
    unit = f" [{field.unit}]" if field.unit else ""
    return {**kind, "description": f"{field.description}{unit}"}
