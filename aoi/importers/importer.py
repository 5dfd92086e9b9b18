"""A file of places, whole: read, mapped, checked row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyproj import CRS
from pyproj.exceptions import CRSError

from aoi.catalogue import Catalogue
from aoi.facility import Facility
from aoi.importers.columns import guess_mapping
from aoi.importers.datum import Datum
from aoi.importers.identity import IdKeeper, find_displaced, find_doubles
from aoi.importers.rows import ImportOptions, RowReader
from aoi.importers.table import GEOMETRY, RawRow, RawTable, RowError, RowNote
from geo.errors import InputError
from geo.grid import WGS84

MAX_SHOWN = 100
FORMATS = (".csv", ".tsv", ".txt", ".geojson", ".json", ".gpkg", ".shp", ".kml", ".kmz")


@dataclass(frozen=True, slots=True)
class Import:
    """What a file holds.

    Attributes:
        mapping: Field to column, as used.
        facilities: Of the usable rows, by id.
        problems: Rows that can't be used, each with what to do.
        notes: Rows that are used, with what was done or is worth a look.
    """

    mapping: Mapping[str, str]
    facilities: tuple[Facility, ...]
    problems: tuple[RowNote, ...]
    notes: tuple[RowNote, ...]

    def accepted(self, skip_invalid: bool = False) -> tuple[Facility, ...]:
        """The facilities, if all rows are usable or the bad ones may be left out.

        Raises:
            InputError: A row can't be used, or none can.
        """
        if self.problems and not skip_invalid:
            shown = "\n  ".join(str(problem) for problem in self.problems[:MAX_SHOWN])
            more = f"\n  and {len(self.problems) - MAX_SHOWN} more" if len(self.problems) > MAX_SHOWN else ""
            rows = "row" if len(self.problems) == 1 else "rows"
            raise InputError(
                f"{len(self.problems)} {rows} can't be used, so nothing is imported; correct them, or leave them out "
                f"with --skip-invalid:\n  {shown}{more}"
            )
        if not self.facilities:
            raise InputError("no usable place in the file: nothing is imported")
        return self.facilities


def import_file(path: Path, options: ImportOptions | None = None, known: Catalogue | None = None) -> Import:
    """Read a file of places.

    Args:
        path: CSV, GeoJSON, GeoPackage, Shapefile, KML or KMZ.
        options: How to read it.
        known: The catalogue that it is to join, for ids and for places that are there already.

    Raises:
        InputError: The file as a whole can't be read. Unusable rows don't raise, they are in `problems`.
    """
    options = options or ImportOptions()
    table = _read(path, options)
    mapping = guess_mapping(table.columns, options.mapping)
    _check_coordinates(path, table, mapping)
    reader = RowReader(mapping, _crs(path, table.crs), path.name, options)
    ids = IdKeeper(options.id_prefix, known, (reader.given_id(row) for row in table.rows))
    problems: list[RowNote] = []
    read: list[tuple[RawRow, Facility]] = []
    for row in table.rows:
        try:
            read.append((row, _facility(row, reader, ids)))
        except RowError as error:
            column = reader.geometry_columns(row) if error.column == GEOMETRY else error.column
            problems.append(RowNote(row.where, column, str(error)))
    unnamed = {row.where for row, _ in read if not reader.given_id(row)}
    doubles = find_doubles([(row.where, place) for row, place in read], known)
    unusable = {note.where for note in doubles} & unnamed
    used = {row.where for row, _ in read} - unusable
    order = {row.where: number for number, row in enumerate(table.rows)}
    problems += [note for note in doubles if note.where in unusable]
    notes = [*reader.notes, *ids.notes, *doubles]
    if options.datum is Datum.WGS84:
        notes += find_displaced([(row.where, place) for row, place in read], known)
    return Import(
        mapping=mapping,
        facilities=tuple(
            sorted((place for row, place in read if row.where not in unusable), key=lambda place: place.facility_id)
        ),
        problems=tuple(sorted(problems, key=lambda note: order[note.where])),
        notes=(
            *table.notes,
            *sorted((note for note in notes if note.where in used), key=lambda note: order[note.where]),
        ),
    )


def _read(path: Path, options: ImportOptions) -> RawTable:
    from aoi.importers import kml, text, vector

    suffix = path.suffix.lower()
    if not path.is_file():
        raise InputError(f"{path} isn't a file: give one that exists")
    if suffix in (".csv", ".tsv", ".txt"):
        return text.read_csv(path, options.encoding)
    if suffix in (".geojson", ".json"):
        return text.read_geojson(path)
    if suffix in (".gpkg", ".shp"):
        return vector.read_vector(path, options.layer)
    if suffix in (".kml", ".kmz"):
        return kml.read_kml(path) if suffix == ".kml" else kml.read_kmz(path)
    raise InputError(f"{path}: {suffix or 'a file without suffix'} can't be read; give one of {', '.join(FORMATS)}")


def _crs(path: Path, crs: str) -> str:
    """Checked, and one name for what is WGS 84 in longitude and latitude anyway."""
    try:
        return WGS84 if CRS.from_user_input(crs) == CRS("OGC:CRS84") else crs
    except CRSError as error:
        raise InputError(f"{path}: coordinate system {crs!r} isn't known: save it in WGS 84 (EPSG:4326)") from error


def _check_coordinates(path: Path, table: RawTable, mapping: Mapping[str, str]) -> None:
    if not table.rows:
        raise InputError(f"{path} holds no place: it has a header only, or no feature")
    if table.has_geometry or {"geometry", "position"} & set(mapping) or {"longitude", "latitude"} <= set(mapping):
        return
    columns = ", ".join(table.columns)
    raise InputError(
        f"{path}: no column for the coordinates among {columns}; name them with "
        "--map latitude=COLUMN --map longitude=COLUMN"
    )


def _facility(row: RawRow, reader: RowReader, ids: IdKeeper) -> Facility:
    if row.defect is not None:
        raise row.defect
    return reader.facility(row, ids.assign(row.where, reader.given_id(row)))
