"""At which contrast perimeters stop being found: the two constants by which the detector says `not_assessable`.

Contrast is told as the line filter sees it, against the nearer flank and with the shadow, and noise is the contrast
that the same filter finds on the ground anyway: their ratio has no unit, and holds for walls and tracks of any width.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import shapely
from rich.table import Table
from shapely.geometry import LineString, Polygon

from detectors.evaluation.metrics import fit_logistic
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_shapes import steps
from detectors.ring_views import SceneReader, lines_grid
from detectors.side_support import SideReading
from flows.evaluate.rings import SimulatedWall, with_wall
from geo.coarser import averaged
from geo.grid import Grid
from geo.scene import ImageStack

Shape = TypeVar("Shape", Polygon, LineString)

_BINS = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, np.inf)


class Drawn(Protocol):
    """A simulated ring and what became of it."""

    @property
    def seen_contrast(self) -> float:
        """Contrast of its sides as the line filter sees it, reflectance."""

    @property
    def noise(self) -> float:
        """Local noise of the ground, reflectance."""

    @property
    def found(self) -> bool:
        """Whether it was found and confirmed."""

    @property
    def visible(self) -> bool:
        """Whether it would stand, had the search come upon it."""

    @property
    def assessable(self) -> bool:
        """Whether the detector said that a wall could have been seen."""


def ground_noise(stack: ImageStack) -> float:
    """Median over an area of the contrast that clutter reaches in the quietest scene, reflectance."""
    return viewed(stack).noise


def seen_contrast(stack: ImageStack, wall: SimulatedWall, index: int) -> float:
    """Contrast by which the line filter sees a wall in a scene, the ground below it taken away, reflectance."""
    scene = stack.take(slice(index, index + 1))
    # Ground of one colour: what is left is the wall alone.
    even = np.broadcast_to(np.nanmedian(scene.reflectance, axis=(2, 3), keepdims=True), scene.reflectance.shape)
    plain = replace(scene, reflectance=even.astype(np.float32), valid=np.ones_like(scene.valid))
    return side_contrast(with_wall(plain, wall, 0), wall.ring)


def side_contrast(stack: ImageStack, ring: Polygon) -> float:
    """Contrast of a ring's sides against the nearer of their flanks in the newest scene, median, reflectance."""
    reader = viewed(stack.take([len(stack) - 1]))
    ridges, _ = reader.filter.ridges(reader.views[-1].reflectance)
    sides = SideReading.along(*steps(in_pixels(ring, reader.grid)), ridges.shape)
    return float(np.median(sides.of(ridges)))


def in_pixels(shape: Shape, grid: Grid) -> Shape:
    """A shape in the grid's CRS in pixel coordinates, 0 at the centre of the first pixel."""
    return shapely.transform(shape, lambda points: np.column_stack(~grid.transform @ tuple(points[:, :2].T)) - 0.5)


def found_from(trials: Sequence[Drawn], share: float = 0.5, told: str = "found") -> float:
    """Contrast in units of local noise from which a share of the rings is found, or visible; infinite where none is.

    By a logistic regression on the logarithm of the ratio.
    """
    ratio: npt.NDArray[np.float64] = np.array([trial.seen_contrast / trial.noise for trial in trials])
    found = np.array([getattr(trial, told) for trial in trials], bool)
    if not found.any():
        return float("inf")
    intercept, slope = fit_logistic(np.log(np.maximum(ratio, 1e-3))[:, None], found, ridge=1e-3)
    if slope <= 0.0:
        return float("inf")
    return float(np.exp((np.log(share / (1.0 - share)) - intercept) / slope))


def limit_table(trials: Sequence[Drawn]) -> Table:
    """Detection rate against contrast in units of local noise, and how often an area was called assessable."""
    half, most = found_from(trials, told="visible"), found_from(trials, 0.9, "visible")
    table = Table(
        title=f"Contrast over noise: half visible from {half:.1f}, 90 % from {most:.1f}; half found from "
        f"{found_from(trials):.1f}"
    )
    for name in ("contrast / noise", "rings", "visible", "found", "assessable"):
        table.add_column(name, justify="right", no_wrap=True)
    ratio = np.array([trial.seen_contrast / trial.noise for trial in trials])
    for low, high in itertools.pairwise(_BINS):
        some = [trial for trial, at in zip(trials, ratio, strict=True) if low <= at < high]
        if some:
            shares = [np.mean([getattr(each, name) for each in some]) for name in ("visible", "found", "assessable")]
            table.add_row(f"{low:g} to {high:g}", str(len(some)), *(f"{share:.0%}" for share in shares))
    return table


def viewed(stack: ImageStack) -> SceneReader:
    """What the detector keeps of some scenes."""
    parameters = PerimeterParameters()
    grid = lines_grid(stack.grid, parameters)
    reader = SceneReader(parameters.for_pixels(grid.gsd_m), grid, [])
    for scene in stack:
        reader.add(averaged(scene, reader.grid))
    return reader
