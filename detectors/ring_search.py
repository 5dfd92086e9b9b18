"""Where rings may be: some scenes compared with others, and outlines proposed from what is new in them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from shapely.geometry import Polygon

from detectors.alignment import align_sides, squared
from detectors.closures import closed_outlines
from detectors.line_strength import FULL, Strength, beside, gained
from detectors.partition import frame_of
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_choice import alike
from detectors.ring_merit import NewLines
from detectors.ring_shapes import outline_mask, ring_mask, steps, tidy
from detectors.ring_views import Look
from detectors.rings import find_rings, fitted, inside_evidence
from geo.scene import BoolArray

_ALIGN_PX = 2.0  # a fitted side is within this of its line
_FEWEST_SIDES = 3  # of some length that a closed outline has
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
        return self._typical > most

    @cached_property
    def new_beside(self) -> Strength:
        """Gain that a line reaches within one pixel across its direction."""
        return beside(self.gain)

    @cached_property
    def _typical(self) -> float:
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

    def closed(self, compared: Comparison, known: Sequence[Polygon]) -> list[Polygon]:
        """Outlines that close in new lines, whatever they enclose: off the edge of the area, none that is known."""
        if not compared.clear.any() or compared.differs(self.parameters.most_change):
            return []
        found = closed_outlines(compared.gain, self.gsd_m, self.parameters.closures)
        tidied = [tidy(ring, self.gsd_m, self.parameters.rings) for ring in found]
        # What a face of segments is closed by need not be the whole of a side, and what is fitted need not be closed.
        rings = [each for ring in tidied for each in dict.fromkeys((ring, self._fitted(ring, compared)))]
        new = NewLines(compared.now.strength, compared.old.strength, self.parameters.rings)
        edge = frame_of(compared.clear.shape).exterior
        return [
            ring
            for ring in rings
            if ring.distance(edge) * self.gsd_m >= self.parameters.rings.frame_m
            and self._is_closed(ring, new)
            and not any(alike(ring, other) for other in known)
        ]

    def _fitted(self, ring: Polygon, compared: Comparison) -> Polygon:
        """A closed outline fitted to the new lines around it."""
        rings = self.parameters.rings
        weight = np.float32(self.parameters.closures.area_weight / math.sqrt(ring.area))
        inside = weight * (ring_mask(ring, compared.clear.shape) - np.float32(rings.outside_share))
        return fitted(ring, compared.new_beside, inside, [], self.gsd_m, rings)

    def _is_closed(self, ring: Polygon, new: NewLines) -> bool:
        """Whether all sides but short ones are newly seen."""
        starts, ends = steps(ring)
        long = np.hypot(*(ends - starts).T) * self.gsd_m >= self.parameters.rings.shortest_side_m
        seen = new.gain(starts[long], ends[long]) >= self.parameters.closures.least_side
        return bool(long.sum() >= _FEWEST_SIDES and len(starts) >= self.parameters.rings.least_corners and seen.all())


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
