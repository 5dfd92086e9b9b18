"""Closed outlines in new lines alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from detectors.closures import closed_outlines
from detectors.perimeter_parameters import ClosureParameters

SIZE = 120
LIMITS = ClosureParameters()


def lines(*segments, strength=203):
    """Gain along horizontal and vertical segments, (row, first column, last) or (first row, last, column), two wide."""
    gain = np.zeros((16, SIZE, SIZE), np.uint8)
    for along, *where in segments:
        if along == "row":
            row, first, last = where
            gain[0, row - 1 : row + 2, first : last + 1] = strength
        else:
            first, last, column = where
            gain[8, first : last + 1, column - 1 : column + 2] = strength
    return gain


def a_yard(top=30, left=40, bottom=70, right=90, gate=0):
    return [
        ("row", top, left, right - gate),
        ("row", bottom, left, right),
        ("column", top, bottom, left),
        ("column", top, bottom, right),
    ]


def iou(one, other):
    return one.intersection(other).area / one.union(other).area


def test_an_empty_yard_is_found_by_its_walls():
    (found,) = closed_outlines(lines(*a_yard()), 10.0, LIMITS)
    assert iou(found, box(40, 30, 90, 70)) > 0.95


@settings(max_examples=25, deadline=None)
@given(st.integers(12, 50), st.integers(12, 50), st.integers(18, 55), st.integers(18, 55), st.integers(0, 8))
def test_a_yard_of_any_size_and_place_is_found_through_its_gate(top, left, height, width, gate):
    yard = box(left, top, left + width, top + height)
    found = closed_outlines(lines(*a_yard(top, left, top + height, left + width, gate)), 10.0, LIMITS)
    assert max(iou(each, yard) for each in found) > 0.85


def test_the_wall_around_two_yards_is_found_though_a_fence_divides_them():
    fence = ("column", 30, 70, 65)
    found = closed_outlines(lines(*a_yard()) + lines(fence, strength=51), 10.0, LIMITS)
    assert max(iou(each, box(40, 30, 90, 70)) for each in found) > 0.9


def test_yards_within_a_ring_that_stands_take_no_place_among_the_best():
    ring, beside = box(10, 20, 70, 100), a_yard(40, 80, 80, 112)
    streets = [("column", 20, 100, 30), ("column", 20, 100, 50), ("row", 50, 10, 70), ("row", 75, 10, 70)]
    gain = np.maximum(lines(*a_yard(20, 10, 100, 70), *streets), lines(*beside, strength=120))
    few = replace(LIMITS, most_outlines=2)
    assert not any(iou(each, box(80, 40, 112, 80)) > 0.9 for each in closed_outlines(gain, 10.0, few))
    assert any(iou(each, box(80, 40, 112, 80)) > 0.9 for each in closed_outlines(gain, 10.0, few, [ring]))


@pytest.mark.parametrize(
    "sides",
    [
        [],
        [("row", 30, 0, SIZE - 1), ("column", 0, SIZE - 1, 40)],  # a crossing
        a_yard()[:2],  # two parallel roads
        a_yard()[:3],  # open on one side
        a_yard(50, 50, 56, 58),  # smaller than a yard
        a_yard(50, 10, 56, 110),  # a strip between two roads
    ],
)
def test_what_does_not_close_is_no_yard(sides):
    assert closed_outlines(lines(*sides), 10.0, LIMITS) == []


def test_what_reaches_the_edge_is_left_out():
    assert closed_outlines(lines(*a_yard(left=0, right=50)[:2], ("column", 30, 70, 50)), 10.0, LIMITS) == []
