"""At which contrast perimeters stop being found: the two constants by which the detector says `not_assessable`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from rich.table import Table
from shapely.geometry import Polygon

from detectors.perimeter import Perimeter
from detectors.ring_watch import RingWatch
from detectors.side_support import line_support
from geo.scene import ImageStack

_BINS = (0.0, 2.0, 4.0, 6.0, 9.0, 13.0, 20.0, np.inf)


class Drawn(Protocol):
    """A simulated ring and what became of it."""

    @property
    def contrast(self) -> float:
        """Reflectance contrast of wall and track in a pixel."""

    @property
    def noise(self) -> float:
        """Local noise of the ground, reflectance."""

    @property
    def iou(self) -> float:
        """Of the confirmed ring found; 0 where there is none."""


def ground_noise(stack: ImageStack) -> float:
    """Median over an area of the contrast that clutter reaches in the quietest scene, reflectance."""
    watch = RingWatch(Perimeter().parameters, stack.grid)
    for scene in stack:
        watch.add_lines(scene)
    return float("nan") if watch.noise is None else float(np.median(watch.noise))


def side_contrast(stack: ImageStack, ring: Polygon) -> float:
    """Contrast of a ring's sides against the nearer of their flanks in the newest scene, median, reflectance."""
    watch = RingWatch(Perimeter().parameters, stack.grid)
    for scene in stack:
        watch.add_lines(scene)
    contrast = np.abs(watch.filter.cropped(watch.ridges))
    on_ground = np.asarray(ring.exterior.coords)[:, :2]
    columns, rows = ~stack.grid.transform @ (on_ground[:, 0], on_ground[:, 1])
    corners = np.column_stack([columns, rows]) - 0.5
    strengths, _ = line_support(contrast, corners[:-1], corners[1:])
    return float(np.median(strengths))


def half_found(trials: Sequence[Drawn]) -> float:
    """Contrast in units of local noise from which half of the rings are found; infinite where it never is.

    The step in the contrast-to-noise ratio that tells found from missed best (fewest on the wrong side).
    """
    ratio: npt.NDArray[np.float64] = np.array([trial.contrast / trial.noise for trial in trials])
    found = np.array([trial.iou > 0.0 for trial in trials])
    if not found.any():
        return float("inf")
    order = np.argsort(ratio)
    ratio, found = ratio[order], found[order]
    wrong = np.concatenate([[0], np.cumsum(found)]) + np.concatenate([np.cumsum(~found[::-1])[::-1], [0]])
    return float(ratio[min(int(wrong.argmin()), len(ratio) - 1)])


def limit_table(trials: Sequence[Drawn]) -> Table:
    """Detection rate against contrast in units of local noise."""
    table = Table(title=f"Contrast over local noise; limit_noises = {half_found(trials):.1f}")
    for name in ("contrast / noise", "rings", "found"):
        table.add_column(name, justify="right", no_wrap=True)
    ratio = np.array([trial.contrast / trial.noise for trial in trials])
    found = np.array([trial.iou > 0.0 for trial in trials])
    for low, high in itertools.pairwise(_BINS):
        some = (ratio >= low) & (ratio < high)
        if some.any():
            table.add_row(f"{low:g} to {high:g}", str(int(some.sum())), f"{found[some].mean():.0%}")
    return table
