"""Which changed ground is one change: works that go on grow in place, new works are changes of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from detectors.evidence import PersistenceParameters, bleed_m
from detectors.extents import MARGIN_M, Edges, ExtentParameters, site_extent
from detectors.morphology import distance_squared, holes_filled, labelled, opened, widened, within
from detectors.pixel_history import PixelHistory
from detectors.settled import MEMORY
from geo.scene import BoolArray, FloatArray

# Sites this near to each other share a border: two pixels of 10 m, for the seam between two outlines.
SEAM_M = 30.0

# Ground that most of the last clear scenes show under plants, water or shade has nothing built on it.
COVERED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class WorksParameters:
    """When changed ground is construction, and when it is one construction.

    Attributes:
        core: Salience (change of structure and weighted gain of texture, in noise units) that the core of a site must
            reach when many scenes before and after it are known.
        doubt: Share of `core` that is asked for on top of it at the first sighting, half of that at the
            second, a third at the third: one look is weaker evidence than several.
        doubt_before: Likewise for the scenes before.
        gain_weight: Weight of the gain of texture beside the change of structure.
        least_gain: Gain of texture, in noise units, that the core must have.
        least_core_m2: Smallest core.
        core_share: Smallest share of a site's changed pixels that its core makes up.
        firm: Change of structure, in noise units, that single pixels of stable ground rarely reach.
        support_m: Weaker change belongs to a site if it is this near to firm change.
        least_area_m2: Smallest site.
        still_days: Ground taken later than this after the last growth is a change of its own.
        reach_m: Ground nearer than this to works that go on belongs to them.
        enclosed_share: Share of its surroundings that makes new ground infill of a site if the site holds it.
        least_extension_m2: New ground beside finished works that is smaller is infill too.
        notable_growth: Share of a site's area that new ground must have to count as its going on.
    """

    core: float = 9.0
    doubt: float = 2.0
    doubt_before: float = 0.5
    gain_weight: float = 0.25
    least_gain: float = 6.5
    least_core_m2: float = 300.0
    core_share: float = 0.03
    firm: float = 5.0
    support_m: float = 80.0
    least_area_m2: float = 900.0
    still_days: float = 90.0
    reach_m: float = 60.0
    enclosed_share: float = 0.5
    least_extension_m2: float = 2500.0
    notable_growth: float = 0.05


@dataclass(slots=True)
class Works:
    """Ground taken by one change.

    Attributes:
        ground: bool (y, x).
        first: Scene that shows it first.
        last_without: Last clear scene before.
        grown_at_day: Day of the last notable growth: the middle of its onset interval.
    """

    ground: BoolArray
    first: int
    last_without: int
    grown_at_day: float


@dataclass(frozen=True, slots=True)
class Changed:
    """Ground that has changed, and what is known of it; all (y, x).

    Attributes:
        ground: bool.
        core: bool, strong enough to hold a site together.
        strength: float32, mean evidence since the onset.
        onset: int, scene that the change began with.
        last_without: int, newest clear scene before.
        covered: bool, ground that can't have been taken.
    """

    ground: BoolArray
    core: BoolArray
    strength: FloatArray
    onset: npt.NDArray[np.int16]
    last_without: npt.NDArray[np.int16]
    covered: BoolArray

    def part(self, box: tuple[slice, slice], where: BoolArray) -> Changed:
        """A part of it: changed ground is only what is within a mask of the box."""
        return Changed(
            self.ground[box] & where,
            self.core[box] & where,
            self.strength[box],
            self.onset[box],
            self.last_without[box],
            self.covered[box],
        )


def find_works(
    history: PixelHistory,
    changed: BoolArray,
    days: Sequence[float],
    gsd_m: float,
    parameters: WorksParameters,
    extents: ExtentParameters,
    persistence: PersistenceParameters,
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
        sign: 1 for ground that gained texture, -1 for ground that lost it.
    """
    core = core_pixels(history, changed, sign, parameters)
    if not has_core(int(np.count_nonzero(core)), 0, gsd_m, parameters):
        return []
    firm = changed & (history.strength >= parameters.firm)
    supported = changed & within(firm, parameters.support_m / gsd_m)
    covered = np.asarray(history.covered >= COVERED_SHARE)
    whole = Changed(supported, core, history.strength, history.onset, history.last_without, covered)
    found: list[Works] = []
    for box, where in _neighbourhoods(supported, core, gsd_m, extents):
        part = whole.part(box, where)
        reach = bleed_m(part.strength, changed[box], extents.surroundings_m / gsd_m, persistence)
        for window, cluster, edges in _clusters(part, Edges(reach, part.covered), gsd_m, parameters, extents):
            for works in _replay(cluster, edges, days, gsd_m, parameters, extents):
                ground = np.zeros(changed.shape, bool)
                ground[box][window] = works.ground
                works.ground = ground
                found.append(works)
    return sorted(found, key=lambda works: (works.first, int(works.ground.argmax())))


def _neighbourhoods(
    changed: BoolArray, core: BoolArray, gsd_m: float, extents: ExtentParameters
) -> Iterator[tuple[tuple[slice, slice], BoolArray]]:
    """Parts of the ground that hold a core and know nothing of each other: boxes, and what of them belongs to it.

    Changed ground that gaps part from every core is left out: it can make up no site.
    """
    groups, count = labelled(within(changed, extents.gap_m / 2 / gsd_m))
    held = np.zeros(count + 1, bool)
    held[groups[core & changed]] = True
    held[0] = False
    room = holes_filled(within(held.take(groups), MARGIN_M / gsd_m))
    labels, _ = labelled(room)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        yield box, np.asarray(labels[box] == label)


