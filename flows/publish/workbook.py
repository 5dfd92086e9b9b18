"""An Excel workbook of everything that has no geometry, with a sheet that says what the columns mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from flows.publish.table import Cell, Table

_LONGEST_CELL = 32_767  # Excel's limit
_WIDTHS = {"text": 18, "integer": 8, "real": 10, "datetime": 17}  # in characters
_FIXED_TIME = datetime(1980, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def write_workbook(tables: Sequence[Table], path: Path) -> None:
    """Writes one sheet per table, dates as dates (UTC), figures as figures.

    Text is never taken for a formula or a link. The same tables give the same bytes.

    Args:
        tables: Geometry is left out.
        path: File to write.
    """
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd hh:mm",
        "constant_memory": True,
    }
    with xlsxwriter.Workbook(path, options) as workbook:
        workbook.set_properties({"title": "facility-watch", "created": _FIXED_TIME})
        bold = workbook.add_format({"bold": True})
        meanings = workbook.add_worksheet("fields")
        meanings.freeze_panes(1, 0)
        for column, width in enumerate((22, 24, 8, 100)):
            meanings.set_column(column, column, width)
        _write_rows(meanings, [("table", "field", "unit", "meaning")], bold)
        rows = [(table.name, field.name, field.unit, field.description) for table in tables for field in table.fields]
        _write_rows(meanings, rows, first=1)
        for table in tables:
            sheet = workbook.add_worksheet(table.name[:31])
            sheet.freeze_panes(1, 1)
            for column, field in enumerate(table.fields):
                sheet.set_column(column, column, max(_WIDTHS[field.type], len(field.name) + 3))
            sheet.autofilter(0, 0, max(len(table.rows), 1), len(table.fields) - 1)
            _write_rows(sheet, [tuple(field.name for field in table.fields)], bold)
            _write_rows(sheet, table.rows, first=1)


def _write_rows(
    sheet: Worksheet, rows: Sequence[tuple[Cell, ...]], style: Format | None = None, first: int = 0
) -> None:
    for number, row in enumerate(rows, start=first):
        for column, content in enumerate(row):
            if isinstance(content, datetime):
                sheet.write_datetime(number, column, content.astimezone(UTC).replace(tzinfo=None))
            elif isinstance(content, str):
                sheet.write_string(number, column, content[:_LONGEST_CELL], style)
            elif content is not None:
                sheet.write_number(number, column, content)
