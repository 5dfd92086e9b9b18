"""Robustness: what is altered, and that only that is."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from detectors.footprints import FootprintParameters
from flows.evaluate.real import read_truth
from flows.evaluate.robustness import STAGES, scaled, thinned_out, tunable
from flows.evaluate.stacks import folder_stack

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("stage", STAGES)
def test_one_parameter_is_altered_and_no_other(stage):
    before = asdict(FootprintParameters())
    for name in tunable(getattr(FootprintParameters(), stage)):
        after = asdict(scaled(FootprintParameters(), stage, name, 0.8))
        assert after[stage].pop(name) == pytest.approx(0.8 * before[stage][name])
        assert after[stage] == {key: kept for key, kept in before[stage].items() if key != name}
        assert {key: kept for key, kept in after.items() if key != stage} == {
            key: kept for key, kept in before.items() if key != stage
        }


def test_scenes_are_left_out_from_a_seed_and_construction_is_still_found():
    stack = folder_stack(ROOT / "flows" / "data" / "dabancheng", ("B02", "B03", "B04"))
    intervals = read_truth(ROOT / "tests" / "data" / "dabancheng_truth.geojson", stack)
    one, again = (list(thinned_out(stack, intervals, 1, np.random.default_rng(3))) for _ in range(2))
    assert one == again
    assert one[0].what.count(",") == 2
    assert one[0].f1 > 0.7
