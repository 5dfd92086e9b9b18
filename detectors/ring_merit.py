"""What tells the new lines of a perimeter from those of a road.

Along a perimeter lines are seen that weren't before, on all sides, and they end where the perimeter turns. A road
goes on beyond the corner. So each side counts its newly seen length beyond what chance gives, less where its line
runs on past either end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.line_strength import Strength
from detectors.perimeter_parameters import RingParameters
from detectors.side_support import Points, line_support, support_share


@dataclass(frozen=True)
class NewLines:
    """Lines before and now, between which outlines are judged.

    Attributes:
        now: uint8 (orientation, y, x).
        before: Likewise, before the onset.
        parameters: Of the ring search.
    """

    now: Strength
    before: Strength
    parameters: RingParameters

    def goes_on(self, points: Points) -> npt.NDArray[np.float64]:
        """How much of the ground past its two ends each side's line goes on newly seen, float64 (side,), 0 to 1."""
        ends = np.roll(points, -1, axis=0)
        along = (ends - points) / np.maximum(np.hypot(*(ends - points).T), 1e-9)[:, None]
        near, far = self.parameters.past_px
        past = self.gain(
            np.vstack([ends + near * along, points - near * along]),
            np.vstack([ends + far * along, points - far * along]),
        )
        return np.asarray(past.reshape(2, -1).mean(axis=0))

    def gain(self, starts: Points, ends: Points) -> npt.NDArray[np.float64]:
        """Mean share newly seen along straight segments, float64 (segment,)."""
        now, owner = line_support(self.now, starts, ends)
        then, _ = line_support(self.before, starts, ends)
        seen = self.parameters.seen
        gain = support_share(now, *seen) - support_share(then, *seen)
        return np.asarray(np.bincount(owner, gain) / np.bincount(owner))
