"""Rings through time: how well each piece of an outline is seen in every scene, and when it appeared or went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage
from shapely.geometry import Polygon

from detectors.dividers import Divider
from detectors.line_strength import Strength, add_to_mean, averaged_strength, pooled_strength
from detectors.lines import VOTE, Votes
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_merit import NewLines
from detectors.ring_shapes import ring_mask, steps
from detectors.side_support import Points, SideReading, support_share
from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

_PIECE_PX = 8.0
_ERA = 4  # scenes
_SAMPLE = 250  # points, enough for a mean


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


def pooled(scenes: Sequence[SceneLines]) -> Strength:
    """Line strength of several scenes together."""
    return pooled_strength([scene.votes for scene in scenes], [scene.clear for scene in scenes])


@dataclass(slots=True)
class OldLines:
    """Lines and texture of the scenes before, averaged; the older a scene, the less it counts once there are many.

    Attributes:
        votes: int16 (orientation, y, x): mean of signed votes, in 1/256 of a vote.
        texture: float32 (y, x): mean.
        count: int16 (y, x): clear scenes so far, at most as many as are remembered.
    """

    votes: npt.NDArray[np.int16]
    texture: FloatArray
    count: npt.NDArray[np.int16]

    @classmethod
    def none(cls, scene: SceneLines) -> OldLines:
        """Of no scene yet, for scenes like this one."""
        shape = scene.clear.shape
        return cls(np.zeros(scene.votes.shape, np.int16), np.zeros(shape, np.float32), np.zeros(shape, np.int16))

    def add(self, scene: SceneLines, most: int) -> None:
        """Takes a scene in; from so many on it is one of them."""
        self.count = np.where(scene.clear, np.minimum(self.count + 1, most), self.count).astype(np.int16)
        add_to_mean(scene.votes, scene.clear, self.count, self.votes)
        weight = np.float32(1.0) / np.maximum(self.count, 1)
        self.texture += np.where(scene.clear, (scene.texture - self.texture) * weight, np.float32(0.0))

    @property
    def strength(self) -> Strength:
        """Of the lines."""
        return averaged_strength(self.votes)

    @property
    def seen(self) -> BoolArray:
        """Ground that was clear at all, bool (y, x)."""
        return np.asarray(self.count > 0)


@dataclass(eq=False, slots=True)
class Outline:
    """A ring that may stand, and how well each piece of it is seen in every scene.

    Attributes:
        ring: In pixel coordinates, 0 at the centre of the first pixel.
        seen: float32 (scene, piece), 0 to 1: how well each piece of at most eight pixels is seen; NaN where not clear.
        goes_on: float64 (piece,), 0 to 1: how much the line of each piece's side went on past its ends when the ring
            was found: a wall turns, a road goes on.
        sample: int64 (point,): flat indices into (y, x) of points spread over the ground that it encloses.
        inside: float32 (scene,): mean texture there.
        fitted_with: Number of scenes with which its sides were last fitted.
        gone_from: First scene in which it stood no more, or was open; None while it stands.
        dividers: Lines that divide the enclosed ground; None where they haven't been looked for since the last fit.
    """

    ring: Polygon
    seen: FloatArray
    goes_on: npt.NDArray[np.float64]
    sample: npt.NDArray[np.int64]
    inside: FloatArray
    fitted_with: int = 1
    gone_from: int | None = None
    dividers: list[Divider] | None = None

    @classmethod
    def of(cls, ring: Polygon, scenes: list[SceneLines], new: NewLines, parameters: PerimeterParameters) -> Outline:
        """A ring found in new lines, read in all scenes so far."""
        goes_on = new.goes_on(steps(ring)[0])[side_of(ring)]
        none = np.zeros((0, len(goes_on)), np.float32)
        enclosed = np.flatnonzero(ring_mask(ring, scenes[0].clear.shape))
        outline = cls(ring, none, goes_on, enclosed[:: max(1, len(enclosed) // _SAMPLE)], none[:, 0])
        reading = SideReading.along(*pieces(ring), scenes[0].votes.shape)
        outline.seen = np.array([outline.read(scene, reading, parameters) for scene in scenes], np.float32)
        outline.inside = np.array([outline.texture(scene) for scene in scenes], np.float32)
        return outline

    def add(self, scene: SceneLines, parameters: PerimeterParameters) -> None:
        """Reads the next scene."""
        reading = SideReading.along(*pieces(self.ring), scene.votes.shape)
        self.seen = np.vstack([self.seen, self.read(scene, reading, parameters)[None]])
        self.inside = np.append(self.inside, np.float32(self.texture(scene)))

    def texture(self, scene: SceneLines) -> float:
        """Mean texture of the enclosed ground."""
        return float(scene.texture.reshape(-1).take(self.sample).mean()) if len(self.sample) else 0.0

    def built(self, dated: Onset) -> float:
        """How much rougher the enclosed ground has become since the onset, as a logarithm."""
        return float(self.inside[list(dated.seen)].mean() - self.inside[: dated.without + 1].mean())

    def read(self, scene: SceneLines, reading: SideReading, parameters: PerimeterParameters) -> FloatArray:
        """How well each piece is seen in a scene, float32 (piece,)."""
        share = support_share(reading.of(scene.votes) / np.float32(VOTE), *parameters.rings.seen)
        seen = np.bincount(reading.owner, share) / reading.count
        return np.where(reading.middles(scene.clear), seen, np.nan).astype(np.float32)

    @property
    def lengths(self) -> npt.NDArray[np.float64]:
        """Of the pieces, pixels."""
        return _lengths(self.ring)

    def apart_from(self, older: Polygon, tolerance_px: float) -> BoolArray:
        """Which pieces don't run along an older ring, bool (piece,)."""
        return _apart(self.ring, older, tolerance_px)

    def gains(self, dated: Onset) -> npt.NDArray[np.float64]:
        """How much better each piece is seen than before the onset, float64 (era, piece).

        An era is four scenes in a row that show the ring: works around a ring can hide a side of it again.
        """
        clear = np.isfinite(self.seen)
        seen = np.where(clear, self.seen, 0.0)
        shown, before = list(dated.seen), slice(0, dated.without + 1)
        era = min(_ERA, len(shown))
        total, count = (np.vstack([np.zeros((1, part.shape[1])), part[shown].cumsum(axis=0)]) for part in (seen, clear))
        now = (total[era:] - total[:-era]) / np.maximum(count[era:] - count[:-era], 1)
        then = seen[before].sum(axis=0) / np.maximum(clear[before].sum(axis=0), 1)
        return np.asarray(now - then, np.float64)

    def visibility(self, chosen: BoolArray, least_clear: float, *, until_gone: bool = True) -> npt.NDArray[np.float64]:
        """How well some pieces are seen in each scene, float64 (scene,); NaN where too little of them is clear.

        After the ring went nothing more is told of it, unless asked for.
        """
        mean = _weighted(self.seen, np.where(chosen, self.lengths, 0.0), least_clear)
        if until_gone and self.gone_from is not None:
            mean[self.gone_from :] = np.nan
        return mean


