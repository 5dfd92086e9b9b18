"""Which changed ground is one change: works that go on grow in place, new works are changes of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.components import labelled, spread_out
from detectors.evidence import PersistenceParameters, bleed_m
from detectors.extents import Edges, ExtentParameters, site_extent
from detectors.lone import LoneParameters
from detectors.morphology import bounds, distance_squared, opened, within
from detectors.pixel_history import PixelHistory
from detectors.sites import SEAM_M, Changed, clusters, core_pixels, has_core, neighbourhoods
from detectors.works_parameters import WorksParameters
from geo.scene import BoolArray, FloatArray

# Ground that most of the last clear scenes show under plants, water or shade has nothing built on it.
COVERED_SHARE = 0.5


@dataclass(slots=True)
class Works:
    """Ground taken by one change.

    Attributes:
        ground: bool (y, x).
        first: Scene that shows it first.
        last_without: Last clear scene before.
        grown_at_day: Day of the last notable growth: the middle of its onset interval.
        salience: What the smallest core that holds it reaches of what a core is asked for (`core_pixels`), noise units.
    """

    ground: BoolArray
    first: int
    last_without: int
    grown_at_day: float
    salience: float = 0.0


def find_works(
    history: PixelHistory,
    changed: BoolArray,
    days: Sequence[float],
    gsd_m: float,
    parameters: WorksParameters,
    extents: ExtentParameters,
    persistence: PersistenceParameters,
    lone: LoneParameters,
    sign: int = 1,
) -> list[Works]:
    """The sites that standing changes make up, each with its onset, ascending by onset.

    Args:
        history: Pixels after the newest scene.
        changed: bool (y, x), the standing changes to consider.
        days: Acquisition of each scene, days.
        gsd_m: Pixel size, m.
        parameters: What counts as a site.
        extents: How sites are outlined.
        persistence: What the evidence was pooled with, for how far it reaches beyond its cause.
        lone: What a building looks like that stands alone.
        sign: 1 for ground that gained texture, -1 for ground that lost it.
    """
    changed = changed & (history.structure >= persistence.member)
    if _area(changed) * gsd_m**2 < parameters.least_core_m2:
        return []
    firm = changed & (history.strength >= parameters.firm)
    core, alone, salience = core_pixels(history, changed, firm, sign, gsd_m, parameters, extents, lone)
    if not has_core(_area(core), 0, gsd_m, parameters):
        return []
    supported = changed & within(firm, parameters.support_m / gsd_m)
    covered = np.asarray(history.covered >= COVERED_SHARE)
    whole = Changed(supported, core, alone, history.strength, history.onset, history.last_without, covered)
    found: list[Works] = []
    for box, where in neighbourhoods(supported, core, gsd_m, extents):
        part = whole.part(box, where)
        reach = bleed_m(part.strength, changed[box], extents.surroundings_m / gsd_m, persistence)
        for window, cluster, edges in clusters(part, Edges(reach, part.covered), gsd_m, parameters, extents):
            for works in _replay(cluster, edges, days, gsd_m, parameters, extents):
                ground = np.zeros(changed.shape, bool)
                ground[box][window] = works.ground
                works.ground = ground
                works.salience = _held_by(salience[ground], parameters.least_core_m2 / gsd_m**2)
                found.append(works)
    return sorted(found, key=lambda works: (works.first, int(works.ground.argmax())))


def _replay(
    window: Changed,
    edges: Edges,
    days: Sequence[float],
    gsd_m: float,
    parameters: WorksParameters,
    extents: ExtentParameters,
) -> list[Works]:
    """Take the ground onset by onset, as it was taken."""
    works: list[Works] = []
    taken = np.zeros(window.ground.shape, bool)
    whole = site_extent(window.ground, gsd_m, extents, edges)
    least = parameters.least_area_m2 / gsd_m**2
    steps = _steps(window, least)
    for onset in steps:
        so_far = window.ground & (window.onset <= onset)
        extent = whole if onset == steps[-1] else site_extent(so_far, gsd_m, extents, edges) & whole
        fresh = _new_ground(extent, taken, gsd_m, extents)
        if not fresh.any():
            continue
        groups, count = labelled(within(fresh, parameters.reach_m / 2 / gsd_m))
        for label in range(1, count + 1):
            ground = fresh & (groups == label)
            member = ground & so_far
            alone = has_core(_area(member & window.core), _area(member), gsd_m, parameters)
            taken |= _take(works, _born(window, ground, onset, days), alone, gsd_m, parameters)
    _share_out(works, whole & ~taken, extents.gap_m / gsd_m)
    return [one for one in works if _area(one.ground) >= least]


def _held_by(salience: FloatArray, least_px: float) -> float:
    """The salience of the weakest pixel of the smallest, strongest core."""
    at = min(max(math.ceil(least_px), 1), salience.size)
    return float(np.partition(salience, -at)[-at])


def _area(mask: BoolArray) -> int:
    return int(np.count_nonzero(mask))


def _steps(window: Changed, least: float) -> list[int]:
    """Onsets that ground is taken at: single pixels wait until there are enough of them for the smallest site."""
    onsets, counts = np.unique(window.onset[window.ground], return_counts=True)
    steps, waiting = [], 0
    for onset, count in zip(onsets.tolist(), counts.tolist(), strict=True):
        waiting += count
        if waiting >= least or onset == onsets[-1]:
            steps.append(onset)
            waiting = 0
    return steps


def _new_ground(extent: BoolArray, taken: BoolArray, gsd_m: float, extents: ExtentParameters) -> BoolArray:
    """What an extent adds to the ground already taken, without the slivers along the border between the two."""
    added = extent & ~taken
    if not taken.any():
        return added
    labels, count = labelled(added)
    beside = np.zeros(count + 1, bool)
    beside[labels[within(taken, SEAM_M / gsd_m)]] = True
    beside[0] = False
    bordering = spread_out(beside, labels)
    if not bordering.any():
        return added
    return np.asarray((added & ~bordering) | opened(bordering, extents.narrowest_m / 2 / gsd_m))


def _born(window: Changed, ground: BoolArray, onset: int, days: Sequence[float]) -> Works:
    began = ground & window.ground & (window.onset == onset)
    before = window.last_without[began]
    last_without = int(np.median(before)) if before.size else onset - 1
    return Works(ground, onset, last_without, (days[last_without] + days[onset]) / 2)


def _take(works: list[Works], new: Works, alone: bool, gsd_m: float, parameters: WorksParameters) -> BoolArray:
    """New ground joins the works within reach that go on, fills in finished ones, or is a change of its own.

    Returns the ground taken: none if it isn't strong enough to stand alone and nothing holds it.
    """
    near = within(new.ground, parameters.reach_m / gsd_m)
    neighbours = [one for one in works if (one.ground & near).any()]
    going_on = [one for one in neighbours if new.grown_at_day - one.grown_at_day <= parameters.still_days]
    if going_on:
        _join(works, new, going_on, parameters)
    elif neighbours and _is_infill(neighbours, new, gsd_m, parameters):
        host = max(neighbours, key=lambda one: _area(one.ground & near))
        host.ground = host.ground | new.ground
    elif alone:
        works.append(new)
    else:
        return np.zeros_like(new.ground)
    return new.ground


def _join(works: list[Works], new: Works, going_on: list[Works], parameters: WorksParameters) -> None:
    """Works that new ground brings together are one from then on: the eldest of them."""
    eldest = min(going_on, key=lambda one: one.first)
    if _area(new.ground) >= parameters.notable_growth * _area(eldest.ground):
        eldest.grown_at_day = new.grown_at_day
    others = [one for one in going_on if one is not eldest]
    for one in (*others, new):
        eldest.ground = eldest.ground | one.ground
    works[:] = [one for one in works if not any(one is other for other in others)]


def _is_infill(neighbours: list[Works], new: Works, gsd_m: float, parameters: WorksParameters) -> bool:
    if _area(new.ground) * gsd_m**2 < parameters.least_extension_m2:
        return True
    around = within(new.ground, SEAM_M / gsd_m) & ~new.ground
    held = np.logical_or.reduce([one.ground for one in neighbours])
    return bool(_area(around & held) >= parameters.enclosed_share * _area(around))


def _share_out(works: list[Works], rest: BoolArray, reach: float) -> None:
    """Give what is left over (seams, strips too narrow to be sites) to the works beside it."""
    if not works or not rest.any():
        return
    box = bounds(rest, int(reach) + 1)
    distance = np.stack([distance_squared(one.ground[box], int(reach)) for one in works])
    nearest = distance.argmin(axis=0)
    for number, one in enumerate(works):
        one.ground = one.ground.copy()
        one.ground[box] |= rest[box] & (nearest == number) & (distance[number] <= reach**2)
