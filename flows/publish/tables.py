"""CSV tables that a spreadsheet opens as they are meant."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

from flows.publish.table import Cell, Table, iso_utc

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV Injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "=", "+", "-", "@")


def write_csv(table: Table, path: Path, *, limit_to: set[str] | None = None) -> None:
    """Writes a table as CSV (RFC 4180, UTF-8 with a byte order mark, so that Excel reads it as UTF-8).

    Args:
        table: What to write; geometry is left out.
        path: File to write.
        limit_to: Columns to write; None for all.
    """
    kept = [place for place, column in enumerate(table.fields) if limit_to is None or column.name in limit_to]
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow([safe_text(table.fields[place].name) for place in kept])
        writer.writerows([_csv_cell(row[place]) for place in kept] for row in table.rows)


def _csv_cell(content: Cell) -> str:
    if content is None:
        return ""
    if isinstance(content, datetime):
        return iso_utc(content)
    return safe_text(content) if isinstance(content, str) else str(content)


def safe_text(text: str) -> str:
    r"""Text that no spreadsheet runs as a formula: one that looks like it gets an apostrophe in front.

    >>> safe_text('=HYPERLINK("http://x")'), safe_text("Dabancheng #1")
    ('\'=HYPERLINK("http://x")', 'Dabancheng #1')
    """
    return f"'{text}" if text.lstrip().startswith(_FORMULA_STARTS) else text
