"""One row of a file as a facility."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import shapely
from shapely import GEOSException, Point
from shapely.geometry.base import BaseGeometry

from aoi.facility import Facility, FacilityKind
from aoi.facts import parse_fact
from aoi.importers.angles import parse_angle_deg, split_pair
from aoi.importers.columns import attribute_name
from aoi.importers.datum import Datum, to_wgs84_datum
from aoi.importers.geometry import (
    MAX_AREA_M2,
    WORLD,
    XINJIANG,
    Region,
    area_of,
    canonical,
    check_outline,
    check_position,
    repaired,
)
from aoi.importers.table import GEOMETRY, RawRow, RowError, RowNote
from geo.grid import WGS84, to_crs

MAX_BUFFER_M = 20_000.0
_YES, _NO = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be read.

    Attributes:
        mapping: Field to column, where the guess is wrong; an empty column leaves a field out.
        datum: What the file's longitudes and latitudes refer to.
        region: Where all its places lie.
        kind: Of places whose row doesn't say.
        buffer_m: Of places whose row doesn't say, metres.
        id_prefix: Of ids that are made here.
        layer: Of a GeoPackage; None for all with geometry.
        encoding: Of a CSV.
        repair: Whether an outline that crosses itself is repaired.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    datum: Datum = Datum.WGS84
    region: Region = XINJIANG
    kind: FacilityKind = FacilityKind.CUSTOM
    buffer_m: float = 1000.0
    id_prefix: str = "custom"
    layer: str | None = None
    encoding: str = "utf-8-sig"
    repair: bool = False


class RowReader:
    """Turns the rows of one file into facilities.

    Attributes:
        notes: What was done to rows that are used.
    """

    def __init__(self, mapping: Mapping[str, str], crs: str, origin: str, options: ImportOptions) -> None:
        self.notes: list[RowNote] = []
        self._mapping = mapping
        self._crs = crs
        self._origin = origin
        self._options = options

    def facility(self, row: RawRow, facility_id: str) -> Facility:
        """The row's place under an id.

        Raises:
            RowError: The row can't be used.
        """
        kind = self._kind(row)
        geometry = self._geometry(row, kind)
        mapped = set(self._mapping.values())
        facts = {attribute_name(key): parse_fact(cell) for key, cell in row.cells.items() if key not in mapped}
        sources = tuple(source.strip() for source in self._cell(row, "sources").split(";") if source.strip())
        return Facility(
            facility_id=facility_id,
            name=self._cell(row, "name") or facility_id,
            kind=kind,
            geometry=geometry,
            buffer_m=self._buffer_m(row, geometry),
            prefecture=self._cell(row, "prefecture"),
            county=self._cell(row, "county"),
            security_tier=self._tier(row),
            attributes={key: fact for key, fact in facts.items() if fact is not None},
            sources=sources or (self._origin,),
            retired=self._retired(row),
        )

    def given_id(self, row: RawRow) -> str:
        """The row's own id; empty where it has none."""
        return self._cell(row, "facility_id")

    def geometry_columns(self, row: RawRow) -> str:
        """The columns that a row's geometry is made of."""
        if row.geometry is not None or row.defect is not None:
            return GEOMETRY
        used = [self._mapping[name] for name in ("geometry", "position") if self._cell(row, name)][:1]
        return ", ".join(used or [self._mapping.get(axis, axis) for axis in ("latitude", "longitude")])

    def _cell(self, row: RawRow, name: str) -> str:
        return row.cells.get(self._mapping.get(name, ""), "")

    def _geometry(self, row: RawRow, kind: FacilityKind) -> BaseGeometry:
        geometry = self._raw_geometry(row)
        check_position(geometry, WORLD)
        geometry = canonical(to_wgs84_datum(geometry, self._options.datum))
        check_position(geometry, self._options.region)
        if not geometry.is_valid and self._options.repair and (whole := repaired(geometry)) is not None:
            geometry = canonical(whole)
            enclosed = f"{area_of(geometry) / 1e4:.1f} ha"
            self.notes.append(RowNote(row.where, GEOMETRY, f"crossed itself; repaired to {enclosed}, look at it"))
        check_outline(geometry, float("inf") if kind is FacilityKind.FACTORY_PARK_SEARCH_AREA else MAX_AREA_M2)
        return geometry

    def _raw_geometry(self, row: RawRow) -> BaseGeometry:
        if row.geometry is not None:
            return row.geometry if self._crs == WGS84 else to_crs(row.geometry, self._crs, WGS84)
        if text := self._cell(row, "geometry"):
            try:
                return shapely.force_2d(shapely.from_wkt(text))
            except GEOSException as error:
                column = self._mapping["geometry"]
                raise RowError(
                    f"{text[:40]!r} isn't well-known text: give POINT (…) or POLYGON ((…))", column
                ) from error
        return self._point(row)

    def _point(self, row: RawRow) -> Point:
        if text := self._cell(row, "position"):
            column = self._mapping["position"]
            first, second = split_pair(text, column)
            return Point(parse_angle_deg(second, "longitude", column), parse_angle_deg(first, "latitude", column))
        position = []
        for axis in ("longitude", "latitude"):
            column = self._mapping.get(axis, axis)
            if not (text := self._cell(row, axis)):
                raise RowError(f"no {axis}: fill it in", column)
            position.append(parse_angle_deg(text, axis, column))
        return Point(position)

    def _kind(self, row: RawRow) -> FacilityKind:
        if not (text := self._cell(row, "kind")):
            return self._options.kind
        try:
            return FacilityKind(text.casefold())
        except ValueError as error:
            known = ", ".join(FacilityKind)
            hint = f"give one of {known}, or leave the column out with --map kind="
            raise RowError(f"kind {text!r} isn't known: {hint}", self._mapping["kind"]) from error

    def _tier(self, row: RawRow) -> int | None:
        if not (text := self._cell(row, "security_tier")):
            return None
        fact = parse_fact(text)
        if not isinstance(fact, int) or fact not in (1, 2, 3, 4):
            raise RowError(f"{text!r} is no security tier: give 1 to 4, or nothing", self._mapping["security_tier"])
        return fact

    def _buffer_m(self, row: RawRow, geometry: BaseGeometry) -> float:
        if not (text := self._cell(row, "buffer_m")):
            return self._options.buffer_m
        least = 1.0 if geometry.geom_type == "Point" else 0.0
        fact = parse_fact(text.replace(",", "."))
        if not isinstance(fact, (int, float)) or not least <= fact <= MAX_BUFFER_M:
            hint = f"give metres, {least:.0f} to {MAX_BUFFER_M:.0f}"
            raise RowError(f"{text!r} is no usable buffer: {hint}", self._mapping["buffer_m"])
        return float(fact)

    def _retired(self, row: RawRow) -> bool:
        text = self._cell(row, "retired").casefold()
        if text not in (*_YES, *_NO, ""):
            raise RowError(f"{text!r} is neither true nor false", self._mapping["retired"])
        return text in _YES
