"""When rings that stood went, or were opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from detectors.onsets import Onset, departure, onset
from detectors.openings import opened_stretch
from detectors.ring_chains import Chain, Stage
from detectors.ring_choice import Choice
from detectors.ring_tracks import Outline
from geo.scene import BoolArray


@dataclass(frozen=True, slots=True)
class Departures:
    """Tells from how well outlines are seen that they aren't any more.

    Attributes:
        choice: How rings are chosen.
    """

    choice: Choice

    def of(self, chains: Sequence[Chain]) -> dict[Stage, Onset | None]:
        """When each ring that had appeared went or was opened, if clear scenes show that; None where it stands.

        What was extended is looked at until then alone: what becomes of its walls within the larger ring is no going.
        A ring that fewer than `rings_sure` scenes had shown is not told to have gone, for it was hardly there.
        """
        gone: dict[Stage, Onset | None] = {}
        for chain in chains:
            for stage, later in zip_longest(chain, chain[1:]):
                since, until = self._since(stage), None if later is None else later.onset.first
                went = self._opened(stage.outline, since, until) or self._gone(stage.outline, since, until)
                gone[stage] = went if went is not None and self._stood(stage, went.first) else None
        return gone

    def went(self, outline: Outline) -> Onset | None:
        """When a ring that stood from the start, and long enough, went; None if it didn't."""
        gone = self._gone(outline, 0, None)
        if gone is None or 1.0 - gone.before < self.choice.parameters.least_visibility:
            return None
        acquired = self.choice.acquired
        return gone if (acquired[gone.without] - acquired[0]).days >= self.choice.parameters.stood_days else None

    def _since(self, stage: Stage) -> int:
        """First scene of a ring. Told to have gone, its onset is of the scenes until then alone, and may be later."""
        since, outline = stage.onset.first, stage.outline
        if outline.gone_from is None:
            return since
        whole = np.ones(outline.seen.shape[1], bool)
        found = onset(outline.visibility(whole, self.choice.parameters.least_clear, until_gone=False))
        return since if found is None else min(since, found.first)

    def _stood(self, stage: Stage, end: int) -> bool:
        """Whether enough scenes have shown a ring before one; told to have gone once, it isn't asked again."""
        shown = sum(scene < end for scene in stage.onset.seen)
        return stage.outline.gone_from is not None or shown >= self.choice.parameters.rings_sure

    def _opened(self, outline: Outline, since: int, until: int | None) -> Onset | None:
        """When a stretch of a ring went, of the scenes from one on and before another."""
        stretch = opened_stretch(
            outline.seen[since:until], outline.lengths, self.choice.gsd_m, self.choice.parameters.openings
        )
        if stretch is None:
            return None
        return self._departure(outline, since, until, stretch, self.choice.parameters.openings.least_hidden)

    def _gone(self, outline: Outline, since: int, until: int | None) -> Onset | None:
        """When a ring was seen no more, of the scenes from one on and before another.

        All clear scenes from then on have to show it gone.
        """
        whole = np.ones(outline.seen.shape[1], bool)
        gone = self._departure(outline, since, until, whole, 1.0)
        return gone if gone is not None and len(gone.seen) >= self.choice.parameters.gone_scenes else None

    def _departure(
        self, outline: Outline, since: int, until: int | None, chosen: BoolArray, persistence: float
    ) -> Onset | None:
        """When some pieces of a ring were seen no more, where that is more than chance and lasts."""
        seen = outline.visibility(chosen, self.choice.parameters.least_clear, until_gone=False)[:until]
        seen[:since] = np.nan
        gone = departure(seen)
        if gone is None or gone.persistence < persistence:
            return None
        return gone if self.choice.holds(gone, float(outline.lengths[chosen].sum()), least_after=0.0) else None
