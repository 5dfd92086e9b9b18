"""When a ring was opened."""

import numpy as np
import pytest

from detectors.openings import opened_stretch
from detectors.perimeter_parameters import OpeningParameters

PIECES, SCENES, OPENED = 20, 12, 7
LENGTHS = np.full(PIECES, 8.0)
LIMITS = OpeningParameters()


def a_ring(*opened, since=OPENED):
    """How well each piece is seen where some pieces go at once."""
    seen = np.full((SCENES, PIECES), 0.9, np.float32)
    seen[since:, list(opened)] = 0.1
    return seen


def stretch_of(seen):
    stretch = opened_stretch(seen, LENGTHS, 10.0, LIMITS)
    return None if stretch is None else np.flatnonzero(stretch).tolist()


def test_the_stretch_that_went_at_once_is_told():
    assert stretch_of(a_ring(4, 5, 6, 7, 8)) == [4, 5, 6, 7, 8]


def test_a_stretch_goes_over_the_first_corner():
    assert stretch_of(a_ring(18, 19, 0, 1)) == [0, 1, 18, 19]


def test_of_two_the_longer_is_told():
    assert stretch_of(a_ring(2, 3, 4, 10, 11, 12, 13)) == [10, 11, 12, 13]


def test_nothing_went():
    assert stretch_of(a_ring()) is None


def test_a_gate_is_no_opening():
    assert stretch_of(a_ring(4)) is None


def test_what_goes_all_around_was_not_opened():
    assert stretch_of(a_ring(*range(PIECES))) is None


@pytest.mark.parametrize(("since", "told"), [(9, True), (10, False)])
def test_three_scenes_have_to_show_it_open(since, told):
    assert (stretch_of(a_ring(4, 5, 6, 7, since=since)) is not None) is told


@pytest.mark.parametrize(("since", "told"), [(3, True), (2, False)])
def test_three_scenes_have_to_have_shown_it_closed(since, told):
    assert (stretch_of(a_ring(4, 5, 6, 7, since=since)) is not None) is told


@pytest.mark.parametrize(("again", "told"), [((10,), True), ((10, 11), False)])
def test_what_is_seen_again_was_not_opened(again, told):
    seen = a_ring(4, 5, 6, 7)
    for scene in again:
        seen[scene, 4:8] = 0.9
    assert (stretch_of(seen) is not None) is told


def test_what_becomes_of_the_rest_later_takes_nothing_back():
    seen = a_ring(4, 5, 6, 7, since=4)
    seen[8:] *= 0.5
    assert stretch_of(seen) == [4, 5, 6, 7]
    seen[8:] = 0.0
    assert stretch_of(seen) == [4, 5, 6, 7]


def test_what_fades_from_scene_to_scene_was_not_opened():
    seen = a_ring()
    seen[:, 4:9] = np.linspace(0.9, 0.1, SCENES)[:, None]
    assert stretch_of(seen) is None


def test_where_the_rest_fades_as_well_nothing_was_opened():
    seen = a_ring(4, 5, 6, 7)
    seen[OPENED:] *= 0.6
    assert stretch_of(seen) is None


def test_clouds_hide_and_open_nothing():
    seen = a_ring()
    seen[OPENED:, 4:9] = np.nan
    assert stretch_of(seen) is None
    opened = a_ring(4, 5, 6, 7, 8)
    opened[OPENED] = np.nan
    opened[2, 5] = np.nan
    assert stretch_of(opened) == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("hidden", [slice(None, OPENED), slice(OPENED, None)])
def test_where_the_rest_is_never_clear_nothing_is_told(hidden):
    seen = a_ring(4, 5, 6, 7)
    rest = np.delete(np.arange(PIECES), [4, 5, 6, 7])
    seen[hidden, rest] = np.nan
    assert stretch_of(seen) is None


def test_a_side_that_never_was_seen_was_not_opened():
    seen = a_ring()
    seen[:, 4:9] = 0.1
    assert stretch_of(seen) is None
