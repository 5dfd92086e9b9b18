"""`evaluate`: every figure of the detectors, measured and printed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

evaluate_app = typer.Typer(
    help="Measure the detectors against truth, silence and simulation; prints tables, writes pictures.",
    no_args_is_help=True,
)

_Series = Annotated[Path | None, typer.Option(help="Folder of GeoTIFFs with construction. Without it: the example.")]
_Seed = Annotated[int, typer.Option(help="Of everything drawn by chance.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.add_typer(evaluate_app, name="evaluate")


@evaluate_app.command()
def footprints(
    truth: Annotated[
        Path | None,
        typer.Option(help="GeoJSON of truth polygons: interval, last_without, first_with, label (truth or ambiguous)."),
    ] = None,
    series: _Series = None,
    silent: Annotated[Path | None, typer.Option(help="Folder of GeoTIFFs in which nothing is built.")] = None,
    pairs: Annotated[Path | None, typer.Option(help="Folder with A, B and label at half a metre.")] = None,
    pictures: Annotated[Path | None, typer.Option(help="Folder that pictures are written to.")] = None,
    per_size: Annotated[int, typer.Option(min=0, help="Simulated sites of each size on each background.")] = 20,
    seed: _Seed = 1,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Fit the weights of the confidence anew and print them, nothing else.")
    ] = False,
) -> None:
    """Construction: area F1 beside the best unsupervised baselines, false alarms, recall by size, reliability."""
    from flows.evaluate.footprints import Options, fit_calibration, run
    from flows.imagery import EXAMPLE_ARCHIVE

    options = Options(series or EXAMPLE_ARCHIVE, truth, silent, pairs, pictures, per_size, seed)
    (fit_calibration if calibrate else run)(options)


@evaluate_app.command()
def robustness(
    truth: Annotated[Path, typer.Option(help="GeoJSON of truth polygons, as for `footprints`.")],
    series: _Series = None,
    draws: Annotated[int, typer.Option(min=0, help="Series with three scenes left out at random.")] = 8,
    seed: _Seed = 1,
) -> None:
    """Construction: mean area F1 with each parameter 20 % off, with scenes left out, and around single facilities."""
    from flows.evaluate.robustness import run
    from flows.imagery import EXAMPLE_ARCHIVE

    run(series or EXAMPLE_ARCHIVE, truth, draws, seed)


@evaluate_app.command()
def perimeter(
    truth: Annotated[
        Path | None, typer.Option(help="GeoJSON of rings: ring, kind, last_without, first_with (EPSG:4326).")
    ] = None,
    series: _Series = None,
    silent: Annotated[Path | None, typer.Option(help="Folder of GeoTIFFs in which nothing is built.")] = None,
    half_metre: Annotated[Path | None, typer.Option(help="Folder with A and B, PNG at half a metre.")] = None,
    rings: Annotated[
        int, typer.Option(min=0, help="Simulated rings of each contrast, removals and look-alikes of each kind.")
    ] = 20,
    pictures: Annotated[Path | None, typer.Option(help="Folder that pictures are written to.")] = None,
    seed: _Seed = 0,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Fit the weights of the confidence anew and print them, nothing else.")
    ] = False,
) -> None:
    """Walls and fences: rings against truth, silence, look-alikes, detection against contrast and size, removals."""
    from flows.evaluate.perimeter import Options, fit_calibration, run
    from flows.imagery import EXAMPLE_ARCHIVE

    options = Options(series or EXAMPLE_ARCHIVE, truth, silent, half_metre, pictures, rings, seed=seed)
    (fit_calibration if calibrate else run)(options)


@evaluate_app.command()
def perimeter_facts(
    outputs: Annotated[Path, typer.Option(help="Folder with the ledger of a run.")],
) -> None:
    """Walls and fences on record against the rings that a run found, one row per facility."""
    from flows.cli.console import say, show_table
    from flows.evaluate.perimeter_facts import NOTE, facts_of

    show_table(facts_of(outputs), "Recorded walls and fences against found perimeters")
    say(NOTE)
