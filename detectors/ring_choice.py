"""What speaks for an outline: when it appeared, whether that lasts, and what it explains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon

from detectors.alignment import leaning, main_direction
from detectors.onsets import ERA, Onset, onset
from detectors.perimeter_confidence import RingEvidence
from detectors.perimeter_parameters import PerimeterParameters, RingParameters
from detectors.ring_shapes import shared_area, steps
from detectors.ring_tracks import Outline, apart, side_of
from detectors.side_support import Points
from geo.scene import BoolArray

_LEANS = np.radians(1.0)  # a side that leans further has a direction of its own
_WINDS = np.radians(5.0)  # likewise where it isn't fitted for that: what is seen of it is a pixel across


@dataclass(frozen=True, eq=False, slots=True)
class Weighed:
    """An outline with what speaks for it.

    Attributes:
        outline: The ring.
        merit: What it explains; minus infinity where it never appears.
        alone: What it explains that rose at its onset.
        onset: When it appeared; None where that is no more than chance, or didn't last.
    """

    outline: Outline
    merit: float
    alone: float
    onset: Onset | None


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
        chance = limits.chance_gain * np.sqrt(10.0 / max(length_px, 10.0))
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
        shape = _shape_cost(outline.ring, self.parameters.rings)
        return self._newly_seen(outline, dated) - shape - self._owed(outline, dated)

    def fresh_merit(self, outline: Outline, dated: Onset, older: Outline) -> float:
        """What an extension explains beyond an older ring: its fresh sides, measured as those of a new ring are.

        Less its fresh corners, its fresh sides that lean, and what an extension owes in which little is built.
        """
        shape = _fresh_shape_cost(outline.ring, older.ring, self.beside_px, self.parameters.rings)
        return self._newly_seen(outline, dated, older) - shape - self._owed(outline, dated, older)

    def fresh_onset(self, outline: Outline, older: Outline) -> Onset | None:
        """When the sides of an extension that don't run along an older ring appeared."""
        return self.dated(outline, self._fresh(outline, older))

    def _fresh(self, outline: Outline, older: Outline) -> BoolArray:
        """Pieces of an outline that don't run along an older ring, bool (piece,)."""
        return apart(outline.ring, older.ring, self.beside_px)

    def _fresh_lengths(self, outline: Outline, older: Outline | None) -> npt.NDArray[np.float64]:
        """Pixels of each piece of an outline, 0 of those that run along an older ring, float64 (piece,)."""
        return outline.lengths if older is None else np.where(self._fresh(outline, older), outline.lengths, 0.0)

    @property
    def beside_px(self) -> float:
        """How near to a ring's outline a side runs along it."""
        return self.parameters.rings.beside_px(self.gsd_m)

    def confidence_in(self, outline: Outline, dated: Onset, older: Outline | None = None) -> float:
        """Probability that a ring, or the extension of an older one, is real, 0 to 1."""
        return self.parameters.calibration.confidence(self.evidence(outline, dated, older))

    def evidence(self, outline: Outline, dated: Onset, older: Outline | None = None) -> RingEvidence:
        """What the confidence in a ring is made of; in an extension that is its fresh sides and ground."""
        fresh, goes_on = self._fresh_lengths(outline, older), outline.goes_on.clip(0.0)
        length_px = float(fresh.sum())
        lengths = fresh / length_px
        newness = self._newness(outline, dated)
        best = newness[int((np.nan_to_num(newness) @ lengths).argmax())]  # the era that shows it best
        return RingEvidence(
            newly_seen=float(np.nan_to_num(best) @ lengths),
            hardest=self._hardest(best, side_of(outline.ring), fresh),
            turning=1.0 - float(goes_on @ lengths),
            square=1.0 - float(_leans(steps(outline.ring)[0], _WINDS)[side_of(outline.ring)] @ lengths),
            length=math.log(length_px / 100.0),
            sightings=math.log(len(dated.seen)),
            persistence=dated.persistence,
            built=min(max(outline.built(dated, older), 0.0), 1.0),
            looks_before=math.log(dated.looks_before),
        )

    def _hardest(self, newness: Points, side: npt.NDArray[np.int64], lengths: Points) -> float:
        """How far its two least seen sides are newly seen; short ones count only where all are short.

        Args:
            newness: float64 (piece,); NaN where hidden.
            side: int64 (piece,): which side each belongs to.
            lengths: float64 (piece,); 0 of those that don't count.
        """
        known = np.where(np.isfinite(newness), lengths, 0.0)
        of_side, seen = np.bincount(side, known), np.bincount(side, np.nan_to_num(newness) * known)
        long = of_side >= min(self.parameters.rings.shortest_side_m / self.gsd_m, of_side.max())
        return float(np.sort(seen[long] / np.maximum(of_side[long], 1e-9))[:2].mean())

    def _newly_seen(self, outline: Outline, dated: Onset, older: Outline | None = None) -> float:
        """Pixels of an outline, or of what it has beyond an older ring, newly seen beyond chance; uneven sides less."""
        rings, lengths = self.parameters.rings, self._fresh_lengths(outline, older)
        newness = self._newness(outline, dated)
        beyond_chance = 1.0 - 1.0 / min(ERA, len(dated.seen))
        uneven = rings.uneven_discount * beyond_chance * _unevenness(newness, side_of(outline.ring), lengths)
        return float(((np.nan_to_num(newness - uneven) - rings.chance_share) @ lengths).max())

    def _newness(self, outline: Outline, dated: Onset) -> npt.NDArray[np.float64]:
        """How far each piece of an outline is newly seen, float64 (era, piece); roads count less. NaN where hidden."""
        road = self.parameters.rings.road_discount * outline.goes_on.clip(0.0)
        return outline.gains(dated) * (1.0 - road)

    def _owed(self, outline: Outline, dated: Onset, older: Outline | None = None) -> float:
        """Newly seen pixels of side that a ring has to show beyond chance where little has been built inside.

        Or the extension of an older one, where little has been built in what it adds.

        Ground between roads that cross is empty too, so there what goes on past a corner counts less still.
        """
        empty = 1.0 - min(max(outline.built(dated, older), 0.0), 1.0)
        roads = self.parameters.rings.road_discount * outline.goes_on.clip(0.0)
        return float(empty * self._fresh_lengths(outline, older) @ (self.parameters.empty_merit + roads))

    def weighed(self, outlines: Sequence[Outline]) -> list[Weighed]:
        """Outlines with their merit and onset, those of most merit first."""
        every = []
        for outline in outlines:
            whole = np.ones(outline.seen.shape[1], bool)
            visible = outline.visibility(whole, self.parameters.least_clear)
            found = onset(visible)
            risen = () if found is None else self._risen(outline, visible, found)
            merits = [self.merit(outline, each) for each in risen] or [-np.inf]
            every.append(Weighed(outline, max(merits), merits[0], self._surely(outline, found, whole)))
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


