import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.settled import MEMORY, keep, newest_of, settled

NUMBERS = st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=9)


def kept(numbers):
    layers, count = np.zeros((MEMORY, 1, 1), np.float32), np.zeros((1, 1), np.int16)
    for number in numbers:
        keep(np.full((1, 1), number, np.float32), np.ones((1, 1), bool), count, layers)
        count += 1
    return layers, count


@settings(deadline=None)  # the first call loads what is compiled
@given(NUMBERS)
def test_settled_is_the_median_of_the_last_four(numbers):
    layers, _ = kept(numbers)
    assert settled(layers)[0, 0] == pytest.approx(np.median(numbers[-MEMORY:]), abs=1e-4)


@settings(deadline=None)  # the first call loads what is compiled
@given(NUMBERS)
def test_the_newest_is_the_last_that_was_kept(numbers):
    assert newest_of(*kept(numbers))[0, 0] == np.float32(numbers[-1])


def test_nothing_kept_is_zero():
    layers, count = kept([])
    assert settled(layers).tolist() == newest_of(layers, count).tolist() == [[0.0]]


def test_what_is_left_out_stays():
    layers, count = kept([3.0])
    keep(np.full((1, 1), 9.0, np.float32), np.zeros((1, 1), bool), count, layers)
    assert settled(layers)[0, 0] == 3.0
