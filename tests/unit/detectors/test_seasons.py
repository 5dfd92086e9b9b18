"""What comes back every year is no change, and felling isn't building."""

import numpy as np
import pytest

from detectors.features import FeatureScales, scene_features
from detectors.noise import TextureClasses
from detectors.seasons import SeasonMemory, difference

BANDS = ("B02", "B03", "B04")


def features(seed=0, patch=0.0):
    random = np.random.default_rng(0)
    ground = 0.2 + 0.01 * random.normal(size=(3, 80, 80))
    ground = ground + np.random.default_rng(seed).normal(0, 0.003, (3, 80, 80))
    ground[:, 30:50, 30:50] += patch
    return scene_features(ground.astype(np.float32), np.ones((80, 80), bool), BANDS, 10.0, FeatureScales())


def test_a_season_is_near_in_the_calendar_and_of_an_earlier_year():
    memory = SeasonMemory()
    for index, day in enumerate((0.0, 340.0, 370.0, 720.0)):
        memory.keep(index, day, features())
    assert [past.index for past in memory.same_season(735.0, 30.0, 3)] == [0, 1, 2]
    assert [past.index for past in memory.same_season(735.0, 30.0, 2)] == [1, 2]
    assert memory.same_season(900.0, 30.0, 3) == []


@pytest.mark.parametrize(("patch", "least", "most"), [(0.0, 0.8, 1.3), (0.1, 4.0, 8.0)])
def test_the_difference_is_in_units_of_noise(patch, least, most):
    memory = SeasonMemory()
    memory.keep(0, 0.0, features(1))
    now = features(2, patch)
    classes = TextureClasses.of(features(1).texture, now.clear, 12)
    there = difference(now, memory.scenes[0], classes, 0.0015, 8.0, 2.4)[30:33, 30:33]
    assert least < there.mean() < most