def side_of(ring: Polygon) -> npt.NDArray[np.int64]:
    """Index of the side that each piece belongs to, int64 (piece,)."""
    starts, ends = steps(ring)
    sides = np.asarray(shapely.linestrings(np.stack([starts, ends], axis=1)))
    middle = shapely.points(np.add(*pieces(ring)) / 2.0)
    return np.asarray(shapely.distance(sides[:, None], middle).argmin(axis=0))


# The same rings and pairs of rings are asked about after every scene.
@lru_cache(maxsize=256)
def pieces(ring: Polygon) -> tuple[Points, Points]:
    """Start and end of each piece of a ring's sides, float64 (piece, 2), in pixel coordinates."""
    return steps(ring.segmentize(_PIECE_PX))


@lru_cache(maxsize=256)
def _lengths(ring: Polygon) -> npt.NDArray[np.float64]:
    starts, ends = pieces(ring)
    return np.asarray(np.hypot(*(ends - starts).T))


@lru_cache(maxsize=1 << 12)
def _apart(ring: Polygon, older: Polygon, tolerance_px: float) -> BoolArray:
    starts, ends = pieces(ring)
    return np.asarray(shapely.distance(shapely.points((starts + ends) / 2.0), older.exterior) > tolerance_px)


@compiled
def _weighted(seen: FloatArray, weight: npt.NDArray[np.float64], least_clear: float) -> npt.NDArray[np.float64]:
    """Weighted mean over the pieces of each scene, float64 (scene,); NaN where too little of them is clear."""
    mean = np.full(len(seen), np.nan)
    least = max(least_clear * weight.sum(), 1e-9)
    for scene in range(len(seen)):
        known, total = 0.0, 0.0
        for piece in range(len(weight)):
            if not np.isnan(seen[scene, piece]):
                known += weight[piece]
                total += weight[piece] * seen[scene, piece]
        if known >= least:
            mean[scene] = total / known
    return mean


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
    now = float(visible[seen[-_ERA:]].mean())
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


def eroded(valid: BoolArray, rim_px: int) -> BoolArray:
    """Valid ground without the rim along gaps in which a line filter still sees the gap."""
    if valid.all():
        return valid
    return np.asarray(ndimage.binary_erosion(valid, iterations=rim_px, border_value=1))
