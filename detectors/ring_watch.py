"""The fold that follows rings scene by scene: each state is a function of its scenes and of nothing later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from shapely.geometry import LineString, Polygon

from detectors.dividers import dividers
from detectors.lines import VOTE
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_chains import Chain, Chains, worth_keeping
from detectors.ring_choice import Choice, meet
from detectors.ring_departures import Departures
from detectors.ring_merit import NewLines
from detectors.ring_search import Comparison, RingSearch, laid, laid_square
from detectors.ring_shapes import window_of
from detectors.ring_tracks import Outline
from detectors.ring_views import Look, SceneReader, View
from detectors.scene_lines import OldLines, pooled
from detectors.series import Series
from detectors.side_support import SideReading, support_share
from geo.scene import BoolArray, PreparedScene

_EARLY, _LATE = 1.3, 2.0  # times as many scenes as last time after which a ring is fitted again


@dataclass(slots=True)
class RingState:
    """What is remembered of a series.

    Attributes:
        series: The scenes so far.
        views: What is kept of each.
        old: Lines of the scenes before, less the newest; None before there are any.
        looked_at: int16 (y, x): when each place was last looked at for rings that appeared.
        missed_at: Likewise for rings that went.
        outlines: Rings that may stand.
        gone: Rings that stood from the start and have gone.
        differing: Gain in line strength that half of the area exceeds in the newest scene.
        compared: Share of the area that both the newest scene and those before show, 0 to 1.
    """

    series: Series
    views: list[View] = field(default_factory=list)
    old: OldLines | None = None
    looked_at: npt.NDArray[np.int16] | None = None
    missed_at: npt.NDArray[np.int16] | None = None
    outlines: list[Outline] = field(default_factory=list)
    gone: list[Outline] = field(default_factory=list)
    differing: float = 0.0
    compared: float = 0.0


class RingWatch:
    """Rings of one area, followed scene by scene.

    Attributes:
        state: What is remembered.
        reader: Of the lines of the scenes.
        search: For rings in them.
    """

    def __init__(self, parameters: PerimeterParameters, state: RingState) -> None:
        self.parameters = parameters
        self.gsd_m = state.series.grid.gsd_m
        self.state = state
        self.reader = SceneReader(parameters, state.series.grid, state.views)
        self.search = RingSearch(parameters, self.gsd_m)
        self._chains: tuple[Chain, ...] | None = None

    @property
    def series(self) -> Series:
        """The scenes so far."""
        return self.state.series

    @property
    def chains(self) -> tuple[Chain, ...]:
        """Rings that stand, place by place, with what they grew from."""
        if self._chains is None:
            self._chains = Chains(self.choice).of(self.choice.weighed(self.state.outlines))
        return self._chains

    @property
    def told(self) -> list[Chain]:
        """Rings that stand and are told: those of which a stage is likelier real than not.

        What a single scene shows is told however likely it is: that is for the next scenes to say.
        """
        return [told for chain in self.chains if (told := self._told_of(chain))]

    def _told_of(self, chain: Chain) -> Chain:
        """A chain up to its last stage that is half as likely as a ring has to be, or new, with all it grew from.

        None of it where no stage is likelier real than not.
        """
        least = self.parameters.least_confidence
        known = [self.choice.confidence_in(stage.outline, stage.onset, stage.extends) for stage in chain]
        new = [len(stage.onset.seen) == 1 for stage in chain]
        if max(known) < least and not new[0]:
            return ()
        # What grew from a likely ring is likelier than another ring; half is enough, and what wavers stays told.
        last = max(index for index in range(len(chain)) if index == 0 or known[index] >= least / 2.0 or new[index])
        return chain[: last + 1]

    @property
    def choice(self) -> Choice:
        """How rings are chosen."""
        return Choice(self.parameters, self.gsd_m, [scene.acquired_at for scene in self.series.scenes])

    @property
    def departures(self) -> Departures:
        """When rings went, or were opened."""
        return Departures(self.choice)

    def add(self, scene: PreparedScene) -> None:
        """Takes in the next scene, which the series has already."""
        if self.reader.add(scene):
            self._begin_again()
        state, index = self.state, len(self.state.views) - 1
        newest, standing = self.reader.lines(index), self.chains
        for outline in (*state.outlines, *state.gone):
            outline.add(newest, self.parameters)
        for stage, gone in self.departures.of(standing).items():
            stage.outline.gone_from = None if gone is None else gone.first  # what is seen again has not gone
        if index == 0:
            return
        found = [*self._appeared(index, standing), *self._refitted(standing)]
        state.outlines += [outline for outline in found if self._may_stand(outline)]
        chains, ranked = Chains(self.choice), self.choice.weighed(state.outlines)
        told = chains.of(ranked)
        kept = worth_keeping(told, ranked, self.parameters.most_outlines)
        # Of what is kept alone: a series that is gone on with later tells the same.
        self._chains = told if len(kept) == len(ranked) else chains.of(kept)
        state.outlines = [each.outline for each in kept]
        self._divide_told()
        went = [*state.gone, *self._vanished(index)]
        state.gone = []
        for outline in went:
            if self.departures.went(outline) is not None and not any(
                meet(outline.ring, other.ring) for other in state.gone
            ):
                state.gone.append(outline)

    def _begin_again(self) -> None:
        """Forgets what was told by lines that are read anew."""
        state = self.state
        state.old, state.looked_at, state.missed_at, state.outlines, state.gone = None, None, None, [], []
        self._chains = ()

    def _remembered(self, index: int) -> Look:
        """Lines of the scenes before, among them the newest that is no longer left out."""
        many, newest = self.parameters.before
        state = self.state
        if state.old is None:
            state.old = OldLines.none(self.reader.lines(0))
            for earlier in range(max(1, index - newest - 1)):
                state.old.add(self.reader.lines(earlier), many)
        if index - newest - 1 > 0:
            state.old.add(self.reader.lines(index - newest - 1), many)
        return Look(state.old.strength, state.old.texture, state.old.seen)

    def _appeared(self, index: int, standing: tuple[Chain, ...]) -> list[Outline]:
        """Rings that the newest scenes show and the ones before don't."""
        state, known, old = self.state, self.sure(standing), self._remembered(index)
        newest = Comparison.of(Look.of([self.reader.lines(index)]), old)
        state.compared, state.differing = float(newest.clear.mean()), newest.typical
        rested = self._rested(state.looked_at, index)
        found = self.search.surrounded(newest, known, rested=rested)
        state.looked_at = self._marked(state.looked_at, rested, index)
        grown = (self.search.built_on(ring, older) for ring in found for older in known)
        found += [ring for ring in grown if ring is not None]
        outlines = self._outlines([laid(ring, newest.now) for ring in found], newest)
        for compared, built in self._periods(index, old):
            followed = [outline.ring for outline in (*state.outlines, *outlines)]
            found = self.search.closed(compared, known, followed)
            found += self.search.extending(compared, known, [*known, *followed])
            found += self.search.surrounded(compared, known) if built else []
            outlines += self._outlines([laid(ring, compared.now) for ring in found], compared)
        return outlines

    def _periods(self, index: int, old: Look) -> Iterator[tuple[Comparison, bool]]:
        """The last scenes together, in which weaker walls show than in one, and whether to look at what is built too.

        A wall alone is weaker than a wall with works inside: it takes all scenes that are none of those before.
        """
        latest = range(max(1, index - self.parameters.before[1]), index + 1)
        yield Comparison.of(Look.of([self.reader.lines(i) for i in latest]), old), index % len(latest) == 0
        many = self.parameters.pooled_scenes
        if index % (many // 2) == 0 and index >= many:
            now, then = range(index - many + 1, index + 1), range(max(0, index - 2 * many + 1), index - many + 1)
            yield Comparison.of(*(Look.of([self.reader.lines(i) for i in scenes]) for scenes in (now, then))), True

    def sure(self, standing: Sequence[Chain]) -> list[Polygon]:
        """The rings that stand, as they were last seen in enough scenes: a place is left open until then."""
        told = ([stage for stage in chain if len(stage.onset.seen) >= self.parameters.rings_sure] for chain in standing)
        return [stages[-1].outline.ring for stages in told if stages]

    def _refitted(self, standing: tuple[Chain, ...]) -> list[Outline]:
        """Rings that stand, found again in all scenes since their onset together: their sides stay, clutter moves."""
        found: list[Outline] = []
        for chain in standing:
            top = chain[-1]
            fitted_with = top.outline.fitted_with
            if len(top.onset.seen) < fitted_with * (_EARLY if fitted_with < self.parameters.pooled_scenes else _LATE):
                continue
            for outline in self.state.outlines:
                if meet(outline.ring, top.outline.ring):
                    outline.fitted_with, outline.dividers = len(top.onset.seen), None
            others = [other[-1].outline.ring for other in standing if other is not chain]
            others += [] if top.extends is None else [top.extends.ring]
            first = range(max(0, top.onset.without - 3), top.onset.without + 1)
            old = Look.of([self.reader.lines(i) for i in first])
            # All together for what stays, the newest alone for what has only just been finished.
            for shown in dict.fromkeys((top.onset.seen[-self.parameters.pooled_scenes :], top.onset.seen[-3:])):
                now = Look.of([self.reader.lines(i) for i in shown])
                compared = Comparison.of(now, old)
                rings = [top.outline.ring, *self.search.surrounded(compared, others, around=top.outline.ring)]
                if top.extends is not None:
                    older = top.extends.ring
                    rings += [each for ring in rings if (each := self.search.built_on(ring, older)) is not None]
                aligned = [each for ring in rings for each in laid_square(ring, now)]
                found += self._outlines(aligned, compared, len(top.onset.seen))
        return found

    def _divide_told(self) -> None:
        """Looks for lines that divide what is told, where they haven't been looked for."""
        for chain in self.told:
            if chain[-1].outline.dividers is None and len(chain[-1].onset.seen) >= self.parameters.rings_sure:
                self._divide(chain)

    def _divide(self, chain: Chain) -> None:
        """Looks for lines that divide a standing ring: new since the first of its stages, a former wall among them."""
        top, first = chain[-1], chain[0].onset.without
        shown = top.onset.seen[-self.parameters.pooled_scenes :]
        now = pooled([self.reader.lines(i) for i in shown])
        before = pooled([self.reader.lines(i) for i in range(max(0, first - 3), first + 1)])
        found = dividers(top.outline.ring, now, before, self.gsd_m)
        top.outline.dividers = [replace(each, seen=self._showing(each.line, shown)) for each in found]

    def _showing(self, line: LineString, scenes: Sequence[int]) -> tuple[int, ...]:
        """Which of some scenes show most of a line."""
        ends = np.asarray(line.coords)
        reading = SideReading.along(ends[:-1], ends[1:], self.reader.lines(0).votes.shape)
        strengths = ((i, reading.of(self.reader.lines(i).votes) / np.float32(VOTE)) for i in scenes)
        seen = self.parameters.rings.seen
        return tuple(index for index, strength in strengths if support_share(strength, *seen).mean() > 0.5)

    def _vanished(self, index: int) -> list[Outline]:
        """Rings that the first scenes show and the newest don't."""
        scenes = self.parameters.gone_scenes
        newest = range(index - scenes + 1, index + 1)
        if newest[0] <= 0 or index % scenes:  # sooner than that nothing more can surely have gone
            return []
        first = Look.of([self.reader.lines(i) for i in range(min(3, newest[0]))])
        now = Look.of([self.reader.lines(i) for i in newest])
        known = [stage.outline.ring for chain in self.chains for stage in chain]
        known += [outline.ring for outline in self.state.gone]
        compared, rested = Comparison.of(first, now), self._rested(self.state.missed_at, index)
        found = self._outlines(self.search.surrounded(compared, known, rested=rested), compared)
        gone = [outline for outline in found if self.departures.went(outline) is not None]
        if gone or not found:  # what is not surely gone yet is looked at again
            self.state.missed_at = self._marked(self.state.missed_at, rested, index)
        return sorted(gone, key=lambda outline: -outline.ring.length)

    def _rested(self, last: npt.NDArray[np.int16] | None, index: int) -> BoolArray:
        """Ground that hasn't been looked at in the last scenes."""
        if last is None:
            return np.ones(self.state.series.grid.shape, bool)
        return np.asarray(index - last >= self.parameters.rest_scenes)

    def _marked(self, last: npt.NDArray[np.int16] | None, rested: BoolArray, index: int) -> npt.NDArray[np.int16]:
        """When each place was last looked at, after a search that has taken places out of the rested ground."""
        if last is None:
            last = np.full(self.state.series.grid.shape, -self.parameters.rest_scenes, np.int16)
        looked = ~rested & (index - last >= self.parameters.rest_scenes)
        return np.where(looked, np.int16(index), last)

    def _outlines(self, rings: list[Polygon], compared: Comparison, fitted_with: int = 1) -> list[Outline]:
        """Rings found in a comparison, read in all scenes so far."""
        if not rings:
            return []
        window = window_of(rings, self.state.series.grid.shape)
        scenes = [self.reader.lines_within(index, window) for index in range(len(self.state.views))]
        new = NewLines(compared.now.strength, compared.old.strength, self.parameters.rings)
        outlines = [Outline.of(ring, scenes, new, self.parameters) for ring in rings]
        for outline in outlines:
            outline.fitted_with = fitted_with
        return outlines

    def _may_stand(self, outline: Outline) -> bool:
        """Whether a new outline is worth following."""
        found = self.choice.dated(outline)
        return found is not None and len(self.state.views) - 1 in found.seen
