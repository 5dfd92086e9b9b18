"""GeoPackage 1.2 (OGC 12-128r14) with the layers that a QGIS user works with."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyogrio
import shapely

from flows.change import PublishedField
from flows.publish.gather import Layers
from flows.publish.style_files import write_styles
from flows.publish.styles import LAYER_DESCRIPTIONS, styles_of
from flows.publish.table import Table, title_of
from geo.grid import WGS84

GEOPACKAGE = "changes.gpkg"

# GDAL stamps the tables with the time of writing; a fixed one keeps the bytes a function of the ledger.
_FIXED_TIME = "1970-01-01T00:00:00.000Z"

# The file is written beside the one that stands and takes its place when it is whole, so that nothing is lost where
# the disk isn't waited for after every layer.
_WRITING = {"OGR_CURRENT_DATE": _FIXED_TIME, "OGR_SQLITE_SYNCHRONOUS": "OFF"}

_SCHEMA_EXTENSION = """
CREATE TABLE gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT, mime_type TEXT,
  constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name)
);
CREATE TABLE gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC, min_is_inclusive BOOLEAN,
  max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value)
);
"""
_SCHEMA_DEFINITION = "http://www.geopackage.org/spec120/#extension_schema"


def write_geopackage(layers: Layers, path: Path) -> None:
    """Writes the layers that `gis_layers` lists.

    A layer without rows is there with all its columns. The same layers give the same bytes.

    Args:
        layers: What to write.
        path: File to write; one that is there is replaced.
    """
    path.unlink(missing_ok=True)
    pyogrio.set_gdal_config_options(_WRITING)
    try:
        for table, kind in gis_layers(layers):
            _write_layer(table, kind, path)
    finally:
        pyogrio.set_gdal_config_options(dict.fromkeys(_WRITING))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        _describe_columns(connection, [table for table, _ in gis_layers(layers)])
        write_styles(connection, styles_of(gis_layers(layers)))


def gis_layers(layers: Layers) -> list[tuple[Table, str]]:
    """Layers in drawing order, the topmost first, with their geometry types."""
    names = layers.facilities.column("facility_id")
    area_of = layers.areas_of_interest
    coverage = Table("coverage", layers.coverage.fields, layers.coverage.rows)
    coverage.geometries = [area_of[str(facility_id)] for facility_id in coverage.column("facility_id")]
    positions = Table("facilities", layers.facilities.fields, layers.facilities.rows)
    positions.geometries = [outline.centroid for outline in layers.facilities.geometries]
    outlined = [place for place, outline in enumerate(layers.facilities.geometries) if outline.area > 0]
    core = layers.facilities.fields[:8]
    outlines = Table("facility_outlines", core)
    outlines.rows = [layers.facilities.rows[place][: len(core)] for place in outlined]
    outlines.geometries = [layers.facilities.geometries[place] for place in outlined]
    areas = Table("areas_of_interest", core, [row[: len(core)] for row in layers.facilities.rows])
    areas.geometries = [area_of[str(name)] for name in names]
    return [
        (layers.changes, "MultiPolygon"),
        (layers.sides, "LineString"),
        (layers.retractions, "MultiPolygon"),
        (positions, "Point"),
        (outlines, "MultiPolygon"),
        (areas, "MultiPolygon"),
        (coverage, "MultiPolygon"),
    ]


def _write_layer(table: Table, geometry_type: str, path: Path) -> None:
    columns = [_column(table.column(field.name), field) for field in table.fields]
    times = [field.name for field in table.fields if field.type == "datetime"]
    in_utc = np.full(len(table.rows), 100, dtype="int64")  # GDAL's code for UTC
    geometries = np.asarray(table.geometries, dtype=object)
    pyogrio.raw.write(
        path,
        np.asarray(shapely.to_wkb(geometries), dtype=object),
        [content for content, _ in columns],
        [field.name for field in table.fields],
        field_mask=[mask for _, mask in columns],
        layer=table.name,
        driver="GPKG",
        geometry_type=geometry_type,
        promote_to_multi=geometry_type.startswith("Multi"),
        crs=WGS84,
        append=path.exists(),
        dataset_options={"VERSION": "1.2"} if not path.exists() else None,
        layer_options={"IDENTIFIER": table.name, "DESCRIPTION": LAYER_DESCRIPTIONS[table.name]},
        gdal_tz_offsets=dict.fromkeys(times, in_utc),
    )


_DTYPES: dict[str, npt.DTypeLike] = {"integer": "int64", "real": "float64", "datetime": "datetime64[ms]"}
_EMPTY: dict[str, Any] = {"integer": 0, "real": np.nan, "datetime": np.datetime64("NaT")}


def _column(cells: list[Any], field: PublishedField) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """One column as GDAL takes it, and which of its cells are null where the type has no null of its own."""
    null = np.array([content is None for content in cells], dtype=bool)
    if field.type == "text":
        return np.array(cells, dtype=object), None
    plain = [
        _EMPTY[field.type] if content is None else _naive(content) if isinstance(content, datetime) else content
        for content in cells
    ]
    return np.array(plain, dtype=_DTYPES[field.type]), null if field.type == "integer" else None


def _naive(moment: datetime) -> np.datetime64:
    return np.datetime64(int(moment.timestamp() * 1000), "ms")


def _describe_columns(connection: sqlite3.Connection, tables: list[Table]) -> None:
    """Field titles and descriptions by GeoPackage's schema extension, which QGIS from 3.32 and GDAL from 3.7 show."""
    connection.executescript(_SCHEMA_EXTENSION)
    for table in tables:
        connection.executemany(
            "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description) VALUES (?, ?, ?, ?, ?)",
            [(table.name, field.name, field.name, title_of(field), field.description) for field in table.fields],
        )
    connection.executemany(
        "INSERT INTO gpkg_extensions (table_name, column_name, extension_name, definition, scope) "
        "VALUES (?, NULL, 'gpkg_schema', ?, 'read-write')",
        [(name, _SCHEMA_DEFINITION) for name in ("gpkg_data_columns", "gpkg_data_column_constraints")],
    )
