"""`serve`: monitoring on a schedule."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import messages
from flows.cli.run import SOURCE_HELP, check, day


def add_to(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command()(serve)


def serve(
    cron: Annotated[str, typer.Option(help="When, such as [bold]'0 3 * * 1'[/]: Mondays at 3:00.")],
    source: Annotated[str, typer.Option(help=SOURCE_HELP)],
    start: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First day of the watched time.")],
    timezone: Annotated[str, typer.Option(help="Time zone of the cron.")] = "UTC",
    outputs: Annotated[Path, typer.Option(help="Where the products and the ledger go.")] = Path("outputs/monitor"),
    catalogue: Annotated[
        Path | None, typer.Option(help="Catalogue file. Without it: the packaged 380 facilities.")
    ] = None,
    facility: Annotated[
        list[str] | None, typer.Option(help="Facility id; give it several times for several. Without it: all.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Facilities followed at once.")] = 2,
    runner: Annotated[
        str, typer.Option(help="[bold]processes[/] of this machine, [bold]dask[/] or [bold]dask:tcp://HOST:PORT[/].")
    ] = "processes",
    name: Annotated[str, typer.Option(help="Name of the deployment in Prefect.")] = "scheduled",
    port: Annotated[int, typer.Option(help="Of Prefect's pages, on this machine only.")] = 4200,
) -> None:
    """Monitor on a schedule, from this one process, until it is stopped.

    Each run watches up to its own day, and goes on from the ledger in the output folder. One run at a time: one that
    comes due while another is going on is skipped. Uses the Prefect server that PREFECT_API_URL names, else starts one
    with its pages on this machine.
    """
    import os

    from flows.parameters import MonitorParameters
    from flows.settings import API_URL, Settings, configure_prefect, require_prefect

    parameters = MonitorParameters(
        source=source,
        start=day(start, "--from"),
        outputs=outputs.absolute(),
        catalogue=catalogue.absolute() if catalogue else None,
        facilities=tuple(facility or ()),
        workers=workers,
        runner=runner,
    )
    check(parameters)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    configure_prefect(Settings())
    from flows import serve as serving

    theirs = os.environ.get(API_URL)
    if theirs:
        require_prefect()
    address = theirs or serving.own_address(port)
    serving.check_cron(cron, timezone)
    with ExitStack() as stack:
        if not theirs:
            messages.print("facility-watch: starting Prefect's server, which takes some seconds")
            stack.enter_context(serving.server(address, port))
        when, pages = f"'{cron}' ({timezone})", address.removesuffix("/api")
        messages.print(f"facility-watch: runs at {when}; pages at {pages}; stop with Ctrl-C", markup=False)
        serving.serve(parameters, cron, timezone, name)
