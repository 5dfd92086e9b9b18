"""Sides laid on their lines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.affinity import rotate
from shapely.geometry import Polygon, box

from detectors.alignment import align_sides, leaning, main_direction, squared


def test_sides_move_onto_their_lines_between_pixels():
    strength = np.zeros((16, 80, 80), np.uint8)
    for row in (20, 60):
        strength[0, row : row + 2, 15:66] = 203  # between two rows
    for column in (15, 65):
        strength[8, 20:62, column] = 203
    ring = align_sides(box(16.2, 19.4, 64.1, 61.3), strength, 2.0)
    assert ring.bounds == pytest.approx((15.0, 20.5, 65.0, 60.5), abs=0.5)


def test_a_ring_without_lines_stays():
    ring = box(10.0, 10.0, 40.0, 30.0)
    aligned = align_sides(ring, np.zeros((16, 60, 60), np.uint8), 2.0)
    assert aligned.symmetric_difference(ring).area < 1e-6


def a_lane(strength, row, first, last):
    strength[0, row - 1 : row + 2, first : last + 1] = 203


def test_a_leaning_side_is_laid_square_on_the_line_that_is_there():
    strength = np.zeros((16, 80, 80), np.uint8)
    a_lane(strength, 20, 15, 65)
    a_lane(strength, 60, 15, 65)
    leaning_ring = Polygon([(15, 20), (65, 20), (65, 62), (15, 58)])
    assert squared(leaning_ring, strength, 5.0).bounds == pytest.approx((15, 20, 65, 60), abs=1.0)


@pytest.mark.parametrize(
    "ring",
    [box(10, 10, 40, 30), Polygon([(10, 10), (50, 10), (70, 40), (10, 40)]), rotate(box(10, 10, 50, 30), 27.0)],
)
def test_sides_that_are_square_or_meant_to_lean_stay(ring):
    assert squared(ring, np.zeros((16, 80, 80), np.uint8), 5.0) is None


@given(st.floats(0.0, 89.0))
def test_a_turned_rectangle_leans_nowhere(turn):
    points = np.asarray(rotate(box(10, 10, 50, 30), turn).exterior.coords)[:-1]
    assert np.abs(leaning(points, main_direction(points))).max() < 1e-6
