"""Perimeters on real series: against truth drawn by eye, and with the scenes in another order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from rich.table import Table
from shapely.geometry.base import BaseGeometry

from detectors.base import Finding, follow
from detectors.onsets import onset
from detectors.perimeter import Perimeter
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_choice import Choice
from flows.evaluate.perimeter_limit import side_contrast
from flows.evaluate.ring_draws import overlap
from flows.evaluate.ring_trials import CONFIRMED, STANDING, shares_ground
from flows.evaluate.stacks import reordered
from flows.evaluate.stacks import window as part_of
from geo.scene import BoolArray, ImageStack

_SQUARE_M = 3000.0
_STRAIGHT_M = 5.0


def squares(stack: ImageStack, drawn: gpd.GeoDataFrame) -> Iterator[tuple[str, ImageStack, gpd.GeoDataFrame]]:
    """A square of 3 km around the rings of each facility, its name and its rings."""
    for facility, rings in drawn.groupby("facility"):
        yield str(facility).replace(" ", "-"), square_around(stack, rings), rings


def square_around(stack: ImageStack, rings: gpd.GeoDataFrame, moved_px: tuple[int, int] = (0, 0)) -> ImageStack:
    """A square of 3 km around rings, as far as there is room, moved by rows and columns."""
    size = min(round(_SQUARE_M / stack.grid.gsd_m), *stack.grid.shape)
    min_x, min_y, max_x, max_y = rings.total_bounds
    column, row = ~stack.grid.transform @ ((min_x + max_x) / 2.0, (min_y + max_y) / 2.0)
    top, left = (
        int(np.clip(middle - size / 2 + by, 0, length - size))
        for middle, length, by in zip((row, column), stack.grid.shape, moved_px, strict=True)
    )
    return part_of(stack, top, left, size)


def standing_contrasts(stack: ImageStack, drawn: gpd.GeoDataFrame) -> Iterator[float]:
    """Contrast of each drawn ring's sides as the line filter sees it, reflectance: the median of the scenes with it."""
    for row in drawn.itertuples():
        first = datetime.fromisoformat(str(row.first_with)[:10]).replace(tzinfo=UTC)
        later = [index for index, scene in enumerate(stack.scenes) if scene.acquired_at >= first]
        yield float(np.median([side_contrast(stack.take([index]), row.geometry) for index in later]))


def shuffled_line(stack: ImageStack, walls: gpd.GeoDataFrame, seed: int, orders: int = 4) -> str:
    """In how many random orders of the scenes a change is confirmed after any scene, and at the end.

    Where a wall is missing from the first scenes of an order and from hardly any of the next, it comes there as in a
    real series, and likewise it goes. Orders in which something else is confirmed, or before that, are counted.

    Args:
        stack: The series.
        walls: Drawn by eye, with `last_without` and `first_with`.
        seed: Of the orders.
        orders: How many.
    """
    random = np.random.default_rng(seed)
    drawn = [(wall.geometry, shown) for wall in walls.itertuples() for shown in scenes_with(wall, stack)]
    on_the_way = at_the_end = off = 0
    for _ in range(orders):
        order = random.permutation(len(stack))
        told = [
            [finding for finding in assessment.findings if len(finding.seen_in) >= CONFIRMED]
            for assessment in follow(Perimeter(), reordered(stack, order))
        ]
        on_the_way += any(told)
        at_the_end += bool(told[-1])
        came = [[each.geometry for each in found if each.kind in STANDING] for found in told]
        went = [[each.geometry for each in found if each.kind not in STANDING] for found in told]
        off += any_off(came, [(ground, shown[order]) for ground, shown in drawn]) or any_off(
            went, [(ground, ~shown[order]) for ground, shown in drawn]
        )
    return (
        f"shuffled: {orders} orders, {on_the_way} with a confirmed change after some scene, in {off} of them off the "
        f"drawn walls that seem to come or go until then; {at_the_end} at the end"
    )


def any_off(confirmed: Sequence[Sequence[BaseGeometry]], drawn: Sequence[tuple[BaseGeometry, BoolArray]]) -> bool:
    """Whether anything is confirmed after any scene off all that seems to have come until then.

    Args:
        confirmed: What is confirmed after each scene.
        drawn: Walls, and which scenes have each, bool (scene,).
    """
    come = [(ground, scene) for ground, shown in drawn if (scene := seems_to_come(shown)) is not None]
    return any(
        not any(since <= scene and shares_ground(one, ground) for ground, since in come)
        for scene, found in enumerate(confirmed)
        for one in found
    )


def seems_to_come(shown: BoolArray) -> int | None:
    """The scene after which what some show, bool (scene,), could be confirmed as new, were it seen perfectly."""
    choice = Choice(PerimeterParameters(), 1.0, [])
    for scene in range(len(shown)):
        found = onset(shown[: scene + 1].astype(np.float64))
        if found is not None and len(found.seen) >= CONFIRMED and choice.holds(found, np.inf):
            return scene
    return None


def scenes_with(wall: Any, stack: ImageStack) -> Iterator[BoolArray]:
    """Which scenes have a drawn wall, bool (scene,): surely, and those in which it was being built as well."""
    without, first = (datetime.fromisoformat(str(day)[:10]).date() for day in (wall.last_without, wall.first_with))
    days = [scene.acquired_at.date() for scene in stack.scenes]
    yield np.array([day >= first for day in days])
    yield np.array([day > without for day in days])


def against_truth(findings: Sequence[Finding], drawn: gpd.GeoDataFrame, place: str = "") -> Table:
    """The findings of a real series against perimeters drawn by eye; corners as median and greatest error, metres."""
    table = Table(title=f"{place}: found against drawn by eye".lstrip(": "))
    for name in ("ring", "found as", "IoU", "corners", "last without", "first with", "seen"):
        table.add_column(name, no_wrap=True)
    used: Counter[int] = Counter()
    for row in drawn.itertuples():
        best = max(findings, key=lambda f: overlap(f.geometry, row.geometry), default=None)
        if best is None or overlap(best.geometry, row.geometry) < 0.3:
            table.add_row(row.ring, "not found")
            continue
        used[id(best)] += 1
        table.add_row(
            row.ring,
            _kind(best),
            f"{overlap(best.geometry, row.geometry):.2f}",
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
    """Distance from each true corner to the nearest found one, metres.

    Where an outline turns so little that its next corners lie in line but for 5 m, half a pixel, there is no corner.
    """
    corners, wanted = (shapely.get_coordinates(each)[:-1] for each in (found, true.simplify(_STRAIGHT_M)))
    apart = corners[None] - wanted[:, None]
    return np.asarray(np.hypot(apart[..., 0], apart[..., 1]).min(axis=1), np.float64)


def _kind(finding: Finding) -> str:
    return finding.kind.removeprefix("perimeter_")
