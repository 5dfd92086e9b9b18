"""Which places are worth another look: an outline is dear to fit, and a place that shows nothing new shows no other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.scene import BoolArray, FloatArray

_SAME_PLACE = 0.5  # overlap over union
_MORE = 1.25  # growth of evidence that is something new
_KEPT = 40  # places that are remembered


@dataclass(slots=True)
class _Place:
    seed: BoolArray
    evidence: float
    waited: int
    due: int


class Looks:
    """Places that have been looked at: again after one scene more, then two, four …, or when more is to be seen."""

    def __init__(self) -> None:
        self._places: list[_Place] = []
        self.scene = 0

    def worth(self, seed: BoolArray, evidence: FloatArray) -> bool:
        """Whether a place is worth a look in the scene at hand; if so it counts as looked at.

        Args:
            seed: bool (y, x): pixels of the place.
            evidence: float32 (y, x): that they lie inside an enclosure.
        """
        total = float(evidence[seed].sum())
        known = next((place for place in self._places if _overlap(place.seed, seed) > _SAME_PLACE), None)
        if known is not None and total < _MORE * known.evidence and self.scene < known.due:
            return False
        grown = known is None or total >= _MORE * known.evidence
        waited = 1 if known is None or grown else 2 * known.waited
        self._places = [place for place in self._places if place is not known][1 - _KEPT :]
        self._places.append(_Place(seed, total, waited, self.scene + waited))
        return True


def _overlap(one: BoolArray, other: BoolArray) -> float:
    union = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / union if union else 0.0
