"""Outlines fitted to drawn lines: what a side costs, and that every change a fit makes costs less."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from detectors.hough import Line
from detectors.line_strength import FULL
from detectors.outline import Energy, fit_outline
from detectors.outline_kernels import side_means

SUPPORT = (0.1, 0.6)
YARD = box(20, 25, 60, 55)


def energy(inside=0.05, corner_cost=16.0):
    """A yard of full walls, with evidence for inside within it and for outside around it."""
    strength = np.zeros((16, 80, 90), np.uint8)
    for row in (25, 55):
        strength[0, row - 1 : row + 2, 20:61] = FULL
    for column in (20, 60):
        strength[8, 25:56, column - 1 : column + 2] = FULL
    evidence = np.full((80, 90), -inside)
    evidence[25:55, 20:60] = inside
    return Energy(strength, np.cumsum(evidence, axis=1), SUPPORT, 0.15, corner_cost)


def test_a_side_costs_what_is_not_seen_of_it_less_what_it_sweeps():
    priced = energy()
    starts, ends = (
        np.array([[20.0, 25.0], [60.0, 30.0], [5.0, 5.0]]),
        np.array([[60.0, 25.0], [60.0, 50.0], [5.0, 45.0]]),
    )
    seen, swept = side_means(priced.strength, priced.enclosed, starts, ends, SUPPORT)
    length = np.hypot(*(ends - starts).T)
    assert priced.sides(starts, ends) == pytest.approx(length * (1.15 - seen) - swept * (ends - starts)[:, 1])
    assert seen.tolist() == [1.0, 1.0, 0.0]


def test_the_evidence_enclosed_is_a_sum_along_the_sides():
    priced = energy()
    cost = priced.of(clockwise(YARD))
    assert cost == pytest.approx(0.15 * YARD.length + 4 * 16.0 - 0.05 * YARD.area, abs=0.05 * YARD.length)


def clockwise(ring):
    """Corners as they run clockwise on the screen, where y runs downward."""
    corners = np.array(ring.exterior.coords)[:-1]
    return np.ascontiguousarray(corners if ring.exterior.is_ccw else corners[::-1])


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([-4.0, -3.0, 0.0, 3.0, 4.0]), st.sampled_from([0, 1]))
def test_a_side_beside_a_wall_is_moved_onto_it(by, along):
    corners = np.array(YARD.exterior.coords)[:-1]
    corners[corners[:, along] == corners[:, along].max(), along] += by
    fitted = fit_outline(Polygon(corners), energy(), [], 5.0)
    assert fitted.hausdorff_distance(YARD) < 2.0  # walls are three pixels wide


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.floats(-4.0, 4.0)] * 8))
def test_a_fit_never_costs_more_than_its_start(moves):
    start, priced = Polygon(np.array(YARD.exterior.coords)[:-1] + np.reshape(moves, (4, 2))), energy()
    assert priced.of(clockwise(fit_outline(start, priced, [], 5.0))) <= priced.of(clockwise(start)) + 1e-9


def test_a_line_takes_the_place_of_sides_that_are_not_seen():
    notched = Polygon([(20, 25), (36, 25), (40, 33), (44, 25), (60, 25), (60, 55), (20, 55)])
    fitted = fit_outline(notched, energy(), [Line(0.0, 25.0, 40.0)], 5.0)
    assert fitted.hausdorff_distance(YARD) < 2.0
    assert len(fitted.exterior.coords) - 1 == 4


def test_a_side_is_broken_where_that_is_better_seen():
    strength = energy().strength
    strength[0, 24:27, 22:59] = 0
    evidence = np.full((80, 90), -0.05)
    for column in range(20, 61):  # the wall bulges by seven pixels, up and down again
        row = 25 - round(7.0 * (1.0 - abs(column - 40) / 20.0))
        strength[[14, 15] if column <= 40 else [1, 2], row - 1 : row + 2, column] = FULL
        evidence[row:55, column] = 0.05
    fitted = fit_outline(YARD, Energy(strength, np.cumsum(evidence, axis=1), SUPPORT, 0.15, 4.0), [], 7.0)
    assert fitted.area > YARD.area + 70.0
    assert len(fitted.exterior.coords) - 1 >= 5


def test_what_cannot_be_bettered_stays():
    nothing = Energy(np.zeros((16, 80, 90), np.uint8), np.zeros((80, 90)), SUPPORT, 0.15, 0.0)
    fitted = fit_outline(box(30, 30, 36, 36), nothing, [], 0.5)
    assert fitted.area > 0.3 * 36.0
