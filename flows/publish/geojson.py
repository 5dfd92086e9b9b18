"""GeoJSON as RFC 7946 wants it: WGS 84, right-hand rule, an `id` on every feature, no `crs` member."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from shapely import Point, Polygon, get_coordinates, get_parts
from shapely.geometry.base import BaseGeometry

from flows.publish.table import COORDINATE_DECIMALS, Cell, Table, iso_utc


def write_geojson(table: Table, path: Path) -> None:
    """Writes a table as a FeatureCollection, one feature per line, so that a difference between two runs reads well.

    Args:
        table: Its first column is the features' id.
        path: File to write. The same table gives the same bytes.
    """
    write_features(features_of(table), path)


def features_of(table: Table) -> list[str]:
    """Every row of a table as the text of a feature: what several files hold is put into words once."""
    return [_compact(feature_of(table, position)) for position in range(len(table.rows))]


def write_features(features: Sequence[str], path: Path) -> None:
    """Writes features as a FeatureCollection, one per line."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write('{"type":"FeatureCollection","features":[')
        stream.write(",".join(f"\n{feature}" for feature in features))
        stream.write("\n]}\n")


def feature_of(table: Table, position: int) -> dict[str, Any]:
    """One row of a table as a GeoJSON feature."""
    properties = {
        column.name: _json_cell(content) for column, content in zip(table.fields, table.rows[position], strict=True)
    }
    return {
        "type": "Feature",
        "id": table.rows[position][0],
        "geometry": _geometry(table.geometries[position]),
        "properties": properties,
    }


def _json_cell(content: Cell) -> Cell:
    return iso_utc(content) if isinstance(content, datetime) else content


def _geometry(geometry: BaseGeometry) -> dict[str, Any]:
    return {"type": geometry.geom_type, "coordinates": coordinates_of(geometry)}


def coordinates_of(geometry: BaseGeometry) -> list[Any]:
    """The `coordinates` of a GeoJSON geometry, without the binary tail that multiples of the precision grid carry."""
    if geometry.geom_type.startswith("Multi"):
        return [coordinates_of(part) for part in get_parts(geometry)]
    if isinstance(geometry, Polygon):
        return [_rounded(ring) for ring in (geometry.exterior, *geometry.interiors)]
    points = _rounded(geometry)
    return points[0] if isinstance(geometry, Point) else points


def _rounded(line: BaseGeometry) -> list[Any]:
    points: list[Any] = np.round(get_coordinates(line), COORDINATE_DECIMALS).tolist()
    return points


def _compact(feature: dict[str, Any]) -> str:
    return json.dumps(feature, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
