"""Readers of CSV and GeoJSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from shapely import force_2d
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from aoi.importers.table import GEOMETRY, RawRow, RawTable, RowError, cell_text
from geo.errors import InputError
from geo.grid import WGS84

_DELIMITERS = ",;\t|"


def read_csv(path: Path, encoding: str = "utf-8-sig") -> RawTable:
    """Rows of a CSV with a header line; comma, semicolon, tab or bar between cells.

    Args:
        path: The file.
        encoding: Of its text.

    Raises:
        InputError: It can't be decoded, is empty, or its header isn't usable.
    """
    text = _decode(path, encoding)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    header: list[str] = []
    rows = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(path, cells)
            else:
                rows.append(_csv_row(reader.line_num, header, cells))
    except csv.Error as error:
        raise InputError(f"{path} line {reader.line_num}: {error}; check the quotes in and above that line") from error
    if not header:
        raise InputError(f"{path} is empty: the first line names the columns, then comes one line per place")
    return RawTable(columns=tuple(header), rows=tuple(rows))


def read_geojson(path: Path) -> RawTable:
    """Features of a GeoJSON file (RFC 7946, or the older one with a `crs` member).

    Raises:
        InputError: It isn't JSON, or no feature collection.
    """
    try:
        document = json.loads(_decode(path, "utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} line {error.lineno} column {error.colno} isn't JSON: {error.msg}") from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply for a list of places: export the layer again") from error
    features = document.get("features", [document]) if isinstance(document, dict) else None
    if not isinstance(features, list) or not all(_is_feature(feature) for feature in features):
        raise InputError(f"{path} isn't a GeoJSON FeatureCollection: export the layer as GeoJSON again")
    rows = [_feature_row(f"feature {number}", feature) for number, feature in enumerate(features, 1)]
    columns = dict.fromkeys(column for row in rows for column in row.cells)
    return RawTable(tuple(columns), tuple(rows), _geojson_crs(path, document), has_geometry=True)


def _decode(path: Path, encoding: str) -> str:
    try:
        return path.read_bytes().decode(encoding)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    except LookupError as error:
        raise InputError(f"--encoding {encoding}: no such encoding; try utf-8, gb18030 or cp1252") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path} line {line} isn't {encoding} text: save it as UTF-8, or name its encoding (--encoding gb18030)"
        ) from error


def _header(path: Path, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    if "" in header:
        raise InputError(f"{path}: column {header.index('') + 1} has no name in the first line: name every column")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: column {twice!r} occurs twice in the first line: rename one of them")
    return header


def _csv_row(line: int, header: list[str], cells: list[str]) -> RawRow:
    where = f"line {line}"
    if len(cells) != len(header):
        hint = "quote cells that hold the separator" if len(cells) > len(header) else "fill the row up"
        return RawRow(where, {}, defect=RowError(f"{len(cells)} cells, but {len(header)} columns: {hint}"))
    texts = {name: cell_text(cell) for name, cell in zip(header, cells, strict=True)}
    return RawRow(where, {name: text for name, text in texts.items() if text})


def _is_feature(feature: object) -> bool:
    return isinstance(feature, dict) and feature.get("type") == "Feature"


def _feature_row(where: str, feature: dict[str, Any]) -> RawRow:
    properties = feature.get("properties") or {}
    cells = {str(key): _property_text(cell) for key, cell in properties.items()}
    if not {"id", "facility_id"} & set(cells):
        cells["id"] = cell_text(feature.get("id"))
    cells = {key: text for key, text in cells.items() if text}
    try:
        return RawRow(where, cells, geometry=_shape(feature.get("geometry")))
    except RowError as defect:
        return RawRow(where, cells, defect=defect)


def _property_text(cell: object) -> str:
    return json.dumps(cell, ensure_ascii=False, sort_keys=True) if isinstance(cell, (dict, list)) else cell_text(cell)


def _shape(geometry: object) -> BaseGeometry:
    if not isinstance(geometry, dict):
        raise RowError("no geometry: give it a point or a polygon", GEOMETRY)
    try:
        return force_2d(shape(geometry))
    except (ShapelyError, KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        kind = geometry.get("type", "nothing")
        raise RowError(f"a {kind} that isn't valid GeoJSON ({error}): draw it again", GEOMETRY) from error


def _geojson_crs(path: Path, document: dict[str, Any]) -> str:
    """RFC 7946 is WGS 84 always; the format before it named its CRS."""
    if "crs" not in document or document["crs"] is None:
        return WGS84
    try:
        name = str(document["crs"]["properties"]["name"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: its `crs` member isn't readable: export it as RFC 7946 (WGS 84)") from error
    return WGS84 if name.endswith("CRS84") else name
