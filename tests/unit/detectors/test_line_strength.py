"""Line strength in bytes, held against the same in whole numbers and floats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from detectors.line_strength import (
    FULL,
    add_to_mean,
    averaged_strength,
    beside,
    gained,
    pooled_strength,
    widened,
)
from detectors.lines import VOTE

SHAPE = (4, 9, 11)


def scenes(seed, count):
    random = np.random.default_rng(seed)
    votes = random.integers(-127, 128, (count, *SHAPE)).astype(np.int8)
    return votes, random.random((count, *SHAPE[1:])) < 0.8


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 9))
def test_strength_is_the_mean_of_signed_votes_over_clear_scenes(seed, count):
    votes, clear = scenes(seed, count)
    total = (votes.astype(float) * clear[:, None]).sum(axis=0)
    expected = np.abs(total) / np.maximum(clear.sum(axis=0), 1) / VOTE
    assert pooled_strength(list(votes), list(clear)) / FULL == pytest.approx(expected, abs=0.5 / FULL + 1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 30), st.integers(2, 16))
def test_an_average_follows_the_votes_the_older_the_less(seed, count, most):
    votes, clear = scenes(seed, count)
    mean, number, expected = np.zeros(SHAPE, np.int16), np.zeros(SHAPE[1:], np.int16), np.zeros(SHAPE)
    for one, known in zip(votes, clear, strict=True):
        number = np.where(known, np.minimum(number + 1, most), number).astype(np.int16)
        add_to_mean(one, known, number, mean)
        expected = np.where(known, expected + (one - expected) / np.maximum(number, 1), expected)
    assert averaged_strength(mean) / FULL == pytest.approx(np.abs(expected) / VOTE, abs=2.0 / FULL)


@pytest.mark.parametrize("full", [127, -127])
def test_a_full_vote_is_full_strength_however_it_is_kept(full):
    votes, clear = np.full(SHAPE, full, np.int8), np.ones(SHAPE[1:], bool)
    mean = np.zeros(SHAPE, np.int16)
    add_to_mean(votes, clear, np.ones(SHAPE[1:], np.int16), mean)
    for strength in (pooled_strength([votes], [clear]), pooled_strength([votes] * 3, [clear] * 3)):
        assert (strength == FULL).all()
    assert (averaged_strength(mean) == FULL).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_widening_takes_the_greatest_neighbour_and_turn(seed):
    strength = np.random.default_rng(seed).integers(0, 255, SHAPE).astype(np.uint8)
    turned = np.max([np.roll(strength, by, axis=0) for by in (-1, 0, 1)], axis=0)
    assert (widened(strength) == ndimage.maximum_filter(turned, size=(1, 3, 3), mode="constant")).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_what_is_gained_is_what_exceeds_the_lines_before_on_clear_ground(seed):
    random = np.random.default_rng(seed)
    now, before = random.integers(0, 255, (2, *SHAPE)).astype(np.uint8)
    clear = random.random(SHAPE[1:]) < 0.7
    gain, strongest = gained(now, before, clear)
    expected = np.maximum(now.astype(int) - before, 0) * clear
    assert (gain == expected).all()
    assert (strongest == expected.max(axis=0)).all()


def test_a_line_beside_a_side_holds_it_by_nine_tenths():
    strength = np.zeros((4, 9, 9), np.uint8)  # the first runs along the rows, the third along the columns
    strength[0, 4], strength[2, :, 4] = 200, 200
    wide = beside(strength)
    assert wide[0, 3:6, 4].tolist() == [180, 200, 180]
    assert wide[2, 4, 3:6].tolist() == [180, 200, 180]
    assert wide[0, [2, 6], 4].tolist() == [0, 0]
    assert not wide[[1, 3]].any()
