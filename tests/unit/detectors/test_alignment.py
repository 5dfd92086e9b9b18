"""Sides laid on their lines."""

import numpy as np
import pytest
from shapely.geometry import box

from detectors.alignment import align_sides


def test_sides_move_onto_their_lines_between_pixels():
    strength = np.zeros((16, 80, 80), np.float32)
    for row in (20, 60):
        strength[0, row : row + 2, 15:66] = 0.8  # between two rows
    for column in (15, 65):
        strength[8, 20:62, column] = 0.8
    ring = align_sides(box(16.2, 19.4, 64.1, 61.3), strength, 2.0)
    assert ring.bounds == pytest.approx((15.0, 20.5, 65.0, 60.5), abs=0.5)


def test_a_ring_without_lines_stays():
    ring = box(10.0, 10.0, 40.0, 30.0)
    aligned = align_sides(ring, np.zeros((16, 60, 60), np.float32), 2.0)
    assert aligned.symmetric_difference(ring).area < 1e-6
