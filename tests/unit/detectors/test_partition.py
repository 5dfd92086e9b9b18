"""Faces and edges that straight cuts make, held against those of GEOS."""

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString

from detectors.hough import Line
from detectors.partition import Partition, across, frame_of

SHAPE = (40, 60)
FRAME = frame_of(SHAPE)


def partition(*cuts):
    return Partition.by(*np.array(cuts, float).reshape(-1, 2, 2).swapaxes(0, 1), SHAPE)


def by_geos(starts, ends):
    """Areas of the faces and length of the edges, as GEOS nodes and polygonizes the same cuts."""
    cuts = [LineString(pair) for pair in zip(starts, ends, strict=True)]
    net = shapely.union_all([*cuts, FRAME.exterior], grid_size=0.01)
    faces = shapely.get_parts(shapely.polygonize([net]))
    return np.sort(shapely.area(faces)), net.length


def assert_as_by_geos(starts, ends):
    made = Partition.by(starts, ends, SHAPE)
    areas, length = by_geos(starts, ends)
    assert made.areas.sum() == pytest.approx(FRAME.area)
    assert made.lengths.sum() == pytest.approx(length, rel=1e-3)
    many = int((areas > 1.0).sum())  # rounding makes slivers
    assert np.sort(made.areas)[-many:] == pytest.approx(areas[-many:], abs=0.5)


def endless(seed, number):
    """Starts and ends of lines by chance, cut to the frame."""
    random = np.random.default_rng(seed)
    angles, through = random.uniform(0.0, np.pi, number), random.uniform((0, 0), SHAPE[::-1], (number, 2))
    lines = [Line(a, y * np.cos(a) - x * np.sin(a), 1.0) for a, (x, y) in zip(angles, through, strict=True)]
    return across(lines, SHAPE)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_faces_of_endless_lines_are_those_of_geos(seed, number):
    assert_as_by_geos(*endless(seed, number))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_faces_of_cuts_that_end_anywhere_are_those_of_geos(seed, number):
    random = np.random.default_rng(seed)
    starts, ends = random.uniform((0, 0), np.subtract(SHAPE[::-1], 1), (2, number, 2))
    cuts = shapely.linestrings(np.stack([starts, ends], axis=1))
    tips = shapely.points(np.vstack([starts, ends]))
    apart = shapely.distance(cuts[:, None], tips)
    assume((apart[(apart > 1e-9)] > 0.05).all())  # whether what nearly touches a cut does is up to rounding
    assert_as_by_geos(starts, ends)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 20))
def test_the_outline_of_faces_encloses_their_ground(seed, number):
    made = Partition.by(*endless(seed, number), SHAPE)
    (whole,) = made.outlines(np.ones(len(made.areas), bool))
    assert whole.symmetric_difference(FRAME).area < 1.0
    for face, area in enumerate(made.areas):
        outlines = made.outlines(np.arange(len(made.areas)) == face)
        assert sum(each.area for each in outlines) == pytest.approx(area, abs=0.05)
        middle = (made.starts + made.ends) / 2.0
        beside = (made.sides == face).any(axis=1)
        assert shapely.distance(shapely.points(middle[beside]), shapely.union_all(outlines)).max() < 0.05


@pytest.mark.parametrize("off", [0.3, 0.5, 0.7, 0.9, 1.5])
def test_there_is_no_gap_where_cuts_nearly_meet_in_a_point(off):
    crossing = [((x, 10), (x, 30)) for x in (20, 40)] + [((10, y), (50, y)) for y in (15, 25)]
    made = partition(*crossing, ((10 + off, 25), (20 + off, 15)))  # grazes a corner
    assert made.areas.sum() == pytest.approx(FRAME.area)
    outer = (made.sides < 0).any(axis=1)
    assert made.lengths[outer].sum() == pytest.approx(FRAME.length, abs=0.1)


def test_what_lies_on_either_side_of_an_edge_is_known():
    made = partition(((20, -0.5), (20, 39.5)), ((20, 10), (59.5, 10)), ((5, 5), (5, 20)))
    assert np.sort(made.areas) == pytest.approx(np.sort([20.5 * 40, 39.5 * 10.5, 39.5 * 29.5]))
    apart = made.sides[:, 0] != made.sides[:, 1]
    assert made.lengths[~apart].sum() == pytest.approx(15.0)  # it ends within a face
    outer = (made.sides < 0).any(axis=1)
    assert made.lengths[outer].sum() == pytest.approx(FRAME.length)
    (between,) = np.flatnonzero((made.starts[:, 1] == 10.0) & (made.ends[:, 1] == 10.0) & ~outer)
    assert made.areas[made.sides[between]] == pytest.approx([39.5 * 29.5, 39.5 * 10.5])  # y runs downward


def test_a_yard_within_a_yard_is_no_part_of_its_ground():
    def yard(left, top, right, bottom):
        return [((left - 1, y), (right + 1, y)) for y in (top, bottom)] + [
            ((x, top - 1), (x, bottom + 1)) for x in (left, right)
        ]

    made = partition(*yard(10, 5, 50, 35), *yard(20, 15, 40, 25))
    assert np.sort(made.areas) == pytest.approx(np.sort([200.0, 1200.0 - 200.0, FRAME.area - 1200.0]))
    outer = int(np.argmin(np.abs(made.areas - 1000.0)))
    (outline,) = made.outlines(np.arange(3) == outer)
    assert outline.area == pytest.approx(1200.0)  # outlines have no holes


def test_without_cuts_the_frame_is_the_only_face():
    made = partition()
    assert made.areas == pytest.approx([FRAME.area])
