"""Rings through time: when each appeared, in which scenes it is seen, whether it grew or went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.lines import VOTE, Votes
from detectors.perimeter_parameters import RingParameters
from detectors.ring_shapes import steps
from detectors.side_support import Points, line_support, support_share
from geo.scene import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class SceneLines:
    """What one scene shows of lines.

    Attributes:
        votes: int8 (orientation, y, x).
        texture: float32 (y, x): logarithm of local contrast, in units of its own median.
        clear: bool (y, x): valid ground, less a rim in which lines can't be read.
    """

    votes: Votes
    texture: FloatArray
    clear: BoolArray


def pooled(scenes: list[SceneLines]) -> FloatArray:
    """Line strength of several scenes together, float32 (orientation, y, x), 0 to 1.

    Votes are averaged with their sign over the scenes that are clear at a place: a wall stays, while
    shadow, season and cloud rims move.
    """
    if len(scenes) == 1:
        return np.asarray(np.abs(scenes[0].votes) * (scenes[0].clear / VOTE), np.float32)
    total = np.zeros(scenes[0].votes.shape, np.int16)
    count = np.zeros(scenes[0].clear.shape, np.int16)
    for scene in scenes:
        total += scene.votes * scene.clear
        count += scene.clear
    return np.asarray(np.abs(total) / (VOTE * np.maximum(count, 1)), np.float32)


def visibility(
    starts: npt.NDArray[np.float64],
    ends: npt.NDArray[np.float64],
    scenes: list[SceneLines],
    parameters: RingParameters,
    least_clear: float,
) -> npt.NDArray[np.float64]:
    """How well some sides are seen in each scene.

    Args:
        starts: float64 (side, 2), pixel coordinates.
        ends: float64 (side, 2).
        scenes: In time order.
        parameters: Of the ring search.
        least_clear: Share of the sides that has to be clear.

    Returns:
        float64 (scene,), 0 to 1; NaN where too little is clear.
    """
    seen = np.full(len(scenes), np.nan)
    middle = np.rint((starts + ends) / 2.0).astype(np.int64)
    for index, scene in enumerate(scenes):
        strengths, owner = line_support(scene.votes, starts, ends)
        share = support_share(strengths / VOTE, *parameters.seen)
        if scene.clear.all():
            seen[index] = share.mean()
            continue
        rows, columns = scene.clear.shape
        clear = scene.clear[np.clip(middle[:, 1], 0, rows - 1), np.clip(middle[:, 0], 0, columns - 1)][owner]
        if clear.mean() >= least_clear:
            seen[index] = share[clear].mean()
    return seen


@dataclass(frozen=True, slots=True)
class Onset:
    """When something appeared, as scene indices.

    Attributes:
        without: Last scene that doesn't show it.
        first: First scene that shows it.
        seen: All scenes since that show it.
        assessed: Number of clear scenes since the onset.
        before: Mean visibility before the onset.
        after: Mean visibility since.
    """

    without: int
    first: int
    seen: tuple[int, ...]
    assessed: int
    before: float
    after: float

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
    known = np.flatnonzero(np.isfinite(visible))
    if len(known) < 2:
        return None
    series = visible[known]
    errors = [series[:k].var() * k + series[k:].var() * (len(series) - k) for k in range(1, len(series))]
    split = int(np.argmin(errors)) + 1
    before, after = float(series[:split].mean()), float(series[split:].mean())
    if after <= before:
        return None
    middle = (before + after) / 2.0
    late, early = known[split:], known[:split]
    seen = tuple(int(index) for index in late[series[split:] >= middle])
    low = early[series[:split] < middle]
    if not seen or not len(low):
        return None
    return Onset(int(low[-1]), seen[0], seen, len(known[known >= seen[0]]), before, after)


def departure(visible: npt.NDArray[np.float64]) -> Onset | None:
    """The step from high to low visibility, told as the onset of absence; None if visibility doesn't fall.

    Args:
        visible: float64 (scene,), 0 to 1; NaN where not assessable.
    """
    return onset(1.0 - visible)


@dataclass(eq=False, slots=True)
class Track:
    """One ring through time.

    Attributes:
        ring: As it stands, in pixel coordinates.
        onset: When it, or for an extension its new sides, appeared; None where it stood from the start.
        parent: The ring that it extends.
        extended: Whether a larger ring has taken its place.
        departure: When it went; None while it stands.
        fitted_with: Number of scenes with which its sides were last fitted.
    """

    ring: Polygon
    onset: Onset | None
    parent: Track | None = None
    extended: bool = False
    departure: Onset | None = None
    fitted_with: int = 1

    @property
    def standing(self) -> bool:
        """Whether it is the newest state of its enclosure."""
        return not self.extended and self.departure is None


def new_sides(ring: Polygon, older: Polygon | None = None, tolerance_px: float = 0.0) -> tuple[Points, Points]:
    """Pieces of a ring's sides that don't run along an older ring.

    Args:
        ring: In pixel coordinates.
        older: The ring whose sides are left out.
        tolerance_px: Distance within which a piece runs along the older ring.

    Returns:
        Start and end of each piece, float64 (piece, 2), at most eight pixels long.
    """
    starts, ends = steps(ring.segmentize(8.0))
    if older is None:
        return starts, ends
    apart = shapely.distance(shapely.points((starts + ends) / 2.0), older.exterior) > tolerance_px
    return starts[apart], ends[apart]


def length_of(sides: tuple[Points, Points]) -> float:
    """Summed length of pieces of sides."""
    return float(np.hypot(*(sides[1] - sides[0]).T).sum())


def eroded(valid: BoolArray, rim_px: int) -> BoolArray:
    """Valid ground without the rim along gaps in which a line filter still sees the gap."""
    if valid.all():
        return valid
    return np.asarray(ndimage.binary_erosion(valid, iterations=rim_px, border_value=1))
