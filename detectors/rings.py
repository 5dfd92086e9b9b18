"""Rings: closed straight-sided outlines found in line strength, snapped to it and measured on their sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
import shapely.affinity
from affine import Affine
from rasterio.features import rasterize
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.enclosures import enclose, support_share, surroundedness
from detectors.hough import Line, straight_lines
from detectors.lines import beside, line_support
from detectors.outline import Energy, fit_outline
from geo.scene import BoolArray, FloatArray

_PIXEL_CENTRES = Affine(1.0, 0.0, -0.5, 0.0, 1.0, -0.5)


@dataclass(frozen=True, slots=True)
class RingParameters:
    """How rings are found. Lengths in metres, areas in square metres.

    Attributes:
        reach_m: How far an enclosing line may be from the middle of an enclosure.
        least_area_m2: Smallest enclosure.
        open_country: Share of directions in which chance puts a new line, at least; more where more is new.
        seed_evidence: Evidence for inside from which a place is looked at.
        built_weight: Weight of new structure against being surrounded by new lines.
        newness: Gain in line strength at which a new line begins and is fully one.
        support: Line strength at which a side begins to hold a ring's outline and holds it fully.
        seen: Line strength at which a side begins to be seen and is surely seen.
        weakest_line: Line strength from which a pixel takes part in a straight line.
        most_lines: Lines by which a place is partitioned.
        area_weight: Weight of area against boundary, per side of a square of the seed's size.
        outside_share: Share of the seed's own evidence below which a place counts as outside.
        base_cost: Cost of a fully seen metre of boundary against an unseen one.
        margin_m: How far around a seed lines are sought.
        snap_m: How far a side may move when it is snapped.
        shortest_side_m: Necks and teeth shorter than this are smoothed away.
        fit_weight: Weight of area when an outline is fitted, against that when it is found.
        corner_cost: Cost of a corner, in pixels of unseen side.
        least_corners: Fewest corners of a ring: walls stand in rectangles, tracks and drainage make triangles.
        least_new: Gain in visibility below which an outline isn't worth fitting.
        least_width: Least width of an extension, as a share of the side of a square of the ring's area:
            barracks and stores along a wall are no extension of it.
        frame_m: Rings that come nearer to the edge of the area than this are left out: they may go on beyond.
    """

    reach_m: float = 700.0
    least_area_m2: float = 8_000.0
    seed_evidence: float = 0.5
    open_country: float = 0.3
    built_weight: float = 0.4
    newness: tuple[float, float] = (0.1, 0.4)
    support: tuple[float, float] = (0.1, 0.6)
    seen: tuple[float, float] = (0.08, 0.35)
    weakest_line: float = 0.2
    most_lines: int = 70
    area_weight: float = 36.0
    outside_share: float = 0.55
    base_cost: float = 0.15
    margin_m: float = 120.0
    snap_m: float = 50.0
    shortest_side_m: float = 60.0
    corner_cost: float = 16.0
    fit_weight: float = 0.8
    least_corners: int = 4
    least_new: float = 0.12
    least_width: float = 0.25
    frame_m: float = 100.0


def inside_evidence(
    new_lines: FloatArray, standing: BoolArray, new_structure: FloatArray, gsd_m: float, parameters: RingParameters
) -> FloatArray:
    """Evidence that a place lies inside a new enclosure: new lines on all sides, and new structure.

    Args:
        new_lines: float32 (orientation, y, x): gain in line strength.
        standing: bool (y, x): outlines of enclosures already known, which bar the view like new lines.
        new_structure: float32 (y, x): logarithm of the growth of local contrast.
        gsd_m: Pixel size, metres.
        parameters: Of the search.

    Returns:
        float32 (y, x), about 0 in unchanged country and 1 inside.
    """
    barriers = support_share(new_lines.max(axis=0), *parameters.newness)
    barriers[standing] = 1.0
    step = max(1, round(20.0 / gsd_m))
    rows, columns = barriers.shape
    coarse = ndimage.maximum_filter(barriers, size=step, origin=(step // 2 - step + 1 if step > 1 else 0))
    view = surroundedness(np.ascontiguousarray(coarse[::step, ::step]), round(parameters.reach_m / gsd_m / step))
    around = ndimage.zoom(view, step, order=1, grid_mode=True, mode="nearest")[:rows, :columns]
    evidence = (
        around
        - max(float(np.median(around)), parameters.open_country)
        + parameters.built_weight * np.clip(new_structure, -0.4, 1.0)
    )
    return np.asarray(ndimage.gaussian_filter(evidence, 15.0 / gsd_m), np.float32)


def find_rings(
    strength: FloatArray,
    before: FloatArray,
    evidence: FloatArray,
    standing: Sequence[Polygon],
    gsd_m: float,
    parameters: RingParameters,
    around: Polygon | None = None,
) -> list[Polygon]:
    """Outlines around the places that look enclosed, each fitted to the lines nearby.

    A place beside a ring that already stands is enclosed together with it, so that an extension is found
    as the whole ring after it.

    Args:
        strength: float32 (orientation, y, x): line strength now, not negative.
        before: The same before.
        evidence: From `inside_evidence`.
        standing: Rings already known; nothing is sought inside them.
        around: Look at places that touch this polygon alone.
        gsd_m: Pixel size, metres.
        parameters: Of the search.

    Returns:
        Polygons in pixel coordinates, 0 at the centre of the first pixel.
    """
    known = [_mask(ring, evidence.shape) for ring in standing]
    taken = np.any(known, axis=0) if known else np.zeros(evidence.shape, bool)
    rim = max(1, round(20.0 / gsd_m))
    seeds = (evidence > parameters.seed_evidence) & ~ndimage.binary_dilation(taken, iterations=rim)
    labels, _ = ndimage.label(ndimage.binary_opening(seeds, iterations=rim))
    wanted = None if around is None else _mask(around, evidence.shape)
    rings: list[Polygon] = []
    wide: FloatArray | None = None
    for index, window in enumerate(ndimage.find_objects(labels)):
        seed = labels == index + 1
        if int(seed[window].sum()) * gsd_m**2 < parameters.least_area_m2:
            continue
        if wanted is not None and not (wanted & seed).any():
            continue
        near = ndimage.binary_dilation(seed, iterations=2 * rim)
        joined = [mask for mask in known if (mask & near).any()]
        if joined and not _wide(seed, sum(int(mask.sum()) for mask in joined), parameters.least_width):
            continue
        wide = beside(strength) if wide is None else wide
        rings += _ring_around((strength, wide), before, evidence, seed, joined, gsd_m, parameters)
    return rings


def _wide(seed: BoolArray, ring_px: int, least_width: float) -> bool:
    """Whether new ground beside a ring is more than a strip along one of its sides."""
    depth = float(ndimage.distance_transform_edt(seed).max())
    return 2.0 * depth >= least_width * math.sqrt(ring_px)


def _ring_around(
    lines_now: tuple[FloatArray, FloatArray],
    before: FloatArray,
    evidence: FloatArray,
    seed: BoolArray,
    joined: list[BoolArray],
    gsd_m: float,
    parameters: RingParameters,
) -> list[Polygon]:
    """The rings that the cut finds around a seed and the standing rings beside it."""
    strength, wide = lines_now
    level = float(np.percentile(evidence[seed], 80))
    share = np.clip(evidence / level, 0.0, 1.0)
    whole = seed.copy()
    for mask in joined:
        share[mask] = 1.0
        whole |= mask
    margin = round(parameters.margin_m / gsd_m)
    y, x = np.nonzero(whole)
    rows, columns = evidence.shape
    window = (
        slice(max(0, y.min() - margin - 3), min(rows, y.max() + margin + 4)),
        slice(max(0, x.min() - margin - 3), min(columns, x.max() + margin + 4)),
    )
    where = ndimage.binary_dilation(whole[window], iterations=margin)
    gain = np.asarray(
        (share[window] - parameters.outside_share) * (parameters.area_weight / math.sqrt(whole.sum())), np.float32
    )
    local = strength[:, window[0], window[1]]
    local_wide = np.ascontiguousarray(wide[:, window[0], window[1]])
    shortest = parameters.shortest_side_m / gsd_m
    lines = straight_lines(
        local, where, parameters.weakest_line, parameters.most_lines, parameters.weakest_line * shortest
    )
    least_px = parameters.least_area_m2 / gsd_m**2
    rings = []
    for part in enclose(local_wide, gain, lines, parameters.support, parameters.base_cost):
        if part.area < least_px or not bool((_mask(part, gain.shape) & whole[window]).any()):
            continue
        placed = shapely.affinity.translate(part, window[1].start, window[0].start)
        now, _ = ring_support(placed, strength, parameters)
        then, _ = ring_support(placed, before, parameters)
        if float((now - then).mean()) < parameters.least_new or _leaves(placed, seed, gsd_m, parameters):
            continue
        ring = _fitted(tidy(part, gsd_m, parameters), local_wide, gain, lines, gsd_m, parameters)
        if len(ring.exterior.coords) - 1 >= parameters.least_corners:
            rings.append(shapely.affinity.translate(ring, window[1].start, window[0].start))
    return rings


def _leaves(ring: Polygon, seed: BoolArray, gsd_m: float, parameters: RingParameters) -> bool:
    """Whether a ring may go on beyond the edge of the area."""
    edge = np.concatenate([seed[0], seed[-1], seed[:, 0], seed[:, -1]])
    margin_m = parameters.frame_m if edge.sum() < 4 else max(parameters.frame_m, 0.3 * math.sqrt(ring.area) * gsd_m)
    frame = shapely.box(-0.5, -0.5, seed.shape[1] - 0.5, seed.shape[0] - 0.5).exterior
    return bool(ring.distance(frame) * gsd_m < margin_m)


def _fitted(
    ring: Polygon,
    strength: FloatArray,
    gain: FloatArray,
    lines: list[Line],
    gsd_m: float,
    parameters: RingParameters,
) -> Polygon:
    energy = Energy(
        strength,
        np.cumsum(parameters.fit_weight * gain, axis=1, dtype=np.float64),
        parameters.support,
        parameters.base_cost,
        parameters.corner_cost,
    )
    return fit_outline(ring, energy, lines, parameters.snap_m / gsd_m)


def outline_mask(rings: list[Polygon], shape: tuple[int, ...]) -> BoolArray:
    """Pixels on the outlines of rings, bool (y, x)."""
    if not rings:
        return np.zeros(shape, bool)
    outlines = [ring.exterior for ring in rings]
    drawn = rasterize(outlines, out_shape=shape, transform=_PIXEL_CENTRES, dtype="uint8", all_touched=True)
    return np.asarray(drawn).astype(bool)


def _mask(ring: Polygon, shape: tuple[int, ...]) -> BoolArray:
    return np.asarray(rasterize([ring], out_shape=shape, transform=_PIXEL_CENTRES, dtype="uint8")).astype(bool)


def tidy(ring: Polygon, gsd_m: float, parameters: RingParameters) -> Polygon:
    """A ring without necks, notches and corners smaller than the shortest side; straight sides are kept."""
    reach = parameters.shortest_side_m / gsd_m / 2.0
    opened = ring.buffer(-reach, join_style="mitre").buffer(reach, join_style="mitre")
    closed = opened.buffer(reach, join_style="mitre").buffer(-reach, join_style="mitre")
    part = max(shapely.get_parts(closed), key=lambda piece: piece.area, default=ring)
    if part.is_empty or part.geom_type != "Polygon":
        part = ring
    simple = shapely.get_coordinates(part.exterior.simplify(0.8))
    return merged_sides(Polygon(simple), shortest_px=reach)


def merged_sides(ring: Polygon, shortest_px: float) -> Polygon:
    """A ring whose shortest sides have been replaced by the meeting of their neighbours, where that is near."""
    points = np.asarray(ring.exterior.coords)[:-1]
    while len(points) > 4:
        lengths = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
        index = int(lengths.argmin())
        if lengths[index] >= shortest_px:
            break
        rolled = np.roll(points, -index, axis=0)  # the short side runs from 0 to 1
        corner = _meeting(rolled[-1], rolled[0], rolled[1], rolled[2 % len(rolled)])
        middle = (rolled[0] + rolled[1]) / 2.0
        if corner is None or np.hypot(*(corner - middle)) > 2.0 * shortest_px:
            corner = middle
        points = np.vstack([corner, rolled[2:]])
    merged = Polygon(points)
    return merged if merged.is_valid and merged.area > 0 else ring


def steps(ring: Polygon) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Start and end of every side, float64 (side, 2), in pixel coordinates."""
    points = np.asarray(ring.exterior.coords, np.float64)[:, :2]
    return points[:-1], points[1:]


