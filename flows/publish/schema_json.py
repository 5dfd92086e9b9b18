"""JSON Schemas of the GeoJSON products, made from the same tables of fields that the products are written from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detectors.base import ChangeType, SideRole, Stage
from flows.change import FIELDS, PublishedField, ReviewStatus, Status
from flows.publish.schema import SIDE_FIELDS

_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "real": {"type": ["number", "null"]},
    "datetime": {"type": ["string", "null"], "format": "date-time", "pattern": "Z$"},
}
_CHOICES = {
    "change_type": ChangeType,
    "role": SideRole,
    "stage": Stage,
    "status": Status,
    "review_status": ReviewStatus,
}
_NEVER_NULL = ("change_id", "facility_id", "change_type", "status", "valid_from", "review_status")

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
    geometry = {"oneOf": [_geometry("Polygon", "polygon"), _geometry("MultiPolygon", "multi_polygon")]}
    return _layer_schema("Change layer of facility-watch", geometry, FIELDS, (*_NEVER_NULL, "last_seen", "area_m2"))


def sides_schema() -> dict[str, Any]:
    """The same of `perimeter_sides.geojson`."""
    measured = ("side_id", "side_number", "role", "length_m", "strength", "scenes_seen", "scenes_clear")
    geometry = _geometry("LineString", "line")
    return _layer_schema("Perimeter sides of facility-watch", geometry, SIDE_FIELDS, (*_NEVER_NULL, *measured))


def _layer_schema(
    title: str, geometry: dict[str, Any], fields: Sequence[PublishedField], never_null: Sequence[str]
) -> dict[str, Any]:
    feature = _object(
        {
            "type": {"const": "Feature"},
            "id": {"type": "string", "minLength": 1},
            "geometry": geometry,
            "properties": _object({field.name: _property(field, field.name in never_null) for field in fields}),
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **_object({"type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": feature}}),
        "$defs": {
            "position": _POSITION,
            "line": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/position"}},
            "ring": _RING,
            "polygon": _POLYGON,
            "multi_polygon": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/polygon"}},
        },
    }


def write_schemas(folder: Path) -> None:
    """Writes the schemas beside the layers that they describe."""
    for name, schema in (("changes", change_layer_schema()), ("perimeter_sides", sides_schema())):
        text = json.dumps(schema, indent=1, ensure_ascii=False)
        (folder / f"{name}.schema.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _geometry(kind: str, definition: str) -> dict[str, Any]:
    return _object({"type": {"const": kind}, "coordinates": {"$ref": f"#/$defs/{definition}"}})


def _property(field: PublishedField, never_null: bool) -> dict[str, Any]:
    kind = dict(_TYPES[field.type])
    if never_null:
        kind["type"] = kind["type"][0]
    if field.name in _CHOICES:
        kind["enum"] = [*(str(choice) for choice in _CHOICES[field.name]), *([] if never_null else [None])]
    if field.unit == "0..1":
        kind |= {"minimum": 0, "maximum": 1}
    unit = f" [{field.unit}]" if field.unit else ""
    return {**kind, "description": f"{field.description}{unit}"}
