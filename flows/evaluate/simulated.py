"""On real series with buildings of known size, roof and date drawn in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.base import ChangeType, Finding, assess
from detectors.evaluation.metrics import fit_rising
from detectors.evaluation.simulation import Site, draw_compound, draw_site, with_site
from detectors.footprints import FootprintParameters, Footprints
from detectors.reporting import Calibration, Evidence, evidence_of
from detectors.works_parameters import WorksParameters
from flows.evaluate.stacks import window
from geo.scene import BoolArray, ImageStack

SIZES_M2 = (100.0, 300.0, 1000.0, 3000.0, 10000.0)
COMPOUNDS_M2 = (50_000.0, 200_000.0)
DEMOLISHED_M2 = (1000.0, 3000.0, 10000.0)
WINDOW_PX = 100
LONGEST = 25


@dataclass(frozen=True, slots=True)
class Background:
    """A real series and where in it nothing was built.

    Attributes:
        name: For the tables.
        stack: The series.
        quiet: (row, column) of the upper-left corners of quiet windows.
    """

    name: str
    stack: ImageStack
    quiet: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One simulated site, and what was made of it after the last scene.

    Attributes:
        background: Name of the background.
        building_m2: Area of the building; of the ground taken, for a compound.
        found: The finding on the site, None if there is none.
        site: The truth.
        onset_error_scenes: First scene found less first scene that shows it; None if not found.
        onset_error_days: Likewise in days.
        false: Findings elsewhere.
        years: Length of the series.
    """

    background: str
    building_m2: float
    found: Finding | None
    site: Site
    onset_error_scenes: int | None
    onset_error_days: float | None
    false: tuple[Finding, ...]
    years: float


def background(name: str, stack: ImageStack, built: BoolArray | None = None) -> Background:
    """A background with its quiet windows: those with less than 2 % of built or ambiguous ground."""
    rows, columns = stack.grid.shape
    corners = [
        (row, column)
        for row in range(0, rows - WINDOW_PX + 1, 10)
        for column in range(0, columns - WINDOW_PX + 1, 10)
        if built is None or built[row : row + WINDOW_PX, column : column + WINDOW_PX].mean() < 0.02
    ]
    return Background(name, stack, tuple(corners))


def trials(
    backgrounds: Sequence[Background],
    per_size: int,
    seed: int,
    parameters: FootprintParameters | None = None,
    sizes: Sequence[float] = (*SIZES_M2, *COMPOUNDS_M2),
) -> Iterator[Trial]:
    """Sites of every size on every background, each drawn from its own seed; the largest are compounds."""
    detector = Footprints(parameters)
    for number, ground in enumerate(backgrounds):
        for size in sizes:
            for repeat in range(per_size):
                random = np.random.default_rng([seed, number, int(size), repeat])
                yield _trial(ground, size, random, detector)


@dataclass(frozen=True, slots=True)
class Demolition:
    """A simulated building that went again.

    Attributes:
        background: Name of the background.
        building_m2: Area of the building.
        told: Whether a removal was found on it.
        false: Removals found elsewhere.
    """

    background: str
    building_m2: float
    told: bool
    false: int


def demolitions(backgrounds: Sequence[Background], per_size: int, seed: int) -> Iterator[Demolition]:
    """Buildings that stand for five scenes or more and have been gone for four or more at the end of the series."""
    for number, ground in enumerate(backgrounds):
        for size in DEMOLISHED_M2:
            for repeat in range(per_size):
                yield _demolition(ground, size, np.random.default_rng([seed, number, int(size), repeat, 1]))


def _demolition(ground: Background, size: float, random: np.random.Generator) -> Demolition:
    stack = _part(ground, random)
    site = draw_site(random, stack.grid, size, len(stack), after=9)
    gone = int(random.integers(site.first + 5, len(stack) - 3))
    drawn = with_site(stack, site, random).reflectance
    drawn[gone:] = stack.reflectance[gone:]
    findings = assess(Footprints(), replace(stack, reflectance=drawn)).findings
    removals = [one.geometry for one in findings if one.kind is ChangeType.BUILDING_REMOVED]
    here = sum(one.intersects(site.extent) for one in removals)
    return Demolition(ground.name, size, here > 0, len(removals) - here)


def _part(ground: Background, random: np.random.Generator) -> ImageStack:
    """A quiet window and a stretch of time, by chance."""
    stack = window(ground.stack, *ground.quiet[random.integers(len(ground.quiet))], WINDOW_PX)
    begin = int(random.integers(max(len(stack) - LONGEST, 0) + 1))
    return stack.take(slice(begin, begin + LONGEST))


def _trial(ground: Background, size: float, random: np.random.Generator, detector: Footprints) -> Trial:
    stack = _part(ground, random)
    draw = draw_compound if size in COMPOUNDS_M2 else draw_site
    site = draw(random, stack.grid, size, len(stack))
    findings = assess(detector, with_site(stack, site, random)).findings
    here = [one for one in findings if one.geometry.intersects(site.extent)]
    found = max(here, key=lambda one: one.geometry.intersection(site.extent).area) if here else None
    times = [scene.acquired_at for scene in stack.scenes]
    return Trial(
        background=ground.name,
        building_m2=size,
        found=found,
        site=site,
        onset_error_scenes=times.index(found.first_with) - site.first if found else None,
        onset_error_days=(found.first_with - times[site.first]).total_seconds() / 86400 if found else None,
        false=tuple(one for one in findings if one not in here),
        years=(times[-1] - times[0]).days / 365.25,
    )


def lenient() -> FootprintParameters:
    """Parameters that let weak findings through, so that there are wrong ones to learn from.

    Half of what is asked for, and hardly any texture. What few scenes take from it stays, so that salience is measured
    as the detector measures it.
    """
    works = WorksParameters()
    return replace(FootprintParameters(), works=replace(works, core=works.core / 2.0, least_gain=1.0))


def evidence(done: Sequence[Trial]) -> tuple[list[Evidence], BoolArray]:
    """What every finding of some trials rests on, and whether it was real."""
    report = FootprintParameters().report
    rows: list[Evidence] = []
    real: list[bool] = []
    for trial in done:
        for finding in (*trial.false, *([trial.found] if trial.found else [])):
            parts = (finding.components, len(finding.seen_in), finding.area_m2, finding.salience or 0.0)
            rows.append(evidence_of(*parts, report))
            real.append(finding is trial.found)
    return rows, np.array(real, bool)


def calibrate(done: Sequence[Trial]) -> Calibration:
    """The calibration that some trials teach."""
    rows, real = evidence(done)
    weights = fit_rising(np.array(rows), real)
    return Calibration(*(round(float(weight), 3) for weight in weights))
