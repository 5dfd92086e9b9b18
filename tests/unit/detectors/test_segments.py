"""Straight segments in line strength, each as long as it is seen."""

import numpy as np
import pytest

from detectors.segments import straight_segments

SUPPORT, CHANCE, LEAST_PX = (0.1, 0.4), 0.25, 2.5


def drawn(*lines, shape=(60, 80)):
    """Strength of thin lines (layer, start, end), as it would be without noise."""
    strength = np.zeros((16, *shape), np.uint8)
    for layer, start, end in lines:
        for share in np.linspace(0.0, 1.0, 200):
            x, y = np.rint(np.add(start, share * np.subtract(end, start))).astype(int)
            strength[layer, y, x] = 200
    return strength


def found(strength, most=20):
    starts, ends = straight_segments(strength, SUPPORT, CHANCE, LEAST_PX, most)
    return sorted(sorted(map(tuple, pair)) for pair in np.stack([starts, ends], axis=1).tolist())


def same(one, other):
    return [pytest.approx(np.ravel(pair), abs=1.5) for pair in other] == [np.ravel(pair) for pair in one]


def test_a_segment_ends_where_it_is_seen_to_end():
    lines = (0, (10, 20), (29, 20)), (8, (50, 5), (50, 39)), (4, (12, 10), (41, 39))
    assert same(found(drawn(*lines)), [[(10, 20), (29, 20)], [(12, 10), (41, 39)], [(50, 5), (50, 39)]])


def test_it_turns_with_what_lies_between_two_directions():
    ((start, end),) = found(drawn(*((1, (5, 10 + beside), (65, 18 + beside)) for beside in (-1, 0, 1))))
    turn = np.degrees(np.arctan2(end[1] - start[1], end[0] - start[0]))
    assert turn == pytest.approx(np.degrees(np.arctan2(8, 60)), abs=1.0)


def test_a_gate_does_not_cut_it_and_open_ground_does():
    gate = found(drawn((0, (5, 30), (30, 30)), (0, (35, 30), (60, 30))))
    ground = found(drawn((0, (5, 30), (25, 30)), (0, (50, 30), (70, 30))))
    assert same(gate, [[(5, 30), (60, 30)]])
    assert same(ground, [[(5, 30), (25, 30)], [(50, 30), (70, 30)]])


def test_a_line_that_is_seen_in_two_directions_is_told_once():
    assert len(found(drawn((0, (5, 30), (60, 30)), (1, (5, 30), (60, 30))))) == 1


def test_of_too_many_those_that_are_seen_furthest_are_told():
    lines = [(0, (5, 10 * k), (15 + 10 * k, 10 * k)) for k in range(1, 5)]
    assert same(found(drawn(*lines), most=2), [[(5, 30), (45, 30)], [(5, 40), (55, 40)]])


def test_where_nothing_is_seen_there_is_none():
    starts, ends = straight_segments(np.zeros((16, 40, 50), np.uint8), SUPPORT, CHANCE, LEAST_PX, 20)
    assert starts.shape == ends.shape == (0, 2)
