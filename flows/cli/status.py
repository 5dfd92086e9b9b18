"""`status`: the last run, how fresh each facility is, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.console import say, show_table

if TYPE_CHECKING:
    from datetime import datetime

    from flows.record import FacilityRecord


def add_to(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command()(status)


def status(
    outputs: Annotated[Path, typer.Option(help="Output folder of an earlier run.")] = Path("outputs/demo"),
    failed: Annotated[bool, typer.Option("--failed", help="Only facilities that the newest run failed for.")] = False,
    metrics: Annotated[
        Path | None, typer.Option(help="File to write for Prometheus, such as facility_watch.prom.")
    ] = None,
) -> None:
    """Show the last run, how fresh each facility is, what was found there, and what failed and why."""
    from datetime import UTC, datetime

    from flows.ledger import Ledger
    from flows.metrics import write_metrics
    from flows.record import Outcome

    now = datetime.now(UTC)
    ledger = Ledger.at(outputs, create=False)
    try:
        run = ledger.last_run()
        records = (record for record in ledger.records() if not failed or record.outcome is Outcome.FAILED)
        rows = [_row(record, now) for record in records]
        if metrics is not None:
            write_metrics(ledger, metrics, now)
    finally:
        ledger.close()
    if run is not None:
        say(_run_in_words(run))
    show_table(rows, title="Facilities on record")


def _row(record: FacilityRecord, now: datetime) -> dict[str, object]:
    from flows.metrics import newest_scene
    from flows.summary import summarise

    newest = newest_scene(record)
    waiting = sum(scene.retry for scene in record.scenes)
    return {
        **summarise(record).row(),
        "watched to": f"{record.window_end:%Y-%m-%d}",
        "newest scene": f"{newest:%Y-%m-%d} ({(now - newest).days} days ago)" if newest else "none",
        "to read again": f"{waiting} scene(s)" if waiting else "",
    }


def _run_in_words(run: Mapping[str, Any]) -> str:
    started, ended = run["started_at"], run["finished_at"]
    how = f"{run['outcome']} after {(ended - started).total_seconds() / 60:.1f} minutes" if ended else "did not finish"
    return f"Last run: started {started:%Y-%m-%d %H:%M} UTC, {how}"
