"""Confidence in perimeters."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, box

from detectors.base import ChangeType, Components, Finding, Side, SideRole
from detectors.perimeter_confidence import PerimeterCalibration, RingEvidence, evidence_of

NONE = RingEvidence(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
RING = box(0, 0, 300, 200)


def ring(*strengths, interior=()):
    corners = list(RING.exterior.coords)
    sides = [Side(LineString(corners[k : k + 2]), strength, ()) for k, strength in enumerate(strengths)]
    sides += [Side(LineString([(150, 0), (150, 200)]), strength, (), SideRole.INTERIOR) for strength in interior]
    return Finding(
        kind=ChangeType.PERIMETER_ADDED,
        geometry=RING,
        area_m2=RING.area,
        length_m=RING.length,
        score=0.5,
        components=Components(0.6, 0.8, 1.0, 1.0),
        last_without=datetime(2020, 1, 1, tzinfo=UTC),
        first_with=datetime(2020, 2, 1, tzinfo=UTC),
        before_item_id="a",
        after_item_id="b",
        seen_in=("b", "c", "d"),
        sides=tuple(sides),
    )


def test_evidence_is_of_the_outline_alone():
    told = evidence_of(ring(1.0, 0.5, 1.0, 0.2, interior=(0.1,)), scenes_before=1)
    assert told.weakest_side == 0.2
    assert told.visibility == pytest.approx((200 + 150 + 200 + 60) / 1000)
    assert (told.gain, told.persistence) == (0.6, 0.8)
    assert told.sightings == pytest.approx(1.0986, abs=1e-4)
    assert told.length == 0.0
    assert told.scenes_before == 0.0


def test_a_ring_without_sides_is_seen_nowhere():
    told = evidence_of(ring(), scenes_before=0)
    assert (told.visibility, told.weakest_side, told.scenes_before) == (0.0, 0.0, 0.0)


def test_without_weights_a_ring_is_as_likely_real_as_not():
    assert PerimeterCalibration(*(0.0,) * 8).confidence(NONE) == 0.5


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-1e6, 1e6))
def test_confidence_is_a_probability_that_rises_with_what_weighs_for_it(low, high, weight):
    calibration = PerimeterCalibration(*(0.0,) * 7, scenes_before=weight)
    one, other = (calibration.confidence(replace(NONE, scenes_before=part)) for part in sorted((low, high)))
    assert 0.0 < one < 1.0
    assert (other >= one) if weight >= 0 else (other <= one)
