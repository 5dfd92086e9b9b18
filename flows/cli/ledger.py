"""`publish` and `status`: what the ledger of an output folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import say, show_products, show_table

_Outputs = Annotated[Path, typer.Option(help="Output folder of an earlier run.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command()(publish)
    app.command()(status)


def publish(
    outputs: _Outputs = Path("outputs/demo"),
    evidence: Annotated[bool, typer.Option(help="Draw the before and after pictures; they need the scenes.")] = True,
) -> None:
    """Write all products again from the ledger; the same ledger gives the same bytes."""
    from flows.imagery import open_held
    from flows.ledger import Ledger, exclusive
    from flows.publish import publish as write
    from flows.scenes import StackReader

    with exclusive(outputs):
        ledger = Ledger.at(outputs, create=False)
        try:
            published = write(ledger, outputs, StackReader(ledger, open_held) if evidence else None)
        finally:
            ledger.close()
    if published.reviews is not None and published.reviews.taken:
        say(f"{len(published.reviews.taken)} verdict(s) taken from the earlier GeoPackage")
    show_products(published.files, outputs)


def status(outputs: _Outputs = Path("outputs/demo")) -> None:
    """Show the last run, how fresh each facility is, and what was found there."""
    from flows.ledger import Ledger
    from flows.summary import summarise

    ledger = Ledger.at(outputs, create=False)
    try:
        run = ledger.last_run()
        rows = []
        for record in ledger.records():
            used = record.used_scenes
            newest = used[-1].acquired_at if used else None
            rows.append({**summarise(record).row(), "newest scene": f"{newest:%Y-%m-%d}" if newest else "none"})
    finally:
        ledger.close()
    if run is not None:
        ended = f"{run['finished_at']:%Y-%m-%d %H:%M} UTC, {run['outcome']}" if run["finished_at"] else "did not finish"
        say(f"Last run: started {run['started_at']:%Y-%m-%d %H:%M} UTC, {ended}")
    show_table(rows, title="Facilities on record")
