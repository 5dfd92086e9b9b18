"""Lines of earlier scenes, read again from what was kept of them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.lines import LineFilter
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_views import SceneReader
from tests.unit.detectors.made_up import a_stack, build, desert

SIZE = 127


@pytest.fixture(scope="module")
def readers():
    """One that has read the scenes, and one that knows what was kept of them alone.

    The first scene is under cloud, two are of one pass, and the area is no whole number of blocks.
    """
    images = build(desert(8, size=SIZE), 5)
    valid = np.ones((8, SIZE, SIZE), bool)
    valid[0] = False
    valid[1, 80:100, :60] = False
    reader = reader_of(images, valid, (0, 20, 20.01, 40, 60, 80, 100, 120))
    return reader, lambda: SceneReader(PerimeterParameters(), reader.grid, reader.views)


@pytest.mark.parametrize("index", range(8))
def test_lines_read_again_are_the_same(readers, index):
    first, again = readers[0].lines(index), readers[1]().lines(index)
    assert np.array_equal(again.votes, first.votes)
    assert np.array_equal(again.texture, first.texture)
    assert np.array_equal(again.clear, first.clear)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 7), st.integers(0, 80), st.integers(0, 80), st.integers(2, 40), st.integers(2, 40))
def test_within_a_window_they_are_the_same_as_over_the_whole(readers, index, top, left, height, width):
    window = (slice(top, top + height), slice(left, left + width))
    whole, part = readers[0].lines(index), readers[1]().lines_within(index, window)
    assert np.array_equal(part.votes[:, *window], whole.votes[:, *window])
    assert np.array_equal(part.texture[window], whole.texture[window])
    assert np.array_equal(part.clear, whole.clear)


def reader_of(images, valid=None, days=None):
    stack = a_stack(images, valid)
    if days is not None:
        begun = stack.scenes[0].acquired_at
        dated = zip(stack.scenes, days, strict=True)
        stack = replace(stack, scenes=tuple(replace(s, acquired_at=begun + timedelta(days=d)) for s, d in dated))
    reader = SceneReader(PerimeterParameters(), stack.grid, [])
    for scene in stack:
        reader.add(scene)
    return reader


def test_ground_that_stays_is_no_clutter_from_the_second_scene_on():
    images = desert(6, size=SIZE) + np.random.default_rng(1).normal(0.0, 0.05, (SIZE, SIZE)).astype(np.float32)
    first, second, last = (reader_of(images[:count]).noise for count in (1, 2, 6))
    assert first > 5.0 * second
    assert last == pytest.approx(second, rel=0.5)


def test_scenes_of_one_pass_do_not_tell_what_stays():
    images = desert(4, size=SIZE)
    images[1] = images[0]
    apart, together = (reader_of(images, days=days).noise for days in ((0, 20, 40, 60), (0, 0.001, 40, 60)))
    assert apart < 0.1 * together
    assert together == pytest.approx(reader_of(images[[0, 2, 3]]).noise, rel=0.3)


def test_a_scene_under_cloud_does_not_tell_what_stays():
    images = desert(5, size=SIZE)
    cloudy = np.ones((5, SIZE, SIZE), bool)
    cloudy[0, :100] = False
    first, later = (reader_of(images[:count], cloudy[:count]).views for count in (2, 3))
    assert not first[1].repeated.size
    assert min(view.repeated.mean() for view in later[1:]) > 0.3  # each told by the other


def test_between_the_middles_of_blocks_a_figure_is_linear():
    lines = LineFilter((60, 60), 10.0, 16, 15.0, 60.0, 2.5)
    spread = lines.spread(np.array([[1.0, 2.0, 3.0]] * 3, np.float32), 200.0)
    assert spread[:, :10] == pytest.approx(1.0, abs=0.03)
    assert spread[30, 29:31].mean() == pytest.approx(2.0)
    assert np.diff(spread[30, 10:50]) == pytest.approx(1.0 / 20.0, abs=1e-5)


def test_where_a_figure_is_unknown_its_median_stands_for_it():
    lines = LineFilter((60, 60), 10.0, 16, 15.0, 60.0, 2.5)
    blocks = np.full((3, 3), 2.0, np.float32)
    blocks[1, 1] = np.nan
    assert lines.spread(blocks, 200.0) == pytest.approx(2.0)
