"""Line filters, straight lines and enclosures, each by itself."""

import numpy as np
import pytest
from shapely.geometry import box

from detectors.enclosures import enclose, surroundedness
from detectors.hough import Line, straight_lines
from detectors.line_strength import FULL, pooled_strength
from detectors.lines import LineFilter
from detectors.onsets import departure, onset

FILTER = LineFilter((80, 80), 10.0, 16, 15.0, 60.0, 2.5)


def strength_of(image):
    ridges, _ = FILTER.ridges(image.astype(np.float32))
    noise = np.full(ridges.shape[1:], 0.005, np.float32)
    return pooled_strength([FILTER.votes(ridges, noise)], [np.ones(noise.shape, bool)])


def test_a_line_is_strong_along_itself_and_a_step_is_not():
    line, step = np.zeros((80, 80)), np.zeros((80, 80))
    line[40] = 0.05
    step[40:] = 0.05
    assert strength_of(line)[0, 40, 20:60].min() > 0.7 * FULL
    assert strength_of(step)[0, 38:43, 20:60].max() < 0.35 * FULL


def test_bright_and_dark_lines_are_told_apart_by_sign():
    image = np.zeros((80, 80), np.float32)
    image[20], image[60] = 0.05, -0.05
    votes = FILTER.votes(FILTER.ridges(image)[0], np.full(FILTER.shape, 0.005, np.float32))
    assert votes[0, 20, 40] > 90
    assert votes[0, 60, 40] < -90


def test_a_straight_line_is_found_where_it_is():
    image = np.zeros((80, 80))
    for column in range(10, 70):
        image[round(20 + 0.5 * column), column] = 0.05
    (line, *_) = straight_lines(strength_of(image), np.ones((80, 80), bool), 0.2, 5, 2.0)
    assert np.degrees(line.angle) == pytest.approx(26.6, abs=2.0)
    assert 40.0 * np.cos(line.angle) - 40.0 * np.sin(line.angle) == pytest.approx(line.offset_px, abs=1.0)


def test_the_middle_of_a_ring_is_surrounded_and_the_outside_is_not():
    barriers = np.zeros((60, 60), np.float32)
    barriers[20, 20:41] = barriers[40, 20:41] = barriers[20:41, 20] = barriers[20:41, 40] = 1.0
    seen = surroundedness(barriers, 40)
    assert seen[30, 30] == pytest.approx(1.0)
    assert seen[5, 5] < 0.3


def test_the_cut_takes_the_faces_inside_and_no_others():
    lines = [Line(0.0, 20.0, 1.0), Line(0.0, 40.0, 1.0), Line(np.pi / 2, -15.0, 1.0), Line(np.pi / 2, -45.0, 1.0)]
    inside = np.full((60, 60), -0.3, np.float32)
    inside[20:40, 15:45] = 0.3
    (ring,) = enclose(np.zeros((16, 60, 60), np.uint8), inside, lines, (0.1, 0.6), 0.1)
    assert ring.symmetric_difference(box(15, 20, 45, 40)).area < 1.0


def test_onset_and_departure_are_the_same_step_seen_from_both_sides():
    visible = np.array([0.1, 0.2, np.nan, 0.9, 0.8, 0.9])
    appeared, gone = onset(visible), departure(visible[::-1])
    assert (appeared.without, appeared.first, appeared.seen) == (1, 3, (3, 4, 5))
    assert (gone.without, gone.first, gone.seen) == (2, 4, (4, 5))
    assert departure(visible) is None
    assert onset(np.array([np.nan, 0.5])) is None
