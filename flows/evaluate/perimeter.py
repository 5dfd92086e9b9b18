"""How well perimeters are found: what `facility-watch evaluate perimeter` measures and prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from rich.console import Console
from shapely.geometry.base import BaseGeometry

from detectors.base import assess
from detectors.evaluation.metrics import reliability
from detectors.perimeter import Perimeter
from detectors.perimeter_confidence import PerimeterCalibration
from flows.evaluate.divided import divided
from flows.evaluate.half_metre import half_metre_changes, half_metre_grounds
from flows.evaluate.lookalikes import mistaken, mistakes
from flows.evaluate.nothing import silence
from flows.evaluate.perimeter_limit import ground_noise, limit_table
from flows.evaluate.perimeter_real import against_truth, shuffled_line, squares, standing_contrasts
from flows.evaluate.perimeter_variants import outcomes, variants, variants_table
from flows.evaluate.pictures import draw_reliability, draw_rings, draw_trials
from flows.evaluate.ring_confidence import fitted, held_out, told_rings
from flows.evaluate.ring_tables import (
    confidence_table,
    detection_table,
    differing_table,
    divider_table,
    extension_table,
    lookalike_table,
    removal_table,
    silence_table,
    traits_table,
)
from flows.evaluate.ring_trials import CONTRASTS, Background, Trial, changes, trial, trials
from flows.evaluate.stacks import folder_stack
from geo.errors import InputError
from geo.scene import ImageStack

BANDS = ("B02", "B03", "B04")
_MOST_IMAGES = 20  # at half a metre


@dataclass(frozen=True, slots=True)
class Options:
    """What to evaluate on; what is None is left out.

    Attributes:
        series: Folder of GeoTIFFs in which walls are built.
        truth: Perimeters drawn by eye in EPSG:4326, with `ring`, `facility`, `kind`, `last_without` and `first_with`.
            Each is assessed in a square of 3 km around it; their places are left out of the simulation.
        silent: Folder of GeoTIFFs in which nothing is built.
        half_metre: Folder with A and B, PNG at half a metre; some seconds for each image of 128 m, twenty at most.
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
    """Fit the weights of `detectors.perimeter_confidence.PerimeterCalibration` on drawn rings and print them.

    With them how well confidence holds in draws that they weren't fitted on.

    Raises:
        InputError: A folder can't be used, or too little is told to learn from.
    """
    out = console or Console(width=None if sys.stdout.isatty() else 150)
    rings = list(told_rings(_backgrounds(options), options.rings, options.seed, options.window_px))
    real_ones = [each.real for each in rings if not each.usual]
    if all(real_ones) or not any(real_ones):
        counts = f"{len(real_ones)} findings, {sum(real_ones)} of them real"
        raise InputError(f"{counts}: too few to learn from, give more --rings")
    weights = fitted(rings)
    out.print(weights)
    out.print(f"fitted on {len(real_ones)} findings, {sum(real_ones)} of them real")
    confidence, real = held_out(rings)
    out.print(confidence_table(confidence, real, "Confidence fitted on other draws, after every scene"))
    if options.pictures is not None:
        draw_reliability(reliability(confidence, real), options.pictures / "perimeter_reliability.png")
    return weights


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
    walls = gpd.read_file(truth).to_crs(stack.grid.crs)
    for name, square, rings in squares(stack, walls):
        assessment = assess(Perimeter(), square)
        out.print(against_truth(assessment.findings, rings, name))
        contrasts = ", ".join(f"{each:.4f}" for each in standing_contrasts(square, rings))
        out.print(
            f"contrast of the drawn sides, median of the scenes with it: {contrasts}; noise {ground_noise(square):.4f}"
        )
        out.print(shuffled_line(square, walls, options.seed))
        altered = [outcome for each in variants(stack, rings, options.seed) for outcome in outcomes(each, rings)]
        out.print(variants_table(altered, name))
        if options.pictures is not None:
            path = options.pictures / f"perimeter_{name}.png"
            draw_rings(square, assessment.findings, list(rings.geometry), path)


def _simulated(backgrounds: Sequence[Background], options: Options, out: Console) -> None:
    """Rings that stay, rings that are opened, go or are extended, and what is no ring."""
    done = list(trials(backgrounds, options.rings, options.seed, window_px=options.window_px))
    for table in (detection_table, traits_table, limit_table, differing_table):
        out.print(table(done))
    changed = list(changes(backgrounds, options.rings, options.seed, window_px=options.window_px))
    out.print(removal_table(changed))
    out.print(extension_table(changed))
    out.print(divider_table(list(divided(backgrounds, options.rings, options.seed, CONTRASTS[2:], options.window_px))))
    wrong = list(mistakes(backgrounds, options.rings, options.seed, options.window_px))
    out.print(lookalike_table(wrong))
    told = [each for one in done for each in one.told] + [(each, False) for one in wrong for each in one.told]
    confidence, real = (
        (np.array(part) for part in zip(*told, strict=True)) if told else (np.zeros(0), np.zeros(0, bool))
    )
    out.print(confidence_table(confidence, real, "Confidence in what is told of rings and look-alikes"))
    if options.pictures is not None:
        draw_trials(done, options.pictures / "perimeter_simulated.png")


def _at_half_a_metre(folder: Path, options: Options, out: Console) -> None:
    """A ring in every image, of low and of high contrast in turn; then none, and what has changed some years later."""
    done: list[Trial] = []
    for number, ground in enumerate(islice(half_metre_grounds(folder, options.seed), _MOST_IMAGES)):
        random = np.random.default_rng([options.seed, number])
        made = trial(ground, CONTRASTS[-1 - number % 2], random, max(ground.stack.grid.shape))
        done += [] if made is None else [replace(made, background="half a metre")]
    out.print(detection_table(done))
    pairs = islice(half_metre_changes(folder, options.seed), _MOST_IMAGES)
    unwalled = mistaken(pairs, "half a metre", "nothing", shapely.GeometryCollection())
    title = "Half a metre, years later: areas with a confirmed change, be it of a road that mirroring closes to a ring"
    out.print(lookalike_table([unwalled], title))
    if options.pictures is not None:
        draw_trials(done, options.pictures / "perimeter_half_metre.png")
