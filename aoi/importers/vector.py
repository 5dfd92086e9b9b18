"""Reader of GeoPackage and Shapefile."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from aoi.importers.table import GEOMETRY, RawRow, RawTable, RowError, RowNote, cell_text
from geo.errors import InputError


def read_vector(path: Path, layer: str | None = None) -> RawTable:
    """Features of the layers with geometry, or of the one named.

    Args:
        path: `.gpkg` or `.shp`.
        layer: Needed where layers differ in CRS or some aren't places.

    Raises:
        InputError: It can't be opened, has no CRS, or no layer of that name.
    """
    # GDAL's warnings (an unclosed ring, a header that is off) are for whoever imports, not for the terminal.
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        table = _read(path, layer)
    return replace(
        table, notes=tuple(RowNote("file", "", text) for text in dict.fromkeys(str(w.message) for w in told))
    )


def _read(path: Path, layer: str | None) -> RawTable:
    try:
        layers = {str(name): kind for name, kind in pyogrio.list_layers(path)}
        names = _chosen(path, layers, layer)
        tables = [_read_layer(path, name, several=len(names) > 1) for name in names]
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}") from error
    systems = {table.crs for table in tables}
    if len(systems) > 1:
        raise InputError(f"{path} has layers in {', '.join(sorted(systems))}: choose one with --layer")
    columns = dict.fromkeys(column for table in tables for column in table.columns)
    return RawTable(tuple(columns), tuple(row for table in tables for row in table.rows), systems.pop(), True)


def _chosen(path: Path, layers: dict[str, Any], layer: str | None) -> list[str]:
    spatial = [name for name, kind in layers.items() if kind is not None]
    if layer is not None and layer not in spatial:
        raise InputError(f"{path} has no layer {layer!r} with geometry, but {', '.join(spatial) or 'none'}")
    if not spatial:
        raise InputError(f"{path} has no layer with geometry: export points or polygons")
    return [layer] if layer is not None else spatial


def _read_layer(path: Path, layer: str, several: bool) -> RawTable:
    meta, fids, geometries, columns = pyogrio.raw.read(path, layer=layer, return_fids=True, force_2d=True)
    if not meta["crs"]:
        missing = "its .prj file is missing" if path.suffix.lower() == ".shp" else f"layer {layer!r} has none"
        raise InputError(f"{path} doesn't say its coordinate system ({missing}): set it and save again")
    names = [str(name) for name in meta["fields"]]
    kinds = zip(meta["ogr_types"], meta["ogr_subtypes"], columns, strict=True)
    columns = [_typed(kind, subkind, column) for kind, subkind, column in kinds]
    prefix = f"layer {layer} feature" if several else "feature"
    rows = tuple(
        _row(
            f"{prefix} {fid}",
            geometries[index],
            {name: column[index] for name, column in zip(names, columns, strict=True)},
        )
        for index, fid in enumerate(fids)
    )
    return RawTable(tuple(names), rows, str(meta["crs"]), has_geometry=True)


def _typed(kind: str, subkind: str, column: Iterable[object]) -> list[object]:
    """A column as its type says: GDAL hands whole numbers and booleans over as floats where one is null."""
    cast: type = bool if subkind == "OFSTBoolean" else int if kind in ("OFTInteger", "OFTInteger64") else object
    if cast is object:
        return list(column)
    return [None if cell is None or cell != cell else cast(cell) for cell in column]


def _row(where: str, wkb: bytes | None, fields: dict[str, object]) -> RawRow:
    cells = {name: text for name, field in fields.items() if (text := cell_text(field))}
    if wkb is None:
        return RawRow(where, cells, defect=RowError("no geometry: draw it, or delete the row", GEOMETRY))
    try:
        return RawRow(where, cells, geometry=shapely.from_wkb(wkb))
    except shapely.GEOSException as error:
        return RawRow(where, cells, defect=RowError(f"unreadable geometry ({error}): draw it again", GEOMETRY))
