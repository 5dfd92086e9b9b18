"""Interior fences drawn into simulated rings, with barracks and without: which are found, and which are made up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon

from detectors.dividers import dividers
from detectors.scene_lines import pooled
from flows.evaluate.perimeter_limit import in_pixels, viewed
from flows.evaluate.ring_draws import Draw, barracks, draw
from flows.evaluate.ring_trials import Background, part
from flows.evaluate.rings import coverage
from geo.scene import ImageStack

_FENCE_M = 6.0  # width of a fence with its path
_NEAR_M = 30.0  # within which a found line is the drawn one


@dataclass(frozen=True, slots=True)
class Divided:
    """A ring with or without an interior fence.

    Attributes:
        contrast: Reflectance contrast of the fence in a pixel.
        built: Whether there are barracks.
        fenced: Whether a fence was drawn.
        found: Whether it was found.
        false: Lines found that weren't drawn.
    """

    contrast: float
    built: bool
    fenced: bool
    found: bool
    false: int


def divided(
    backgrounds: Sequence[Background], count: int, seed: int, contrasts: Sequence[float], window_px: int = 300
) -> Iterator[Divided]:
    """Rings with a fence and without one, with barracks and without; the ring itself is given, not sought."""
    for number, ground in enumerate(backgrounds):
        for contrast in contrasts:
            for repeat in range(count):
                random = np.random.default_rng([seed, number, round(1e4 * contrast), 20, repeat])
                area = part(ground.stack, window_px, random)
                plan = draw(area, contrast, ground.taken, random)
                if plan is not None:
                    yield _divided(area, plan, contrast, bool(repeat % 2), bool(repeat // 2 % 2), random)


def _divided(
    area: ImageStack, plan: Draw, contrast: float, fenced: bool, built: bool, random: np.random.Generator
) -> Divided:
    ring = plan.wall.ring
    fence = _fence(ring, float(random.uniform(0.35, 0.65)))
    roofs = [roof for roof in barracks(ring, random) if built and roof.distance(fence) > 10.0]
    stack = replace(plan, roofs=tuple(roofs), built=plan.since).into(area, random)
    if fenced:
        stack.reflectance[plan.since :] += np.float32(contrast * stack.grid.gsd_m / _FENCE_M) * coverage(
            fence.buffer(_FENCE_M / 2.0, cap_style="flat"), stack.grid
        )
    reader = viewed(stack)
    lines = [reader.lines(index) for index in range(len(stack))]
    strength, before = pooled(lines[plan.since :]), pooled(lines[: plan.since])
    found = dividers(in_pixels(ring, stack.grid), strength, before, stack.grid.gsd_m)
    drawn = in_pixels(fence, stack.grid)
    near = [each.line.hausdorff_distance(drawn) * stack.grid.gsd_m < 0.35 * fence.length for each in found]
    on_it = [
        fenced and close and each.line.interpolate(0.5, normalized=True).distance(drawn) * stack.grid.gsd_m < _NEAR_M
        for each, close in zip(found, near, strict=True)
    ]
    return Divided(contrast, bool(roofs), fenced, any(on_it), on_it.count(False))


def _fence(ring: Polygon, share: float) -> LineString:
    """A line across a ring, square to its longest side, at some share of its length."""
    around = ring.minimum_rotated_rectangle
    corners = shapely.get_coordinates(around)
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    along, across = (first, second) if np.hypot(*first) >= np.hypot(*second) else (second, first)
    foot = np.array([around.centroid.x, around.centroid.y]) + (share - 0.5) * along
    pieces = shapely.get_parts(ring.intersection(LineString([foot - across, foot + across])))
    return LineString(max(pieces, key=lambda piece: float(piece.length)))