def core_pixels(history: PixelHistory, changed: BoolArray, sign: int, parameters: WorksParameters) -> BoolArray:
    """Pixels whose change is strong enough, and of the right kind, to be construction.

    A step is a difference of two samples, so few scenes before it weaken it as few scenes after it do.
    """
    core = np.zeros(changed.shape, bool)
    gain = sign * history.gain[changed]
    few = parameters.doubt / np.maximum(history.seen[changed], 1)
    few += parameters.doubt_before / np.clip(history.count[changed], 1, MEMORY)
    salience = history.strength[changed] + parameters.gain_weight * gain
    core[changed] = (salience >= parameters.core * (1.0 + few)) & (gain >= parameters.least_gain)
    return core


def has_core(core: int, members: int, gsd_m: float, parameters: WorksParameters) -> bool:
    """Whether enough of a site's changed pixels are core."""
    return bool(core * gsd_m**2 >= parameters.least_core_m2 and core >= parameters.core_share * members)


def _clusters(
    part: Changed, edges: Edges, gsd_m: float, parameters: WorksParameters, extents: ExtentParameters
) -> Iterator[tuple[tuple[slice, slice], Changed, Edges]]:
    """Groups of sites that are within reach of each other, cut out with some room around them."""
    sites = np.zeros(part.ground.shape, bool)
    members = np.zeros(part.ground.shape, bool)
    for level in (0.0, parameters.firm):
        mask = part.ground & ~sites & (part.strength >= level)
        held = _holding(mask, part.core, gsd_m, parameters, extents, edges)
        sites |= held
        members |= mask & within(held, SEAM_M / gsd_m)
    groups, _ = labelled(within(sites, parameters.reach_m / 2 / gsd_m))
    margin = int(np.ceil(extents.gap_m / gsd_m))
    for label, (rows, columns) in enumerate(ndimage.find_objects(groups), start=1):
        box = (widened(rows, margin), widened(columns, margin))
        standing = members[box] & within(sites[box] & (groups[box] == label), SEAM_M / gsd_m)
        yield box, part.part(box, standing), edges[box]


def _holding(
    mask: BoolArray, core: BoolArray, gsd_m: float, parameters: WorksParameters, extents: ExtentParameters, edges: Edges
) -> BoolArray:
    """Extents of changed pixels of which enough are core."""
    extent = site_extent(mask, gsd_m, extents, edges)
    labels, count = labelled(extent)
    cores, members = (np.bincount(labels[part], minlength=count + 1) for part in (core, mask))
    holds = np.array([has_core(*pair, gsd_m, parameters) for pair in zip(cores, members, strict=True)])
    holds[0] = False
    return np.asarray(holds[labels])


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
    for onset in _steps(window, least):
        so_far = window.ground & (window.onset <= onset)
        fresh = _new_ground(site_extent(so_far, gsd_m, extents, edges) & whole, taken, gsd_m, extents)
        if not fresh.any():
            continue
        groups, count = labelled(within(fresh, parameters.reach_m / 2 / gsd_m))
        for label in range(1, count + 1):
            ground = fresh & (groups == label)
            member = ground & so_far
            alone = has_core((member & window.core).sum(), member.sum(), gsd_m, parameters)
            taken |= _take(works, _born(window, ground, onset, days), alone, gsd_m, parameters)
    _share_out(works, whole & ~taken, extents.gap_m / gsd_m)
    return [one for one in works if one.ground.sum() >= least]


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
    bordering = beside[labels]
    return (added & ~bordering) | opened(bordering, extents.narrowest_m / 2 / gsd_m)


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
        host = max(neighbours, key=lambda one: int((one.ground & near).sum()))
        host.ground = host.ground | new.ground
    elif alone:
        works.append(new)
    else:
        return np.zeros_like(new.ground)
    return new.ground


def _join(works: list[Works], new: Works, going_on: list[Works], parameters: WorksParameters) -> None:
    """Works that new ground brings together are one from then on: the eldest of them."""
    eldest = min(going_on, key=lambda one: one.first)
    if new.ground.sum() >= parameters.notable_growth * eldest.ground.sum():
        eldest.grown_at_day = new.grown_at_day
    others = [one for one in going_on if one is not eldest]
    for one in (*others, new):
        eldest.ground = eldest.ground | one.ground
    works[:] = [one for one in works if not any(one is other for other in others)]


def _is_infill(neighbours: list[Works], new: Works, gsd_m: float, parameters: WorksParameters) -> bool:
    if new.ground.sum() * gsd_m**2 < parameters.least_extension_m2:
        return True
    around = within(new.ground, SEAM_M / gsd_m) & ~new.ground
    held = np.logical_or.reduce([one.ground for one in neighbours])
    return bool((around & held).sum() >= parameters.enclosed_share * around.sum())


def _share_out(works: list[Works], rest: BoolArray, reach: float) -> None:
    """Give what is left over (seams, strips too narrow to be sites) to the works beside it."""
    if not works or not rest.any():
        return
    distance = np.stack([distance_squared(one.ground, int(reach)) for one in works])
    nearest = distance.argmin(axis=0)
    for number, one in enumerate(works):
        one.ground = one.ground | (rest & (nearest == number) & (distance[number] <= reach**2))
