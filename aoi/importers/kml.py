"""Reader of KML and KMZ, which come from anywhere: nothing is followed, unpacked or expanded.

Entities and document types are refused (defusedxml), links are ignored, sizes are bounded while reading, and a KMZ is
read in memory only, so that no name inside it can reach a file.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import IO
from xml.etree.ElementTree import Element, ParseError  # types only; parsing is defusedxml's

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from shapely import GEOSException, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from aoi.importers.table import GEOMETRY, RawRow, RawTable, RowError
from geo.errors import InputError

MAX_BYTES = 50_000_000
"""A list of places with outlines takes a few megabytes; more is a bomb or the wrong file."""


def read_kml(path: Path) -> RawTable:
    """Placemarks of a KML file; those of folders within folders too."""
    try:
        with path.open("rb") as stream:
            return _placemarks(path, _bounded(path, stream))
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error


def read_kmz(path: Path) -> RawTable:
    """Placemarks of the KML inside a KMZ: `doc.kml`, else the only one (OGC 12-007r2, annex C)."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_main_document(path, archive)) as stream:
            return _placemarks(path, _bounded(path, stream))
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path} isn't a readable KMZ ({error}): save it again, without a password") from error


def _main_document(path: Path, archive: zipfile.ZipFile) -> str:
    names = archive.namelist()
    for name in names:
        inside = PureWindowsPath(name)  # understands both kinds of slash, and drives
        if inside.anchor or ".." in inside.parts:
            raise InputError(f"{path} holds {name!r}, which points out of the archive: don't trust this file")
    documents = [name for name in names if name.lower().endswith(".kml")]
    if not documents:
        raise InputError(f"{path} holds no .kml: save it from Google Earth again")
    if "doc.kml" in documents or len(documents) == 1:
        return "doc.kml" if "doc.kml" in documents else documents[0]
    raise InputError(f"{path} holds {len(documents)} KML files and no doc.kml: give one of them as .kml")


def _bounded(path: Path, stream: IO[bytes]) -> bytes:
    text = stream.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB unpacked: split it")
    return text


def _placemarks(path: Path, text: bytes) -> RawTable:
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(
            f"{path} declares a document type or entities: don't trust this file, save it again"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path} isn't well-formed KML ({error}): save it again") from error
    if _tag(root) != "kml":
        raise InputError(f"{path} isn't KML, its root is <{_tag(root)}>: save it as KML")
    rows = tuple(_row(f"placemark {number}", mark) for number, mark in enumerate(_all(root, "Placemark"), 1))
    columns = dict.fromkeys(column for row in rows for column in row.cells)
    return RawTable(tuple(columns), rows, has_geometry=True)


def _row(where: str, mark: Element) -> RawRow:
    cells: dict[str, str] = {}
    for child in mark:
        if _tag(child) in ("name", "description"):
            cells[_tag(child)] = (child.text or "").strip()
    for field in (*_all(mark, "Data"), *_all(mark, "SimpleData")):
        value = next(_all(field, "value"), None) if _tag(field) == "Data" else field
        cells[field.get("name", "")] = ((value.text if value is not None else "") or "").strip()
    if not {"id", "facility_id"} & set(cells):
        cells["id"] = mark.get("id", "")
    cells = {key: cell for key, cell in cells.items() if key and cell}
    try:
        return RawRow(where, cells, geometry=_geometry(mark))
    except RowError as defect:
        return RawRow(where, cells, defect=defect)


def _geometry(mark: Element) -> BaseGeometry:
    polygons = [_polygon(polygon) for polygon in _all(mark, "Polygon")]
    points = [_positions(point) for point in _all(mark, "Point")]
    if any(True for _ in _all(mark, "LineString")) and not polygons:
        raise RowError("a line: draw a point or a polygon", GEOMETRY)
    if polygons and not points:
        return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)
    if len(points) == 1 and not polygons and len(points[0]) == 1:
        return Point(points[0][0])
    raise RowError("no single point or polygon: give one place per placemark", GEOMETRY)


def _polygon(element: Element) -> Polygon:
    outer = [_positions(ring) for ring in _all(element, "outerBoundaryIs")]
    holes = [_positions(ring) for ring in _all(element, "innerBoundaryIs")]
    if len(outer) != 1:
        raise RowError("a polygon without an outer ring: draw it again", GEOMETRY)
    try:
        return Polygon(outer[0], holes)
    except (GEOSException, ValueError) as error:
        raise RowError(f"a polygon that can't be built ({error}): draw it again", GEOMETRY) from error


def _positions(element: Element) -> list[tuple[float, float]]:
    text = next((found.text or "" for found in _all(element, "coordinates")), "")
    try:
        return [(float(x), float(y)) for x, y, *_ in (position.split(",") for position in text.split())]
    except ValueError as error:
        raise RowError(f"coordinates {text.strip()[:40]!r}: write longitude,latitude", "coordinates") from error


def _all(element: Element, tag: str) -> Iterator[Element]:
    return (found for found in element.iter() if _tag(found) == tag)


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
