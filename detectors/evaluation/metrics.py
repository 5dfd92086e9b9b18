"""Figures of merit of change detection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from detectors.logistic import probability
from geo.grid import Grid
from geo.scene import BoolArray

FloatVector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much of two areas agrees, in pixels or m².

    Attributes:
        true_positive: In both.
        false_positive: Found and not there.
        false_negative: There and not found.
    """

    true_positive: float
    false_positive: float
    false_negative: float

    @property
    def precision(self) -> float:
        """Share of what was found that is there, 0 to 1; 0 where nothing was found."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Share of what is there that was found, 0 to 1; 0 where nothing is there."""
        return _ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall (van Rijsbergen 1979).

        >>> Agreement(3.0, 1.0, 1.0).f1
        0.75
        """
        return _ratio(2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def area_agreement(found: BoolArray, truth: BoolArray, ambiguous: BoolArray) -> Agreement:
    """Agreement in pixels; what is found on ambiguous ground counts neither way."""
    return Agreement(
        float((found & truth).sum()),
        float((found & ~truth & ~ambiguous).sum()),
        float((truth & ~found).sum()),
    )


def object_agreement(
    found: Sequence[BaseGeometry], truth: Sequence[BaseGeometry], least_overlap: float = 0.1
) -> Agreement:
    """Agreement in objects: a found object is right if it covers some of a true one, and the other way round.

    Args:
        found: Polygons.
        truth: Polygons in the same CRS.
        least_overlap: Share of the smaller of the two that they must share.
    """

    def meets(one: BaseGeometry, others: Sequence[BaseGeometry]) -> bool:
        return any(
            one.intersection(other).area > least_overlap * min(one.area, other.area)
            for other in others
            if one.intersects(other)
        )

    hits = sum(meets(one, found) for one in truth)
    right = sum(meets(one, truth) for one in found)
    return Agreement(float(hits), float(len(found) - right), float(len(truth) - hits))


def burnt(geometries: Sequence[BaseGeometry], grid: Grid) -> BoolArray:
    """Polygons in the grid's CRS as a mask (y, x): pixels whose centre they hold."""
    if not geometries:
        return np.zeros(grid.shape, bool)
    burned = rasterize([(one, 1) for one in geometries], grid.shape, transform=grid.transform, dtype=np.uint8)
    return np.asarray(burned == 1)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Findings of like confidence: how sure they claim to be, and how often they are right."""

    confidence: float
    accuracy: float
    count: int


def reliability(confidence: FloatVector, correct: BoolArray, bins: int = 10) -> list[ReliabilityBin]:
    """Reliability diagram over equal steps of confidence; empty bins are left out (DeGroot and Fienberg 1983)."""
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        ReliabilityBin(float(confidence[at].mean()), float(correct[at].mean()), int(at.sum()))
        for at in (number == index for index in range(bins))
        if at.any()
    ]


def expected_calibration_error(confidence: FloatVector, correct: BoolArray, bins: int = 10) -> float:
    """Mean gap between claimed and true rate, weighted by count (Naeini et al. 2015).

    >>> expected_calibration_error(np.array([0.9, 0.9]), np.array([True, False]))
    0.4
    """
    diagram = reliability(confidence, correct, bins)
    return sum(one.count * abs(one.confidence - one.accuracy) for one in diagram) / max(len(confidence), 1)


def fit_logistic(features: FloatVector, correct: BoolArray, ridge: float = 1.0, steps: int = 50) -> FloatVector:
    """Weights (intercept first) of a logistic regression by Newton's method, weakly tied to zero.

    Args:
        features: float (sample, feature).
        correct: bool (sample,).
        ridge: Strength of the tie; the intercept is free.
        steps: Newton steps.
    """
    design = np.column_stack([np.ones(len(features)), features])
    tie = np.diag([1e-6] + [ridge] * features.shape[1])
    weights = np.zeros(design.shape[1])
    for _ in range(steps):
        chance = probability(design @ weights)
        slope = design.T @ (correct - chance) - tie @ weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + tie
        weights = weights + np.linalg.solve(curvature, slope)
    return weights


def fit_rising(features: FloatVector, correct: BoolArray, ridge: float = 1.0) -> FloatVector:
    """As `fit_logistic`, of features that can only speak for what is found: none weighs less than 0.

    What would weigh less, the worst first, is left out and weighs 0.
    """
    kept = list(range(features.shape[1]))
    while True:
        fitted = fit_logistic(features[:, kept], correct, ridge)
        if len(kept) == 0 or fitted[1:].min() >= 0.0:
            break
        del kept[int(fitted[1:].argmin())]
    weights = np.zeros(1 + features.shape[1])
    weights[[0, *(1 + at for at in kept)]] = fitted
    return weights
