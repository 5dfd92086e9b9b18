"""How well perimeters are found: simulated rings on real ground, and the real series against truth drawn by eye."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from rich.console import Console
from rich.table import Table
from shapely.geometry.base import BaseGeometry

from detectors.base import Finding
from detectors.perimeter import Perimeter
from flows.evaluate.rings import SimulatedWall, pixel_contrast, random_ring, with_wall
from geo.grid import Grid
from geo.scene import ImageStack

_CONFIRMED = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """One simulated ring and what became of it.

    Attributes:
        contrast: Reflectance contrast of wall and track in a pixel, without the shadow.
        area_ha: Of the ring.
        corners: Of the ring.
        iou: Of the best finding that is confirmed; 0 where there is none.
        area_error: Found area against the true one, as a share; NaN where not found.
        length_error: The same of the ring's length.
        false_rings: Confirmed findings that are not the ring.
        assessable: Whether the detector said that a wall could have been seen.
    """

    contrast: float
    area_ha: float
    corners: int
    iou: float
    area_error: float
    length_error: float
    false_rings: int
    assessable: bool


def run(
    stack: ImageStack,
    truth: Path | None = None,
    console: Console | None = None,
    *,
    rings_per_contrast: int = 20,
    contrasts: Sequence[float] = (0.005, 0.01, 0.02, 0.04, 0.08),
    window_px: int = 110,
    seed: int = 0,
) -> list[Trial]:
    """Measure the perimeter detector and print what comes out.

    Args:
        stack: A real series, its scenes ascending in time.
        truth: Perimeters drawn by eye in EPSG:4326, with `ring`, `kind`, `last_without` and `first_with`. Their
            places are left out of the simulation.
        console: Where tables go.
        rings_per_contrast: Simulated rings for each contrast.
        contrasts: Reflectance contrasts of wall and track in a pixel.
        window_px: Side of the windows that are cut from the series, pixels.
        seed: Of the random numbers.

    Returns:
        The simulated trials, in the order of the contrasts.
    """
    console = console or Console()
    drawn = None if truth is None else gpd.read_file(truth).to_crs(stack.grid.crs)
    if drawn is not None:
        console.print(against_truth(Perimeter().assess(stack).findings, drawn))
    taken = shapely.union_all([] if drawn is None else drawn.geometry)
    random = np.random.default_rng(seed)
    trials = [
        trial(window, contrast, random)
        for contrast in contrasts
        for window in _windows(stack, taken, window_px, rings_per_contrast, random)
    ]
    console.print(detection_table(trials))
    return trials


def trial(window: ImageStack, contrast: float, random: np.random.Generator) -> Trial:
    """Draw one ring into a window of real scenes and look for it."""
    min_x, min_y, max_x, max_y = window.grid.bounds
    centre = ((min_x + max_x) / 2.0, (min_y + max_y) / 2.0)
    largest_ha = 0.16 * (max_x - min_x) * (max_y - min_y) / 1e4
    area_ha = float(math.exp(random.uniform(0.0, math.log(min(60.0, largest_ha)))))
    corners = int(random.integers(4, 8))
    width = float(random.uniform(0.5, 2.0))
    wall = SimulatedWall(random_ring(random, centre, area_ha, corners), width_m=width, height_m=random.uniform(2, 6))
    scale = contrast / pixel_contrast(wall, window.grid.gsd_m)
    wall = replace(wall, wall_contrast=wall.wall_contrast * scale, track_contrast=wall.track_contrast * scale)
    assessment = Perimeter().assess(with_wall(window, wall, since=len(window) // 2))
    before = Perimeter().assess(window)
    confirmed = [f for f in assessment.findings if len(f.seen_in) >= _CONFIRMED]
    ious = [_iou(finding.geometry, wall.ring) for finding in confirmed]
    best = max(range(len(ious)), key=ious.__getitem__, default=None)
    found = best is not None and ious[best] >= 0.5
    return Trial(
        contrast=contrast,
        area_ha=area_ha,
        corners=corners,
        iou=ious[best] if best is not None and found else 0.0,
        area_error=confirmed[best].area_m2 / wall.ring.area - 1.0 if best is not None and found else math.nan,
        length_error=confirmed[best].geometry.length / wall.ring.length - 1.0
        if best is not None and found
        else math.nan,
        false_rings=len([f for f in before.findings if len(f.seen_in) >= _CONFIRMED]),
        assessable=assessment.verdict != "not_assessable",
    )


def detection_table(trials: Sequence[Trial]) -> Table:
    """Detection rate by contrast, and how good what is found is."""
    table = Table(title="Simulated rings on real ground, confirmed at IoU 0.5 or more")
    for name in (
        "contrast",
        "rings",
        "found",
        "1-4 ha",
        "4-60 ha",
        "IoU",
        "area",
        "length",
        "false per AOI",
        "assessable",
    ):
        table.add_column(name, justify="right")
    for contrast in sorted({each.contrast for each in trials}):
        some = [each for each in trials if each.contrast == contrast]
        found = [each for each in some if each.iou > 0.0]
        small, large = [each for each in some if each.area_ha < 4], [each for each in some if each.area_ha >= 4]
        table.add_row(
            f"{contrast:.3f}",
            str(len(some)),
            _share(some),
            _share(small),
            _share(large),
            f"{np.median([each.iou for each in found]):.2f}" if found else "",
            f"{np.median([abs(each.area_error) for each in found]):.0%}" if found else "",
            f"{np.median([abs(each.length_error) for each in found]):.0%}" if found else "",
            f"{np.mean([each.false_rings for each in some]):.2f}",
            f"{np.mean([each.assessable for each in some]):.0%}",
        )
    return table


def against_truth(findings: Sequence[Finding], drawn: gpd.GeoDataFrame) -> Table:
    """The confirmed findings of a real series against perimeters drawn by eye."""
    table = Table(title="Real series against perimeters drawn by eye")
    for name in ("ring", "kind", "found as", "IoU", "corner error m", "onset", "scenes"):
        table.add_column(name)
    used: Counter[int] = Counter()
    for row in drawn.itertuples():
        best = max(findings, key=lambda f: _iou(f.geometry, row.geometry), default=None)
        if best is None or _iou(best.geometry, row.geometry) < 0.3:
            table.add_row(row.ring, row.kind, "not found")
            continue
        used[id(best)] += 1
        table.add_row(
            row.ring,
            row.kind,
            str(best.kind),
            f"{_iou(best.geometry, row.geometry):.2f}",
            f"{np.median(corner_errors_m(best.geometry, row.geometry)):.0f}",
            f"{best.last_without:%Y-%m-%d} to {best.first_with:%Y-%m-%d}" if best.last_without else "",
            str(len(best.seen_in)),
        )
    for other in findings:
        if id(other) not in used:
            table.add_row("", "", f"{other.kind}, {other.area_m2 / 1e4:.1f} ha", "", "", "", str(len(other.seen_in)))
    return table


def corner_errors_m(found: BaseGeometry, true: BaseGeometry) -> npt.NDArray[np.float64]:
    """Distance from each true corner to the nearest found one, metres."""
    corners, wanted = (shapely.get_coordinates(each)[:-1] for each in (found, true))
    apart = corners[None] - wanted[:, None]
    return np.asarray(np.hypot(apart[..., 0], apart[..., 1]).min(axis=1), np.float64)


def _windows(
    stack: ImageStack, taken: BaseGeometry, size_px: int, count: int, random: np.random.Generator
) -> Iterator[ImageStack]:
    """Windows of a series away from places that are known to have changed."""
    rows, columns = stack.grid.shape
    size_px = min(size_px, rows, columns)
    made = tried = 0
    while made < count and tried < 100 * count:
        tried += 1
        top, left = int(random.integers(0, rows - size_px + 1)), int(random.integers(0, columns - size_px + 1))
        window = _cut(stack, top, left, size_px)
        if window.valid.mean() > 0.9 and not window.grid.extent.intersects(taken):
            made += 1
            yield window


def _cut(stack: ImageStack, top: int, left: int, size_px: int) -> ImageStack:
    grid = stack.grid
    shifted = grid.transform @ type(grid.transform).translation(left, top)
    valid = stack.valid[:, top : top + size_px, left : left + size_px]
    return replace(
        stack,
        reflectance=stack.reflectance[:, :, top : top + size_px, left : left + size_px],
        valid=valid,
        grid=Grid(grid.crs, shifted, (size_px, size_px), grid.gsd_m),
        clear_fraction=valid.mean(axis=(1, 2)),
    )


def _iou(one: BaseGeometry, other: BaseGeometry) -> float:
    return float(one.intersection(other).area / one.union(other).area)


def _share(trials: Sequence[Trial]) -> str:
    return f"{np.mean([each.iou > 0.0 for each in trials]):.0%}" if trials else ""


__all__ = ["Trial", "against_truth", "corner_errors_m", "detection_table", "run", "trial"]