def ring_support(
    ring: Polygon, strength: FloatArray, parameters: RingParameters
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """How well each step along a ring is seen, 0 to 1, and the side to which the step belongs."""
    strengths, side = line_support(strength, *steps(ring))
    return support_share(strengths, *parameters.seen), side


def better(one: Polygon, other: Polygon, strength: FloatArray, parameters: RingParameters) -> bool:
    """Whether one ring is better held by lines than another.

    Unseen share of the sides, and a price for corners, against the gain in area: of two rings that are seen
    equally well the outer is the perimeter and the inner divides it.
    """

    def cost(ring: Polygon) -> float:
        strengths, _ = line_support(strength, *steps(ring))
        unseen = 1.0 - float(support_share(strengths, *parameters.support).mean())
        return unseen + parameters.corner_cost * (len(ring.exterior.coords) - 1) / ring.length

    return cost(one) < cost(other) + math.log(one.area / other.area)


def overlap(one: Polygon, other: Polygon) -> float:
    """Intersection over union."""
    union = one.union(other).area
    return float(one.intersection(other).area / union) if union else 0.0


def _meeting(
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
    c: npt.NDArray[np.float64],
    d: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64] | None:
    """Where the lines a-b and c-d meet; None where they are nearly parallel."""
    u, v = b - a, d - c
    cross = u[0] * v[1] - u[1] * v[0]
    if abs(cross) < 0.2 * np.hypot(*u) * np.hypot(*v):
        return None
    w = c - a
    return np.asarray(a + u * ((w[0] * v[1] - w[1] * v[0]) / cross))
