"""Lines that appear and are no perimeter, drawn into real scenes: what is confirmed on them is false."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
import shapely.affinity
from scipy import ndimage
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from detectors.base import Finding, follow
from detectors.perimeter import Perimeter
from flows.evaluate.ring_draws import barracks
from flows.evaluate.ring_trials import CONFIRMED, Background, part, shares_ground
from flows.evaluate.rings import coverage, random_ring, with_roofs
from geo.scene import FloatArray, ImageStack


@dataclass(frozen=True, slots=True)
class Mistakes:
    """What was confirmed, after any scene, on ground where no wall was built.

    Attributes:
        background: Name of the background.
        drawn: What was drawn there.
        areas: Areas looked at.
        wrong: Areas with a confirmed perimeter change.
        years: Length of all series together.
        told: Confidence in each change of any status after the last scene.
    """

    background: str
    drawn: str
    areas: int
    wrong: int
    years: float
    told: tuple[float, ...]


def mistakes(backgrounds: Sequence[Background], count: int, seed: int, window_px: int = 300) -> Iterator[Mistakes]:
    """Every look-alike on every background, each drawn from its own seed."""
    for number, ground in enumerate(backgrounds):
        for place, (name, drawn_into) in enumerate(LOOKALIKES.items()):
            draws = (np.random.default_rng([seed, number, place, repeat]) for repeat in range(count))
            stacks = (drawn_into(part(ground.stack, window_px, random), random) for random in draws)
            yield mistaken(stacks, ground.name, name, ground.taken)


def mistaken(stacks: Iterable[ImageStack], background: str, drawn: str, taken: BaseGeometry) -> Mistakes:
    """What is confirmed in some areas off the ground where walls really appeared."""
    areas, wrong, years = 0, 0, 0.0
    told: list[float] = []
    for stack in stacks:
        followed = [_off(assessment.findings, taken) for assessment in follow(Perimeter(), stack)]
        areas += 1
        wrong += any(len(finding.seen_in) >= CONFIRMED for findings in followed for finding in findings)
        told += [finding.confidence for finding in followed[-1] if finding.confidence is not None]
        years += (stack.scenes[-1].acquired_at - stack.scenes[0].acquired_at).days / 365.25
    return Mistakes(background, drawn, areas, wrong, years, tuple(told))


def _off(findings: Sequence[Finding], taken: BaseGeometry) -> list[Finding]:
    """Findings off some ground."""
    return [finding for finding in findings if not shares_ground(finding.geometry, taken)]


def _nothing(stack: ImageStack, random: np.random.Generator) -> ImageStack:
    return stack


def _road_grid(stack: ImageStack, random: np.random.Generator) -> ImageStack:
    """Roads 250 to 400 m apart that run on beyond the area, both ways."""
    extent, angle = stack.grid.extent, random.uniform(0.0, 90.0)
    step, reach = random.uniform(250.0, 400.0), 2.0 * stack.grid.extent.length
    x, y = extent.centroid.coords[0]
    lines = [
        LineString([(x - reach, y + offset), (x + reach, y + offset)]) for offset in step * np.array([-1.0, 0.0, 1.0])
    ]
    both = [shapely.affinity.rotate(line, turn, origin=(x, y)) for line in lines for turn in (angle, angle + 90.0)]
    return _with_lines(stack, shapely.union_all(both), 8.0, 0.06, random)


def _fields(stack: ImageStack, random: np.random.Generator) -> ImageStack:
    """Fields of 100 to 300 m that change from scene to scene, each for itself, without lines between them."""
    rows, columns = stack.grid.shape
    down, across = (max(2, round(random.uniform(100.0, 300.0) / stack.grid.gsd_m)) for _ in range(2))
    number = (np.arange(rows) // down)[:, None] * 1000 + (np.arange(columns) // across)[None]
    _, field = np.unique(number, return_inverse=True)
    field = ndimage.rotate(
        field.reshape(rows, columns), random.uniform(0.0, 45.0), reshape=False, order=0, mode="reflect"
    )
    reflectance = stack.reflectance.copy()
    for index in range(len(stack)):
        crop = random.uniform(-0.04, 0.04, int(field.max()) + 1)
        reflectance[index] += ndimage.gaussian_filter(crop[field], 0.5).astype(np.float32)
    return replace(stack, reflectance=reflectance)


def _canal(stack: ImageStack, random: np.random.Generator) -> ImageStack:
    """Dark water between bright banks, once through the area with a bend or two."""
    min_x, min_y, max_x, max_y = stack.grid.bounds
    x = np.linspace(min_x - 100.0, max_x + 100.0, 4)
    line = LineString(np.column_stack([x, random.uniform(min_y, max_y, 4)]))
    since = _beginning(stack, random)
    banks = _with_lines(stack, line, 24.0, 0.05, random, since)
    return _with_lines(banks, line, 12.0, -0.09, random, since)


def _hedges(stack: ImageStack, random: np.random.Generator) -> ImageStack:
    """Rows of trees on three parallels and one across them, which grow over the series."""
    extent = stack.grid.extent
    x, y = extent.centroid.coords[0]
    step = random.uniform(150.0, 300.0)
    comb = [LineString([(x + k * step, y - 1.5 * step), (x + k * step, y + 1.5 * step)]) for k in (-1, 0, 1)]
    comb.append(LineString([(x - step, y), (x + step, y)]))
    share = coverage(shapely.affinity.rotate(shapely.union_all(comb).buffer(3.0), random.uniform(0, 90)), stack.grid)
    since = _beginning(stack, random)
    grown = np.clip((np.arange(len(stack)) - since + 1) / 4.0, 0.0, 1.0)
    reflectance = stack.reflectance * (1.0 - 0.5 * grown[:, None, None, None] * share).astype(np.float32)
    return replace(stack, reflectance=reflectance)


def _drainage(stack: ImageStack, random: np.random.Generator) -> ImageStack:
    """Washes that a flood leaves: winding bright lines down one slope."""
    min_x, min_y, max_x, max_y = stack.grid.bounds
    lines = []
    for _ in range(8):
        y = np.linspace(max_y, min_y, 30)
        x = random.uniform(min_x, max_x) + np.cumsum(random.normal(0.0, (max_y - min_y) / 60.0, 30))
        lines.append(LineString(np.column_stack([x, y])))
    washes = shapely.affinity.rotate(shapely.union_all(lines), random.uniform(0.0, 360.0))
    return _with_lines(stack, washes, 8.0, 0.05, random)


def _houses(stack: ImageStack, random: np.random.Generator) -> ImageStack:
    """Rows of barracks and no wall around them."""
    centre = stack.grid.extent.centroid
    ground = random_ring(random, (centre.x, centre.y), 9.0, int(random.integers(4, 8)))
    roofs = list(barracks(ground, random))
    return with_roofs(stack, roofs, float(random.uniform(0.08, 0.2)), _beginning(stack, random))


LOOKALIKES: Mapping[str, Callable[[ImageStack, np.random.Generator], ImageStack]] = {
    "nothing": _nothing,
    "road grid": _road_grid,
    "fields that change": _fields,
    "canal": _canal,
    "hedges": _hedges,
    "washes": _drainage,
    "rows of houses": _houses,
}


def _with_lines(
    stack: ImageStack,
    lines: BaseGeometry,
    width_m: float,
    contrast: float,
    random: np.random.Generator,
    since: int | None = None,
) -> ImageStack:
    """A stack with bands along some lines, from one scene on."""
    reflectance = stack.reflectance.copy()
    share: FloatArray = coverage(lines.buffer(width_m / 2.0), stack.grid)
    reflectance[since if since is not None else _beginning(stack, random) :] += np.float32(contrast) * share
    return replace(stack, reflectance=reflectance)


def _beginning(stack: ImageStack, random: np.random.Generator) -> int:
    """A scene by chance with three before it and four from it on, where the series is long enough."""
    return int(random.integers(min(3, len(stack) - 1), max(4, len(stack) - 3)))
