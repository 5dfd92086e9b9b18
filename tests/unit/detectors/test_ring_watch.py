"""What rings that stand keep from being looked at."""

import numpy as np
import pytest
from shapely.geometry import box

from detectors.onsets import Onset
from detectors.perimeter import Perimeter
from detectors.ring_chains import Stage
from detectors.ring_choice import Choice
from detectors.ring_search import Comparison
from detectors.ring_tracks import Outline, apart
from detectors.ring_views import Look
from tests.unit.detectors.made_up import a_stack, desert
from tests.unit.detectors.made_up_rings import BOTH, CHOICE, OLD, SCENES, an_outline

FIRST, GROWN = box(20, 20, 60, 60), box(20, 20, 100, 60)


@pytest.fixture(scope="module")
def watch():
    return Perimeter().start(a_stack(desert(2, size=60), np.ones((2, 60, 60), bool)).grid).watch


def a_stage(ring, scenes, older=None):
    none = np.zeros((0, 1), np.float32)
    outline = Outline(ring, none, np.zeros(1), np.zeros(1, np.int64), none[:, 0])
    onset = Onset(1, 2, tuple(range(2, 2 + scenes)), scenes, 2, 1.0, 0.0, 0.9, 0.9)
    return Stage(outline, onset, None if older is None else older.outline)


OLDER = a_stage(FIRST, 5)


@pytest.mark.parametrize(
    ("chain", "kept"),
    [
        ((a_stage(FIRST, 2),), []),
        ((a_stage(FIRST, 3),), [FIRST]),
        ((OLDER, a_stage(GROWN, 2, OLDER)), [FIRST]),
        ((OLDER, a_stage(GROWN, 3, OLDER)), [GROWN]),
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
        ((OLDER, a_stage(GROWN, 2, OLDER)), (0.9, 0.3), 2),
        ((OLDER, a_stage(GROWN, 2, OLDER)), (0.9, 0.2), 1),
        ((OLDER, a_stage(GROWN, 2, OLDER)), (0.4, 0.4), 0),
        ((OLDER, a_stage(GROWN, 1, OLDER)), (0.4, 0.4), 0),
        ((OLDER, a_stage(GROWN, 3, OLDER), a_stage(GROWN, 2, OLDER)), (0.9, 0.1, 0.3), 3),
        ((OLDER, a_stage(GROWN, 2, OLDER)), (0.4, 0.9), 2),  # what a likely one grew from is told with it
        ((OLDER, a_stage(GROWN, 1, OLDER)), (0.9, 0.1), 2),
    ],
)
def test_from_its_second_scene_on_what_is_told_is_likelier_real_than_not(watch, monkeypatch, chain, confidences, told):
    known = {stage.outline: each for stage, each in zip(chain, confidences, strict=True)}
    monkeypatch.setattr(Choice, "confidence_in", lambda _, outline, *more: known[outline])
    monkeypatch.setattr(watch, "_chains", (chain,))
    assert watch.told == ([chain[:told]] if told else [])


@pytest.mark.parametrize(("confidence", "divided"), [(0.9, 2), (0.1, 1)])
def test_lines_that_divide_a_ring_are_sought_in_what_is_told(watch, monkeypatch, confidence, divided):
    grown = a_stage(GROWN, 3, OLDER)
    known, looked = {OLDER.outline: 0.9, grown.outline: confidence}, []
    monkeypatch.setattr(Choice, "confidence_in", lambda _, outline, *more: known[outline])
    monkeypatch.setattr(watch, "_chains", ((OLDER, grown),))
    monkeypatch.setattr(watch, "_divide", looked.append)
    watch._divide_told()
    assert looked == [(OLDER, grown)[:divided]]


@pytest.mark.parametrize(
    ("index", "several", "built", "many"),
    [
        (1, range(1, 2), True, None),
        (5, range(3, 6), False, None),
        (6, range(4, 7), True, None),
        (8, range(6, 9), False, (range(1, 9), range(1))),
        (10, range(8, 11), False, None),
        (20, range(18, 21), False, (range(13, 21), range(5, 13))),
    ],
)
def test_weak_walls_are_sought_in_several_scenes_together(watch, monkeypatch, index, several, built, many):
    monkeypatch.setattr(Look, "of", lambda scenes: list(scenes))
    monkeypatch.setattr(Comparison, "of", lambda now, then: (now, then))
    monkeypatch.setattr(watch.reader, "lines", lambda each: each)
    (first, looked), *more = watch._periods(index, "old")
    assert first == (list(several), "old")
    assert looked is built
    assert more == ([] if many is None else [((list(many[0]), list(many[1])), True)])


@pytest.mark.parametrize(
    ("confidence", "told"), [(0.9, {"perimeter_added", "perimeter_extended"}), (0.1, {"perimeter_added"})]
)
def test_a_wall_that_an_extension_takes_in_has_not_gone_though_the_extension_is_not_told(monkeypatch, confidence, told):
    stack = a_stack(desert(SCENES, size=60), np.ones((SCENES, 60, 60), bool))
    follower = Perimeter().start(stack.grid)
    for scene in stack:
        follower.watch.series.add(scene)
    old, whole = an_outline(OLD, 4), an_outline(BOTH, 10, older=(OLD, 4))
    old.seen[10:, apart(OLD, BOTH, 2.5)] = 0.0
    first = Stage(old, CHOICE.dated(old))
    chain = (first, Stage(whole, CHOICE.fresh_onset(whole, old), old))
    assert follower.watch.departures.of([(first,)])[first] is not None
    known = {old: 0.9, whole: confidence}
    monkeypatch.setattr(Choice, "confidence_in", lambda _, outline, *more: known[outline])
    monkeypatch.setattr(follower.watch, "_chains", (chain,))
    findings = follower.assess().findings
    assert {each.kind for each in findings} == told
    assert all(each.gone_at is None for each in findings)
