"""Whether works go on: from ground that was cleared to buildings that stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.base import ChangeType, Stage
from detectors.blurring import gaussian
from detectors.features import SceneFeatures
from detectors.pixel_history import PixelHistory
from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

# Weight of a new scene in the pattern that ground has had lately: about three scenes are remembered.
_NEWEST = 1.0 / 3.0

# One odd scene (snow, haze, half a pixel of misregistration) is no sign of works, two in a row are.
_IN_A_ROW = 2


@dataclass(frozen=True, slots=True)
class StageParameters:
    """When ground is still.

    Attributes:
        alike: Correlation with the pattern that it has had lately below which ground has changed again.
        least_pattern: Detail of reflectance that is no pattern yet: flat ground is like any other.
        pattern_m: Standard deviation of the Gaussian window that patterns are compared in.
        restless_share: Share of a site that must have been taken lately or change again for works to go on.
        still_days: Days without such change after which works have ended.
        still_scenes: Clear scenes that show that even if the newest looks odd; one that looks as the site did before is
            enough, so that the first scene after a long gap can tell.
    """

    alike: float = 0.6
    least_pattern: float = 0.005
    pattern_m: float = 24.0
    restless_share: float = 0.25
    still_days: float = 90.0
    still_scenes: int = 2


def watch(history: PixelHistory, scene: SceneFeatures, index: int, gsd_m: float, parameters: StageParameters) -> None:
    """Take in what a scene, number `index`, tells of changed ground: whether it has changed again since.

    The correlation of local detail doesn't mind haze, sun, calibration or processing level. What two scenes in a row
    show had changed by the first of them: `history.last_clear` still is the scene before this one.
    """
    looked = scene.clear & history.standing
    if not looked.any():
        return
    fresh = looked & (history.onset == index)
    history.moved[fresh] = index
    history.restless[fresh] = 0
    products: FloatArray = np.zeros((3, *looked.shape), np.float32)
    _compare(scene.detail, history.pattern, looked, fresh, products)
    together, now, lately = (gaussian(product, parameters.pattern_m / gsd_m) for product in products)
    nothing = np.float32(len(scene.detail) * parameters.least_pattern**2)
    differs = looked & ~fresh & (together + nothing < parameters.alike * (np.sqrt(now * lately) + nothing))
    history.restless[looked & ~differs] = 0
    history.restless[differs] += 1
    again = differs & (history.restless >= _IN_A_ROW)
    history.moved[again] = history.last_clear[again]


@compiled
def _compare(
    detail: FloatArray, pattern: FloatArray, looked: BoolArray, fresh: BoolArray, products: FloatArray
) -> None:
    """Sums over bands of detail by pattern, of detail squared and of pattern squared; then the pattern takes it in."""
    newest = np.float32(_NEWEST)
    for band in range(detail.shape[0]):
        for row in range(looked.shape[0]):
            for x in range(looked.shape[1]):
                if looked[row, x]:
                    now = detail[band, row, x]
                    lately = now if fresh[row, x] else pattern[band, row, x]
                    products[0, row, x] += now * lately
                    products[1, row, x] += now * now
                    products[2, row, x] += lately * lately
                    pattern[band, row, x] = lately + newest * (now - lately)


def stage_of(
    kind: ChangeType,
    history: PixelHistory,
    changed: BoolArray,
    clear: Sequence[int],
    days: Sequence[float],
    parameters: StageParameters,
) -> Stage:
    """How far works have come.

    Args:
        kind: What happened: without a building that can be seen, ground is cleared and no more.
        history: Pixels after the newest scene.
        changed: bool (y, x), changed pixels of the site, at least one.
        clear: Scenes in which enough of it is clear.
        days: Acquisition of each scene, days.
        parameters: When ground is still.
    """
    if kind is not ChangeType.BUILDING_ADDED:
        return Stage.CLEARED
    moments = history.moved[changed]
    newest = math.ceil((moments.size - 1) * (1.0 - parameters.restless_share))
    moved = int(np.partition(moments, newest)[newest])
    since = [days[index] for index in clear if days[index] > days[moved]]
    if not since or since[-1] - days[moved] < parameters.still_days:
        return Stage.UNDER_CONSTRUCTION
    as_before = (history.restless[changed] == 0).mean() >= 1.0 - parameters.restless_share
    return Stage.BUILT if as_before or len(since) >= parameters.still_scenes else Stage.UNDER_CONSTRUCTION
