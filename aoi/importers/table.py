"""What every file format is read into: rows of text cells, with a geometry where the format has one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from geo.errors import InputError
from geo.grid import WGS84

GEOMETRY = "geometry"
"""The column of a defect that lies in the geometry, whatever columns it is made of."""


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class RowError(InputError):
    """One row can't be used; the others may.

    Attributes:
        column: The column at fault; empty where it is the row as a whole.
    """

    def __init__(self, message: str, column: str = "") -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True)
class RowNote:
    """Something a person has to know of one row.

    Attributes:
        where: Such as `line 3` or `feature 12`, as an editor of the file counts.
        column: Empty where it is the row as a whole.
        message: What was done, or what to do.
    """

    where: str
    column: str
    message: str

    def __str__(self) -> str:
        column = f", column {self.column!r}" if self.column else ""
        return f"{self.where}{column}: {self.message}"


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as its file has it.

    Attributes:
        where: Such as `line 3`.
        cells: Column to text, stripped; empty cells are left out.
        geometry: In the table's CRS; None where the format has none.
        defect: Why the row can't be used, if reading showed that already.
    """

    where: str
    cells: Mapping[str, str]
    geometry: BaseGeometry | None = None
    defect: RowError | None = None


@dataclass(frozen=True, slots=True)
class RawTable:
    """A file's rows.

    Attributes:
        columns: In the order of the file.
        rows: In the order of the file.
        crs: Of the geometries.
        has_geometry: Whether the format carries geometry itself.
        notes: What its reader said of the file as a whole.
    """

    columns: tuple[str, ...]
    rows: tuple[RawRow, ...]
    crs: str = WGS84
    has_geometry: bool = False
    notes: tuple[RowNote, ...] = ()


def cell_text(cell: object) -> str:
    """A cell as text; empty for null. Control characters, which XML has no way to write, are left out.

    >>> cell_text(True), cell_text(3.0), cell_text(None)
    ('true', '3.0', '')
    """
    if cell is None or cell != cell:  # NaN is the only thing unlike itself
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return _UNPRINTABLE.sub("", str(cell).replace("\r\n", "\n")).strip()
