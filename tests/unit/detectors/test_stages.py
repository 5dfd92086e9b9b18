"""Whether works go on."""

import numpy as np
import pytest
from made_up import a_stack, build, desert

from detectors.base import ChangeType, Stage, follow
from detectors.footprints import Footprints
from detectors.pixel_history import PixelHistory
from detectors.stages import StageParameters, stage_of

STAGES = StageParameters()
AREAL = (ChangeType.GROUND_CLEARED, ChangeType.BUILDING_ADDED)


def stages(images, days=20):
    """Stage of the largest finding after each scene, some days apart; None where there is none."""
    told = [assessment.findings for assessment in follow(Footprints(), a_stack(images, days=days))]
    return [max(findings, key=lambda one: one.area_m2).stage if findings else None for findings in told]


def moving(images, first, last):
    """Roofs and yards that look otherwise in every scene until the last."""
    for index in range(first, last):
        pattern = np.random.default_rng(index).choice([0.08, 0.22, 0.45], (5, 8)).repeat(4, 0).repeat(4, 1)
        images[index:, :, 50:70, 40:70] = pattern[:20, :30] + np.random.default_rng(9).normal(0, 0.003, (20, 30))
    return images


@pytest.mark.parametrize("days", [9, 10, 30])
def test_a_building_is_built_once_it_has_been_still_for_ninety_days(days):
    told = stages(build(desert(16), 4), days)
    still = 4 + 90 // days
    assert told[4:still] == [Stage.UNDER_CONSTRUCTION] * (still - 4)
    assert told[still:] == [Stage.BUILT] * (16 - still)


@pytest.mark.parametrize(("newest", "stage"), [(89.9, Stage.UNDER_CONSTRUCTION), (90.0, Stage.BUILT)])
def test_ninety_days_are_ninety(newest, stage):
    history = PixelHistory.empty(1, (4, 4))
    told = stage_of(ChangeType.BUILDING_ADDED, history, np.ones((4, 4), bool), [1, 2], [0.0, 45.0, newest], STAGES)
    assert told is stage


@pytest.mark.parametrize(("restless", "stage"), [(0, Stage.BUILT), (1, Stage.UNDER_CONSTRUCTION)])
def test_one_scene_after_a_long_gap_tells_if_the_site_looks_as_before(restless, stage):
    history = PixelHistory.empty(1, (4, 4))
    history.restless[:] = restless
    told = stage_of(ChangeType.BUILDING_ADDED, history, np.ones((4, 4), bool), [1], [0.0, 400.0], STAGES)
    assert told is stage


def test_what_was_altered_within_a_long_gap_is_not_still():
    images = build(desert(7), 4)
    assert stages(images, days=100)[5] is Stage.BUILT
    assert stages(moving(images, 4, 6), days=100)[5] is Stage.UNDER_CONSTRUCTION


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
    told = [stage_of(kind, history, whole, [1, 2, 3], days, STAGES) for kind in AREAL]
    assert told == [Stage.CLEARED, Stage.BUILT]
