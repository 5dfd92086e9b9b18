"""What rings that stand keep from being looked at."""

import numpy as np
import pytest
from shapely.geometry import box

from detectors.perimeter import Perimeter
from detectors.ring_chains import Stage
from detectors.ring_choice import Choice
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


@pytest.mark.parametrize(
    ("chain", "confidences", "told"),
    [
        ((a_stage(FIRST, 1),), (0.1,), 1),  # a first sighting is told with what is known of it
        ((a_stage(FIRST, 2),), (0.4,), 0),
        ((a_stage(FIRST, 2),), (0.6,), 1),
        ((a_stage(FIRST, 5), a_stage(GROWN, 2, FIRST)), (0.9, 0.4), 1),
        ((a_stage(FIRST, 5), a_stage(GROWN, 1, FIRST)), (0.9, 0.4), 2),
        ((a_stage(FIRST, 5), a_stage(GROWN, 2, FIRST)), (0.4, 0.9), 2),  # what a likely ring grew from is told with it
    ],
)
def test_from_its_second_scene_on_what_is_told_is_likelier_real_than_not(watch, monkeypatch, chain, confidences, told):
    known = {stage.outline: each for stage, each in zip(chain, confidences, strict=True)}
    monkeypatch.setattr(Choice, "confidence_in", lambda _, outline, *more: known[outline])
    monkeypatch.setattr(watch, "_chains", (chain,))
    assert [len(each) for each in watch.told] == ([told] if told else [])
