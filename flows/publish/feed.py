"""Atom feed (RFC 4287) of confirmed changes, and of those that were withdrawn after they had been confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from detectors.base import ChangeType
from flows.change import Change, ReviewStatus, Status
from flows.publish.gather import Layers
from flows.publish.palette import LOOKS
from flows.publish.sentence import quotable
from flows.publish.table import iso_utc
from flows.publish.templating import render

_MOST_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class _Entry:
    change_id: str
    title: str
    moved_at: datetime
    published_at: datetime
    sentence: str
    address: str
    latitude: float
    longitude: float


def write_feed(layers: Layers, path: Path) -> None:
    """Writes `feed.xml`, the newest movement first. Times are acquisitions, so the same ledger gives the same bytes."""
    history = layers.history
    moved: dict[str, datetime] = {}
    was_confirmed: set[str] = set()
    columns = (history.column(name) for name in ("change_id", "at", "status"))
    for change_id, at, status in zip(*columns, strict=True):
        if isinstance(at, datetime):
            moved[str(change_id)] = max(at, moved.get(str(change_id), at))
        if status == Status.CONFIRMED:
            was_confirmed.add(str(change_id))
    entries = [
        _entry(change, layers, moved.get(change.change_id, change.last_seen))
        for change in layers.records
        if _is_news(change, was_confirmed)
    ]
    entries.sort(key=lambda entry: entry.change_id)
    entries.sort(key=lambda entry: entry.moved_at, reverse=True)
    newest = entries[0].moved_at if entries else datetime(1970, 1, 1, tzinfo=UTC)
    text = render("site/feed.xml.j2", entries=entries[:_MOST_ENTRIES], updated=iso_utc(newest), iso_utc=iso_utc)
    path.write_text(text, encoding="utf-8", newline="\n")


def _is_news(change: Change, was_confirmed: set[str]) -> bool:
    if change.review_status is ReviewStatus.REJECTED:
        return False
    return change.status is Status.CONFIRMED or (
        change.status is Status.WITHDRAWN and change.change_id in was_confirmed
    )


def _entry(change: Change, layers: Layers, moved_at: datetime) -> _Entry:
    works = LOOKS[ChangeType(change.change_type)].works
    withdrawn = "Withdrawn: " if change.status is Status.WITHDRAWN else ""
    centre = change.geometry.centroid
    return _Entry(
        change_id=change.change_id,
        title=f"{withdrawn}{change.facility_name or change.facility_id}: consistent with {works}",
        moved_at=moved_at,
        published_at=change.valid_from,
        sentence=quotable(change, layers.sightings[change.change_id]),
        address=f"site/index.html#change={quote(change.change_id, safe='')}",
        latitude=round(centre.y, 5),
        longitude=round(centre.x, 5),
    )
