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

from detectors.directional import between_blocks, local_median
from detectors.enclosures import enclose, surroundedness
from detectors.hough import Line, straight_lines
from detectors.line_strength import FULL, Strength, beside
from detectors.morphology import widened
from detectors.outline import Energy, fit_outline
from detectors.perimeter_parameters import RingParameters
from detectors.ring_shapes import ring_mask, steps, tidy
from detectors.side_support import line_support, support_share
from geo.scene import BoolArray, FloatArray

_STEP_PX = 3  # apart from which it is asked how far a place is surrounded
_RIM_PX = 2  # along standing rings, whose own lines are no new ones


def inside_evidence(
    new_lines: npt.NDArray[np.uint8],
    standing: BoolArray,
    new_structure: FloatArray,
    clear: BoolArray,
    gsd_m: float,
    parameters: RingParameters,
) -> FloatArray:
    """Evidence that a place lies inside a new enclosure: new lines on all sides, and new structure.

    Args:
        new_lines: uint8 (y, x): gain in line strength, the greatest over the orientations.
        standing: bool (y, x): outlines of enclosures already known, which bar the view like new lines.
        new_structure: float32 (y, x): logarithm of the growth of local contrast.
        clear: bool (y, x): ground that is compared.
        gsd_m: Pixel size, metres.
        parameters: Of the search.

    Returns:
        float32 (y, x), about 0 in unchanged country and 1 inside.
    """
    barriers = support_share(np.asarray(new_lines / FULL, np.float32), *parameters.newness)
    barriers[standing] = 1.0
    coarse = ndimage.maximum_filter(barriers, size=_STEP_PX, origin=_STEP_PX // 2 - _STEP_PX + 1)
    view = surroundedness(
        np.ascontiguousarray(coarse[::_STEP_PX, ::_STEP_PX]), round(parameters.reach_m / gsd_m / _STEP_PX)
    )
    usual = local_median(
        np.where(clear[::_STEP_PX, ::_STEP_PX], view, np.float32(np.nan)),
        round(parameters.country_m / gsd_m / _STEP_PX),
    )
    around = np.empty(barriers.shape, np.float32)
    between_blocks(view - np.fmax(usual, np.float32(parameters.open_country)), _STEP_PX, 0, 0, around)
    evidence = around + parameters.built_weight * np.clip(new_structure, -0.4, 1.0)
    return np.asarray(ndimage.gaussian_filter(evidence, _STEP_PX / 2.0), np.float32)


def find_rings(
    strength: Strength,
    before: Strength,
    evidence: FloatArray,
    standing: Sequence[Polygon],
    gsd_m: float,
    parameters: RingParameters,
    around: Polygon | None = None,
    rested: BoolArray | None = None,
) -> list[Polygon]:
    """Outlines around the places that look enclosed, each fitted to the lines nearby.

    A place beside a ring that already stands is enclosed together with it, so that an extension is found
    as the whole ring after it.

    Args:
        strength: uint8 (orientation, y, x): line strength now.
        before: The same before.
        evidence: From `inside_evidence`.
        standing: Rings already known; nothing is sought inside them.
        around: Look at places that touch this polygon alone.
        rested: bool (y, x): ground that may be looked at; where a place has been looked at, it is taken out of it.
        gsd_m: Pixel size, metres.
        parameters: Of the search.

    Returns:
        Polygons in pixel coordinates, 0 at the centre of the first pixel.
    """
    known = [ring_mask(ring, evidence.shape) for ring in standing]
    taken = np.any(known, axis=0) if known else np.zeros(evidence.shape, bool)
    seeds = evidence > parameters.seed_evidence
    if not seeds.any():
        return []
    if known:
        seeds &= ~ndimage.binary_dilation(taken, iterations=_RIM_PX)
    labels = np.zeros(seeds.shape, np.int32)
    for box in ndimage.find_objects(seeds.view(np.uint8)):  # one at most, around all of them
        labels[box], _ = ndimage.label(ndimage.binary_opening(seeds[box], iterations=_RIM_PX))
    wanted = None if around is None else ring_mask(around, evidence.shape)
    rings: list[Polygon] = []
    wide: Strength | None = None
    for index, window in enumerate(ndimage.find_objects(labels)):
        here = labels[window] == index + 1
        if int(here.sum()) * gsd_m**2 < parameters.least_area_m2:
            continue
        if wanted is not None and not (wanted[window] & here).any():
            continue
        if rested is not None:
            if rested[window][here].mean() < parameters.least_rested:
                continue
            rested[window][here] = False
        seed = labels == index + 1
        wider = tuple(widened(part, 2 * _RIM_PX) for part in window)
        near = ndimage.binary_dilation(seed[wider], iterations=2 * _RIM_PX)
        joined = [mask for mask in known if (mask[wider] & near).any()]
        if joined and not _wide(seed[wider], sum(int(mask.sum()) for mask in joined), parameters.least_width):
            continue
        wide = beside(strength) if wide is None else wide
        rings += _ring_around((strength, wide), before, evidence, seed, joined, gsd_m, parameters)
    return rings


def _wide(seed: BoolArray, ring_px: int, least_width: float) -> bool:
    """Whether new ground beside a ring is more than a strip along one of its sides."""
    depth = float(ndimage.distance_transform_edt(seed).max())
    return 2.0 * depth >= least_width * math.sqrt(ring_px)


def _ring_around(
    lines_now: tuple[Strength, Strength],
    before: Strength,
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
    local = np.ascontiguousarray(strength[:, window[0], window[1]])
    local_wide = np.ascontiguousarray(wide[:, window[0], window[1]])
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
    rings = [
        shapely.affinity.translate(
            fitted(tidy(part, gsd_m, parameters), local_wide, gain, lines, gsd_m, parameters),
            window[1].start,
            window[0].start,
        )
        for part in [parts[k] for k in np.argsort(merit)[: -1 - parameters.most_fits : -1]]
    ]
    return [ring for ring in rings if len(ring.exterior.coords) - 1 >= parameters.least_corners]


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


def fitted(
    ring: Polygon,
    strength: Strength,
    inside: FloatArray,
    lines: Sequence[Line],
    gsd_m: float,
    parameters: RingParameters,
) -> Polygon:
    """A ring fitted to line strength and to evidence for inside.

    Args:
        ring: Where to start, in pixel coordinates.
        strength: uint8 (orientation, y, x) from `detectors.line_strength.beside`.
        inside: float32 (y, x): evidence for inside, in pixels of unseen side.
        lines: Straight lines that may take the place of sides.
        gsd_m: Pixel size, metres.
        parameters: Of the search.
    """
    energy = Energy(
        strength,
        np.cumsum(parameters.fit_weight * inside, axis=1, dtype=np.float64),
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
