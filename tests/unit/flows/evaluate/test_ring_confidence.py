"""What the confidence in perimeters is fitted on."""

import numpy as np
import pytest
import shapely
from shapely.geometry import box

from detectors.perimeter_confidence import RingEvidence
from flows.evaluate import ring_confidence
from flows.evaluate.lookalikes import LOOKALIKES
from flows.evaluate.ring_confidence import Told, fitted, held_out, told_rings
from flows.evaluate.ring_tables import confidence_table
from flows.evaluate.ring_trials import Background
from tests.unit.detectors.made_up import a_stack, desert


def a_told(area, newly_seen, real, usual=False):
    return Told(area, RingEvidence(newly_seen, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0), real, usual)


@pytest.fixture
def told():
    """Forty areas: the more is newly seen of a ring, the likelier it is real; half of them the detector tells as is."""
    random = np.random.default_rng(0)
    seen = random.random(40)
    real = seen + random.normal(0.0, 0.1, 40) > 0.5
    lenient = [a_told(k, seen[k], bool(real[k])) for k in range(40)]
    return lenient + [a_told(k, seen[k], bool(real[k]), usual=True) for k in range(0, 40, 2)]


def test_what_tells_real_rings_from_others_weighs(told):
    calibration = fitted(told)
    assert calibration.newly_seen > 1.0
    assert calibration.turning == calibration.length == calibration.built == 0.0


def test_what_is_told_as_it_is_teaches_nothing(told):
    odd = [a_told(100 + k, 1.0, real=False, usual=True) for k in range(40)]
    assert fitted(told + odd) == fitted(told)


def test_confidence_is_held_against_areas_that_it_was_not_fitted_on(told):
    confidence, real = held_out(told)
    assert len(confidence) == len(real) == 20
    assert confidence[real].mean() > 0.7 > 0.3 > confidence[~real].mean()
    first = [each for each in told if each.area % 10 == 0 and each.usual]
    others = fitted([each for each in told if each.area % 10])
    assert confidence[: len(first)].tolist() == [others.confidence(each.evidence) for each in first]


def test_rings_and_look_alikes_are_told_after_every_scene(monkeypatch):
    monkeypatch.setattr(ring_confidence, "CONTRASTS", (0.12,))
    monkeypatch.setattr(ring_confidence, "LOOKALIKES", {"nothing": LOOKALIKES["nothing"]})
    ground = Background("made up", a_stack(desert(16)), shapely.GeometryCollection())
    told = list(told_rings([ground], 1, seed=3, window_px=120))
    assert {each.area for each in told} == {0}  # nothing is told where nothing is drawn
    usual, lenient = ([each for each in told if each.usual is kind] for kind in (True, False))
    assert len(lenient) >= len(usual) > 1
    assert all(each.real for each in usual)
    assert len({each.evidence.sightings for each in usual}) == len(usual)  # each is of another scene
    everywhere = Background("made up", ground.stack, box(*ground.stack.grid.bounds))
    assert list(told_rings([everywhere], 1, seed=3, window_px=120)) == []


def test_a_table_tells_how_often_what_is_told_is_real():
    table = confidence_table(np.array([0.95, 0.93, 0.12]), np.array([True, False, False]), "Told")
    assert "expected calibration error 0.333" in table.title
    assert [list(column.cells) for column in table.columns] == [["0.12", "0.94"], ["0.00", "0.50"], ["1", "2"]]


def test_draws_that_leave_nothing_to_learn_from_are_left_out(told):
    one = [each for each in told if each.area % 10 == 0]
    confidence, real = held_out([*one, a_told(1, 0.9, real=True, usual=True)])
    assert len(confidence) == len(real) == 1
