"""Who is told of confirmed changes, failed runs and a source gone stale: each of them at most once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flows.change import Status
from flows.ledger import Ledger
from flows.settings import Settings
from flows.summary import RunSummary
from geo.errors import InputError

log = logging.getLogger("facility_watch")

Deliver = Callable[[str, str], bool]
"""`deliver(subject, text)`: whether it arrived."""

_BLOCK = "block:"
_MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people are told.

    Attributes:
        keys: What it tells of; none of them is told again.
        subject: One line.
        text: Plain text.
    """

    keys: tuple[str, ...]
    subject: str
    text: str


def notify(ledger: Ledger, run_id: int, summary: RunSummary, window_end: datetime, now: datetime) -> None:
    """Tells what a run found, to whom the settings name.

    What is told is claimed in the ledger first, so that a run that is killed meanwhile tells nothing twice; where
    nobody could be reached the claim is given back and the next run tells it.

    Args:
        ledger: The record, and what has been told.
        run_id: The run.
        summary: What came of it.
        window_end: Until when was watched.
        now: The time.

    Raises:
        InputError: The settings name no way to tell anybody.
    """
    settings = Settings()
    if settings.notify is None:
        return
    deliver = delivery(settings.notify.get_secret_value())
    stale = timedelta(days=settings.stale_after_days)
    for notice in _notices(ledger, run_id, summary, stale if now - window_end < stale else None, now):
        claimed = ledger.claim(notice.keys)
        if claimed and not deliver(notice.subject, _page(notice.text, settings.products_url)):
            ledger.give_back(claimed)
            log.error("nobody could be told", extra={"subject": notice.subject})


def _notices(
    ledger: Ledger, run_id: int, summary: RunSummary, stale: timedelta | None, now: datetime
) -> Iterator[Notice]:
    confirmed, newest = _confirmed_and_newest(ledger)
    untold = ledger.untold([f"confirmed {change_id}" for change_id in confirmed])
    if untold:
        lines = [line for change_id, line in confirmed.items() if f"confirmed {change_id}" in untold]
        plural = "s" if len(lines) > 1 else ""
        more = [f"… and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
        yield Notice(tuple(untold), f"{len(lines)} change{plural} confirmed", "\n".join([*lines[:_MOST_LINES], *more]))
    if summary.failed or summary.stopped:
        reasons = [f"{one.facility_id} {one.name}: {one.reason}" for one in summary.failed[:_MOST_LINES]]
        yield Notice(
            (f"failed run {run_id}",),
            f"The run failed for {len(summary.failed)} of {len(summary.facilities)} facilities",
            "\n".join([*([summary.stopped] if summary.stopped else []), *reasons]),
        )
    if stale is not None and newest is not None and now - newest > stale:
        yield Notice(
            (f"stale since {newest.isoformat()}",),
            f"No new imagery for {(now - newest).days} days",
            f"The newest scene of any facility is of {newest:%Y-%m-%d}. Check the imagery source.",
        )


def _confirmed_and_newest(ledger: Ledger) -> tuple[dict[str, str], datetime | None]:
    """A line for each confirmed change by its id, and the acquisition of the newest scene found anywhere."""
    lines: dict[str, str] = {}
    newest: datetime | None = None
    for record in ledger.records():
        for track in record.tracks:
            if track.status is Status.CONFIRMED:
                kind, area_ha = str(track.finding.kind).replace("_", " "), track.finding.area_m2 / 1e4
                place = f"{record.facility.name} ({record.facility.facility_id})"
                lines[track.change_id] = (
                    f"{place}: consistent with {kind}, {area_ha:.1f} ha, first seen "
                    f"{track.finding.first_with:%Y-%m-%d}; {track.change_id}"
                )
        dates = [scene.acquired_at for scene in record.scenes if scene.acquired_at is not None]
        newest = max([*dates, *([newest] if newest else [])], default=None)
    return lines, newest


def _page(text: str, products_url: str | None) -> str:
    return f"{text}\n\n{products_url}/site/index.html" if products_url else text


def delivery(addresses: str) -> Deliver:
    """Tells everybody that is named.

    Args:
        addresses: Apprise URLs and Prefect notification blocks (`block:TYPE/NAME`), with `;` between.

    Raises:
        InputError: One of them is neither.
    """
    names = [name.strip() for name in addresses.split(";") if name.strip()]
    deliveries = [_block(name) if name.startswith(_BLOCK) else _apprise(name) for name in names]

    def deliver(subject: str, text: str) -> bool:
        arrived = [one(subject, text) for one in deliveries]  # everybody is tried, also after the first success
        return any(arrived)

    return deliver


def _apprise(address: str) -> Deliver:
    from apprise import Apprise

    client = Apprise()
    if not client.add(address):
        raise InputError(
            "FACILITY_WATCH_NOTIFY holds an address that isn't one: give apprise URLs such as mailto://… or "
            "json://host/hook, or block:TYPE/NAME, with ; between"
        )
    return lambda subject, text: bool(client.notify(title=subject, body=text))


def _block(name: str) -> Deliver:
    from prefect.blocks.abstract import NotificationBlock, NotificationError
    from prefect.blocks.core import Block

    def deliver(subject: str, text: str) -> bool:
        try:
            block = Block.load(name.removeprefix(_BLOCK))
        except ValueError:
            return False
        if not isinstance(block, NotificationBlock):
            return False
        sender: Any = block  # typed as a coroutine, which it is only inside an event loop
        try:
            sender.notify(body=text, subject=subject)
        except NotificationError:
            return False
        return True

    return deliver
