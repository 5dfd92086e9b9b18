"""Interior fences on drawn compounds: a fence from side to side, against rows of houses, paths and broken lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon, box

from detectors.dividers import DividerParameters, dividers
from detectors.line_strength import pooled_strength
from detectors.lines import LineFilter

SIZE, GSD_M = 120, 10.0
RING = box(20, 30, 100, 80)
FILTER = LineFilter((SIZE, SIZE), GSD_M, 16, 15.0, 60.0, 2.5)


def compound(seed=0):
    """Rough ground with a wall around it."""
    image = np.random.default_rng(seed).normal(0.2, 0.005, (SIZE, SIZE)).astype(np.float32)
    image[30, 20:101] += 0.05
    image[80, 20:101] += 0.05
    image[30:81, 20] += 0.05
    image[30:81, 100] += 0.05
    return image


def houses(image, first=40, last=80):
    """Four rows of bright roofs, 20 by 90 m, with lanes of 20 m between them."""
    for row in range(36, 76, 12):
        for column in range(first, last, 4):
            image[row : row + 9, column : column + 2] += 0.15
    return image


def strength(image):
    ridges, greatest = FILTER.ridges(image)
    clear = np.ones((SIZE, SIZE), bool)
    noise = FILTER.spread(FILTER.noise(greatest, clear, 300.0), 300.0)
    return pooled_strength([FILTER.votes(ridges, noise)], [clear])


def found(image, before=None, ring=RING):
    empty = np.random.default_rng(9).normal(0.2, 0.005, image.shape).astype(np.float32)
    return dividers(ring, strength(image), strength(empty if before is None else before), GSD_M)


@pytest.mark.parametrize("seed", range(5))
def test_a_yard_without_fences_has_none(seed):
    assert found(compound(seed)) == []


def test_a_fence_from_side_to_side_divides():
    image = compound()
    image[31:80, 55] += 0.04
    (fence,) = found(image)
    assert fence.line.hausdorff_distance(LineString([(55, 30), (55, 80)])) < 1.5
    assert fence.strength > 0.8
    assert fence.stands_out > 0.5


def test_two_fences_that_cross_are_both_told():
    image = compound()
    image[31:80, 70] += 0.04
    image[50, 21:100] += 0.04
    lines = sorted((each.line for each in found(image)), key=lambda line: line.length)
    assert [round(line.length) for line in lines] == [50, 80]


def test_a_gate_is_no_break():
    image = compound()
    image[31:80, 55] += 0.04
    image[52:54, 55] -= 0.04
    assert len(found(image)) == 1


def test_half_a_fence_divides_nothing():
    image = compound()
    image[31:55, 55] += 0.04
    assert found(image) == []


def test_rows_of_houses_are_no_fences():
    assert found(houses(compound())) == []


def test_a_fence_away_from_rows_of_houses_is_found():
    image = houses(compound(), last=60)
    image[31:80, 75] += 0.04
    (fence,) = found(image)
    assert fence.line.centroid.x == pytest.approx(75, abs=1.0)


def test_a_second_line_along_a_side_is_part_of_the_wall():
    image = compound()
    image[31:80, 23] += 0.04
    assert found(image) == []


def test_a_path_across_a_corner_divides_nothing():
    image = compound()
    for step in range(26):
        image[54 - step, 22 + step : 24 + step] += 0.05
    assert found(image) == []


def test_a_ring_smaller_than_the_clearance_has_none():
    assert found(compound(), ring=box(20, 20, 23, 23)) == []


def test_a_line_that_was_there_before_the_ring_is_no_fence():
    image, wash = compound(), np.full((SIZE, SIZE), 0.2, np.float32) + np.float32(0.001) * compound(1)
    for each in (image, wash):
        each[31:80, 55] += 0.04
    assert found(image, before=wash) == []


def test_what_counts_can_be_told():
    image = compound()
    image[31:55, 55] += 0.04
    lines, quiet = strength(image), np.zeros((16, SIZE, SIZE), np.uint8)
    assert len(dividers(RING, lines, quiet, GSD_M, DividerParameters(reach=0.3))) == 1


@settings(max_examples=15, deadline=None)
@given(column=st.integers(45, 75), turned=st.booleans())
def test_where_the_fence_stands_and_how_the_image_is_turned_dont_matter(column, turned):
    image = compound()
    image[31:80, column] += 0.04
    ring = RING
    if turned:
        image, ring = np.ascontiguousarray(image.T), Polygon([(y, x) for x, y in RING.exterior.coords])
    (fence,) = found(image, ring=ring)
    middle = fence.line.centroid
    assert (middle.y if turned else middle.x) == pytest.approx(column, abs=1.0)
