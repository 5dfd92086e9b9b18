"""The command line `facility-watch`."""

from __future__ import annotations

import sys

import typer

from flows.cli import catalogue, estimate, evaluate, imagery, ledger, picture, review, run, serve, status
from flows.cli.console import messages
from flows.cli.interrupt import InterruptedRunError
from geo.errors import FacilityWatchError

BAD_INPUT = 2
INTERRUPTED = 130

app = typer.Typer(
    name="facility-watch",
    help="Watches known detention facilities and the factory parks beside them by satellite.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
run.add_to(app)
ledger.add_to(app)
picture.add_to(app)
imagery.add_to(app)
estimate.add_to(app)
review.add_to(app)
evaluate.add_to(app)
serve.add_to(app)
status.add_to(app)
app.add_typer(catalogue.catalogue_app, name="catalogue")


def main() -> None:
    """Runs the command line; bad input gets one sentence and exit code 2."""
    try:
        app()
    except InterruptedRunError as error:
        messages.print(f"facility-watch: {error}")
        sys.exit(INTERRUPTED)
    except FacilityWatchError as error:
        messages.print(f"[bold red]facility-watch:[/] {_escape(str(error))}")
        sys.exit(BAD_INPUT)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
