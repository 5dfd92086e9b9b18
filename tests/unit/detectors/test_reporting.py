"""Confidence in construction."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import Components
from detectors.footprints import FootprintParameters
from detectors.reporting import Calibration, evidence_of
from detectors.works_parameters import WorksParameters

REPORT = FootprintParameters().report
PARTS = Components(magnitude=0.6, persistence=0.9, registration=1.0, clear_fraction=1.0)
CORE = WorksParameters().core


def confidence(components=PARTS, sightings=5, area_m2=2000.0, salience=CORE):
    return REPORT.calibration.confidence(evidence_of(components, sightings, area_m2, salience, REPORT))


def test_without_weights_a_site_is_as_likely_real_as_not():
    assert Calibration(*(0.0,) * 6).confidence((1.0,) * 5) == 0.5


def test_evidence_is_in_units_that_weigh_alike_everywhere():
    assert evidence_of(PARTS, 5, 1000.0, 9.0, REPORT) == pytest.approx((2.1972, 1.6094, 0.9, 0.0, 2.1972), abs=1e-4)


share = st.floats(0.0, 1.0)
two = st.tuples


@given(two(share, share), two(share, share))
def test_more_magnitude_and_persistence_never_lower_it(magnitude, persistence):
    low, high = (
        confidence(replace(PARTS, magnitude=pick(magnitude), persistence=pick(persistence))) for pick in (min, max)
    )
    assert 0.0 <= low <= high <= 1.0


@given(*[two(st.integers(1, 200), st.integers(1, 200)), *[two(st.floats(0.0, 1e7), st.floats(0.0, 1e7))] * 2])
def test_more_scenes_ground_and_salience_never_lower_it(sightings, area_m2, salience):
    low, high = (confidence(PARTS, pick(sightings), pick(area_m2), pick(salience)) for pick in (min, max))
    assert 0.0 <= low <= high <= 1.0


def test_half_of_what_is_asked_is_hardly_real_and_half_as_much_again_surely():
    assert confidence(salience=CORE / 2) < 0.1
    assert 0.3 < confidence(salience=CORE) < 0.7
    assert confidence(salience=CORE * 1.5) > 0.85
