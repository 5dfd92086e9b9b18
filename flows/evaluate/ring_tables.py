"""Tables of simulated rings and of look-alikes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from rich.table import Table

from detectors.base import ChangeType
from detectors.evaluation.metrics import FloatVector, expected_calibration_error, reliability
from detectors.perimeter_parameters import PerimeterParameters
from flows.evaluate.divided import Divided
from flows.evaluate.lookalikes import Mistakes
from flows.evaluate.nothing import Silence
from flows.evaluate.ring_draws import Story, overlap
from flows.evaluate.ring_trials import Trial, is_extension
from geo.scene import BoolArray

_LIMITS = PerimeterParameters()
_DIFFERING = (0.0, _LIMITS.most_change, 0.2, _LIMITS.most_differing, math.inf)
_SIZES_HA = ((1.0, 4.0), (4.0, 15.0), (15.0, math.inf))


def detection_table(trials: Sequence[Trial]) -> Table:
    """Detection rate by contrast and size, and how good what is found is: medians of those found."""
    sizes = [f"{low:g}-{high:g} ha".replace("-inf", "+") for low, high in _SIZES_HA]
    table = _table(
        "Simulated rings on real ground, confirmed at IoU 0.5 or more",
        (
            "ground",
            "contrast",
            "seen",
            "rings",
            "visible",
            "found",
            *sizes,
            "IoU",
            "area",
            "length",
            "onset",
            "false/y",
            "assessable",
        ),
    )
    for ground, contrast in sorted({(each.background, each.contrast) for each in trials}):
        some = [each for each in trials if (each.background, each.contrast) == (ground, contrast)]
        found = [each for each in some if each.found]
        table.add_row(
            ground,
            f"{contrast:.3f}",
            _median(some, lambda each: each.seen_contrast, "{:.4f}"),
            str(len(some)),
            f"{np.mean([each.visible for each in some]):.0%}",
            _share(some),
            *(_share([each for each in some if low <= each.area_ha < high]) for low, high in _SIZES_HA),
            _median(found, lambda each: each.iou, "{:.2f}"),
            _median(found, lambda each: abs(_size(each)[0] / each.drawn.wall.ring.area - 1.0), "{:.0%}"),
            _median(found, lambda each: abs(_size(each)[1] / each.drawn.wall.ring.length - 1.0), "{:.0%}"),
            _median(found, lambda each: each.onset_error or 0, "{:+.0f}"),
            f"{sum(each.false for each in some) / max(sum(each.years for each in some), 0.1):.3f}",
            f"{np.mean([each.assessable for each in some]):.0%}",
        )
    return table


def traits_table(trials: Sequence[Trial]) -> Table:
    """Detection rate by what was drawn, over all contrasts together."""
    table = _table("What was drawn", ("trait", "with", "found", "without", "found"))
    traits: dict[str, Callable[[Trial], bool]] = {
        "track": lambda each: each.drawn.wall.track_m > 0.0,
        "cleared strip": lambda each: each.drawn.wall.cleared_m > 0.0,
        "roofs inside": lambda each: bool(each.drawn.roofs),
        "wall 2 m wide or more": lambda each: each.drawn.wall.width_m >= 2.0,
        "four corners": lambda each: len(each.drawn.wall.ring.exterior.coords) == 5,
        "brighter than the ground": lambda each: each.drawn.wall.wall_contrast > 0.0,
    }
    for name, has in traits.items():
        some, rest = [each for each in trials if has(each)], [each for each in trials if not has(each)]
        table.add_row(name, str(len(some)), _share(some), str(len(rest)), _share(rest))
    return table


def differing_table(trials: Sequence[Trial]) -> Table:
    """How many rings are found, by how far lines differ all over the area in the scenes that show them."""
    table = _table("Gain in line strength that half of the area exceeds", ("gain", "rings", "visible", "found", "both"))
    for low, high in itertools.pairwise(_DIFFERING):
        some = [each for each in trials if low <= each.differing < high]
        if some:
            seen = sum(each.visible for each in some), sum(each.found for each in some)
            both = sum(each.visible and each.found for each in some)
            table.add_row(f"{low:g} to {high:g}", str(len(some)), *map(str, (*seen, both)))
    return table


def removal_table(trials: Sequence[Trial]) -> Table:
    """What is reported of rings that were found, after they were opened or removed."""
    table = _table(
        "Rings opened or removed, of those found before", ("story", "rings", "found before", *_REPORTS, "scenes late")
    )
    for story in (Story.OPENED, Story.REMOVED):
        some = [each for each in trials if each.drawn.story is story]
        found = [each for each in some if each.found]
        told = [report_of(each) for each in found]
        late = [each.late for each in found if each.late is not None]
        counts = [str(told.count(name)) for name in _REPORTS]
        table.add_row(str(story), str(len(some)), str(len(found)), *counts, f"{np.median(late):+.0f}" if late else "")
    return table


_REPORTS = ("removed", "still stands", "nothing")


def report_of(trial: Trial) -> str:
    """What is said of a ring after the last scene."""
    if any(each.kind is ChangeType.PERIMETER_REMOVED or each.gone_at is not None for each in trial.afterwards):
        return "removed"
    return "still stands" if trial.afterwards else "nothing"


def extension_table(trials: Sequence[Trial]) -> Table:
    """What is reported of rings that were found, after they were extended."""
    columns = ("rings", "found before", "told as extended", "IoU", "scenes late")
    table = _table("Rings that are extended, of those found before", columns)
    some = [each for each in trials if each.drawn.grown is not None]
    found = [each for each in some if each.found]
    told = [(each, one) for each in found for one in each.afterwards if is_extension(one, each.drawn.rings[-1])]
    overlaps = [overlap(one.geometry, each.drawn.rings[-1]) for each, one in told]
    late = [each.late for each in found if each.late is not None]
    means = (f"{np.mean(overlaps):.2f}" if told else "", f"{np.median(late):+.0f}" if late else "")
    table.add_row(str(len(some)), str(len(found)), str(len({id(each) for each, _ in told})), *means)
    return table


def divider_table(seen: Sequence[Divided]) -> Table:
    """Interior fences found in drawn rings, and lines found that weren't drawn."""
    table = _table(
        "Interior fences in rings that are given",
        ("contrast", "barracks", "fences", "found", "rings", "false per ring"),
    )
    for contrast, built in sorted({(each.contrast, each.built) for each in seen}):
        some = [each for each in seen if (each.contrast, each.built) == (contrast, built)]
        fenced = [each for each in some if each.fenced]
        found = f"{np.mean([each.found for each in fenced]):.0%}" if fenced else ""
        false = f"{np.mean([each.false for each in some]):.2f}"
        table.add_row(f"{contrast:.3f}", "yes" if built else "no", str(len(fenced)), found, str(len(some)), false)
    return table


