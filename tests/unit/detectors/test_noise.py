import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.noise import TextureClasses, settled


@given(st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=4))
def test_settled_is_the_median(values):
    layers = np.zeros((4, 1, 1), np.float32)
    layers[: len(values), 0, 0] = values
    assert settled(layers, np.full((1, 1), len(values), np.int16))[0, 0] == pytest.approx(np.median(values), abs=1e-4)


def test_nothing_filled_is_zero():
    assert settled(np.ones((4, 2, 2), np.float32), np.zeros((2, 2), np.int16)).tolist() == [[0, 0], [0, 0]]


def test_each_class_is_its_own_null():
    random = np.random.default_rng(0)
    texture = np.repeat(np.linspace(0, 1, 200, dtype=np.float32)[:, None], 200, axis=1)
    step = (random.normal(0, 1, (200, 200)) * (1 + 9 * texture)).astype(np.float32)
    standard = TextureClasses.of(texture, np.ones((200, 200), bool), 12).standardise(step)
    assert standard[:40].std() == pytest.approx(1.0, abs=0.2)
    assert standard[-40:].std() == pytest.approx(1.0, abs=0.2)


def test_still_ground_is_no_surer_than_the_least_noise():
    texture = np.zeros((30, 30), np.float32)
    step = np.zeros((30, 30), np.float32)
    step[15, 15] = 0.01
    classes = TextureClasses.of(texture, np.ones((30, 30), bool), 4)
    assert classes.standardise(step, least=0.005)[15, 15] == pytest.approx(2.0)
