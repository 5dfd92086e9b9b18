"""Verdicts of people: read back from a file that was edited in QGIS or a spreadsheet, and kept in the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from flows.change import ReviewStatus
from flows.ledger import Ledger
from flows.publish.geopackage import GEOPACKAGE
from flows.publish.manifest import earlier_manifest, sha256_of
from flows.publish.table import clean_text
from flows.record import Review
from geo.errors import InputError, StoreError

_COLUMNS = ("change_id", "review_status", "reviewer", "reviewed_at", "review_note")
_LAYER = "changes"


@dataclass(frozen=True, slots=True)
class ImportedReviews:
    """What came of reading reviews back.

    Attributes:
        taken: Ids of the changes whose verdict is new or has changed.
        unchanged: How many rows said what was known.
        unknown: Ids that aren't in the ledger; their rows were left out.
    """

    taken: tuple[str, ...]
    unchanged: int
    unknown: tuple[str, ...]


def import_reviews(ledger: Ledger, path: Path, now: datetime | None = None) -> ImportedReviews:
    """Takes the verdicts of a change layer that a person has edited into the ledger.

    A row that says what was published beside it (`changes.geojson` in the same folder) is no edit, so a file that was
    edited a while ago doesn't undo what others have decided since.

    Args:
        ledger: Where verdicts are kept; nothing is taken where any row is wrong.
        path: GeoPackage, GeoJSON or CSV with at least `change_id` and `review_status`.
        now: Time of a verdict that has none of its own.

    Raises:
        InputError: The file can't be read, lacks a column, or a verdict isn't one of the four.
    """
    rows = [_review(row, path) for row in _read(path)]
    published = path.with_name("changes.geojson")
    has_base = published != path and published.exists()
    base = {row.change_id: row for row in (_review(row, published) for row in _read(published))} if has_base else {}
    return _take(ledger, rows, base, now or datetime.now(UTC))


def collect_reviews(ledger: Ledger, outputs: Path) -> ImportedReviews | None:
    """Takes what was edited in an output folder's own GeoPackage, before it is written anew; None where nothing was.

    Raises:
        InputError: It can't be read or holds a verdict that isn't one.
        StoreError: It is open in another program, so that replacing it would lose edits.
    """
    path = outputs / GEOPACKAGE
    if not path.exists():
        return None
    _settle(path)
    manifest = earlier_manifest(outputs)
    known = {entry["path"]: entry["sha256"] for entry in manifest["files"]} if manifest else {}
    if known.get(GEOPACKAGE) == sha256_of(path):
        return None
    try:
        return import_reviews(ledger, path)
    except InputError as error:
        raise InputError(
            f"{error} (verdicts in it would be lost: correct it, or move it away, and publish again)"
        ) from error


def _settle(path: Path) -> None:
    """Brings edits that SQLite still holds in its side file into the file itself.

    A side file left beside a GeoPackage that is replaced would be replayed into the new one and break it.
    """
    if not path.with_name(f"{path.name}-wal").exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=2.0)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        raise StoreError(f"{path}: is open in another program; close it there (QGIS) and publish again") from error


def _read(path: Path) -> Iterable[Mapping[str, Any]]:
    layer = _LAYER if path.suffix.lower() == ".gpkg" else None
    try:
        frame = pyogrio.read_dataframe(path, layer=layer, read_geometry=False)
    except (DataSourceError, DataLayerError) as error:
        raise InputError(
            f"{path}: can't be read as a change layer; give the GeoPackage, GeoJSON or CSV that was edited"
        ) from error
    for column in ("change_id", "review_status"):
        if column not in frame.columns:
            raise InputError(f"{path}: has no column {column}; give a change layer as `facility-watch publish` made it")
    kept = [column for column in _COLUMNS if column in frame.columns]
    rows: list[Mapping[str, Any]] = frame[kept].to_dict("records")
    return rows


def _review(row: Mapping[str, Any], path: Path) -> Review:
    change_id = _text(row["change_id"]) or ""
    said = (_text(row["review_status"]) or str(ReviewStatus.UNREVIEWED)).casefold()
    if said not in set(map(str, ReviewStatus)):
        choices = ", ".join(map(str, ReviewStatus))
        raise InputError(f"{path}: change {change_id} has review_status {said!r}; it must be one of {choices}")
    return Review(
        change_id,
        ReviewStatus(said),
        _text(row.get("reviewer")),
        _moment(row.get("reviewed_at"), change_id, path),
        _text(row.get("review_note")),
    )


def _text(content: Any) -> str | None:
    return None if content is None or pd.isna(content) else clean_text(str(content)).strip() or None


def _moment(content: Any, change_id: str, path: Path) -> datetime | None:
    if content is None or pd.isna(content) or content == "":
        return None
    try:
        moment = pd.Timestamp(content)
    except ValueError as error:
        raise InputError(
            f"{path}: change {change_id} has reviewed_at {content!r}; give a date such as 2018-05-26T10:00Z"
        ) from error
    zoned = moment.tz_localize(UTC) if moment.tzinfo is None else moment.tz_convert(UTC)
    return zoned.to_pydatetime(warn=False).replace(microsecond=0)


def _take(ledger: Ledger, rows: Iterable[Review], base: Mapping[str, Review], now: datetime) -> ImportedReviews:
    facility_of: dict[str, str] = {}
    known: dict[str, Review] = {}
    for record in ledger.records():
        facility_of |= {track.change_id: record.facility.facility_id for track in record.tracks}
        known |= record.reviews
    taken: list[str] = []
    unknown: list[str] = []
    unchanged = 0
    for row in rows:
        current = known.get(row.change_id, Review(row.change_id, ReviewStatus.UNREVIEWED))
        before = base.get(row.change_id, current)
        if row.change_id not in facility_of:
            unknown.append(row.change_id)
        elif _says(row) == _says(before) or _says(row) == _says(current):
            unchanged += 1
        else:
            is_dated = row.reviewed_at is not None and row.reviewed_at != before.reviewed_at
            moment = row.reviewed_at if is_dated else now.replace(microsecond=0)
            ledger.review(
                facility_of[row.change_id],
                Review(row.change_id, row.review_status, row.reviewer, moment, row.review_note),
            )
            taken.append(row.change_id)
    return ImportedReviews(tuple(taken), unchanged, tuple(unknown))


def _says(review: Review) -> tuple[str, str, str]:
    """What a verdict says, without when."""
    return str(review.review_status), review.reviewer or "", review.review_note or ""
