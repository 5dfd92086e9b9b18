"""Small dull buildings: too weak for the core of a site in any one scene, told by their shape and by how they last.

A roof of 1,000 m² that has nearly the colour of the ground changes ten pixels by little. Ponds, pits, roads and
diggings change more, so strength can't tell them apart. But a building is compact and convex, stands there all at once,
alone, and is there in every scene from then on; roads reach out, ponds and diggings grow, shrink and fray. What fewer
scenes have shown than must show the building is no sign for it nor against it, on its ground or around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from detectors.components import boxes, labelled
from detectors.morphology import widened, within
from detectors.pixel_history import PixelHistory
from geo.scene import BoolArray, FloatArray

_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


@dataclass(frozen=True, slots=True)
class LoneParameters:
    """What a lone building looks like.

    Attributes:
        core: Share of the salience of a site's core that is enough for it.
        least_gain: Gain of texture, in noise units, that it must have.
        sightings: Scenes that must show it, and whatever speaks against it.
        before: Scenes before that must be known.
        longest_m: Longest side.
        solidity: Least share of its convex hull that it fills, by the corners of pixels: a disc of 13 fills 0.76.
        elongation: How many times longer than wide it may be: evidence is blurred, so that a building of 1,000 m²
            that is three times as long as wide looks less than twice as long.
        at_once: Share of it that must begin within a scene of most of it.
        own_m: How far its own evidence may reach beyond it.
        around_m: Ground nearer than this, but not so near, is around it.
        others: Changed ground around it at most, as a share of its own.
    """

    core: float = 0.75
    least_gain: float = 2.0
    sightings: int = 3
    before: int = 2
    longest_m: float = 120.0
    solidity: float = 0.75
    elongation: float = 2.0
    at_once: float = 0.9
    own_m: float = 30.0
    around_m: float = 60.0
    others: float = 0.5


def lone_cores(
    history: PixelHistory,
    changed: BoolArray,
    firm: BoolArray,
    salience: FloatArray,
    least_px: float,
    gsd_m: float,
    parameters: LoneParameters,
) -> BoolArray:
    """Pixels that hold lone buildings together, bool (y, x).

    Args:
        history: Pixels after the newest scene.
        changed: bool (y, x), the standing changes to consider.
        firm: bool (y, x), those of them that hang together as one thing.
        salience: float32 (y, x), as a share of what the core of a site must have.
        least_px: Smallest core, pixels.
        gsd_m: Pixel size, m.
        parameters: What they look like.
    """
    cores = np.zeros(changed.shape, bool)
    steady = changed & (history.seen >= parameters.sightings) & (history.count >= parameters.before)
    core = steady & (salience >= parameters.core) & (history.gain >= parameters.least_gain)
    if np.count_nonzero(core) < least_px:
        return cores
    labels, count = labelled(firm & steady)
    held = np.bincount(labels[core], minlength=count + 1) >= least_px
    around = parameters.around_m / gsd_m
    for label, box in enumerate(boxes(labels, count), start=1):
        room = widened(box[0], int(around)), widened(box[1], int(around))
        if held[label] and _fits(box, room, changed.shape, parameters.longest_m / gsd_m):
            blob = labels[room] == label
            if _is_lone(blob, steady[room], gsd_m, parameters) and _is_compact(blob, history.onset[room], parameters):
                cores[room] |= blob & core[room]
    return cores


def _fits(box: tuple[slice, slice], room: tuple[slice, slice], size: tuple[int, ...], longest: float) -> bool:
    """Whether what is in a box is short, and all that is around it is in the image."""
    short = all(part.stop - part.start <= longest for part in box)
    return short and all(part.start > 0 and part.stop < end for part, end in zip(room, size, strict=True))


def _is_lone(blob: BoolArray, changed: BoolArray, gsd_m: float, parameters: LoneParameters) -> bool:
    """Whether hardly anything else has changed around it, beyond what its own evidence reaches."""
    others = changed & within(blob, parameters.around_m / gsd_m) & ~within(blob, parameters.own_m / gsd_m)
    return bool(np.count_nonzero(others) <= parameters.others * np.count_nonzero(blob))


def _is_compact(blob: BoolArray, onset: npt.NDArray[np.int16], parameters: LoneParameters) -> bool:
    """Whether it is convex, not long, and began all at once."""
    began = onset[blob]
    at_once = np.abs(began - np.bincount(began).argmax()) <= 1
    rows, columns = np.nonzero(blob)
    hull = shapely.MultiPoint(
        [(x + dx, y + dy) for y, x in zip(rows, columns, strict=True) for dx, dy in _CORNERS]
    ).convex_hull
    long, wide = _sides(hull)
    return bool(
        at_once.mean() >= parameters.at_once
        and rows.size >= parameters.solidity * hull.area
        and long <= parameters.elongation * wide
    )


def _sides(hull: BaseGeometry) -> tuple[float, float]:
    """The longer and the shorter side of the smallest rectangle around a polygon."""
    corners = shapely.get_coordinates(hull.minimum_rotated_rectangle)
    first, second = np.hypot(*(corners[1] - corners[0])), np.hypot(*(corners[2] - corners[1]))
    return float(max(first, second)), float(min(first, second))
