"""When something appeared, or went, in a series of how well it is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.compiled import compiled

ERA = 4  # scenes: works around a ring can hide a side of it again


@dataclass(frozen=True, slots=True)
class Onset:
    """When something appeared, as scene indices.

    Attributes:
        without: Last scene that doesn't show it.
        first: First scene that shows it.
        seen: All scenes since that show it.
        assessed: Number of clear scenes since the onset.
        looks_before: Number of clear scenes before the onset.
        purity: Share of the clear scenes before the onset that don't show it.
        before: Mean visibility before the onset.
        after: Mean visibility since.
        now: Mean visibility in the newest scenes that show it, four at most.
    """

    without: int
    first: int
    seen: tuple[int, ...]
    assessed: int
    looks_before: int
    purity: float
    before: float
    after: float
    now: float

    @property
    def persistence(self) -> float:
        """Share of the clear scenes since the onset that show it."""
        return len(self.seen) / self.assessed


def onset(visible: npt.NDArray[np.float64]) -> Onset | None:
    """The step that splits a series of visibilities best into low before and high after.

    The split with the least squared error (a two-segment constant model); None if visibility doesn't rise.

    Args:
        visible: float64 (scene,); NaN where not assessable.
    """
    split, before, after = _step(visible)
    if split < 0:
        return None
    known = np.isfinite(visible)
    middle = (before + after) / 2.0
    seen = (split + np.flatnonzero(visible[split:] >= middle)).tolist()
    low = np.flatnonzero(visible[:split] < middle)
    if not seen or not len(low):
        return None
    early = int(known[:split].sum())
    now = float(visible[seen[-ERA:]].mean())
    assessed = int(known[seen[0] :].sum())
    return Onset(int(low[-1]), seen[0], tuple(seen), assessed, early, len(low) / early, before, after, now)


@compiled
def _step(visible: npt.NDArray[np.float64]) -> tuple[int, float, float]:
    """The first scene after the step of the two-segment constant model with the least squared error, and both levels.

    -1 where fewer than two scenes are known, or visibility doesn't rise.
    """
    total, count = 0.0, 0
    for value in visible:
        if not np.isnan(value):
            total += value
            count += 1
    best, split, before, after = -1.0, -1, 0.0, 0.0
    left, passed = 0.0, 0
    for scene in range(len(visible)):
        if np.isnan(visible[scene]):
            continue
        if passed > 0:
            explained = left**2 / passed + (total - left) ** 2 / (count - passed)
            if explained > best:
                best, split, before, after = explained, scene, left / passed, (total - left) / (count - passed)
        left += visible[scene]
        passed += 1
    return (split, before, after) if after > before else (-1, before, after)


def departure(visible: npt.NDArray[np.float64]) -> Onset | None:
    """The step from high to low visibility, told as the onset of absence; None if visibility doesn't fall.

    Args:
        visible: float64 (scene,), 0 to 1; NaN where not assessable.
    """
    return onset(1.0 - visible)
