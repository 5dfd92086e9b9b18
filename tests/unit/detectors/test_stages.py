"""Whether works go on."""

import numpy as np
import pytest
from made_up import a_stack, build, desert

from detectors.base import ChangeType, Stage, follow
from detectors.footprints import Footprints
from detectors.pixel_history import PixelHistory
from detectors.stages import StageParameters, stage_of

AREAL = (ChangeType.GROUND_CLEARED, ChangeType.BUILDING_ADDED)


def stages(images):
    """Stage of the largest finding after each scene, 20 days apart; None where there is none."""
    told = [assessment.findings for assessment in follow(Footprints(), a_stack(images))]
    return [max(findings, key=lambda one: one.area_m2).stage if findings else None for findings in told]


def moving(images, first, last):
    """Roofs and yards that look otherwise in every scene until the last."""
    for index in range(first, last):
        pattern = np.random.default_rng(index).choice([0.08, 0.22, 0.45], (5, 8)).repeat(4, 0).repeat(4, 1)
        images[index:, :, 50:70, 40:70] = pattern[:20, :30] + np.random.default_rng(9).normal(0, 0.003, (20, 30))
    return images


def test_a_building_is_built_once_it_has_been_still_for_ninety_days():
    told = stages(build(desert(14), 4))
    assert told[4:8] == [Stage.UNDER_CONSTRUCTION] * 4
    assert told[10:] == [Stage.BUILT] * 4


def test_works_that_go_on_are_under_construction_until_they_end():
    told = stages(moving(desert(22), 4, 12))
    assert set(told[5:15]) == {Stage.UNDER_CONSTRUCTION}
    assert told[-1] is Stage.BUILT


def test_one_odd_scene_is_no_sign_of_works():
    images = build(desert(18), 4)
    images[12] = np.roll(images[12], 2, axis=-1)
    assert set(stages(images)[12:]) == {Stage.BUILT}


@pytest.mark.parametrize("light", [0.7, 1.4])
def test_light_is_no_sign_of_works(light):
    images = build(desert(18), 4)
    images[12:] *= light
    assert set(stages(images)[14:]) == {Stage.BUILT}


def test_ground_without_buildings_is_cleared():
    history = PixelHistory.empty(1, (4, 4))
    whole = np.ones((4, 4), bool)
    days = [0.0, 20.0, 200.0, 220.0]
    told = [stage_of(kind, history, whole, [1, 2, 3], days, StageParameters()) for kind in AREAL]
    assert told == [Stage.CLEARED, Stage.BUILT]
