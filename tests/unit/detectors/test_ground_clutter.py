"""What the ground always shows, and how far a scene repeats it."""

import numpy as np
import pytest

from detectors.ground_clutter import GroundClutter
from detectors.lines import LineFilter

SIZE, BLOCK_M = 90, 300.0
FILTER = LineFilter((SIZE, SIZE), 10.0, 16, 15.0, 60.0, 4.0)
CLEAR = np.ones((SIZE, SIZE), bool)
RANDOM = np.random.default_rng(3)
STONES = (0.2 + RANDOM.normal(0.0, 0.02, (SIZE, SIZE))).astype(np.float32)


def clutter_of(*images):
    return GroundClutter.of(images, [CLEAR] * len(images), FILTER, (0.2, 0.6), BLOCK_M)


def left_of(image, clutter, clear=CLEAR):
    ridges, _ = FILTER.ridges(image)
    repeated = clutter.repeated_in(ridges, clear)
    return *clutter.taken_from(ridges, repeated), repeated


def test_ground_that_stays_leaves_little_of_its_contrast():
    image = STONES + RANDOM.normal(0.0, 0.001, STONES.shape).astype(np.float32)
    _, before = FILTER.ridges(image)
    _, after, repeated = left_of(image, clutter_of(STONES))
    assert repeated == pytest.approx(1.0, abs=0.05)
    assert np.median(after) < 0.2 * np.median(before)


def test_a_scene_under_snow_repeats_nothing_of_the_ground():
    snow = (0.7 + np.random.default_rng(9).normal(0.0, 0.01, STONES.shape)).astype(np.float32)
    _, before = FILTER.ridges(snow)
    _, after, repeated = left_of(snow, clutter_of(STONES))
    assert repeated.max() < 0.1
    assert after == pytest.approx(before, abs=0.01)


def test_how_far_the_ground_is_repeated_is_told_by_what_is_clear():
    image = STONES.copy()
    image[:, :30] = RANDOM.normal(0.2, 0.3, (SIZE, 30))
    clear = CLEAR.copy()
    clear[:, :30] = False
    *_, repeated = left_of(image, clutter_of(STONES), clear)
    assert repeated[:, 0] == pytest.approx(0.0)
    assert repeated[:, 2] == pytest.approx(1.0, abs=0.01)


def test_a_line_that_stood_from_the_start_stays_a_line():
    image = STONES.copy()
    image[45] += 0.3
    ridges, _ = FILTER.ridges(image)
    along = ridges[0, 45, 20:70].copy()
    left, _, _ = left_of(image, clutter_of(image))
    assert along.min() > 0.1
    assert left[0, 45, 20:70] == pytest.approx(along, abs=0.01)


def test_flat_ground_has_no_clutter():
    flat = np.full((SIZE, SIZE), 0.2, np.float32)
    clutter = clutter_of(flat)
    assert not clutter.contrast.any()
    assert not clutter.repeated_in(FILTER.ridges(STONES)[0], CLEAR).any()
