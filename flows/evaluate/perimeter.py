"""How well perimeters are found: simulated rings on real ground, and the real series against truth drawn by eye."""

from __future__ import annotations

import math
import sys
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

from detectors.base import Finding, assess, follow
from detectors.perimeter import Perimeter
from flows.evaluate.perimeter_limit import ground_noise, limit_table, side_contrast
from flows.evaluate.pictures import draw_rings
from flows.evaluate.rings import SimulatedWall, pixel_contrast, random_ring, with_wall
from flows.evaluate.stacks import reordered
from flows.evaluate.stacks import window as part_of
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
        noise: Contrast that clutter reaches on the ground, reflectance.
    """

    contrast: float
    area_ha: float
    corners: int
    iou: float
    area_error: float
    length_error: float
    false_rings: int
    assessable: bool
    noise: float


def run(
    stack: ImageStack,
    truth: Path | None = None,
    console: Console | None = None,
    *,
    rings_per_contrast: int = 20,
    contrasts: Sequence[float] = (0.005, 0.01, 0.02, 0.04, 0.08),
    window_px: int = 110,
    seed: int = 0,
    pictures: Path | None = None,
) -> list[Trial]:
    """Measure the perimeter detector and print what comes out.

    Args:
        stack: A real series, its scenes ascending in time.
        truth: Perimeters drawn by eye in EPSG:4326, with `ring`, `kind`, `last_without` and `first_with`. Each is
            assessed in a square of 3 km around it; their places are left out of the simulation.
        console: Where tables go.
        rings_per_contrast: Simulated rings for each contrast; 0 for no simulation.
        contrasts: Reflectance contrasts of wall and track in a pixel.
        window_px: Side of the windows that are cut from the series, pixels.
        seed: Of the random numbers.
        pictures: Folder that a picture of each square is written to.

    Returns:
        The simulated trials, in the order of the contrasts.

    Raises:
        InputError: Pictures are wanted and matplotlib isn't there.
    """
    # A pipe has no width: a table that is cut off there would lose its figures.
    console = console or Console(width=None if sys.stdout.isatty() else 140)
    taken: BaseGeometry = shapely.GeometryCollection()
    if truth is not None:
        drawn = gpd.read_file(truth).to_crs(stack.grid.crs)
        taken = shapely.union_all(drawn.geometry)
        for name, square, rings in squares(stack, drawn):
            followed = list(follow(Perimeter(), square))
            console.print(against_truth(followed[-1].findings, rings, name))
            contrasts_seen = ", ".join(f"{side_contrast(square, ring):.3f}" for ring in rings.geometry)
            console.print(
                f"contrast of the drawn sides in the newest scene: {contrasts_seen}; noise {ground_noise(square):.4f}"
            )
            console.print(shuffled_line(square, seed))
            if pictures is not None:
                draw_rings(square, followed[-1].findings, list(rings.geometry), pictures / f"perimeter_{name}.png")
    random = np.random.default_rng(seed)
    trials = [
        trial(window, contrast, random)
        for contrast in contrasts
        for window in _windows(stack, taken, window_px, rings_per_contrast, random)
    ]
    if trials:
        console.print(detection_table(trials))
        console.print(limit_table(trials))
    return trials


def squares(stack: ImageStack, drawn: gpd.GeoDataFrame) -> Iterator[tuple[str, ImageStack, gpd.GeoDataFrame]]:
    """A square of 3 km around the rings of each facility, its name and its rings."""
    size = min(round(3000.0 / stack.grid.gsd_m), *stack.grid.shape)
    for facility, rings in drawn.groupby("facility"):
        min_x, min_y, max_x, max_y = rings.total_bounds
        column, row = ~stack.grid.transform @ ((min_x + max_x) / 2.0, (min_y + max_y) / 2.0)
        top, left = (
            int(np.clip(middle - size / 2, 0, length - size))
            for middle, length in zip((row, column), stack.grid.shape, strict=True)
        )
        yield str(facility).replace(" ", "-"), part_of(stack, top, left, size), rings


def shuffled_line(stack: ImageStack, seed: int, orders: int = 4) -> str:
    """In how many random orders of the scenes a change is confirmed after any scene, and at the end."""
    random = np.random.default_rng(seed)
    on_the_way = at_the_end = single = 0
    for _ in range(orders):
        followed = list(follow(Perimeter(), reordered(stack, random.permutation(len(stack)))))
        confirmed = [[f for f in a.findings if len(f.seen_in) >= _CONFIRMED] for a in followed]
        first = stack.scenes[0].acquired_at
        on_the_way += any(confirmed)
        at_the_end += bool(confirmed[-1])
        single += any(confirmed) and all(f.last_without == first for found in confirmed for f in found)
    return (
        f"shuffled: {orders} orders, {on_the_way} with a confirmed change after some scene ({single} of them with one "
        f"scene before the onset), {at_the_end} at the end"
    )


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
    assessment = assess(Perimeter(), with_wall(window, wall, since=len(window) // 2))
    before = assess(Perimeter(), window)
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
        noise=ground_noise(window),
    )


def detection_table(trials: Sequence[Trial]) -> Table:
    """Detection rate by contrast, and how good what is found is."""
    table = Table(title="Simulated rings on real ground, confirmed at IoU 0.5 or more")
    for name in (
        "contrast",
        "rings",
        "found",
        "<4 ha",
        "≥4 ha",
        "IoU",
        "area",
        "length",
        "false",
        "assess",
    ):
        table.add_column(name, justify="right", no_wrap=True)
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


def against_truth(findings: Sequence[Finding], drawn: gpd.GeoDataFrame, place: str = "") -> Table:
    """The findings of a real series against perimeters drawn by eye; corners as median and greatest error, metres."""
    table = Table(title=f"{place}: found against drawn by eye".lstrip(": "))
    for name in ("ring", "found as", "IoU", "corners", "last without", "first with", "seen"):
        table.add_column(name, no_wrap=True)
    used: Counter[int] = Counter()
    for row in drawn.itertuples():
        best = max(findings, key=lambda f: _iou(f.geometry, row.geometry), default=None)
        if best is None or _iou(best.geometry, row.geometry) < 0.3:
            table.add_row(row.ring, "not found")
            continue
        used[id(best)] += 1
        table.add_row(
            row.ring,
            _kind(best),
            f"{_iou(best.geometry, row.geometry):.2f}",
            "{:.0f} / {:.0f}".format(*np.percentile(corner_errors_m(best.geometry, row.geometry), [50, 100])),
            f"{best.last_without:%Y-%m-%d}" if best.last_without else "",
            f"{best.first_with:%Y-%m-%d}",
            str(len(best.seen_in)),
        )
    for other in findings:
        if id(other) not in used:
            table.add_row("", f"{_kind(other)} {other.area_m2 / 1e4:.1f} ha", "", "", "", "", str(len(other.seen_in)))
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
        window = part_of(stack, top, left, size_px)
        if window.valid.mean() > 0.9 and not window.grid.extent.intersects(taken):
            made += 1
            yield window


def _kind(finding: Finding) -> str:
    return finding.kind.removeprefix("perimeter_")


def _iou(one: BaseGeometry, other: BaseGeometry) -> float:
    return float(one.intersection(other).area / one.union(other).area)


def _share(trials: Sequence[Trial]) -> str:
    return f"{np.mean([each.iou > 0.0 for each in trials]):.0%}" if trials else ""


__all__ = ["Trial", "against_truth", "corner_errors_m", "detection_table", "run", "trial"]
