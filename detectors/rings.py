"""Rings: closed straight-sided outlines found in line strength, snapped to it and measured on their sides."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
import shapely.affinity
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.enclosures import enclose, surroundedness
from detectors.hough import Line, straight_lines
from detectors.lines import VOTE, Strength
from detectors.outline import Energy, fit_outline
from detectors.perimeter_parameters import RingParameters
from detectors.ring_looks import Looks
from detectors.ring_shapes import ring_mask, steps, tidy
from detectors.side_support import beside, line_support, support_share
from geo.scene import BoolArray, FloatArray


def coarse_step(gsd_m: float) -> int:
    """Pixels per pixel of the coarse grid on which enclosed places are sought."""
    return max(1, round(20.0 / gsd_m))


def coarsened(image: npt.NDArray[np.generic], step: int) -> npt.NDArray[np.generic]:
    """The greatest of each block of pixels; blocks at the far edges are filled up by repetition."""
    rows, columns = image.shape
    filled = np.pad(image, ((0, -rows % step), (0, -columns % step)), mode="edge")
    return np.asarray(filled.reshape(filled.shape[0] // step, step, -1, step).max(axis=(1, 3)))


def block_means(image: FloatArray, step: int) -> FloatArray:
    """The mean of each block of pixels, blocks as in `coarsened`."""
    rows, columns = image.shape
    filled = np.pad(image, ((0, -rows % step), (0, -columns % step)), mode="edge")
    return np.asarray(filled.reshape(filled.shape[0] // step, step, -1, step).mean(axis=(1, 3)), np.float32)


def inside_evidence(
    new_lines: Strength, standing: BoolArray, new_structure: FloatArray, gsd_m: float, parameters: RingParameters
) -> FloatArray | None:
    """Evidence that a place lies inside a new enclosure: new lines on all sides, and new structure.

    Args:
        new_lines: uint8 (y, x): gain in line strength, greatest over the directions.
        standing: bool (y, x): outlines of enclosures already known, which bar the view like new lines.
        new_structure: float32 (y, x) on the coarse grid: logarithm of the growth of local contrast.
        gsd_m: Pixel size, metres.
        parameters: Of the search.

    Returns:
        float32 (y, x), about 0 in unchanged country and 1 inside; None where no place can be worth a look.
    """
    step = coarse_step(gsd_m)
    gain = coarsened(new_lines, step).astype(np.float32) / np.float32(VOTE)
    barriers = support_share(gain, *parameters.newness)
    barriers[coarsened(standing, step).astype(bool)] = 1.0
    around = surroundedness(barriers, round(parameters.reach_m / gsd_m / step))
    evidence = (
        around
        - max(float(np.median(around)), parameters.open_country)
        + parameters.built_weight * np.clip(new_structure, -0.4, 1.0)
    )
    evidence = ndimage.gaussian_filter(evidence, 15.0 / gsd_m / step)
    if evidence.max() <= parameters.seed_evidence:
        return None
    rows, columns = new_lines.shape
    fine = ndimage.zoom(evidence, step, order=1, grid_mode=True, mode="nearest")
    return np.asarray(fine[:rows, :columns], np.float32)


def find_rings(
    lines_now: tuple[Strength, Strength, Strength],
    evidence: FloatArray,
    standing: Sequence[Polygon],
    gsd_m: float,
    parameters: RingParameters,
    around: Polygon | None = None,
    looks: Looks | None = None,
) -> list[Polygon]:
    """Outlines around the places that look enclosed, each fitted to the lines nearby.

    A place beside a ring that already stands is enclosed together with it, so that an extension is found
    as the whole ring after it.

    Args:
        lines_now: uint8 (orientation, y, x) in 1/127: line strength now, before, and what is new of it.
        evidence: From `inside_evidence`.
        standing: Rings already known; nothing is sought inside them.
        around: Look at places that touch this polygon alone.
        looks: Places looked at in earlier scenes, which are left out while they show nothing new.
        gsd_m: Pixel size, metres.
        parameters: Of the search.

    Returns:
        Polygons in pixel coordinates, 0 at the centre of the first pixel.
    """
    known = [ring_mask(ring, evidence.shape) for ring in standing]
    taken = np.any(known, axis=0) if known else np.zeros(evidence.shape, bool)
    rim = max(1, round(20.0 / gsd_m))
    seeds = (evidence > parameters.seed_evidence) & ~ndimage.binary_dilation(taken, iterations=rim)
    labels, _ = ndimage.label(ndimage.binary_opening(seeds, iterations=rim))
    wanted = None if around is None else ring_mask(around, evidence.shape)
    rings: list[Polygon] = []
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
        if looks is not None and not looks.worth(seed, evidence):
            continue
        rings += _ring_around(lines_now, evidence, seed, joined, gsd_m, parameters)
    return rings


def _wide(seed: BoolArray, ring_px: int, least_width: float) -> bool:
    """Whether new ground beside a ring is more than a strip along one of its sides."""
    depth = float(ndimage.distance_transform_edt(seed).max())
    return 2.0 * depth >= least_width * math.sqrt(ring_px)


def _ring_around(
    lines_now: tuple[Strength, Strength, Strength],
    evidence: FloatArray,
    seed: BoolArray,
    joined: list[BoolArray],
    gsd_m: float,
    parameters: RingParameters,
) -> list[Polygon]:
    """The rings that the cut finds around a seed and the standing rings beside it."""
    strength, before, fresh = lines_now
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
    local = np.asarray(strength[:, window[0], window[1]] / VOTE, np.float32)
    local_wide = beside(local)
    shortest = parameters.shortest_side_m / gsd_m
    lines = straight_lines(
        local, where, parameters.weakest_line, parameters.most_lines, parameters.weakest_line * shortest
    )
    least_px = parameters.least_area_m2 / gsd_m**2
    parts, merit = [], []
    for part in enclose(local_wide, gain, lines, parameters.support, parameters.base_cost, parameters.cut_weights):
        if part.area < least_px or not bool((ring_mask(part, gain.shape) & whole[window]).any()):
            continue
        placed = shapely.affinity.translate(part, window[1].start, window[0].start)
        gained, stands_out = _newly_seen(placed, strength, before, parameters)
        if gained >= parameters.least_new and not _leaves(placed, seed, gsd_m, parameters):
            parts.append(part)
            merit.append(stands_out)
    # An outline may follow older lines too, but what is new says more; which is right, later scenes tell.
    along = _along(joined, whole.shape)[window]
    discounted = np.where(along, 1.0, parameters.old_line_weight).astype(np.float32) * local
    newer = beside(np.maximum(discounted, np.asarray(fresh[:, window[0], window[1]] / VOTE, np.float32)))
    rings: list[Polygon] = []
    for part in [parts[k] for k in np.argsort(merit)[: -1 - parameters.most_fits : -1]]:
        start = tidy(part, gsd_m, parameters)
        for held in (local_wide, newer):
            ring = shapely.affinity.translate(
                _fitted(start, held, gain, lines, gsd_m, parameters), window[1].start, window[0].start
            )
            if len(ring.exterior.coords) - 1 >= parameters.least_corners:
                rings.append(ring)
    return rings


def _along(joined: list[BoolArray], shape: tuple[int, ...]) -> BoolArray:
    """Pixels on and beside the outlines of standing rings."""
    near = np.zeros(shape, bool)
    for mask in joined:
        near |= ndimage.binary_dilation(mask, iterations=2) & ~ndimage.binary_erosion(mask, iterations=3)
    return near


def _newly_seen(ring: Polygon, strength: Strength, before: Strength, parameters: RingParameters) -> tuple[float, float]:
    """Mean gain in visibility along a ring, and how far that stands out of what chance gives on its length."""
    now, _ = ring_support(ring, strength, parameters)
    then, _ = ring_support(ring, before, parameters)
    gain = float((now - then).mean())
    return gain, gain * math.sqrt(ring.length)


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


def ring_support(
    ring: Polygon, strength: Strength, parameters: RingParameters
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """How well each step along a ring is seen, 0 to 1, and the side to which the step belongs."""
    strengths, side = line_support(strength, *steps(ring))
    return support_share(strengths, *parameters.seen), side