def lookalike_table(
    seen: Sequence[Mistakes], title: str = "No perimeter: areas with a confirmed change after any scene"
) -> Table:
    """Confirmed findings where no wall was drawn."""
    table = _table(
        title,
        ("ground", "drawn", "areas", "with a confirmed change", "years"),
    )
    for each in seen:
        table.add_row(each.background, each.drawn, str(each.areas), str(each.wrong), f"{each.years:.0f}")
    return table


def confidence_table(confidence: FloatVector, real: BoolArray, title: str) -> Table:
    """How often what is told is real, by how sure it claims to be.

    Args:
        confidence: float64 (finding,), 0 to 1.
        real: bool (finding,).
        title: Of the table; the expected calibration error goes with it.
    """
    error = expected_calibration_error(confidence, real)
    table = _table(f"{title}; expected calibration error {error:.3f}", ("confidence", "real", "findings"))
    for each in reliability(confidence, real):
        table.add_row(f"{each.confidence:.2f}", f"{each.accuracy:.2f}", str(each.count))
    return table


def silence_table(heard: Sequence[Silence]) -> Table:
    """Findings of a silent series, summed over all its prefixes."""
    names = ("series", "first", "provisional", "confirmed", "scenes assessed")
    table = _table("Nothing happens: findings over all prefixes", names)
    for each in heard:
        told = (each.first, each.provisional, each.confirmed)
        table.add_row(each.name, *map(str, told), f"{each.assessed} of {each.scenes}")
    return table


def _size(trial: Trial) -> tuple[float, float]:
    """Area and length of the ring found."""
    found = trial.standing
    return (math.nan, math.nan) if found is None else (found.area_m2, found.length_m or math.nan)


def _share(trials: Sequence[Trial]) -> str:
    return f"{np.mean([each.found for each in trials]):.0%}" if trials else ""


def _median(trials: Sequence[Trial], of: Callable[[Trial], float], form: str) -> str:
    return form.format(np.median([of(each) for each in trials])) if trials else ""


def _table(title: str, names: Sequence[str]) -> Table:
    table = Table(title=title)
    for name in names:
        table.add_column(name, no_wrap=True)
    return table
