"""On series in which nothing is built: whatever is found is false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detectors.base import Detector, Verdict, follow
from detectors.footprints import Footprints
from flows.evaluate.stacks import reordered, shifted, true_colour
from geo.scene import ImageStack


@dataclass(frozen=True, slots=True)
class Silence:
    """What a silent series raised over all its prefixes.

    Attributes:
        name: What was done to the series.
        first: Findings that rested on one scene, counted in every prefix.
        provisional: On two.
        confirmed: On three or more.
        assessed: Scenes after which a change could have been seen.
        scenes: All scenes.
        years: Length of the series.
    """

    name: str
    first: int
    provisional: int
    confirmed: int
    assessed: int
    scenes: int
    years: float


def silence(stack: ImageStack, seed: int, repeats: int = 3, detector: Detector | None = None) -> Iterator[Silence]:
    """The series as it is, in true colour alone, reversed, shuffled, and with scenes shifted by 1.5 pixels."""
    detector = detector or Footprints()
    random = np.random.default_rng(seed)
    backwards = np.arange(len(stack))[::-1]
    yield _heard("as it is", stack, detector)
    yield _heard("true colour alone", true_colour(stack), detector)
    yield _heard("reversed", reordered(stack, backwards), detector)
    for number in range(repeats):
        yield _heard(f"shuffled {number + 1}", reordered(stack, random.permutation(len(stack))), detector)
    for number in range(repeats):
        yield _heard(f"shifted by 1.5 px {number + 1}", shifted(stack, random), detector)


def _heard(name: str, stack: ImageStack, detector: Detector) -> Silence:
    counts, assessed = [0, 0, 0], 0
    for assessment in follow(detector, stack):
        assessed += assessment.verdict is not Verdict.NOT_ASSESSABLE
        for finding in assessment.findings:
            counts[min(len(finding.seen_in), 3) - 1] += 1
    span = stack.scenes[-1].acquired_at - stack.scenes[0].acquired_at
    return Silence(name, counts[0], counts[1], counts[2], assessed, len(stack), span.days / 365.25)
