"""Confidence in perimeters."""

import math
from dataclasses import astuple, fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from detectors.perimeter_confidence import PerimeterCalibration, RingEvidence
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_shapes import steps
from detectors.ring_tracks import apart, side_of
from tests.unit.detectors.made_up_rings import BOTH, CHOICE, OLD, an_outline

NONE = RingEvidence(*(0.0,) * 9)
FITTED = PerimeterParameters().calibration


def evidence(outline, older=None):
    dated = CHOICE.dated(outline) if older is None else CHOICE.fresh_onset(outline, older)
    return CHOICE.evidence(outline, dated, older)


def test_evidence_is_what_is_seen_of_a_ring():
    told = evidence(an_outline(OLD, 4, built=0.5))
    assert told.newly_seen == pytest.approx(0.85)
    assert told.turning == 1.0
    assert told.length == pytest.approx(math.log(1.6))
    assert told.sightings == pytest.approx(math.log(12))
    assert (told.persistence, told.built) == (1.0, 0.5)
    assert told.looks_before == pytest.approx(math.log(4))


def test_walls_are_laid_out_square():
    assert evidence(an_outline(OLD, 4)).square == 1.0
    roof = Polygon([(20, 20), (60, 20), (60, 60), (40, 80), (20, 60)])  # two of five sides at 45 degrees
    assert evidence(an_outline(roof, 4)).square == pytest.approx(120 / (120 + 2 * math.hypot(20, 20)))


def test_rows_of_houses_are_seen_on_two_sides_and_walls_all_around():
    wall, rows = an_outline(OLD, 4, seen=0.6), an_outline(OLD, 4)
    side = side_of(OLD)
    rows.seen[4:, side == 0], rows.seen[4:, side == 2] = 0.2, 0.4
    rows.seen[4:8] *= 0.8  # best seen later
    assert evidence(wall).hardest == pytest.approx(0.55)
    assert evidence(rows).hardest == pytest.approx((0.15 + 0.35) / 2)


def test_a_side_that_clouds_hide_is_none_of_the_hardest():
    wall = an_outline(OLD, 4)
    hidden = side_of(OLD) == 0
    wall.seen[4:, hidden] = np.nan
    told = CHOICE.evidence(wall, CHOICE.dated(an_outline(OLD, 4)))
    assert told.hardest == pytest.approx(0.85)
    assert told.newly_seen == pytest.approx(0.85 * 0.75)


def test_a_short_side_is_none_of_the_hardest():
    cut = Polygon([(20, 20), (60, 20), (60, 57), (57, 60), (20, 60)])
    seen = an_outline(cut, 4)
    starts, ends = steps(cut)
    seen.seen[4:, side_of(cut) == np.hypot(*(ends - starts).T).argmin()] = 0.05
    assert evidence(seen).hardest == pytest.approx(0.85)


def test_lines_that_go_on_past_corners_count_less():
    road = an_outline(OLD, 4)
    road.goes_on = np.where(np.arange(len(road.goes_on)) % 2, 1.0, 0.0)
    told = evidence(road)
    assert told.turning == pytest.approx(0.5)
    assert told.newly_seen == pytest.approx(0.75 * 0.85)


def test_of_an_extension_it_is_what_is_seen_of_its_fresh_sides_and_built_in_its_fresh_ground():
    old, whole = an_outline(OLD, 4), an_outline(BOTH, 10, built=0.25, older=(OLD, 4))
    old.inside = whole.inside.copy()
    whole.inside[10:] += 0.1  # of all that both hold, so that it is twice as much in what is fresh
    along = ~apart(whole.ring, OLD, CHOICE.beside_px)
    whole.seen[:, along] = 0.0  # what has become of the sides that it builds on says nothing of the extension
    told = evidence(whole, old)
    assert told.built == pytest.approx(0.45)
    assert told.newly_seen == pytest.approx(0.85)
    fresh = whole.lengths[apart(whole.ring, OLD, CHOICE.beside_px)].sum()
    assert told.length == pytest.approx(math.log(fresh / 100))  # a strip along a long wall is as short as it is
    assert told.sightings == pytest.approx(math.log(6))
    assert told.looks_before == pytest.approx(math.log(10))


def test_without_weights_a_ring_is_as_likely_real_as_not():
    assert PerimeterCalibration(*(0.0,) * 10).confidence(NONE) == 0.5


def test_nothing_that_is_measured_speaks_against_a_ring():
    assert min(astuple(FITTED)[1:]) >= 0.0
    assert [each.name for each in fields(FITTED)][1:] == [each.name for each in fields(RingEvidence)]


def test_a_ring_that_is_seen_all_around_is_surer_than_a_crossing_of_roads():
    road = an_outline(box(20, 20, 40, 40), 4, seen=0.7)
    road.goes_on = np.full(len(road.goes_on), 0.6)
    ring = an_outline(OLD, 4)
    assert FITTED.confidence(evidence(road)) < 0.5 < 0.9 < FITTED.confidence(evidence(ring))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-1e6, 1e6))
def test_confidence_is_a_probability_that_rises_with_what_weighs_for_it(low, high, weight):
    calibration = PerimeterCalibration(*(0.0,) * 9, looks_before=weight)
    one, other = (calibration.confidence(replace(NONE, looks_before=part)) for part in sorted((low, high)))
    assert 0.0 < one < 1.0
    assert (other >= one) if weight >= 0 else (other <= one)
