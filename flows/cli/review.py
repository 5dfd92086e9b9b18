"""`review import` and `verify`: what people do with published products."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import output

review_app = typer.Typer(help="Bring people's verdicts home.", no_args_is_help=True)

ALTERED = 1


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.add_typer(review_app, name="review")
    app.command()(verify)


@review_app.callback()
def _review() -> None:
    """Bring people's verdicts home."""


@review_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="GeoPackage, GeoJSON or CSV of changes with edited verdicts.")],
    outputs: Annotated[Path, typer.Option(help="Output folder whose ledger takes them.")] = Path("outputs/demo"),
) -> None:
    """Take verdicts (review_status, reviewer, review_note) from an edited change layer into the ledger."""
    from flows.ledger import Ledger, exclusive
    from flows.publish.review import import_reviews

    with exclusive(outputs):
        ledger = Ledger.at(outputs, create=False)
        try:
            imported = import_reviews(ledger, file)
        finally:
            ledger.close()
    output.print(f"{len(imported.taken)} verdict(s) taken, {imported.unchanged} unchanged", markup=False)
    for change_id in imported.unknown:
        output.print(f"{change_id}: not in the ledger of {outputs}; left out", markup=False)


def verify(
    folder: Annotated[Path, typer.Argument(help="Product folder with its manifest.json.")],
) -> None:
    """Check a product folder against its manifest, and say what was altered. Exit code 1 if anything was."""
    from flows.publish.manifest import verify as check

    found = check(folder)
    for name in found.altered:
        output.print(f"altered: {name}", markup=False)
    for name in found.missing:
        output.print(f"missing: {name}", markup=False)
    output.print(f"{len(found.intact)} file(s) as published", markup=False)
    if not found.whole:
        raise typer.Exit(ALTERED)
