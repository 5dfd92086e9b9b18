"""Default styles inside the GeoPackage and beside the GeoJSON: QGIS applies them by itself when a layer is added."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flows.publish.style_model import LayerStyle
from flows.publish.styles import styles_of
from flows.publish.table import Table
from flows.publish.templating import render

_FIXED_TIME = "1970-01-01T00:00:00.000Z"

_TABLE = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
  f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME
);
"""


def write_styles(connection: sqlite3.Connection, styles: Sequence[LayerStyle]) -> None:
    """Puts the styles into a GeoPackage, each as its layer's default."""
    connection.executescript(_TABLE)
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', 'Default styles for QGIS', ?)",
        (_FIXED_TIME,),
    )
    connection.executemany(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
        "styleQML, styleSLD, useAsDefault, description, owner, update_time) "
        "VALUES ('', '', ?, 'geom', ?, ?, '', 1, 'facility-watch default', '', ?)",
        [(style.layer, style.layer, render("qgis/layer.qml.j2", style=style), _FIXED_TIME) for style in styles],
    )


def write_sidecar_style(table: Table, geometry_type: str, path: Path) -> None:
    """Writes a `.qml` beside a GeoJSON of the same name, which QGIS applies when the file is added.

    GDAL shows a feature's `id` as the first field, where a GeoPackage has its row number.
    """
    (style,) = styles_of([(table, geometry_type)])
    first = replace(style.columns[0], name="id")
    style = replace(style, columns=(first, *style.columns[1:]))
    path.write_text(render("qgis/layer.qml.j2", style=style), encoding="utf-8", newline="\n")
