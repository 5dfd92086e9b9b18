"""How far the figures hang on the parameters, on which scenes there are, and on the window that is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from aoi.catalogue import load_catalogue
from detectors.base import assess
from detectors.footprints import FootprintParameters, Footprints
from flows.evaluate.footprints import TRUE_COLOUR
from flows.evaluate.real import Interval, mean_f1, read_truth, score_findings
from flows.evaluate.stacks import folder_stack
from geo.scene import ImageStack

SHARE = 0.2
STAGES = ("scales", "persistence", "extents", "works", "lone")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the mean area F1 when one thing was altered."""

    what: str
    f1: float


def run(series: Path, truth: Path, draws: int, seed: int, console: Console | None = None) -> None:
    """Measure and print.

    Args:
        series: Folder of GeoTIFFs with construction.
        truth: GeoJSON of truth polygons.
        draws: Series with scenes left out.
        seed: Of which scenes those are.
        console: Where to print.

    Raises:
        InputError: The folder or the truth file can't be used.
    """
    out = console or Console()
    stack = folder_stack(series, TRUE_COLOUR)
    intervals = read_truth(truth, stack)
    as_it_is = Outcome("as it is", score(stack, intervals))
    altered = sorted(perturbed(stack, intervals), key=lambda one: one.f1)
    thinned = list(thinned_out(stack, intervals, draws, np.random.default_rng(seed)))
    table = Table("what is altered", "mean F1", title="Robustness on the real series")
    facilities = list(around_facilities(series, truth, stack))
    for one in (as_it_is, *altered, *thinned, *facilities):
        table.add_row(one.what, f"{one.f1:.3f}")
    out.print(table)
    for name, part in (("parameters by ±20 %", altered), ("scenes left out", thinned), ("facility areas", facilities)):
        out.print(_span(name, part))


def score(stack: ImageStack, intervals: Sequence[Interval], parameters: FootprintParameters | None = None) -> float:
    """Mean area F1 over the intervals."""
    return mean_f1(score_findings(assess(Footprints(parameters), stack).findings, list(intervals), stack), "footprints")


def perturbed(stack: ImageStack, intervals: Sequence[Interval]) -> Iterator[Outcome]:
    """Every real-valued parameter by -20 and +20 %, one at a time."""
    for stage in STAGES:
        for name in tunable(getattr(FootprintParameters(), stage)):
            for factor in (1.0 - SHARE, 1.0 + SHARE):
                parameters = scaled(FootprintParameters(), stage, name, factor)
                yield Outcome(f"{stage}.{name} × {factor:g}", score(stack, intervals, parameters))


def tunable(parameters: Any) -> list[str]:
    """Names of the real-valued parameters of a stage; counts and what is nested don't take a share."""
    return [one.name for one in fields(parameters) if isinstance(getattr(parameters, one.name), float)]


def scaled(parameters: FootprintParameters, stage: str, name: str, factor: float) -> FootprintParameters:
    """Parameters with one of a stage's multiplied."""
    part = getattr(parameters, stage)
    altered = replace(part, **{name: getattr(part, name) * factor})
    whole: FootprintParameters = replace(parameters, **{stage: altered})
    return whole


def thinned_out(
    stack: ImageStack, intervals: Sequence[Interval], draws: int, random: np.random.Generator, left_out: int = 3
) -> Iterator[Outcome]:
    """Scenes left out at random, never the first, which what was there before is known from.

    An interval that has no scene any more doesn't count.
    """
    for _ in range(draws):
        gone = set(random.choice(np.arange(1, len(stack)), left_out, replace=False).tolist())
        kept = [index for index in range(len(stack)) if index not in gone]
        thinned = stack.take(kept)
        shown = [one for one in intervals if any(one.begin < scene.acquired_at < one.end for scene in thinned.scenes)]
        days = ", ".join(f"{stack.scenes[index].acquired_at:%Y-%m-%d}" for index in sorted(gone))
        yield Outcome(f"without {days}", score(thinned, shown))


def around_facilities(series: Path, truth: Path, whole: ImageStack) -> Iterator[Outcome]:
    """The areas that the monitor watches, in place of the whole series: less quiet ground to learn the noise from.

    Only intervals in which something was built in the area count.
    """
    for facility in load_catalogue().active:
        if not whole.grid.scene_footprint_wgs84.contains(facility.geometry):
            continue
        stack = folder_stack(series, TRUE_COLOUR, facility.grid(whole.grid.gsd_m))
        intervals = [one for one in read_truth(truth, stack) if one.truth.any()]
        if intervals:
            names = ", ".join(one.name for one in intervals)
            yield Outcome(f"{facility.facility_id}, {stack.grid.shape} px ({names})", score(stack, intervals))


def _span(name: str, part: Sequence[Outcome]) -> str:
    """One line on what a group of outcomes reached."""
    f1 = [one.f1 for one in part]
    if not f1:
        return f"{name}: nothing to measure"
    return f"{name}: {len(f1)} runs, mean F1 {min(f1):.3f} to {max(f1):.3f}, mean {np.mean(f1):.3f}"
