"""What every product is written from: a table of published cells, with or without geometry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shapely import get_parts, orient_polygons, set_precision
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from flows.change import FIELDS, Change, PublishedField

Cell = str | int | float | datetime | None

# 1e-7 degrees are about a centimetre: far below the pixel, and what RFC 7946 section 11.2 calls sensible.
COORDINATE_DECIMALS = 7

# Figures are published with no more digits than a 10 m pixel can carry.
_DECIMALS = {"m²": 1, "m": 2, "0..1": 4, "ha": 3, "°": COORDINATE_DECIMALS}

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(slots=True)
class Table:
    """One published table.

    Attributes:
        name: Layer and file name.
        fields: Columns.
        rows: Cells in the order of `fields`, as `cell` makes them.
        geometries: One per row in EPSG:4326, longitude first, as `published_geometry` makes them; empty for a
            table without geometry.
    """

    name: str
    fields: tuple[PublishedField, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    geometries: list[BaseGeometry] = field(default_factory=list)

    def add(self, cells: dict[str, Cell], geometry: BaseGeometry | None = None) -> None:
        """Appends a row; a column that isn't named stays empty."""
        self.rows.append(tuple(cell(cells.get(column.name), column) for column in self.fields))
        if geometry is not None:
            self.geometries.append(geometry)

    def column(self, name: str) -> list[Cell]:
        """All cells of one column."""
        index = [column.name for column in self.fields].index(name)
        return [row[index] for row in self.rows]


def cell(content: Cell, column: PublishedField) -> Cell:
    """A cell as it is published: figures rounded by their unit, text without control characters.

    Control characters and lone surrogates can't be written to UTF-8 text, XML or a spreadsheet without breaking it.
    """
    if isinstance(content, str):
        return clean_text(content)
    if isinstance(content, float) and column.type == "real":
        return round(content, _DECIMALS.get(column.unit, 6))
    return content


def clean_text(text: str) -> str:
    r"""Text without what no file format can carry or what would disguise it.

    Control characters become spaces, lone surrogates question marks; marks that turn the direction of writing around
    (Unicode UAX #9, explicit directional formatting) are dropped, as they could make one name look like another.
    Text in a right-to-left script needs none of them.

    >>> clean_text("a\tb\x00c\u202ed")
    'a b cd'
    """
    if text.isascii() and text.isprintable():
        return text  # nearly always, and told far sooner than by looking for each of them
    return _CONTROL.sub(" ", _DIRECTION.sub("", text)).encode("utf-8", "replace").decode("utf-8")


def iso_utc(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second.

    >>> iso_utc(datetime(2018, 3, 22, 5, 6, 7, tzinfo=UTC))
    '2018-03-22T05:06:07Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def change_table(changes: Iterable[Change], name: str = "changes") -> Table:
    """The change layer: every field of `FIELDS`, in order."""
    table = Table(name, FIELDS)
    for change in changes:
        cells: dict[str, Cell] = {column.name: _plain(getattr(change, column.name)) for column in FIELDS}
        table.add(cells, published_geometry(change.geometry))
    return table


def _plain(content: Cell) -> Cell:
    """An enumeration's member as its text."""
    return str(content) if isinstance(content, str) else content


def published_geometry(geometry: BaseGeometry) -> BaseGeometry:
    """A geometry as it is published: rounded, valid after rounding, exterior rings counter-clockwise.

    Rounding the coordinates one by one can make a narrow ring cross itself; snapping to a grid of the published
    precision doesn't (Hobby 1999, Practical segment intersection with finite precision output, as in GEOS).
    """
    snapped = set_precision(geometry, 10.0**-COORDINATE_DECIMALS)
    kept = geometry if snapped.is_empty else snapped
    return orient_polygons(_polygonal(kept), exterior_cw=False)


def _polygonal(geometry: BaseGeometry) -> BaseGeometry:
    """The polygons alone, where snapping has left a line beside them."""
    if geometry.geom_type != "GeometryCollection":
        return geometry
    parts = [part for part in get_parts(get_parts(geometry)) if isinstance(part, Polygon)]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def title_of(field: PublishedField) -> str:
    """A column's title for a person.

    >>> title_of(PublishedField("area_m2", "real", "m²", ""))
    'Area (m²)'
    """
    words = field.name
    for suffix in ("_m2", "_m", "_ha"):
        words = words.removesuffix(suffix) if field.unit else words
    title = words.replace("_", " ").capitalize().replace(" id", " ID")
    return f"{title} ({field.unit})" if field.unit and field.unit != "UTC" else title
