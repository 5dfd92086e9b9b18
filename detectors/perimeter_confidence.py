"""How sure a perimeter is: the probability that it is real, from how it is seen."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

from detectors.base import Finding, SideRole
from detectors.logistic import probability


@dataclass(frozen=True, slots=True)
class RingEvidence:
    """What the confidence in a perimeter is made of.

    Attributes:
        visibility: Share of the outline that is seen as a line in the scenes since the onset together, 0 to 1.
        gain: How far visibility rose at the onset, 0 to 1: a finding's magnitude.
        persistence: Share of the clear scenes since the onset that show it, 0 to 1.
        sightings: Natural logarithm of the number of scenes that show it.
        weakest_side: Share of the least seen side of the outline that is seen as a line, 0 to 1.
        length: Natural logarithm of the outline's length in kilometres.
        scenes_before: Natural logarithm of the number of scenes before the onset.
    """

    visibility: float
    gain: float
    persistence: float
    sightings: float
    weakest_side: float
    length: float
    scenes_before: float


@dataclass(frozen=True, slots=True)
class PerimeterCalibration:
    """Weights of the logistic regression that turns evidence into the probability that a perimeter is real.

    One weight for each of `RingEvidence`; `facility-watch evaluate perimeter --calibrate` fits them on simulated rings
    and look-alikes on real ground. Without weights every ring is as likely real as not.
    """

    intercept: float = 0.0
    visibility: float = 0.0
    gain: float = 0.0
    persistence: float = 0.0
    sightings: float = 0.0
    weakest_side: float = 0.0
    length: float = 0.0
    scenes_before: float = 0.0

    def confidence(self, evidence: RingEvidence) -> float:
        """Probability, 0 to 1."""
        intercept, *weights = astuple(self)
        logit = intercept + sum(weight * part for weight, part in zip(weights, astuple(evidence), strict=True))
        return float(probability(logit))


def evidence_of(finding: Finding, scenes_before: int) -> RingEvidence:
    """What is known of a perimeter's visibility.

    Args:
        finding: A perimeter with its sides.
        scenes_before: Clear scenes before its onset.
    """
    outline = [side.strength for side in finding.sides if side.role is SideRole.OUTLINE]
    return RingEvidence(
        visibility=finding.outline_share or 0.0,
        gain=finding.components.magnitude,
        persistence=finding.components.persistence,
        sightings=math.log(max(len(finding.seen_in), 1)),
        weakest_side=min(outline, default=0.0),
        length=math.log(max(finding.length_m or 0.0, 1.0) / 1000.0),
        scenes_before=math.log(max(scenes_before, 1)),
    )
