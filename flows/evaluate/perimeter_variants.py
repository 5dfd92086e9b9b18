"""How far what is found of a real ring hangs on the square that is cut, on noise, and on single scenes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
from rich.table import Table

from detectors.base import assess
from detectors.perimeter import Perimeter
from flows.evaluate.perimeter_real import corner_errors_m, square_around
from flows.evaluate.ring_draws import overlap
from geo.scene import ImageStack

_MOVED_M = 200.0
_GAIN = 0.05
_NOISE = 0.002  # reflectance
_REPEATS = 2


@dataclass(frozen=True, slots=True)
class Variant:
    """A series with something altered that no ring should hang on.

    Attributes:
        what: What was altered.
        stack: The series.
    """

    what: str
    stack: ImageStack


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a drawn ring in a variant.

    Attributes:
        ring: Its name.
        iou: With the finding that is most like it.
        corner_m: Median distance of its corners from that finding's.
        as_drawn: Whether it was told as what it is.
    """

    ring: str
    iou: float
    corner_m: float
    as_drawn: bool


def variants(stack: ImageStack, drawn: gpd.GeoDataFrame, seed: int) -> Iterator[Variant]:
    """The square around drawn rings moved, with a band brighter or darker, with noise, and without single scenes."""
    random = np.random.default_rng(seed)
    square = square_around(stack, drawn)
    yield Variant("as it is", square)
    step = round(_MOVED_M / stack.grid.gsd_m)
    for down, across in ((0, step), (0, -step), (step, 0), (-step, 0)):
        moved = square_around(stack, drawn, (down, across))
        if moved.grid.transform != square.grid.transform:  # there is room
            yield Variant(f"moved by {down}, {across} px", moved)
    for band, gain in zip(random.permutation(len(square.bands)), (1.0 + _GAIN, 1.0 - _GAIN), strict=False):
        reflectance = square.reflectance.copy()
        reflectance[:, band] *= np.float32(gain)
        yield Variant(f"{square.bands[band]} times {gain:g}", replace(square, reflectance=reflectance))
    for number in range(_REPEATS):
        noise = random.normal(0.0, _NOISE, square.reflectance.shape).astype(np.float32)
        yield Variant(f"noise {number + 1}", replace(square, reflectance=square.reflectance + noise))
    if len(square) > 3:  # the first and the last may be the only ones without and with a ring
        for out in random.choice(np.arange(1, len(square) - 1), min(_REPEATS, len(square) - 2), replace=False):
            kept = [index for index in range(len(square)) if index != out]
            yield Variant(f"without {square.scenes[out].item_id}", square.take(kept))


def outcomes(variant: Variant, drawn: gpd.GeoDataFrame) -> Iterator[Outcome]:
    """What is found of each drawn ring."""
    findings = assess(Perimeter(), variant.stack).findings
    for row in drawn.itertuples():
        found = max(findings, key=lambda finding: overlap(finding.geometry, row.geometry), default=None)
        iou = 0.0 if found is None else overlap(found.geometry, row.geometry)
        if found is None or iou == 0.0:
            yield Outcome(row.ring, 0.0, float("nan"), as_drawn=False)
        else:
            corner_m = float(np.median(corner_errors_m(found.geometry, row.geometry)))
            yield Outcome(row.ring, iou, corner_m, str(found.kind) == row.kind)


def variants_table(done: Iterable[Outcome], place: str) -> Table:
    """One row for each ring."""
    table = Table(title=f"{place}: altered by what no ring should hang on")
    for name in ("ring", "variants", "IoU least / mean", "corners least / mean / most", "told as drawn"):
        table.add_column(name, no_wrap=True)
    rings: dict[str, list[Outcome]] = {}
    for one in done:
        rings.setdefault(one.ring, []).append(one)
    for name, told in rings.items():
        ious, corners = [one.iou for one in told], [one.corner_m for one in told if one.iou > 0.0]
        spread = f"{min(corners):.0f} / {np.mean(corners):.0f} / {max(corners):.0f} m" if corners else ""
        right = sum(one.as_drawn for one in told)
        table.add_row(name, str(len(told)), f"{min(ious):.2f} / {np.mean(ious):.2f}", spread, f"{right} of {len(told)}")
    return table
