"""How sure a perimeter is: the probability that it is real, from how it is seen."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from detectors.logistic import probability


@dataclass(frozen=True, slots=True)
class RingEvidence:
    """What the confidence in a perimeter is made of; in an extension it is its fresh sides and ground.

    Attributes:
        newly_seen: Share of the outline that is newly seen, roads counted less, in the era that shows it best.
        hardest: Likewise of its two sides of which the least is newly seen: rows of houses show two, walls are all
            around.
        turning: How far its lines end where it turns, 0 to 1: those of roads, washes and canals go on.
        square: Share of it that runs along its main direction or across, 0 to 1: walls are square, washes wind.
        length: Natural logarithm of its length in hundreds of pixels, kilometres at 10 m.
        sightings: Natural logarithm of the number of scenes that show it.
        persistence: Share of the clear scenes since the onset that show it, 0 to 1.
        built: How much rougher the enclosed ground has become, as a logarithm, 0 to 1.
        looks_before: Natural logarithm of the number of clear scenes before the onset.
    """

    newly_seen: float
    hardest: float
    turning: float
    square: float
    length: float
    sightings: float
    persistence: float
    built: float
    looks_before: float


@dataclass(frozen=True, slots=True)
class PerimeterCalibration:
    """Weights of the logistic regression that turns evidence into the probability that a perimeter is real.

    One weight for each of `RingEvidence`, fitted on rings and look-alikes drawn into real scenes by `facility-watch
    evaluate perimeter --calibrate`, with the arguments that PERIMETERS.md tells. What the fit would have weigh against
    a ring weighs 0.
    """

    intercept: float = -21.492
    newly_seen: float = 1.804
    hardest: float = 5.589
    turning: float = 13.448
    square: float = 5.068
    length: float = 1.091
    sightings: float = 0.0
    persistence: float = 1.036
    built: float = 1.7
    looks_before: float = 0.0

    def confidence(self, evidence: RingEvidence) -> float:
        """Probability, 0 to 1."""
        intercept, *weights = astuple(self)
        logit = intercept + sum(weight * part for weight, part in zip(weights, astuple(evidence), strict=True))
        return float(probability(logit))
