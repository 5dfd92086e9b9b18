"""Against scipy's slower equals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from detectors.morphology import (
    bounds,
    distance_squared,
    eroded,
    inner,
    opened,
    square_eroded,
    within,
)

masks = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 140)))


@pytest.fixture(params=[0.002, 0.03, 0.3])
def mask(request):
    return ndimage.binary_dilation(np.random.default_rng(0).random((70, 90)) < request.param)


def test_distances_are_exact_up_to_their_reach(mask):
    exact = ndimage.distance_transform_edt(~mask)
    near = exact <= 6
    squared = distance_squared(mask, 6)
    assert np.sqrt(squared[near]) == pytest.approx(exact[near])
    assert (squared[~near] > 36).all()


def test_nothing_is_near_to_nothing():
    assert not within(np.zeros((20, 30), bool), 4.0).any()
    assert eroded(np.ones((20, 30), bool), 4.0).all()


@pytest.mark.parametrize("pixels", [1.0, 2.5, 8.0])
def test_discs_grow_and_shrink_masks(mask, pixels):
    assert (within(mask, pixels) == (ndimage.distance_transform_edt(~mask) <= pixels)).all()
    assert (eroded(mask, pixels) == (ndimage.distance_transform_edt(mask) > pixels)).all()


@settings(deadline=None)  # the first call may compile
@given(masks, st.floats(0.0, 80.0))
def test_discs_are_exact_whatever_the_width_of_the_mask(mask, pixels):
    nearest = ndimage.distance_transform_edt(~mask) if mask.any() else np.full(mask.shape, np.inf)
    assert (within(mask, pixels) == (nearest**2 <= np.float32(pixels**2))).all()


def test_opening_takes_off_what_is_narrow_but_nothing_at_the_edge():
    mask = np.zeros((40, 60), bool)
    mask[:20, :20] = True
    mask[10:13, 20:] = True
    assert opened(mask, 3.0)[:19, :18].all()
    assert not opened(mask, 3.0)[:, 25:].any()


def test_squares(mask):
    assert (square_eroded(mask, 1) == ndimage.minimum_filter(mask, 3, mode="nearest")).all()
    assert (inner(mask, 2) == ndimage.minimum_filter(mask, 5, mode="constant", cval=False)).all()
    assert (inner(mask, 0) == mask).all()


def test_bounds_stop_at_the_edge():
    mask = np.zeros((20, 30), bool)
    mask[1, 5:8] = True
    assert bounds(mask, 2) == (slice(0, 4), slice(3, 10))
