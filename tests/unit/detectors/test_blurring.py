import numpy as np
import pytest
from scipy import ndimage

from detectors.blurring import gaussian, local_spread, taps, weighted_means

IMAGE = np.random.default_rng(0).normal(size=(3, 50, 70)).astype(np.float32)


@pytest.mark.parametrize("sigma", [0.0, 1.2, 4.0, 40.0])
def test_a_gaussian_as_scipy_has_it(sigma):
    expected = ndimage.gaussian_filter(IMAGE[0], sigma, truncate=3.0) if sigma else IMAGE[0]
    assert gaussian(IMAGE[0], sigma) == pytest.approx(expected, abs=1e-5)


def test_what_has_no_weight_has_no_say():
    weight = np.ones((50, 70), np.float32)
    weight[20:30, 20:30] = 0.0
    spoilt = IMAGE.copy()
    spoilt[:, 20:30, 20:30] = 1e3
    means, expected = np.empty_like(IMAGE), np.empty_like(IMAGE)
    weighted_means(IMAGE, weight, taps(2.0), expected)
    weighted_means(spoilt, weight, taps(2.0), means)
    assert (means == expected).all()
    assert abs(means).max() < 2.0


def test_spread_is_the_local_standard_deviation():
    spread = np.empty((50, 70), np.float32)
    local_spread(IMAGE, np.ones((50, 70), np.float32), taps(6.0), spread)
    assert spread.mean() == pytest.approx(1.0, abs=0.05)
