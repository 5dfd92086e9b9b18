"""Which of many possible outlines stand: one story for every place, however the outlines were come by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
from shapely.geometry import Polygon

from detectors.alignment import leaning, main_direction
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_shapes import adjoins
from detectors.ring_tracks import Onset, Outline, onset
from geo.scene import BoolArray

_LEANS = np.radians(1.0)  # a side that leans further has a direction of its own
_SEVERAL = 3  # scenes, from which on a ring has to stand on its own


@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """A ring as it stood from its onset on.

    Attributes:
        outline: The ring.
        onset: When it, or for an extension its new sides, appeared.
        extends: The ring that it is an extension of; None for a new one.
    """

    outline: Outline
    onset: Onset
    extends: Polygon | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Weighed:
    """An outline with what speaks for it.

    Attributes:
        outline: The ring.
        merit: What it explains; minus infinity where it never appears.
        onset: When it appeared; None where that is no more than chance, or didn't last.
    """

    outline: Outline
    merit: float
    onset: Onset | None


#: Stages of one place, ascending in time and area; the last of them is what stands.
Chain = tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """How rings are chosen from the outlines that were found.

    Attributes:
        parameters: Of the detector.
        gsd_m: Pixel size, metres.
        acquired: When each scene was acquired.
    """

    parameters: PerimeterParameters
    gsd_m: float
    acquired: Sequence[datetime]

    def dated(self, outline: Outline, chosen: BoolArray | None = None) -> Onset | None:
        """When an outline, or some pieces of it, appeared; None where that isn't more than chance, or didn't last."""
        chosen = np.ones(outline.seen.shape[1], bool) if chosen is None else chosen
        return self._surely(outline, onset(outline.visibility(chosen, self.parameters.least_clear)), chosen)

    def _surely(self, outline: Outline, found: Onset | None, chosen: BoolArray) -> Onset | None:
        if found is None or not self.holds(found, float(outline.lengths[chosen].sum())):
            return None
        if found.looks_before > 1:
            return found
        # One scene before can't be told from season, but where building goes on inside and the ring is always seen.
        built = outline.built(found) >= self.parameters.least_built
        return found if built and found.persistence >= self.parameters.least_persistence_alone else None

    def holds(self, dated: Onset, length_px: float, least_after: float | None = None) -> bool:
        """Whether a step in visibility is more than chance, and lasts."""
        limits = self.parameters
        if length_px == 0.0:
            return False
        # Chance alone moves the visibility of short rings further than that of long ones.
        chance = limits.chance_gain * np.sqrt(100.0 / max(length_px * self.gsd_m, 100.0))
        least = limits.least_visibility if least_after is None else least_after
        return bool(
            dated.after >= least
            and dated.after - dated.before >= limits.least_gain + chance
            and min(dated.persistence, dated.purity) >= limits.least_persistence
        )

    def merit(self, outline: Outline, dated: Onset) -> float:
        """What an outline explains: newly seen pixels beyond what chance gives, less what it costs to say so.

        That is its corners, its leaning sides, and what an empty ring owes.
        """
        rings = self.parameters.rings
        worth = outline.gains(dated) * (1.0 - rings.road_discount * outline.goes_on.clip(0.0)) - rings.chance_share
        points = np.asarray(outline.ring.exterior.coords, np.float64)[:-1]
        free = np.abs(leaning(points, main_direction(points))) > _LEANS
        shape = rings.corner_merit * len(points) + rings.lean_merit * int(free.sum())
        return float((worth @ outline.lengths).max()) - shape - self._owed(outline, dated)

    def _owed(self, outline: Outline, dated: Onset) -> float:
        """Newly seen pixels of side that a ring has to show beyond chance where little has been built inside.

        Ground between roads that cross is empty too, so there what goes on past a corner counts less still.
        """
        empty = 1.0 - min(max(outline.built(dated), 0.0), 1.0)
        roads = self.parameters.rings.road_discount * outline.goes_on.clip(0.0)
        return float(empty * outline.lengths @ (self.parameters.empty_merit + roads))

    def weighed(self, outlines: Sequence[Outline]) -> list[Weighed]:
        """Outlines with their merit and onset, those of most merit first."""
        every = []
        for outline in outlines:
            whole = np.ones(outline.seen.shape[1], bool)
            visible = outline.visibility(whole, self.parameters.least_clear)
            found = onset(visible)
            merit = (
                -np.inf
                if found is None
                else max(self.merit(outline, each) for each in self._risen(outline, visible, found))
            )
            every.append(Weighed(outline, merit, self._surely(outline, found, whole)))
        return sorted(every, key=lambda each: -each.merit)

    def _risen(self, outline: Outline, visible: npt.NDArray[np.float64], found: Onset) -> Iterator[Onset]:
        """The step of an outline, and the one before it.

        An extension rises twice, with the sides that it builds on and with its own. Which of the two is greater may
        change with any scene, and what it explains mustn't.
        """
        yield found
        before = onset(visible[: found.first])
        if before is not None and self.holds(before, outline.ring.length, least_after=0.0):
            yield replace(before, seen=(*before.seen, *found.seen))

    def chains(self, ranked: Sequence[Weighed]) -> tuple[Chain, ...]:
        """What stands at every place and what it grew from: the outlines of most merit that don't contradict."""
        chains: list[Chain] = []
        for each in ranked:
            outline, found = each.outline, each.onset
            if found is None or each.merit < self.parameters.least_merit[len(found.seen) >= _SEVERAL]:
                continue
            touched = [chain for chain in chains if any(meet(outline.ring, stage.outline.ring) for stage in chain)]
            if not touched:
                if any(self._beside(outline, found, stage) for chain in chains for stage in chain):
                    continue
                chains.append((Stage(outline, found),))
                continue
            first, *others = sorted(touched, key=lambda chain: chain[0].onset.first)
            # What encloses an older ring and a younger one beside it tells the younger as the extension that it is.
            if all(_holds(outline.ring, stage.outline.ring) for other in others for stage in other):
                grown = self._joined(first, outline, found)
                if grown is not None and (not others or grown[-1].outline is outline):
                    chains = [grown if chain is first else chain for chain in chains if chain not in others]
        return tuple(chains)

    def _beside(self, outline: Outline, found: Onset, stage: Stage) -> bool:
        """Whether an outline only adds ground to a ring that is older: it is told as the extension that it is."""
        tolerance_px = self.parameters.rings.snap_m / self.gsd_m
        return found.first >= stage.onset.first and adjoins(outline.ring, stage.outline.ring, tolerance_px)

    def _joined(self, chain: Chain, outline: Outline, found: Onset) -> Chain | None:
        """A chain with one more stage, if it is older than what is larger and younger than what is smaller."""
        smaller = [stage for stage in chain if stage.outline.ring.area < outline.ring.area]
        larger = [stage for stage in chain if stage.outline.ring.area >= outline.ring.area]
        stage: Stage | None = Stage(outline, found)
        if smaller:
            stage = self._extension(outline, smaller[-1])
        if stage is None:
            return None
        grown = [*smaller, stage]
        if larger:
            after = self._extension(larger[0].outline, stage)
            if after is None:
                return None
            grown.append(after)
        # What came after is dated against what it now extends, and may turn out to be the same works.
        for later in larger[1:]:
            again = self._extension(later.outline, grown[-1])
            grown += [] if again is None else [again]
        return tuple(grown)

    def _extension(self, outline: Outline, older: Stage) -> Stage | None:
        """An outline as a later extension of a ring; None where it isn't one."""
        ring, before = outline.ring, older.outline.ring
        if ring.area < (1.0 + self.parameters.least_growth) * before.area or not _holds(ring, before):
            return None
        fresh = outline.apart_from(before, self.parameters.rings.snap_m / self.gsd_m / 2.0)
        found = self.dated(outline, fresh)
        if found is None or older.onset.first >= found.first:
            return None
        later = self.acquired[found.first] - self.acquired[older.onset.first]
        if later.days <= self.parameters.works_days or not _stood_before(older.onset, found):
            return None
        return Stage(outline, found, before)


