import numpy as np
import pytest
from shapely import box

from detectors.evaluation.metrics import (
    Agreement,
    area_agreement,
    expected_calibration_error,
    fit_logistic,
    fit_rising,
    object_agreement,
    reliability,
)


def test_ambiguous_ground_counts_neither_way():
    found = np.array([[True, True, True, False]])
    truth = np.array([[True, False, False, True]])
    ambiguous = np.array([[False, True, False, False]])
    assert area_agreement(found, truth, ambiguous) == Agreement(1.0, 1.0, 1.0)


def test_nothing_found_scores_nothing():
    empty = Agreement(0.0, 0.0, 5.0)
    assert (empty.precision, empty.recall, empty.f1) == (0.0, 0.0, 0.0)


def test_objects_meet_where_they_share_ground():
    truth = [box(0, 0, 10, 10), box(50, 0, 60, 10)]
    found = [box(1, 1, 9, 9), box(100, 0, 110, 10)]
    assert object_agreement(found, truth) == Agreement(1.0, 1.0, 1.0)


def test_a_calibrated_forecast_has_no_calibration_error():
    confidence = np.repeat([0.25, 0.75], 400)
    correct = np.concatenate([np.arange(400) % 4 == 0, np.arange(400) % 4 != 0])
    assert expected_calibration_error(confidence, correct) == pytest.approx(0.0)
    assert [one.count for one in reliability(confidence, correct)] == [400, 400]


def test_logistic_regression_finds_the_weights_that_made_the_data():
    random = np.random.default_rng(0)
    features = random.normal(size=(20_000, 2))
    chance = 1 / (1 + np.exp(-(0.5 + features @ [2.0, -1.0])))
    weights = fit_logistic(features, random.random(20_000) < chance)
    assert weights == pytest.approx([0.5, 2.0, -1.0], abs=0.1)


def test_what_would_speak_against_is_left_out_of_a_rising_regression():
    random = np.random.default_rng(0)
    features = random.normal(size=(20_000, 3))
    chance = 1 / (1 + np.exp(-(0.5 + features @ [2.0, -1.0, 1.0])))
    correct = random.random(20_000) < chance
    weights = fit_rising(features, correct)
    assert weights[2] == 0.0
    assert weights[[0, 1, 3]] == pytest.approx(fit_logistic(features[:, [0, 2]], correct))
    assert fit_rising(features, ~correct)[[1, 3]].tolist() == [0.0, 0.0]
