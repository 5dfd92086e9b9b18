"""Where rings may be: some scenes compared with others, and outlines proposed from what is new in them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from detectors.alignment import align_sides, squared
from detectors.closures import closed_outlines
from detectors.line_strength import FULL, Strength, beside, gained
from detectors.partition import frame_of
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_choice import alike, meet
from detectors.ring_merit import NewLines
from detectors.ring_shapes import adjoins, beyond, joined, outline_mask, ring_mask, shared_area, steps, tidy
from detectors.ring_views import Look
from detectors.rings import find_rings, fitted, inside_evidence
from detectors.side_support import SideReading
from geo.scene import BoolArray

_ALIGN_PX = 2.0  # a fitted side is within this of its line
_FEWEST_SIDES = 3  # of some length that a closed outline has; one fewer beside a ring that stands
_RIM_PX = (3.0, 8.0)  # from a standing ring's outline, in which what leaves it is sought
_SQUARE_PX = 5.0  # a leaning side is within this of where it belongs


@dataclass(frozen=True)
class Comparison:
    """Lines of some scenes against those of others.

    Attributes:
        now: In these.
        old: In those.
        clear: bool (y, x): ground that both show.
        gain: uint8 (orientation, y, x): by how much lines stand out further than any before near them.
        strongest: uint8 (y, x): the greatest of it over the orientations, in the same unit.
    """

    now: Look
    old: Look
    clear: BoolArray
    gain: Strength
    strongest: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, now: Look, old: Look) -> Comparison:
        """Of some scenes with those before, or for what has gone of those before with some."""
        clear = now.clear & old.clear
        return cls(now, old, clear, *gained(now.strength, old.widened, clear))

    def differs(self, most: float) -> bool:
        """Whether half of the ground gains more than so much: the scenes differ everywhere (snow, haze, plants)."""
        return self.typical > most

    def outstanding(self, most: float) -> Strength:
        """Gain, where half of the ground gains more than so much beyond what that gains: a wall has to differ more."""
        usual = np.uint8(self.typical * FULL)
        return np.maximum(self.gain, usual) - usual if self.differs(most) else self.gain

    @cached_property
    def new_beside(self) -> Strength:
        """Gain that a line reaches within one pixel across its direction."""
        return beside(self.gain)

    @cached_property
    def typical(self) -> float:
        """Gain that half of the ground exceeds."""
        return float(np.median(self.strongest[self.clear])) / FULL if self.clear.any() else 0.0


@dataclass(frozen=True, slots=True)
class RingSearch:
    """Proposes outlines; whether they stand is decided elsewhere.

    Attributes:
        parameters: Of the detector.
        gsd_m: Pixel size, metres.
    """

    parameters: PerimeterParameters
    gsd_m: float

    def surrounded(
        self,
        compared: Comparison,
        known: list[Polygon],
        around: Polygon | None = None,
        rested: BoolArray | None = None,
    ) -> list[Polygon]:
        """Outlines around places that new lines surround and in which something has been built.

        Args:
            compared: The scenes.
            known: Rings that stand; nothing is sought inside them.
            around: Places that touch this alone.
            rested: bool (y, x): ground that may be looked at; where a place has been looked at, it is taken out of it.
        """
        now, old, clear = compared.now, compared.old, compared.clear
        if not clear.any() or compared.differs(self.parameters.most_change):
            return []
        structure = np.where(clear, now.texture - np.maximum(old.texture, -0.7), 0.0).astype(np.float32)
        rings, gsd_m = self.parameters.rings, self.gsd_m
        barriers = outline_mask(known, clear.shape)
        evidence = inside_evidence(compared.strongest, barriers, structure, clear, gsd_m, rings)
        return find_rings(now.strength, old.strength, evidence, known, gsd_m, rings, around, rested)

    def closed(
        self, compared: Comparison, standing: Sequence[Polygon], followed: Sequence[Polygon] = ()
    ) -> list[Polygon]:
        """Outlines that close in new lines, whatever they enclose: off the edge of the area, none found before.

        Args:
            compared: The scenes.
            standing: Rings that stand; what is fenced in within them takes no place.
            followed: Other outlines that needn't be found again.
        """
        gain = compared.outstanding(self.parameters.most_change)
        found = self._closing(gain, self.parameters.closures.most_outlines, standing)
        rings = self._also_fitted(found, compared)
        new = NewLines(compared.now.strength, compared.old.strength, self.parameters.rings)
        least = self.parameters.rings.least_corners
        closed = [ring for ring in rings if len(steps(ring)[0]) >= least and self._is_closed(ring.exterior, new)]
        return self._unknown(closed, [*standing, *followed], compared)

    def extending(self, compared: Comparison, standing: Sequence[Polygon], known: Sequence[Polygon]) -> list[Polygon]:
        """Standing rings, each with ground beside it that new lines close together with its own sides.

        Args:
            compared: The scenes.
            standing: The rings; their sides close as well as new lines do.
            known: Outlines that needn't be found again.
        """
        if not any(self._left_by_lines(ring, compared) for ring in standing):
            return []
        gain = compared.outstanding(self.parameters.most_change)
        walled = replace(compared, gain=_with_sides(gain, standing))
        # Each of those closes too.
        found = self._closing(walled.gain, self.parameters.closures.most_outlines + len(standing), standing)
        # Most of what closes has nothing to do with them, and is not worth fitting.
        beside = [ring for ring in found if any(self.built_on(ring, older) is not None for older in standing)]
        rings = self._also_fitted(beside, walled)
        new = NewLines(compared.now.strength, compared.old.strength, self.parameters.rings)
        along_px = self.parameters.rings.beside_px(self.gsd_m)
        grown: list[Polygon] = []
        for ring, older in product(rings, standing):
            whole = self.built_on(ring, older)
            if whole is not None:
                fresh = whole.exterior.difference(older.exterior.buffer(along_px))
                grown += [whole] if self._is_closed(fresh, new, _FEWEST_SIDES - 1) else []
        return self._unknown(grown, known, compared)

    def _left_by_lines(self, ring: Polygon, compared: Comparison) -> bool:
        """Whether new lines are seen right outside a standing ring: what is fenced in beside it begins there."""
        inner, outer = (ring_mask(ring.buffer(apart_px), compared.clear.shape) for apart_px in _RIM_PX)
        new = compared.strongest >= FULL * self.parameters.closures.newness[1]
        return int((new & outer & ~inner).sum()) >= 2.0 * (_RIM_PX[1] - _RIM_PX[0])

    def built_on(self, ring: Polygon, older: Polygon) -> Polygon | None:
        """A new outline as the extension of a standing ring; None where it has nothing to do with it."""
        rings = self.parameters.rings
        tolerance_px = rings.snap_m / self.gsd_m
        if shared_area(ring, older) > 0.7 * older.area and ring.area > older.area:
            return beyond(ring, older, self.gsd_m, rings)
        if not meet(ring, older) and adjoins(ring, older, tolerance_px):
            return joined(ring, older, tolerance_px, self.gsd_m, rings)
        return None

    def _closing(self, gain: Strength, most: int, standing: Sequence[Polygon]) -> list[Polygon]:
        """What closes in gained strength, so many outlines at most, none within a ring that stands."""
        closures = replace(self.parameters.closures, most_outlines=most)
        found = closed_outlines(gain, self.gsd_m, closures, standing)
        return [tidy(ring, self.gsd_m, self.parameters.rings) for ring in found]

    def _also_fitted(self, rings: Sequence[Polygon], compared: Comparison) -> list[Polygon]:
        """Outlines as they close, and fitted.

        What a face of segments is closed by need not be the whole of a side, and what is fitted need not be closed.
        """
        return [each for ring in rings for each in dict.fromkeys((ring, self._fitted(ring, compared)))]

    def _fitted(self, ring: Polygon, compared: Comparison) -> Polygon:
        """A closed outline fitted to the new lines around it."""
        rings = self.parameters.rings
        weight = np.float32(self.parameters.closures.area_weight / math.sqrt(ring.area))
        inside = weight * (ring_mask(ring, compared.clear.shape) - np.float32(rings.outside_share))
        return fitted(ring, compared.new_beside, inside, [], self.gsd_m, rings)

    def _unknown(self, rings: Sequence[Polygon], known: Sequence[Polygon], compared: Comparison) -> list[Polygon]:
        """Those of some rings that are off the edge of the area, and none that is known."""
        edge = frame_of(compared.clear.shape).exterior
        off = [ring for ring in rings if ring.distance(edge) * self.gsd_m >= self.parameters.rings.frame_m]
        return [ring for ring in off if not any(alike(ring, other) for other in known)]

    def _is_closed(self, outline: BaseGeometry, new: NewLines, fewest: int = _FEWEST_SIDES) -> bool:
        """Whether all sides of an outline, or of parts of it, are newly seen, but short ones."""
        points, line = shapely.get_coordinates(shapely.get_parts(outline), return_index=True)
        same = line[:-1] == line[1:]
        starts, ends = points[:-1][same], points[1:][same]
        long = np.hypot(*(ends - starts).T) * self.gsd_m >= self.parameters.rings.shortest_side_m
        seen = new.gain(starts[long], ends[long]) >= self.parameters.closures.least_side
        return bool(long.sum() >= fewest and seen.all())


def _with_sides(gain: Strength, rings: Sequence[Polygon]) -> Strength:
    """Gain in line strength as if the sides of rings were new as well, in their direction and those beside it."""
    starts, ends = (np.concatenate(points) for points in zip(*map(steps, rings), strict=True))
    cells, of_direction = SideReading.along(starts, ends, gain.shape).cells, gain[0].size
    walled = gain.copy()
    for turn in (-1, 0, 1):
        walled.reshape(-1)[(cells + turn * of_direction) % gain.size] = FULL
    return walled


def laid(ring: Polygon, look: Look) -> Polygon:
    """A ring laid on its lines."""
    return align_sides(ring, look.strength, _ALIGN_PX)


def laid_square(ring: Polygon, look: Look) -> Iterator[Polygon]:
    """A ring laid on its lines, and where its sides lean also squared."""
    aligned = laid(ring, look)
    yield aligned
    square = squared(aligned, look.strength, _SQUARE_PX)
    if square is not None:
        yield square
