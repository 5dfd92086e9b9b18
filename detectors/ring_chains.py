"""Which of many possible outlines stand: one story for every place, however the outlines were come by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, reduce
from itertools import combinations
from operator import or_

import numpy as np
from shapely.geometry import Polygon

from detectors.onsets import Onset
from detectors.ring_choice import Choice, Weighed, alike, meet
from detectors.ring_shapes import adjoins, shared_area
from detectors.ring_tracks import Outline
from geo.scene import BoolArray

_SAME_RING = 0.95  # share of a ring that one around it holds


@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """A ring as it stood from its onset on.

    Attributes:
        outline: The ring.
        onset: When it, or for an extension its new sides, appeared.
        extends: The outline that it is an extension of; None for a new ring.
    """

    outline: Outline
    onset: Onset
    extends: Outline | None = None


#: Stages of one place, ascending in time and area; the last of them is what stands.
Chain = tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class _Story:
    """A chain, and what it explains.

    Attributes:
        chain: The stages.
        settled: Newly seen pixels that its stages but the last explain, each while it stood as it was.
        worth: With what the last one explains.
    """

    chain: Chain
    settled: float
    worth: float


@dataclass(frozen=True, slots=True)
class _Growth:
    """When the fresh sides of an extension appeared, how many newly seen pixels they explain, and what is left outside.

    That is the length, in pixels, of walls that it builds on.
    """

    onset: Onset
    fresh: float
    left: float


@dataclass(frozen=True, slots=True)
class Chains:
    """Tells chains from outlines.

    Attributes:
        choice: How outlines are weighed.
    """

    choice: Choice
    _growths: dict[tuple[Outline, Outline], _Growth | None] = field(default_factory=dict, repr=False)
    _ended: dict[tuple[Outline, Outline | None, int], float] = field(default_factory=dict, repr=False)

    def of(self, ranked: Sequence[Weighed]) -> tuple[Chain, ...]:
        """What stands at every place, and what it grew from and into.

        Of all stories that outlines can tell those are told that clash in no place and together explain most.

        Args:
            ranked: Outlines, those of most merit first.
        """
        stories = sorted(self._stories(ranked), key=_worth, reverse=True)
        clash = np.zeros((len(stories), len(stories)), bool)
        for one, other in combinations(range(len(stories)), 2):
            clash[one, other] = clash[other, one] = self._clash(stories[one], stories[other])
        told = heaviest_apart([_weight(story.worth) for story in stories], clash)
        for place, index in enumerate(told):
            free = ~clash[:, [*told[:place], *told[place + 1 :]]].any(axis=1)
            told[place] = self._outermost(stories, index, np.flatnonzero(free).tolist())
        return tuple(stories[index].chain for index in told)

    def _stories(self, ranked: Sequence[Weighed]) -> list[_Story]:
        """The best story that ends in each outline, where any does.

        A story explains what rose with its first ring, and the fresh sides of each extension, each of them by what was
        seen while it stood as it was.
        """
        limits = self.choice.parameters.least_merit
        stories: list[_Story] = []
        for each in sorted(ranked, key=lambda one: one.outline.ring.area):
            if each.onset is None:
                continue
            least = limits[min(len(each.onset.seen), len(limits)) - 1]
            able = list(self._grown(stories, each.outline)) if each.merit >= least else []
            alone = self._alone(each, each.onset, able)
            able += [_Story((Stage(each.outline, each.onset),), 0.0, alone)] if alone >= least else []
            stories += [max(able, key=_worth)] if able else []
        return stories

    def _alone(self, weighed: Weighed, onset: Onset, grown: Sequence[_Story]) -> float:
        """What an outline explains as a ring that stood as it is from the first.

        Where a part of it came later, it explains no more than what was seen of it until then, and that part.
        """
        stage = Stage(weighed.outline, onset)
        later = [story for story in grown if story.chain[-1].onset.first > onset.first]
        worths = (self._until(stage, story.chain[-1].onset.first) + story.worth - story.settled for story in later)
        return min((weighed.alone, *worths))

    def _outermost(self, stories: Sequence[_Story], best: int, free: Iterable[int]) -> int:
        """Of the stories that explain nearly as much as the best and hold its ring, the one that ends in the largest.

        Along the inside of a wall runs a street that is seen nearly as well.
        """
        inner = stories[best].chain[-1].outline.ring
        least, stages = self.choice.parameters.nearly * stories[best].worth, len(stories[best].chain)
        area = {best: inner.area}
        for index in free:
            chain, ring = stories[index].chain, stories[index].chain[-1].outline.ring
            near = stories[index].worth >= least and len(chain) == stages
            if near and shared_area(ring, inner) >= _SAME_RING * inner.area:
                area[index] = ring.area
        return max(area, key=area.__getitem__)

    def _clash(self, one: _Story, other: _Story) -> bool:
        """Whether two stories are of the same place."""
        return any(self._same_place(stage, another) for stage in one.chain for another in other.chain)

    def _same_place(self, stage: Stage, other: Stage) -> bool:
        """Whether rings share ground, or the younger only adds ground to the older, whose extension it is."""
        if stage.onset.first < other.onset.first:
            stage, other = other, stage
        tolerance_px = self.choice.parameters.rings.snap_m / self.choice.gsd_m
        one, two = stage.outline.ring, other.outline.ring
        if one.distance(two) > tolerance_px:
            return False
        same = meet(one, two) or adjoins(one, two, tolerance_px)
        return same or (stage.onset.first == other.onset.first and adjoins(two, one, tolerance_px))

    def _grown(self, stories: Sequence[_Story], outline: Outline) -> Iterator[_Story]:
        """Chains that an outline extends, with it.

        A wall that it builds on and leaves outside would have to be explained as gone: its length counts against it.
        """
        for story in stories:
            older = story.chain[-1]
            growth = self._growth(outline, older.outline)
            if growth is not None and self._is_later(growth.onset, older.onset):
                stage = Stage(outline, growth.onset, older.outline)
                settled = story.settled + self._until(older, growth.onset.first) - growth.left
                yield _Story((*story.chain, stage), settled, settled + growth.fresh)

    def _until(self, stage: Stage, end: int) -> float:
        """What a stage explains of what was seen before a scene."""
        key = stage.outline, stage.extends, end
        if key not in self._ended:
            dated = replace(stage.onset, seen=tuple(scene for scene in stage.onset.seen if scene < end))
            older = stage.extends
            self._ended[key] = (
                self.choice.merit(stage.outline, dated)
                if older is None
                else self.choice.fresh_merit(stage.outline, dated, older)
            )
        return self._ended[key]

    def _growth(self, outline: Outline, older: Outline) -> _Growth | None:
        """What an outline adds to an older one; None where it can't be an extension of it by its ground."""
        pair = outline, older
        if pair not in self._growths:
            self._growths[pair] = self._grown_from(older, outline)
        return self._growths[pair]

    def _grown_from(self, older: Outline, outline: Outline) -> _Growth | None:
        if not _larger(outline.ring, older.ring, 1.0 + self.choice.parameters.least_growth):
            return None
        found = self.choice.fresh_onset(outline, older)
        if found is None:
            return None
        left = _left_outside(older.ring, outline.ring, self.choice.beside_px)
        return _Growth(found, self.choice.fresh_merit(outline, found, older), left)

    def _is_later(self, grown: Onset, older: Onset) -> bool:
        """Whether what grew wasn't part of the same works, and was seen before it did."""
        later = self.choice.acquired[grown.first] - self.choice.acquired[older.first]
        return later.days > self.choice.parameters.works_days and older.seen[0] <= grown.without


