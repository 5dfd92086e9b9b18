"""Rings through time: when each appeared, in which scenes it is seen, whether it grew or went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.lines import Strength, Votes
from detectors.perimeter_parameters import RingParameters
from detectors.ring_shapes import steps
from detectors.side_support import Points, line_support, support_share
from geo.scene import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class SceneLines:
    """What one scene shows of lines.

    Attributes:
        votes: int8 (orientation, y, x), 0 where not clear.
        texture: float32 (y, x) on the coarse grid of the search: logarithm of local contrast, in units of its
            own median.
        clear: bool (y, x): valid ground, less a rim in which lines can't be read.
    """

    votes: Votes
    texture: FloatArray
    clear: BoolArray


class Pool:
    """Line strength of several scenes together, to which scenes come and from which they go.

    Votes are averaged with their sign over the scenes that are clear at a place: a wall stays, while
    shadow, season and cloud rims move.
    """

    def __init__(self, scenes: Iterable[SceneLines] = ()) -> None:
        self._total: npt.NDArray[np.int16] | None = None
        self._count: npt.NDArray[np.int16] | None = None
        self._texture: FloatArray = np.zeros(0, np.float32)
        self._scenes = 0
        for scene in scenes:
            self.add(scene)

    def add(self, scene: SceneLines, times: int = 1) -> None:
        """Takes a scene in, or with -1 out again."""
        self._scenes += times
        if self._total is None or self._count is None:
            self._total, self._count = scene.votes.astype(np.int16), scene.clear.astype(np.int16)
            self._texture = scene.texture.copy()
            return
        self._texture += times * scene.texture
        combine = np.add if times > 0 else np.subtract
        combine(self._total, scene.votes, out=self._total)
        combine(self._count, scene.clear, out=self._count)

    @property
    def clear(self) -> BoolArray:
        """Where any of the scenes is clear, bool (y, x)."""
        if self._count is None:
            raise ValueError("a pool without scenes")
        return self._count > 0

    @property
    def texture(self) -> FloatArray:
        """Mean of the scenes' texture, float32 (y, x) on the coarse grid."""
        return self._texture / np.float32(self._scenes)

    @property
    def strength(self) -> Strength:
        """uint8 (orientation, y, x), in 1/127."""
        if self._total is None or self._count is None:
            raise ValueError("a pool without scenes")
        if not (self._count > 1).any():
            return np.abs(self._total).astype(np.uint8)
        share = np.float32(1.0) / np.maximum(self._count, 1).astype(np.float32)
        strength = np.empty(self._total.shape, np.uint8)
        for layer, total in zip(strength, self._total, strict=True):
            layer[:] = np.abs(total) * share + np.float32(0.5)
        return strength


def pooled(scenes: Sequence[SceneLines]) -> Strength:
    """Line strength of some scenes together, uint8 (orientation, y, x), in 1/127."""
    return Pool(scenes).strength


def visibility(
    starts: Points, ends: Points, scenes: Sequence[SceneLines], parameters: RingParameters
) -> npt.NDArray[np.float32]:
    """How well each piece of some sides is seen in each scene.

    Args:
        starts: float64 (piece, 2), pixel coordinates.
        ends: float64 (piece, 2).
        scenes: In time order.
        parameters: Of the ring search.

    Returns:
        float32 (scene, piece), 0 to 1; NaN where the middle of a piece isn't clear.
    """
    seen = np.full((len(scenes), len(starts)), np.nan, np.float32)
    middle = np.rint((starts + ends) / 2.0).astype(np.int64)
    for index, scene in enumerate(scenes):
        strengths, owner = line_support(scene.votes, starts, ends)
        share = np.bincount(owner, support_share(strengths, *parameters.seen), len(starts)) / np.bincount(owner)
        rows, columns = scene.clear.shape
        clear = scene.clear[np.clip(middle[:, 1], 0, rows - 1), np.clip(middle[:, 0], 0, columns - 1)]
        seen[index, clear] = share[clear]
    return seen


def mean_visibility(seen: npt.NDArray[np.float32], least_clear: float) -> npt.NDArray[np.float64]:
    """How well the pieces of some sides are seen together in each scene, by `visibility`.

    Args:
        seen: float32 (scene, piece).
        least_clear: Share of the pieces that has to be clear.

    Returns:
        float64 (scene,), 0 to 1; NaN where too little is clear.
    """
    clear = np.isfinite(seen)
    count = clear.sum(axis=1)
    mean = np.where(clear, seen, 0.0).sum(axis=1) / np.maximum(count, 1)
    return np.where(count >= max(1.0, least_clear * seen.shape[1]), mean, np.nan)


def merit(seen: npt.NDArray[np.float32], first: int, length_px: float, parameters: RingParameters) -> float:
    """How far a ring stands out of chance, in pixels of side that surely appeared at its onset.

    What each piece of a side gained at the onset, less what chance gains and what the piece wavers before and
    since: sides that came at another time than the rest, or come and go, count against a ring. Of two outlines
    of one place the greater merit is the better one, whatever their sizes.

    Args:
        seen: float32 (scene, piece), from `visibility`.
        first: First scene that shows the ring.
        length_px: Of all pieces together.
        parameters: Of the ring search.
    """
    before, after = seen[:first], seen[first:]
    known = np.isfinite(before).any(axis=0) & np.isfinite(after).any(axis=0)
    if not known.any():
        return 0.0
    before, after = before[:, known], after[:, known]
    then, now = np.nanmean(before, axis=0), np.nanmean(after, axis=0)
    wavering = np.nanvar(before, axis=0) + np.nanvar(after, axis=0)
    each = now - then + parameters.old_line_weight * np.minimum(now, then)
    each -= parameters.chance_rise + parameters.waver_weight * wavering
    return float(length_px * each.mean())


@dataclass(frozen=True, slots=True)
class Onset:
    """When something appeared, as scene indices.

    Attributes:
        absent: Scenes before it that don't show it.
        first: First scene that shows it.
        seen: All scenes since that show it.
        assessed: Number of clear scenes since the onset.
        before: Mean visibility before the onset.
        after: Mean visibility since.
    """

    absent: tuple[int, ...]
    first: int
    seen: tuple[int, ...]
    assessed: int
    before: float
    after: float

    @property
    def without(self) -> int:
        """Last scene before it that doesn't show it."""
        return self.absent[-1]

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
    split = _two_levels(series)
    before, after = float(series[:split].mean()), float(series[split:].mean())
    if after <= before:
        return None
    middle = (before + after) / 2.0
    late, early = known[split:], known[:split]
    seen = tuple(int(index) for index in late[series[split:] >= middle])
    low = early[series[:split] < middle]
    if not seen or not len(low):
        return None
    return Onset(tuple(int(index) for index in low), seen[0], seen, len(known[known >= seen[0]]), before, after)


def _two_levels(series: npt.NDArray[np.float64]) -> int:
    """Where to split a series so that the squared error of two constants is least."""
    count = np.arange(1, len(series))
    sums = np.cumsum(series)
    explained = sums[:-1] ** 2 / count + (sums[-1] - sums[:-1]) ** 2 / (len(series) - count)
    return int(explained.argmax()) + 1


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
