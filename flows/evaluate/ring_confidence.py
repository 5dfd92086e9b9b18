"""What the confidence in perimeters is fitted on: rings and look-alikes drawn into real scenes, told scene by scene."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
import numpy.typing as npt

from detectors.evaluation.metrics import FloatVector, fit_rising
from detectors.perimeter import Perimeter, on_ground
from detectors.perimeter_confidence import PerimeterCalibration, RingEvidence
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_watch import RingWatch
from flows.evaluate.lookalikes import LOOKALIKES
from flows.evaluate.ring_draws import Draw, Story, draw
from flows.evaluate.ring_trials import ATTEMPTS, CONTRASTS, Background, part, shares_ground
from geo.scene import BoolArray, ImageStack

_RIDGE = 0.3
_FOLDS = 10


@dataclass(frozen=True, slots=True)
class Told:
    """A ring told after some scene.

    Attributes:
        area: Number of the area that it is told in, each with a draw of its own.
        evidence: What it rests on.
        real: Whether it is what was drawn: a new ring, or the extension of one.
        usual: Whether the detector as it is tells it, or one with lower bars, which tells these and more.
    """

    area: int
    evidence: RingEvidence
    real: bool
    usual: bool


def told_rings(backgrounds: Sequence[Background], count: int, seed: int, window_px: int = 300) -> Iterator[Told]:
    """Every ring told after any scene, by the detector as it is and with lower bars.

    With lower bars more wrong ones are told, of the same outlines, and what is measured on them is measured alike.

    Args:
        backgrounds: Real scenes.
        count: Rings of each contrast, and areas with each look-alike, on each background.
        seed: Of everything drawn by chance.
        window_px: Side of the areas, pixels.
    """
    for number, (ground, stack, plan) in enumerate(_areas(backgrounds, count, seed, window_px)):
        follower = Perimeter().start(stack.grid)
        for index, scene in enumerate(stack):
            follower.add(scene)
            lenient = RingWatch(_lenient(follower.watch.parameters), follower.state)
            for usual, watch in ((True, follower.watch), (False, lenient)):
                for stage in (stage for chain in watch.told for stage in chain):
                    shape = on_ground(stage.outline.ring, stack.grid)
                    if shares_ground(shape, ground.taken):
                        continue
                    real = plan is not None and plan.shows(shape, index, extends=stage.extends is not None)
                    yield Told(number, watch.choice.evidence(stage.outline, stage.onset, stage.extends), real, usual)


def fitted(rings: Sequence[Told]) -> PerimeterCalibration:
    """The calibration that rings told with lower bars teach; none of the evidence speaks against a ring."""
    learned = [each for each in rings if not each.usual]
    weights = fit_rising(_evidence(learned), _real(learned), _RIDGE)
    return PerimeterCalibration(*(round(float(weight), 3) for weight in weights))


def held_out(rings: Sequence[Told]) -> tuple[FloatVector, BoolArray]:
    """Confidence in each ring that the detector as it is tells, fitted on other draws alone, and whether it is real."""
    confidence: list[float] = []
    real: list[bool] = []
    for fold in range(_FOLDS):
        others = [each for each in rings if each.area % _FOLDS != fold]
        here = [each for each in rings if each.area % _FOLDS == fold and each.usual]
        if here and len({each.real for each in others if not each.usual}) == 2:
            calibration = fitted(others)
            confidence += [calibration.confidence(each.evidence) for each in here]
            real += [each.real for each in here]
    return np.array(confidence), np.array(real, bool)


def _areas(
    backgrounds: Sequence[Background], count: int, seed: int, window_px: int
) -> Iterator[tuple[Background, ImageStack, Draw | None]]:
    """Areas into which a ring, or what looks like one, has been drawn: other draws than those of the evaluation.

    Every third ring is extended, where there is room and time for that.
    """
    for number, ground in enumerate(backgrounds):
        for contrast in CONTRASTS:
            for repeat in range(count):
                story = Story.EXTENDED if repeat % 3 == 2 else Story.STAYS
                for attempt in range(ATTEMPTS):
                    random = np.random.default_rng([seed, number, round(1e4 * contrast), repeat, 1, attempt])
                    area = part(ground.stack, window_px, random)
                    plan = draw(area, contrast, ground.taken, random, story)
                    if plan is not None:
                        yield ground, plan.into(area, random), plan
                        break
        for place, drawn_into in enumerate(LOOKALIKES.values()):
            for repeat in range(count):
                random = np.random.default_rng([seed, number, place, repeat, 1])
                yield ground, drawn_into(part(ground.stack, window_px, random), random), None


def _lenient(usual: PerimeterParameters) -> PerimeterParameters:
    """Parameters that tell weak rings too, so that there are wrong ones to learn from: what is measured stays."""
    return replace(usual, least_merit=tuple(merit - 40.0 for merit in usual.least_merit), least_confidence=0.0)


def _evidence(rings: Sequence[Told]) -> npt.NDArray[np.float64]:
    return np.array([astuple(each.evidence) for each in rings], float)


def _real(rings: Sequence[Told]) -> BoolArray:
    return np.array([each.real for each in rings], bool)
