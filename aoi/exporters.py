"""The catalogue as a file for others: all that is known, in a form that comes in again unchanged."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree  # writes only

import shapely
from pyogrio.errors import DataSourceError
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from aoi.facility import Facility, Fact
from geo.errors import InputError

_CREDITS = {
    "aspi-v1": "Xinjiang Data Project, ASPI (2020)",
    "osm-perimeters": "perimeters © OpenStreetMap contributors, ODbL 1.0",
    "osm-parks": "factory parks © OpenStreetMap contributors, ODbL 1.0",
}
_KML = "http://www.opengis.net/kml/2.2"
POINT_LAYER = "facility_points"
OUTLINE_LAYER = "facility_outlines"


def export_catalogue(facilities: Sequence[Facility], path: Path) -> None:
    """Write facilities as GeoJSON, GeoPackage, CSV or KML, by the name's ending.

    A GeoPackage gets one layer of points and one of outlines, so that QGIS can edit both.

    Raises:
        InputError: The ending isn't known, or the file can't be written.
    """
    writers: dict[str, Callable[[Sequence[Facility], Path], None]] = {
        ".geojson": _write_geojson,
        ".gpkg": _write_geopackage,
        ".csv": _write_csv,
        ".kml": _write_kml,
    }
    if path.suffix.lower() not in writers:
        raise InputError(f"{path}: can't be written; end the name in {', '.join(writers)}")
    unfinished = path.with_name(f".{path.stem}.unfinished{path.suffix}")
    try:
        writers[path.suffix.lower()](facilities, unfinished)
        unfinished.replace(path)
    except (OSError, DataSourceError) as error:
        raise InputError(f"{path} can't be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def attribution(facilities: Iterable[Facility]) -> str:
    """What a publication of these facilities has to say of their origin; empty for a list of the user's own."""
    sources = {source for place in facilities for source in place.sources}
    return "; ".join(credit for source, credit in _CREDITS.items() if source in sources)


def _row(place: Facility) -> dict[str, Fact | bool | None]:
    return {
        "facility_id": place.facility_id,
        "name": place.name,
        "kind": str(place.kind),
        "buffer_m": place.buffer_m,
        "prefecture": place.prefecture or None,
        "county": place.county or None,
        "security_tier": place.security_tier,
        "sources": "; ".join(place.sources),
        "retired": place.retired,
        **place.attributes,
    }


def _columns(facilities: Sequence[Facility]) -> list[str]:
    return list(dict.fromkeys(column for place in facilities for column in _row(place)))


def _text(cell: Fact | bool | None) -> str:
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _write_geojson(facilities: Sequence[Facility], path: Path) -> None:
    lines = ",\n".join(
        json.dumps(
            {
                "type": "Feature",
                "id": place.facility_id,
                "properties": _row(place),
                "geometry": mapping(_right_handed(place.geometry)),
            },
            ensure_ascii=False,
        )
        for place in facilities
    )
    head = json.dumps({"type": "FeatureCollection", "attribution": attribution(facilities)}, ensure_ascii=False)[:-1]
    path.write_text(f'{head}, "features": [\n{lines}\n]}}\n', encoding="utf-8")


def _right_handed(geometry: BaseGeometry) -> BaseGeometry:
    return shapely.orient_polygons(geometry, exterior_cw=False)


def _write_csv(facilities: Sequence[Facility], path: Path) -> None:
    columns = ["facility_id", "name", "longitude", "latitude", "geometry", *_columns(facilities)[2:]]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    for place in facilities:
        position = {
            "longitude": f"{place.point.x:.7f}",
            "latitude": f"{place.point.y:.7f}",
            "geometry": shapely.to_wkt(place.geometry, rounding_precision=7),
        }
        writer.writerow(position | {key: _text(cell) for key, cell in _row(place).items()})
    path.write_text(stream.getvalue(), encoding="utf-8")


def _write_kml(facilities: Sequence[Facility], path: Path) -> None:
    ElementTree.register_namespace("", _KML)
    root = ElementTree.Element(f"{{{_KML}}}kml")
    document = ElementTree.SubElement(root, f"{{{_KML}}}Document")
    ElementTree.SubElement(document, f"{{{_KML}}}description").text = attribution(facilities)
    for place in facilities:
        mark = ElementTree.SubElement(document, f"{{{_KML}}}Placemark", id=place.facility_id)
        row = _row(place)
        ElementTree.SubElement(mark, f"{{{_KML}}}name").text = str(row.pop("name"))
        data = ElementTree.SubElement(mark, f"{{{_KML}}}ExtendedData")
        for key, cell in row.items():
            if cell is not None:
                field = ElementTree.SubElement(data, f"{{{_KML}}}Data", name=key)
                ElementTree.SubElement(field, f"{{{_KML}}}value").text = _text(cell)
        _kml_geometry(mark, place.geometry)
    ElementTree.indent(root)
    path.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _kml_geometry(parent: ElementTree.Element, geometry: BaseGeometry) -> None:
    if geometry.geom_type == "MultiPolygon":
        several = ElementTree.SubElement(parent, f"{{{_KML}}}MultiGeometry")
        for part in shapely.get_parts(geometry):
            _kml_geometry(several, part)
        return
    element = ElementTree.SubElement(parent, f"{{{_KML}}}{geometry.geom_type}")
    if geometry.geom_type == "Point":
        ElementTree.SubElement(element, f"{{{_KML}}}coordinates").text = _positions(geometry)
        return
    for number, ring in enumerate(shapely.get_rings(geometry)):
        boundary = "innerBoundaryIs" if number else "outerBoundaryIs"
        side = ElementTree.SubElement(element, f"{{{_KML}}}{boundary}")
        line = ElementTree.SubElement(side, f"{{{_KML}}}LinearRing")
        ElementTree.SubElement(line, f"{{{_KML}}}coordinates").text = _positions(ring)


def _positions(geometry: BaseGeometry) -> str:
    return " ".join(f"{x:.7f},{y:.7f}" for x, y in shapely.get_coordinates(geometry))


def _write_geopackage(facilities: Sequence[Facility], path: Path) -> None:
    import geopandas
    import pandas as pd

    columns = _columns(facilities)
    typed = {column: _dtype([_row(place).get(column) for place in facilities]) for column in columns}
    points = [place for place in facilities if place.geometry.geom_type == "Point"]
    outlines = [place for place in facilities if place.geometry.geom_type != "Point"]
    for layer, places, shape in ((POINT_LAYER, points, "Point"), (OUTLINE_LAYER, outlines, "MultiPolygon")):
        rows = [{key: _cell(cell, typed[key]) for key, cell in _row(place).items()} for place in places]
        frame = pd.DataFrame(rows, columns=columns, dtype=object).astype(typed)
        geometries = [place.geometry for place in places]
        geopandas.GeoDataFrame(frame, geometry=geometries, crs="EPSG:4326").to_file(
            path,
            layer=layer,
            engine="pyogrio",
            geometry_type=shape,
            promote_to_multi=shape == "MultiPolygon",
            dataset_options={"VERSION": "1.2"},
            layer_options={"DESCRIPTION": attribution(facilities)},
        )


def _dtype(cells: Sequence[Fact | bool | None]) -> str:
    """The narrowest column type that takes all cells as they are, missing ones too."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "Int64"
    return "Float64" if kinds and kinds <= {int, float} else "string"


def _cell(cell: Fact | bool | None, dtype: str) -> Fact | bool | None:
    return _text(cell) if dtype == "string" and cell is not None else cell
