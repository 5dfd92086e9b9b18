import numpy as np
import pytest

from detectors.noise import TextureClasses, _ascending


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


def test_energy_is_the_mean_square_of_standardised_steps():
    random = np.random.default_rng(1)
    texture = random.normal(0, 1, (60, 60)).astype(np.float32)
    steps = random.normal(0, 1, (3, 60, 60)).astype(np.float32)
    classes = TextureClasses.of(texture, np.ones((60, 60), bool), 12)
    squares = [classes.standardise(step, 0.1) ** 2 for step in steps]
    assert classes.energy(steps, 0.1) == pytest.approx(np.mean(squares, axis=0), rel=1e-4)


def test_ground_between_two_classes_is_in_between():
    texture = np.linspace(0, 1, 1000, dtype=np.float32).reshape(20, 50)
    position = TextureClasses.of(texture, np.ones((20, 50), bool), 5).position
    assert position.ravel() == pytest.approx(np.interp(texture.ravel(), [0.1, 0.3, 0.5, 0.7, 0.9], range(5)), abs=0.01)


def test_equal_textures_keep_their_order():
    texture = np.random.default_rng(2).integers(-5, 5, 500).astype(np.float32) / 4
    assert (_ascending(texture) == np.argsort(texture, kind="stable")).all()