def heaviest_apart(weights: Sequence[float], clash: BoolArray) -> list[int]:
    """Those of which no two clash and that together weigh most, exactly.

    The one that clashes with most others is taken or left, and what then no longer hangs together is weighed by itself
    (the maximum weight independent set; Tarjan and Trojanowski 1977, SIAM Journal on Computing 6(3)).

    Args:
        weights: Positive.
        clash: bool (one, other), symmetric.

    Returns:
        Their indices, ascending.
    """
    count = len(weights)
    near = [sum(1 << int(other) for other in np.flatnonzero(row)) for row in clash]

    @cache
    def best(free: int) -> tuple[float, int]:
        left = [index for index in range(count) if free >> index & 1]
        busiest = max(left, key=lambda index: (near[index] & free).bit_count(), default=0)
        if not near[busiest] & free:
            return sum(weights[index] for index in left), free
        group = grown = 1 << busiest
        while grown:
            grown = reduce(or_, (near[index] for index in left if grown >> index & 1)) & free & ~group
            group |= grown
        if group != free:
            one, other = best(group), best(free & ~group)
            return one[0] + other[0], one[1] | other[1]
        taken, without = best(free & ~(near[busiest] | 1 << busiest)), best(free & ~(1 << busiest))
        return max((taken[0] + weights[busiest], taken[1] | 1 << busiest), without)

    chosen = best((1 << count) - 1)[1] if count else 0
    return [index for index in range(count) if chosen >> index & 1]


def worth_keeping(chains: Sequence[Chain], ranked: Sequence[Weighed], most: int) -> list[Weighed]:
    """The outlines that stand, and the best of the others, each shape once; those of most merit first."""
    standing = {id(stage.outline) for chain in chains for stage in chain}
    chosen = [each for each in ranked if id(each.outline) in standing]
    for each in ranked:
        if len(chosen) >= most:
            break
        if id(each.outline) not in standing and not any(alike(each.outline.ring, o.outline.ring) for o in chosen):
            chosen.append(each)
    return sorted(chosen, key=lambda each: -each.merit)


# The same pairs are asked about after every scene.
@lru_cache(maxsize=1 << 14)
def _larger(ring: Polygon, older: Polygon, times: float) -> bool:
    """Whether a ring is so many times as large as another and holds most of it."""
    return bool(ring.area >= times * older.area and shared_area(ring, older) >= 0.8 * older.area)


@lru_cache(maxsize=1 << 12)
def _left_outside(older: Polygon, ring: Polygon, beside_px: float) -> float:
    """Length of an older ring's outline that another neither holds nor runs along."""
    return float(older.exterior.difference(ring.buffer(beside_px)).length)


def _worth(story: _Story) -> float:
    return story.worth


def _weight(worth: float) -> float:
    """Weight of a story beside others, of one of little worth next to none.

    Squared, one ring weighs more than two that explain as much: within walls streets are lines as well.
    """
    return worth**2 if worth > 1.0 else math.exp(worth - 1.0)
