"""Every figure of the footprints detector, measured and printed: what `facility-watch evaluate` runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from detectors.base import Finding, assess
from detectors.baselines import BASELINES
from detectors.evaluation.metrics import burnt, expected_calibration_error, reliability
from detectors.evaluation.simulation import ROOFS
from detectors.footprints import FootprintParameters, Footprints
from flows.evaluate.nothing import silence
from flows.evaluate.pairs import score_pairs
from flows.evaluate.pictures import draw_findings, draw_reliability
from flows.evaluate.real import Row, mean_f1, read_truth, score_baselines, score_findings
from flows.evaluate.simulated import (
    COMPOUNDS_M2,
    DEMOLISHED_M2,
    SIZES_M2,
    Background,
    Demolition,
    Trial,
    background,
    calibrate,
    demolitions,
    evidence,
    lenient,
    trials,
)
from flows.evaluate.stacks import folder_stack
from geo.scene import ImageStack

TRUE_COLOUR = ("B02", "B03", "B04")
WITH_INFRARED = ("B02", "B03", "B04", "B08")
LEAST_M2 = 1000.0
METHODS = ("footprints", *BASELINES)


@dataclass(frozen=True, slots=True)
class Options:
    """What to evaluate on; what is None is left out.

    Attributes:
        series: Folder of GeoTIFFs with construction.
        truth: GeoJSON of truth polygons: interval, last_without, first_with, label (`truth` or `ambiguous`).
        silent: Folder of GeoTIFFs in which nothing is built.
        pairs: Folder with A, B and label at half a metre.
        pictures: Folder that pictures are written to.
        per_size: Simulated sites of each size on each background.
        seed: Of everything drawn by chance.
    """

    series: Path | None = None
    truth: Path | None = None
    silent: Path | None = None
    pairs: Path | None = None
    pictures: Path | None = None
    per_size: int = 20
    seed: int = 1


def run(options: Options, console: Console | None = None) -> None:
    """Measure and print.

    Raises:
        InputError: A folder or the truth file can't be used.
    """
    out = console or Console()
    series = folder_stack(options.series, TRUE_COLOUR) if options.series else None
    silent = folder_stack(options.silent, WITH_INFRARED) if options.silent else None
    backgrounds: list[Background] = []
    if series and options.truth:
        built = _against_truth(series, options.truth, options.pictures, out)
        backgrounds.append(background("series", series, built))
    if silent:
        _on_nothing(silent, options.seed, out)
        backgrounds.append(background("silent", silent))
    if backgrounds and options.per_size:
        _simulated(list(trials(backgrounds, options.per_size, options.seed)), options.pictures, out)
        _demolished(list(demolitions(backgrounds, options.per_size, options.seed)), out)
    if options.pairs:
        _on_pairs(options.pairs, out)


def fit_calibration(options: Options, console: Console | None = None) -> None:
    """Fit the weights of `detectors.reporting.Calibration` on simulated sites and print them.

    Findings of the detector as it is and of a lenient one are taken together: there would be too few wrong ones.
    """
    out = console or Console()
    backgrounds = []
    if options.series and options.truth:
        stack = folder_stack(options.series, TRUE_COLOUR)
        built = np.logical_or.reduce([one.truth | one.ambiguous for one in read_truth(options.truth, stack)])
        backgrounds.append(background("series", stack, built))
    if options.silent:
        backgrounds.append(background("silent", folder_stack(options.silent, WITH_INFRARED)))
    done = [
        trial
        for parameters in (FootprintParameters(), lenient())
        for trial in trials(backgrounds, options.per_size, options.seed, parameters)
    ]
    out.print(calibrate(done))


def _against_truth(stack: ImageStack, truth: Path, pictures: Path | None, out: Console) -> np.ndarray:
    intervals = read_truth(truth, stack)
    findings = assess(Footprints(), stack).findings
    rows = score_findings(findings, intervals, stack) + score_baselines(intervals, stack)
    out.print(_truth_table(rows, [interval.name for interval in intervals]))
    best = max(BASELINES, key=lambda name: mean_f1(rows, name))
    ratio = mean_f1(rows, "footprints") / max(mean_f1(rows, best), 1e-9)
    out.print(f"footprints reach {ratio:.2f} times the mean F1 of the best baseline ({best})")
    quiet = ~np.logical_or.reduce([interval.truth | interval.ambiguous for interval in intervals])
    out.print(f"confirmed changes with over 400 m² on quiet ground: {_on_quiet(findings, quiet, stack)}")
    if pictures:
        draw_findings(stack, findings, intervals, pictures / "real.png")
    return np.asarray(~quiet)


def _on_quiet(findings: Sequence[Finding], quiet: np.ndarray, stack: ImageStack) -> int:
    confirmed = (one for one in findings if len(one.seen_in) >= 3)
    shares = [burnt([one.geometry], stack.grid) for one in confirmed]
    return sum(
        (mask & quiet).sum() > mask.sum() / 2 and (mask & quiet).sum() * stack.grid.gsd_m**2 > 400 for mask in shares
    )


def _truth_table(rows: Sequence[Row], intervals: Sequence[str]) -> Table:
    table = Table("method", *[f"{name}: precision / recall / F1" for name in intervals], "mean F1", title="Real series")
    for method in METHODS:
        cells = [
            f"{row.agreement.precision:.2f} / {row.agreement.recall:.2f} / {row.agreement.f1:.3f}"
            for row in rows
            if row.method == method
        ]
        table.add_row(method, *cells, f"{mean_f1(list(rows), method):.3f}")
    return table


def _on_nothing(stack: ImageStack, seed: int, out: Console) -> None:
    table = Table("series", "first", "provisional", "confirmed", "years", title=f"Nothing happens, {len(stack)} scenes")
    for one in silence(stack, seed):
        table.add_row(one.name, str(one.first), str(one.provisional), str(one.confirmed), f"{one.years:.1f}")
    out.print(table)


def _simulated(done: Sequence[Trial], pictures: Path | None, out: Console) -> None:
    titles = ("background", "site, m²", "recall", "onset error, scenes", "days", "area ratio", "sites")
    table = Table(*titles, title="Simulated sites (medians of those found)")
    for name in dict.fromkeys(trial.background for trial in done):
        for size in (*SIZES_M2, *COMPOUNDS_M2):
            part = [trial for trial in done if trial.background == name and trial.building_m2 == size]
            table.add_row(name, f"{size:.0f}", *_summary(part), str(len(part)))
    out.print(table)
    out.print(_by_roof(done))
    confirmed = sum(len(one.seen_in) >= 3 for trial in done for one in trial.false)
    years = sum(trial.years for trial in done)
    out.print(
        f"false confirmed changes per facility and year: {confirmed / years:.4f} ({confirmed} in {years:.0f} years)"
    )
    rows, real = evidence(done)
    calibration = FootprintParameters().report.calibration
    confidence = np.array([calibration.confidence(row) for row in rows])
    out.print(f"expected calibration error: {expected_calibration_error(confidence, real):.3f} ({len(real)} findings)")
    if pictures:
        draw_reliability(reliability(confidence, real), pictures / "reliability.png")


def _by_roof(done: Sequence[Trial]) -> Table:
    """Recall by material: what has the colour of the ground around it can't be seen."""
    names = list(dict.fromkeys(trial.background for trial in done))
    table = Table("roof", *names, title="Recall of buildings of 1,000 m² and more, by roof (sites)")
    for roof in ROOFS:
        parts = [
            [one.found is not None for one in done
             if (one.background, one.site.roof) == (name, roof) and LEAST_M2 <= one.building_m2 < min(COMPOUNDS_M2)]
            for name in names
        ]  # fmt: skip
        table.add_row(roof, *[f"{sum(part) / max(len(part), 1):.2f} ({len(part)})" for part in parts])
    return table


