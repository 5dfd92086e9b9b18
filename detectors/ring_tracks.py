"""Rings through time: how well each piece of an outline is seen in every scene."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon

from detectors.dividers import Divider
from detectors.lines import VOTE
from detectors.onsets import ERA, Onset
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_merit import NewLines
from detectors.ring_shapes import ring_mask, steps
from detectors.scene_lines import SceneLines
from detectors.side_support import Points, SideReading, support_share
from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

_PIECE_PX = 8.0
_SAMPLE = 250  # points, enough for a mean


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

    def built(self, dated: Onset, older: Outline | None = None) -> float:
        """How much rougher the enclosed ground has become since the onset, as a logarithm; beyond an older ring's."""
        rougher = _step_in(self.inside, dated)
        if older is None:
            return rougher
        whole, part = self.ring.area, older.ring.area  # what both hold cancels out
        return (whole * rougher - part * _step_in(older.inside, dated)) / (whole - part)

    def read(self, scene: SceneLines, reading: SideReading, parameters: PerimeterParameters) -> FloatArray:
        """How well each piece is seen in a scene, float32 (piece,)."""
        share = support_share(reading.of(scene.votes) / np.float32(VOTE), *parameters.rings.seen)
        seen = np.bincount(reading.owner, share) / reading.count
        return np.where(reading.middles(scene.clear), seen, np.nan).astype(np.float32)

    @property
    def lengths(self) -> npt.NDArray[np.float64]:
        """Of the pieces, pixels."""
        return _lengths(self.ring)

    def gains(self, dated: Onset) -> npt.NDArray[np.float64]:
        """How much better each piece is seen than before the onset, float64 (era, piece); NaN where an era hides it.

        An era is four scenes in a row that show the ring: works around a ring can hide a side of it again.
        """
        clear = np.isfinite(self.seen)
        seen = np.where(clear, self.seen, 0.0)
        shown, before = list(dated.seen), slice(0, dated.without + 1)
        era = min(ERA, len(shown))
        total, count = (np.vstack([np.zeros((1, part.shape[1])), part[shown].cumsum(axis=0)]) for part in (seen, clear))
        known = count[era:] - count[:-era]
        now = np.where(known, total[era:] - total[:-era], np.nan) / np.maximum(known, 1)
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


def _step_in(inside: FloatArray, dated: Onset) -> float:
    """By how much a mean in each scene, float32 (scene,), is larger in those since an onset than in those before."""
    return float(inside[list(dated.seen)].mean() - inside[: dated.without + 1].mean())


# The same rings and pairs of rings are asked about after every scene.
@lru_cache(maxsize=256)
def side_of(ring: Polygon) -> npt.NDArray[np.int64]:
    """Index of the side that each piece belongs to, int64 (piece,)."""
    starts, ends = steps(ring)
    sides = np.asarray(shapely.linestrings(np.stack([starts, ends], axis=1)))
    middle = shapely.points(np.add(*pieces(ring)) / 2.0)
    return np.asarray(shapely.distance(sides[:, None], middle).argmin(axis=0))


@lru_cache(maxsize=256)
def pieces(ring: Polygon) -> tuple[Points, Points]:
    """Start and end of each piece of a ring's sides, float64 (piece, 2), in pixel coordinates."""
    return steps(ring.segmentize(_PIECE_PX))


@lru_cache(maxsize=256)
def _lengths(ring: Polygon) -> npt.NDArray[np.float64]:
    starts, ends = pieces(ring)
    return np.asarray(np.hypot(*(ends - starts).T))


@lru_cache(maxsize=1 << 12)
def apart(ring: Polygon, older: Polygon, tolerance_px: float) -> BoolArray:
    """Which pieces of a ring don't run along an older one, bool (piece,)."""
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
