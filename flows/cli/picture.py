"""`picture`: before, after and the changes drawn, in one image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import say
from geo.errors import InputError


def add_to(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command()(picture)


def picture(
    path: Annotated[Path, typer.Argument(help="PNG to write.")],
    outputs: Annotated[Path, typer.Option(help="Output folder of an earlier run.")] = Path("outputs/demo"),
    facility: Annotated[
        list[str] | None, typer.Option(help="Facility id; several for neighbours. Without it: all on record.")
    ] = None,
) -> None:
    """Draw neighbouring facilities before and after, with the changes on record."""
    from flows.imagery import open_held
    from flows.ledger import Ledger
    from flows.publish.overview import write_overview
    from flows.scenes import RecordedScenes
    from flows.settings import Settings

    ledger = Ledger.at(outputs, create=False)
    try:
        records = []
        for facility_id in facility or ledger.facility_ids():
            record = ledger.load(facility_id)
            if record is None:
                raise InputError(f"{facility_id} isn't in the ledger of {outputs}: monitor it first")
            records.append(record)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_overview(records, RecordedScenes(ledger, open_held, Settings().checkpoints_url), path)
    finally:
        ledger.close()
    say(f"Drawn: {path}")