def _unevenness(newness: Points, side: npt.NDArray[np.int64], lengths: Points) -> Points:
    """How far each piece of an outline differs from what is seen of its whole side, float64 (era, piece).

    Args:
        newness: float64 (era, piece); NaN where hidden.
        side: int64 (piece,): which side each belongs to.
        lengths: float64 (piece,); 0 of those that don't count.
    """
    of_side = np.zeros((len(side), int(side.max()) + 1))
    of_side[np.arange(len(side)), side] = lengths
    mean = np.nan_to_num(newness) @ of_side / np.maximum(np.isfinite(newness) @ of_side, 1e-9)
    return np.asarray(np.abs(newness - mean[:, side]))


# The same rings and pairs of rings are weighed after every scene.
@lru_cache(maxsize=1 << 10)
def _shape_cost(ring: Polygon, rings: RingParameters) -> float:
    """What a ring's corners and leaning sides cost, in newly seen pixels."""
    points = steps(ring)[0]
    return rings.corner_merit * len(points) + rings.lean_merit * int(_leans(points, _LEANS).sum())


@lru_cache(maxsize=1 << 12)
def _fresh_shape_cost(ring: Polygon, older: Polygon, beside_px: float, rings: RingParameters) -> float:
    """Likewise of the corners and sides that don't lie along an older ring."""
    points = steps(ring)[0]
    turned = shapely.distance(shapely.points(points), older.exterior) > beside_px
    sides = np.unique(side_of(ring)[apart(ring, older, beside_px)])
    return rings.corner_merit * int(turned.sum()) + rings.lean_merit * int(_leans(points, _LEANS)[sides].sum())


def _leans(points: Points, least: float) -> BoolArray:
    """Which sides lean so far from an outline's main direction and from the one across it, radians, bool (side,)."""
    return np.asarray(np.abs(leaning(points, main_direction(points))) > least)


def meet(one: Polygon, other: Polygon) -> bool:
    """Whether two rings are of the same place."""
    return bool(shared_area(one, other) > 0.2 * min(one.area, other.area))


def alike(one: Polygon, other: Polygon) -> bool:
    """Whether two rings are the same but for a few pixels."""
    inter = shared_area(one, other)
    return bool(inter > 0.95 * (one.area + other.area - inter))
