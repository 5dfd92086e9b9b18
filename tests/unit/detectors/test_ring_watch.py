"""What rings that stand keep from being looked at."""

import numpy as np
import pytest
from shapely.geometry import box

from detectors.perimeter import Perimeter
from detectors.ring_chains import Stage
from detectors.ring_tracks import Onset, Outline
from tests.unit.detectors.made_up import a_stack, desert

FIRST, GROWN = box(20, 20, 60, 60), box(20, 20, 100, 60)


@pytest.fixture(scope="module")
def watch():
    return Perimeter().start(a_stack(desert(2, size=60), np.ones((2, 60, 60), bool)).grid).watch


def a_stage(ring, scenes, extends=None):
    none = np.zeros((0, 1), np.float32)
    outline = Outline(ring, none, np.zeros(1), np.zeros(1, np.int64), none[:, 0])
    return Stage(outline, Onset(1, 2, tuple(range(2, 2 + scenes)), scenes, 2, 1.0, 0.0, 0.9, 0.9), extends)


@pytest.mark.parametrize(
    ("chain", "kept"),
    [
        ((a_stage(FIRST, 2),), []),
        ((a_stage(FIRST, 3),), [FIRST]),
        ((a_stage(FIRST, 5), a_stage(GROWN, 2, FIRST)), [FIRST]),
        ((a_stage(FIRST, 5), a_stage(GROWN, 3, FIRST)), [GROWN]),
    ],
)
def test_a_ring_keeps_its_place_once_three_scenes_show_it(watch, chain, kept):
    assert watch.sure([chain]) == kept
