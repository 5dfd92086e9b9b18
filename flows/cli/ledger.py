"""`publish`: all products again from the ledger of an output folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import say, show_products

_Outputs = Annotated[Path, typer.Option(help="Output folder of an earlier run.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command()(publish)


def publish(
    outputs: _Outputs = Path("outputs/demo"),
    evidence: Annotated[bool, typer.Option(help="Draw the before and after pictures; they need the scenes.")] = True,
) -> None:
    """Write all products again from the ledger; the same ledger gives the same bytes."""
    from flows.imagery import open_held
    from flows.ledger import Ledger, exclusive
    from flows.publish.publishing import publish as write
    from flows.scenes import RecordedScenes
    from flows.settings import Settings

    with exclusive(outputs):
        ledger = Ledger.at(outputs, create=False)
        try:
            scenes = RecordedScenes(ledger, open_held, Settings().checkpoints_url) if evidence else None
            published = write(ledger, outputs, scenes)
        finally:
            ledger.close()
    if published.reviews is not None and published.reviews.taken:
        say(f"{len(published.reviews.taken)} verdict(s) taken from the earlier GeoPackage")
    show_products(published.files, outputs)
