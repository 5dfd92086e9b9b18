import numpy as np
import pytest

from detectors.baselines import BASELINES, irmad, otsu_mask


@pytest.fixture
def pair():
    random = np.random.default_rng(3)
    before = random.normal(0.3, 0.02, (3, 80, 80)).astype(np.float32)
    after = before + random.normal(0.0, 0.005, before.shape).astype(np.float32)
    after[:, 20:40, 30:50] += np.array([0.3, 0.2, 0.25], np.float32)[:, None, None]
    return before, after


@pytest.mark.parametrize("name", list(BASELINES))
def test_plain_change_is_found(pair, name):
    clear = np.ones((80, 80), bool)
    mask = otsu_mask(BASELINES[name](*pair, clear), clear)
    truth = np.zeros_like(mask)
    truth[20:40, 30:50] = True
    assert (mask & truth).sum() / (mask | truth).sum() > 0.85


@pytest.mark.parametrize("name", list(BASELINES))
def test_what_is_not_clear_is_not_changed(pair, name):
    clear = np.ones((80, 80), bool)
    clear[:, :40] = False
    magnitude = BASELINES[name](*pair, clear)
    assert (magnitude[:, :40] == 0).all()
    assert not otsu_mask(magnitude, clear)[:, :40].any()


def test_irmad_doesn_t_mind_a_linear_change_of_all_ground(pair):
    before, after = pair
    clear = np.ones((80, 80), bool)
    plain, stretched = irmad(before, after, clear), irmad(before, after * 1.7 + 0.1, clear)
    assert np.corrcoef(plain.ravel(), stretched.ravel())[0, 1] > 0.999


def test_flat_magnitude_has_no_change():
    assert not otsu_mask(np.zeros((5, 5), np.float32), np.ones((5, 5), bool)).any()
