"""How well perimeters are found: what `facility-watch evaluate perimeter` measures and prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from itertools import islice
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from rich.console import Console
from shapely.geometry.base import BaseGeometry

from detectors.base import assess
from detectors.evaluation.metrics import expected_calibration_error, fit_logistic, reliability
from detectors.perimeter import Perimeter, PerimeterParameters
from detectors.perimeter_confidence import PerimeterCalibration
from flows.evaluate.divided import divided
from flows.evaluate.half_metre import half_metre_grounds
from flows.evaluate.lookalikes import mistakes, wrong_evidence
from flows.evaluate.nothing import silence
from flows.evaluate.perimeter_limit import ground_noise, limit_table
from flows.evaluate.perimeter_real import against_truth, shuffled_line, squares, standing_contrasts
from flows.evaluate.perimeter_variants import outcomes, variants, variants_table
from flows.evaluate.pictures import draw_reliability, draw_rings, draw_trials
from flows.evaluate.ring_tables import (
    detection_table,
    divider_table,
    lookalike_table,
    removal_table,
    silence_table,
    traits_table,
)
from flows.evaluate.ring_trials import CONTRASTS, Background, Trial, removals, trial, trials
from flows.evaluate.stacks import folder_stack
from geo.errors import InputError
from geo.scene import ImageStack

BANDS = ("B02", "B03", "B04")


@dataclass(frozen=True, slots=True)
class Options:
    """What to evaluate on; what is None is left out.

    Attributes:
        series: Folder of GeoTIFFs in which walls are built.
        truth: Perimeters drawn by eye in EPSG:4326, with `ring`, `facility`, `kind`, `last_without` and `first_with`.
            Each is assessed in a square of 3 km around it; their places are left out of the simulation.
        silent: Folder of GeoTIFFs in which nothing is built.
        half_metre: Folder with A and B, PNG at half a metre; about a minute for each image of 128 m.
        pictures: Folder that pictures are written to.
        rings: Simulated rings of each contrast on each background, and of each look-alike; 0 for none.
        window_px: Side of the squares that are cut from a series, pixels.
        seed: Of everything drawn by chance.
    """

    series: Path
    truth: Path | None = None
    silent: Path | None = None
    half_metre: Path | None = None
    pictures: Path | None = None
    rings: int = 20
    window_px: int = 300
    seed: int = 0


def run(options: Options, console: Console | None = None) -> None:
    """Measure the perimeter detector and print what comes out.

    Raises:
        InputError: A folder or the truth can't be used.
    """
    # A pipe has no width: a table that is cut off there would lose its figures.
    out = console or Console(width=None if sys.stdout.isatty() else 150)
    backgrounds = _backgrounds(options)
    if options.truth is not None:
        _on_real(backgrounds[0].stack, options.truth, options, out)
    for quiet in backgrounds[1:]:
        out.print(silence_table(list(silence(quiet.stack, options.seed, detector=Perimeter()))))
    if options.rings:
        _simulated(backgrounds, options, out)
    if options.half_metre is not None and options.rings:
        _at_half_a_metre(options.half_metre, options, out)


def fit_calibration(options: Options, console: Console | None = None) -> PerimeterCalibration:
    """Fit the weights of `detectors.perimeter_confidence.PerimeterCalibration` on simulated rings and print them.

    Findings of the detector as it is, of a lenient one, and of that on look-alikes are taken together: there would be
    too few wrong ones.
    """
    out = console or Console(width=None if sys.stdout.isatty() else 150)
    backgrounds = _backgrounds(options)
    told = [
        each
        for parameters in (PerimeterParameters(), lenient())
        for done in trials(backgrounds, options.rings, options.seed, CONTRASTS, options.window_px, parameters)
        for each in done.evidence
    ]
    wrong = wrong_evidence(backgrounds, options.rings, options.seed, options.window_px, lenient())
    told += [(each, False) for each in wrong]
    real = np.array([right for _, right in told], bool)
    if real.all() or not real.any():
        raise InputError(f"{len(told)} findings, {real.sum()} of them real: too few to learn from, give more --rings")
    evidence = np.array([astuple(each) for each, _ in told], float)
    weights = PerimeterCalibration(*(round(float(weight), 3) for weight in fit_logistic(evidence, real)))
    confidence = np.array([weights.confidence(each) for each, _ in told])
    out.print(weights)
    out.print(
        f"{len(told)} findings, {real.sum()} real; expected calibration error "
        f"{expected_calibration_error(confidence, real):.3f} on the findings that it was fitted on"
    )
    if options.pictures is not None:
        draw_reliability(reliability(confidence, real), options.pictures / "perimeter_reliability.png")
    return weights


def lenient() -> PerimeterParameters:
    """Parameters that let weak rings through, so that there are wrong ones to learn from."""
    usual = PerimeterParameters()
    return replace(
        usual,
        least_visibility=0.6 * usual.least_visibility,
        least_gain=0.5 * usual.least_gain,
        chance_gain=0.5 * usual.chance_gain,
        least_persistence=0.6 * usual.least_persistence,
        least_built=0.0,
        rings=replace(
            usual.rings,
            seed_evidence=0.6 * usual.rings.seed_evidence,
            least_new=0.5 * usual.rings.least_new,
            chance_share=0.3 * usual.rings.chance_share,
            road_discount=0.0,
            corner_merit=0.0,
        ),
    )


def _backgrounds(options: Options) -> list[Background]:
    """The series in which walls are built, then the one in which nothing is."""
    stack = folder_stack(options.series, BANDS)
    taken: BaseGeometry = shapely.GeometryCollection()
    if options.truth is not None:
        taken = shapely.union_all(gpd.read_file(options.truth).to_crs(stack.grid.crs).geometry)
    backgrounds = [Background("series", stack, taken)]
    if options.silent is not None:
        backgrounds.append(Background("silent", folder_stack(options.silent, BANDS), shapely.GeometryCollection()))
    return backgrounds


def _on_real(stack: ImageStack, truth: Path, options: Options, out: Console) -> None:
    """Against truth drawn by eye, and with the scenes shuffled."""
    for name, square, rings in squares(stack, gpd.read_file(truth).to_crs(stack.grid.crs)):
        assessment = assess(Perimeter(), square)
        out.print(against_truth(assessment.findings, rings, name))
        contrasts = ", ".join(f"{each:.4f}" for each in standing_contrasts(square, rings))
        out.print(
            f"contrast of the drawn sides, median of the scenes with it: {contrasts}; noise {ground_noise(square):.4f}"
        )
        out.print(shuffled_line(square, options.seed))
        altered = [outcome for each in variants(stack, rings, options.seed) for outcome in outcomes(each, rings)]
        out.print(variants_table(altered, name))
        if options.pictures is not None:
            path = options.pictures / f"perimeter_{name}.png"
            draw_rings(square, assessment.findings, list(rings.geometry), path)


def _simulated(backgrounds: Sequence[Background], options: Options, out: Console) -> None:
    """Rings that stay, rings that are opened or go, and what is no ring."""
    done = list(trials(backgrounds, options.rings, options.seed, window_px=options.window_px))
    for table in (detection_table, traits_table, limit_table):
        out.print(table(done))
    out.print(removal_table(list(removals(backgrounds, options.rings, options.seed, window_px=options.window_px))))
    out.print(divider_table(list(divided(backgrounds, options.rings, options.seed, CONTRASTS[2:], options.window_px))))
    out.print(lookalike_table(list(mistakes(backgrounds, options.rings, options.seed, options.window_px))))
    if options.pictures is not None:
        draw_trials(done, options.pictures / "perimeter_simulated.png")


def _at_half_a_metre(folder: Path, options: Options, out: Console) -> None:
    """A ring in every image, as many as are asked for, of low and of high contrast in turn."""
    done: list[Trial] = []
    for number, ground in enumerate(islice(half_metre_grounds(folder, options.seed), options.rings)):
        random = np.random.default_rng([options.seed, number])
        made = trial(ground, CONTRASTS[-1 - number % 2], random, max(ground.stack.grid.shape))
        done += [] if made is None else [replace(made, background="half a metre")]
    out.print(detection_table(done))
    if options.pictures is not None:
        draw_trials(done, options.pictures / "perimeter_half_metre.png")