def _stood_before(older: Onset, later: Onset) -> bool:
    """Whether a ring was seen before it was extended."""
    return older.seen[0] <= later.without


def _holds(larger: Polygon, smaller: Polygon) -> bool:
    """Whether most of a ring lies within another."""
    return bool(larger.intersection(smaller).area >= 0.8 * smaller.area)


def meet(one: Polygon, other: Polygon) -> bool:
    """Whether two rings are of the same place."""
    return bool(one.intersection(other).area > 0.2 * min(one.area, other.area))


def worth_keeping(choice: Choice, ranked: Sequence[Weighed], most: int) -> list[Weighed]:
    """The outlines that stand, and the best of the others, each shape once; those of most merit first."""
    standing = {id(stage.outline) for chain in choice.chains(ranked) for stage in chain}
    chosen = [each for each in ranked if id(each.outline) in standing]
    for each in ranked:
        if len(chosen) >= most:
            break
        if id(each.outline) not in standing and not any(alike(each.outline.ring, o.outline.ring) for o in chosen):
            chosen.append(each)
    return sorted(chosen, key=lambda each: -each.merit)


def alike(one: Polygon, other: Polygon) -> bool:
    """Whether two rings are the same but for a few pixels."""
    inter = one.intersection(other).area
    return bool(inter > 0.95 * (one.area + other.area - inter))
