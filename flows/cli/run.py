"""`demo` and `monitor`: runs over facilities."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import output, progress_bar, show_products, show_table
from flows.cli.interrupt import interruptible
from flows.logs import log_to
from geo.errors import InputError, StoreError

if TYPE_CHECKING:
    from pydantic import ByteSize

    from flows.parameters import MonitorParameters
    from flows.summary import RunSummary

SOME_FAILED = 1

_EXAMPLE_FACILITIES = ("aspi-0050", "aspi-0124")
_EXAMPLE_START, _EXAMPLE_END = date(2017, 3, 1), date(2020, 12, 31)


SOURCE_HELP = (
    "Imagery: [bold]folder:PATH[/], a directory of GeoTIFFs; [bold]stac:earth-search[/], no account needed; "
    "[bold]stac:URL[/]; [bold]sentinelhub:copernicus-data-space[/]; [bold]byoc:FILE.toml[/], your own collection."
)


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command()(demo)
    app.command()(monitor)


def demo(
    outputs: Annotated[Path, typer.Option(help="Where the products go.")] = Path("outputs/demo"),
) -> None:
    """Monitor the two camps of Dabancheng over thirteen real Sentinel-2 scenes, offline."""
    from flows.parameters import MonitorParameters

    _run(
        MonitorParameters(
            source="example",
            start=_EXAMPLE_START,
            end=_EXAMPLE_END,
            outputs=outputs,
            facilities=_EXAMPLE_FACILITIES,
        )
    )


def monitor(
    source: Annotated[str, typer.Option(help=SOURCE_HELP)],
    start: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First day of the watched time.")],
    end: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day of the watched time; today without it.")
    ] = None,
    outputs: Annotated[Path, typer.Option(help="Where the products and the ledger go.")] = Path("outputs/monitor"),
    catalogue: Annotated[
        Path | None, typer.Option(help="Catalogue file. Without it: the packaged 380 facilities.")
    ] = None,
    facility: Annotated[
        list[str] | None, typer.Option(help="Facility id; give it several times for several. Without it: all.")
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="[bold]footprints[/], [bold]perimeter[/], or [bold]objects[/] for pixels of 1 m at most. "
            "Without it: all that suit the pixel size."
        ),
    ] = None,
    segmenter: Annotated[
        Path | None, typer.Option(help="ONNX file of your own building segmenter, for pixels of 1 m at most.")
    ] = None,
    gsd_m: Annotated[float, typer.Option(help="Pixel size of the grid in metres.")] = 10.0,
    workers: Annotated[int, typer.Option(min=1, help="Facilities followed at once.")] = 2,
    runner: Annotated[
        str, typer.Option(help="[bold]processes[/] of this machine, [bold]dask[/] or [bold]dask:tcp://HOST:PORT[/].")
    ] = "processes",
    full: Annotated[
        bool, typer.Option("--full", help="Search the whole watched time again, not only what is new.")
    ] = False,
    max_bytes: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Stop cleanly before more is received, such as 20GB.")
    ] = None,
    max_processing_units: Annotated[
        float | None, typer.Option(help="Stop cleanly before more Sentinel Hub units are spent.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of sentinelhub's configuration.")] = None,
    facility_timeout: Annotated[float, typer.Option(min=1, help="Seconds that one facility may take.")] = 1800.0,
    log: Annotated[Path | None, typer.Option(help="File that gets a line of JSON for every step.")] = None,
    prefect: Annotated[
        bool, typer.Option("--prefect/--no-prefect", help="Whether Prefect shows and keeps the run.")
    ] = True,
) -> None:
    """Monitor facilities: fetch scenes, detect changes, keep the ledger, publish.

    A repeated or later run goes on from the ledger in the output folder. Exit code: 0 complete, 1 some facilities
    failed or a bound was reached, 2 bad input.
    """
    from flows.parameters import MonitorParameters

    if log is not None:
        log_to(log)
    if gsd_m <= 0:
        raise InputError(f"--gsd-m {gsd_m:g}: give a positive number of metres")
    _run(
        MonitorParameters(
            source=source,
            start=day(start, "--from"),
            end=None if end is None else day(end, "--to"),
            outputs=outputs,
            catalogue=catalogue,
            facilities=tuple(facility or ()),
            detectors=tuple(detector or ()),
            segmenter=segmenter,
            gsd_m=gsd_m,
            workers=workers,
            runner=runner,
            full=full,
            max_bytes=None if max_bytes is None else size(max_bytes, "--max-bytes"),
            max_processing_units=max_processing_units,
            profile=profile,
            facility_timeout_s=facility_timeout,
        ),
        prefect=prefect,
    )


def _run(parameters: MonitorParameters, *, prefect: bool = True) -> None:
    import httpx

    try:
        with interruptible():
            with progress_bar("checking"):
                check(parameters)
            with progress_bar("starting the workflow engine" if prefect else "watching"):
                summary = (_with_prefect if prefect else _alone)(parameters)
    except httpx.TransportError as error:
        raise StoreError(
            f"Prefect's server was lost during the run ({error}); what was stored and published is whole, and the next "
            "run goes on from there"
        ) from error
    _show(summary, parameters.outputs)
    if summary.failed or summary.stopped:
        raise typer.Exit(SOME_FAILED)


def _alone(parameters: MonitorParameters) -> RunSummary:
    from flows.run import run

    return run(parameters)


def _with_prefect(parameters: MonitorParameters) -> RunSummary:
    """Runs the flow.

    Raises:
        StoreError: Prefect's server isn't there.
    """
    from flows.settings import Settings, configure_prefect, require_prefect

    require_prefect()
    configure_prefect(Settings())
    from flows.monitor import monitor as monitor_flow

    return monitor_flow(parameters)


def check(parameters: MonitorParameters) -> None:
    """Meets bad input before the workflow engine is started, which takes seconds.

    Raises:
        InputError: A parameter can't be used.
        StoreError: The ledger or the output folder can't be used, or another run is using it.
    """
    from aoi.catalogue import load_catalogue
    from flows.imagery import opened
    from flows.ledger import Ledger, exclusive

    load_catalogue(parameters.catalogue).select(parameters.facilities)
    _ = parameters.window
    _ = parameters.chosen_detectors
    with opened(parameters.source, profile=parameters.profile):
        pass
    with exclusive(parameters.outputs):
        Ledger.at(parameters.outputs).close()


def _show(summary: RunSummary, outputs: Path) -> None:
    show_table(summary.rows(), title="What was found, and what was not observed")
    for one in summary.failed:
        output.print(f"{one.facility_id} failed: {one.reason}", markup=False)
    if summary.stopped:
        output.print(f"The run stopped early, and what is done is kept: {summary.stopped}", markup=False)
    if output.is_terminal:
        show_products(summary.products, outputs)


def day(text: str, option: str) -> date:
    """A calendar day from an option.

    Raises:
        InputError: It isn't one.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError as error:
        raise InputError(f"{option} {text!r} isn't a day: write it as 2017-03-31") from error


def size(text: str, option: str) -> ByteSize:
    """A number of bytes from words such as `20GB`.

    Raises:
        InputError: It isn't one.
    """
    from pydantic import ByteSize, TypeAdapter, ValidationError

    try:
        return TypeAdapter(ByteSize).validate_python(text)
    except ValidationError as error:
        raise InputError(f"{option} {text!r} isn't a size: write it as 500MB or 20GB") from error