def _demolished(done: Sequence[Demolition], out: Console) -> None:
    table = Table("background", "building, m²", "removal told", "removals elsewhere", "buildings", title="Demolition")
    for name in dict.fromkeys(one.background for one in done):
        for size in DEMOLISHED_M2:
            part = [one for one in done if one.background == name and one.building_m2 == size]
            told = sum(one.told for one in part) / max(len(part), 1)
            table.add_row(name, f"{size:.0f}", f"{told:.2f}", str(sum(one.false for one in part)), str(len(part)))
    out.print(table)


def _summary(part: Sequence[Trial]) -> tuple[str, str, str, str]:
    found = [trial for trial in part if trial.found is not None]
    recall = f"{len(found) / max(len(part), 1):.2f}"
    if not found:
        return recall, "", "", ""
    scenes = np.median([abs(trial.onset_error_scenes or 0) for trial in found])
    days = np.median([abs(trial.onset_error_days or 0.0) for trial in found])
    areas = np.median([trial.found.area_m2 / trial.site.extent.area for trial in found if trial.found])
    return recall, f"{scenes:.0f}", f"{days:.0f}", f"{areas:.2f}"


def _on_pairs(folder: Path, out: Console) -> None:
    table = Table("method", "pixel precision / recall / F1", "object precision / recall / F1", title="Half-metre pairs")
    for score in score_pairs(folder):
        cells = [f"{one.precision:.2f} / {one.recall:.2f} / {one.f1:.3f}" for one in (score.pixels, score.objects)]
        table.add_row(score.method, *cells)
    out.print(table)
