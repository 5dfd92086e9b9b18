"""Where changed ground may be construction: strong change, what belongs to it, and the places that it makes up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.components import boxes, holes_filled, labelled, spread_out
from detectors.extents import MARGIN_M, Edges, ExtentParameters, site_extent, strips
from detectors.lone import LoneParameters, lone_cores
from detectors.morphology import widened, within
from detectors.pixel_history import PixelHistory
from detectors.settled import MEMORY
from detectors.works_parameters import WorksParameters
from geo.scene import BoolArray, FloatArray

# Sites this near to each other share a border: two pixels of 10 m, for the seam between two outlines.
SEAM_M = 30.0


@dataclass(frozen=True, slots=True)
class Changed:
    """Ground that has changed, and what is known of it; all (y, x).

    Attributes:
        ground: bool.
        core: bool, strong enough to hold a site together.
        lone: bool, the ground of lone buildings, as far as their own evidence reaches.
        strength: float32, mean evidence since the onset.
        onset: int, scene that the change began with.
        last_without: int, newest clear scene before.
        covered: bool, ground that can't have been taken.
    """

    ground: BoolArray
    core: BoolArray
    lone: BoolArray
    strength: FloatArray
    onset: npt.NDArray[np.int16]
    last_without: npt.NDArray[np.int16]
    covered: BoolArray

    def part(self, box: tuple[slice, slice], where: BoolArray) -> Changed:
        """A part of it: changed ground is only what is within a mask of the box."""
        return Changed(
            self.ground[box] & where,
            self.core[box] & where,
            self.lone[box] & where,
            self.strength[box],
            self.onset[box],
            self.last_without[box],
            self.covered[box],
        )


def neighbourhoods(
    changed: BoolArray, core: BoolArray, gsd_m: float, extents: ExtentParameters
) -> Iterator[tuple[tuple[slice, slice], BoolArray]]:
    """Parts of the ground that hold a core and know nothing of each other: boxes, and what of them belongs to it.

    Changed ground that gaps part from every core is left out: it can make up no site.
    """
    groups, count = labelled(within(changed, extents.gap_m / 2 / gsd_m))
    held = np.zeros(count + 1, bool)
    held[groups[core & changed]] = True
    held[0] = False
    room = holes_filled(within(spread_out(held, groups), MARGIN_M / gsd_m))
    labels, count = labelled(room)
    for label, box in enumerate(boxes(labels, count), start=1):
        yield box, np.asarray(labels[box] == label)


def core_pixels(
    history: PixelHistory,
    changed: BoolArray,
    firm: BoolArray,
    sign: int,
    gsd_m: float,
    parameters: WorksParameters,
    extents: ExtentParameters,
    lone: LoneParameters,
) -> tuple[BoolArray, BoolArray, FloatArray]:
    """Pixels whose change is strong enough, and of the right kind, to be construction, bool (y, x).

    With them, the ground of lone buildings: what their own evidence reaches, bool (y, x). And how salient those pixels
    are beside `parameters.core`, by what is asked of each, float32 (y, x), noise units, 0 elsewhere: fewer scenes take
    from it, and what is asked of lone buildings counts as much as what is asked of others.

    Args:
        history: Pixels after the newest scene.
        changed: bool (y, x), the standing changes to consider.
        firm: bool (y, x), those of them that single pixels of stable ground rarely reach.
        sign: 1 for ground that gained texture, -1 for ground that lost it.
        gsd_m: Pixel size, m.
        parameters: What is strong enough.
        extents: How narrow a road is.
        lone: What a building looks like that stands alone.
    """
    share = _salience(history, changed, sign, parameters)
    core = np.asarray((share >= 1.0) & (sign * history.gain >= parameters.least_gain))
    if core.any():
        core &= ~strips(firm, gsd_m, extents)
    if sign < 0:
        return core, np.zeros_like(core), _where(core, share * parameters.core)
    least_px = parameters.least_core_m2 / gsd_m**2
    lone_core = lone_cores(history, changed, firm, share, least_px, gsd_m, lone)
    salience = np.where(lone_core, share / lone.core, share) * parameters.core
    core |= lone_core
    return core, within(lone_core, lone.own_m / gsd_m), _where(core, salience)


def _where(mask: BoolArray, values: npt.NDArray[np.floating]) -> FloatArray:
    return np.where(mask, values, 0.0).astype(np.float32)


def _salience(history: PixelHistory, changed: BoolArray, sign: int, parameters: WorksParameters) -> FloatArray:
    """How salient changed pixels are, as a share of what a core must have, float32 (y, x); 0 elsewhere.

    A step is a difference of two samples, so few scenes before it weaken it as few scenes after it do.
    """
    share = np.zeros(changed.shape, np.float32)
    few = parameters.doubt / np.maximum(history.seen[changed], 1)
    few += parameters.doubt_before / np.clip(history.count[changed], 1, MEMORY)
    salience = history.strength[changed] + parameters.gain_weight * sign * history.gain[changed]
    share[changed] = salience / (parameters.core * (1.0 + few))
    return share


def has_core(core: int, members: int, gsd_m: float, parameters: WorksParameters) -> bool:
    """Whether enough of a site's changed pixels are core."""
    return bool(core * gsd_m**2 >= parameters.least_core_m2 and core >= parameters.core_share * members)


def clusters(
    part: Changed, edges: Edges, gsd_m: float, parameters: WorksParameters, extents: ExtentParameters
) -> Iterator[tuple[tuple[slice, slice], Changed, Edges]]:
    """Groups of sites that are within reach of each other, cut out with some room around them.

    What nothing holds is tried again without its weakest ground, and at last lone buildings each by itself: a track
    beside one would take it along.
    """
    sites = np.zeros(part.ground.shape, bool)
    members = np.zeros(part.ground.shape, bool)
    for kind in (part.ground, part.strength >= parameters.firm, part.lone):
        mask = part.ground & kind & ~sites
        held = _holding(mask, part.core, gsd_m, parameters, extents, edges)
        sites |= held
        members |= mask & within(held, SEAM_M / gsd_m)
    groups, count = labelled(within(sites, parameters.reach_m / 2 / gsd_m))
    margin = int(np.ceil(extents.gap_m / gsd_m))
    for label, (rows, columns) in enumerate(boxes(groups, count), start=1):
        box = (widened(rows, margin), widened(columns, margin))
        standing = members[box] & within(sites[box] & (groups[box] == label), SEAM_M / gsd_m)
        yield box, part.part(box, standing), edges[box]


def _holding(
    mask: BoolArray, core: BoolArray, gsd_m: float, parameters: WorksParameters, extents: ExtentParameters, edges: Edges
) -> BoolArray:
    """Extents of changed pixels of which enough are core."""
    core = core & mask
    if not has_core(int(np.count_nonzero(core)), 0, gsd_m, parameters):
        return np.zeros(mask.shape, bool)
    extent = site_extent(mask, gsd_m, extents, edges)
    labels, count = labelled(extent)
    cores, members = (np.bincount(labels[part], minlength=count + 1) for part in (core, mask))
    holds = np.array([has_core(*pair, gsd_m, parameters) for pair in zip(cores, members, strict=True)])
    holds[0] = False
    return spread_out(holds, labels)
