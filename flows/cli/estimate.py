"""`estimate`: what it would take to watch any number of sites weekly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import messages, show_table

if TYPE_CHECKING:
    from flows.estimate import Estimate, Needs, Prices
    from flows.measured import Measurements


def add_to(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command()(estimate)


def estimate(
    sites: Annotated[int | None, typer.Option(min=1, help="How many. Without it: those of the catalogue.")] = None,
    source: Annotated[
        str, typer.Option(help="[bold]stac:NAME[/] or [bold]sentinelhub:DEPLOYMENT[/], whose terms count.")
    ] = "stac:earth-search",
    catalogue: Annotated[
        Path | None, typer.Option(help="Catalogue file whose areas stand for all; the packaged one without it.")
    ] = None,
    clear_scenes_per_week: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Of a site. Without it: one every five days, Sentinel-2's revisit, as if no cloud hid any.",
        ),
    ] = None,
    history_scenes: Annotated[
        int | None, typer.Option(min=1, help="Clear scenes of a site's series. Without it: the most that was measured.")
    ] = None,
    within_hours: Annotated[float, typer.Option(min=0.1, help="How long a run may take.")] = 24.0,
    measured: Annotated[
        Path | None,
        typer.Option(help="Measurements of your own machine. Without it: those that this version came with."),
    ] = None,
    price_per_processing_unit: Annotated[float | None, typer.Option(min=0, help="What you pay for one.")] = None,
    price_per_core_hour: Annotated[float | None, typer.Option(min=0, help="What you pay for one.")] = None,
    price_per_gb: Annotated[float | None, typer.Option(min=0, help="What you pay for receiving 10⁹ bytes.")] = None,
    currency: Annotated[str, typer.Option(help="Of the prices.")] = "EUR",
) -> None:
    """Work out what watching sites weekly would take: imagery, cores and cost by your prices.

    Seconds come from measured runs, the rest from the source's own terms and the areas of the catalogue. Asks nobody.
    """
    from aoi.catalogue import load_catalogue
    from detectors.registry import choose
    from flows.estimate import REVISIT_DAYS, Prices, scene_cost
    from flows.estimate import estimate as work_out
    from flows.measured import PACKAGED, Kind, read_measurements
    from flows.method import Method
    from geo.preparation import PreparationParameters

    gsd_m = 10.0
    facilities = load_catalogue(catalogue).active
    runs = read_measurements(measured or PACKAGED)
    bands = Method(choose(gsd_m=gsd_m), PreparationParameters(), gsd_m).bands
    found = work_out(
        sites or len(facilities),
        scene_cost(source, facilities, bands, gsd_m),
        runs,
        clear_scenes_per_week or 7.0 / REVISIT_DAYS,
        history_scenes or max(run.clear_scenes for run in runs.of(Kind.WEEKLY)),
    )
    prices = Prices(price_per_processing_unit, price_per_core_hour, price_per_gb)
    show_table(
        list(_rows(found, prices, within_hours, currency)), title=f"Watching {found.sites:,} sites from {source}"
    )
    _say_where_from(found, runs)


def _rows(found: Estimate, prices: Prices, hours: float, currency: str) -> Iterator[dict[str, str]]:
    runs = (found.first, found.weekly)
    yield _row("scenes", [f"{run.scenes:,.0f}" for run in runs])
    yield _row("requests", [f"{run.imagery.requests:,}" for run in runs])
    yield _row(f"requests a second, over {hours:g} h", [f"{run.imagery.requests / hours / 3600:,.1f}" for run in runs])
    yield _row("received (GB)", [f"{run.imagery.bytes / 1e9:,.1f}" for run in runs])
    yield _row("processing units", [f"{run.imagery.processing_units:,.0f}" for run in runs])
    yield _row("core hours", [f"{run.core_hours:,.1f}" for run in runs])
    yield _row("of these in one process (h)", [f"{run.serial_s / 3600:,.1f}" for run in runs])
    yield _row(f"cores, to end within {hours:g} h", [_cores(run, hours) for run in runs])
    yield _row("sites per core and hour", ["", f"{found.sites_per_core_hour:,.0f}"])
    yield _row("memory of a worker (MiB)", [f"{found.memory_per_worker_mib:,.0f}"] * 2)
    yield _row("products and ledger (GB)", [f"{found.disk_bytes / 1e9:,.1f}"] * 2)
    costs = [prices.of(run) for run in runs]
    yield _row(f"cost ({currency})", ["give your prices" if cost is None else f"{cost:,.2f}" for cost in costs])


def _row(what: str, amounts: list[str]) -> dict[str, str]:
    return {"what": what, "first run": amounts[0], "every week": amounts[1]}


def _cores(needs: Needs, hours: float) -> str:
    count = needs.cores(hours)
    return "no number is enough: split the catalogue, or allow more hours" if count is None else f"{count:,}"


def _say_where_from(found: Estimate, runs: Measurements) -> None:
    messages.print(f"Seconds measured with {runs.where}, version {runs.software_version}.", markup=False)
    for one in found.notes:
        messages.print(f"Note: {one}.", markup=False)
