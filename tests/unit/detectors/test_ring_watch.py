"""What rings that stand keep from being looked at."""

from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import box

from detectors.perimeter import Perimeter
from detectors.ring_chains import Stage
from detectors.ring_choice import Choice
from detectors.ring_search import Comparison
from detectors.ring_tracks import Onset, Outline
from detectors.ring_views import Look
from detectors.ring_watch import RingWatch
from tests.unit.detectors.made_up import a_stack, desert
from tests.unit.detectors.made_up_rings import BOTH, CHOICE, OLD, an_outline

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
        ((a_stage(FIRST, 1),), (0.1,), True),  # a first sighting is told with what is known of it
        ((a_stage(FIRST, 2),), (0.4,), False),
        ((a_stage(FIRST, 2),), (0.6,), True),
        ((a_stage(FIRST, 5), a_stage(GROWN, 2, FIRST)), (0.9, 0.4), True),  # a ring is told with all it grew into
        ((a_stage(FIRST, 5), a_stage(GROWN, 1, FIRST)), (0.4, 0.4), False),
        ((a_stage(FIRST, 5), a_stage(GROWN, 2, FIRST)), (0.4, 0.9), True),  # and what a likely one grew from with it
    ],
)
def test_from_its_second_scene_on_what_is_told_is_likelier_real_than_not(watch, monkeypatch, chain, confidences, told):
    known = {stage.outline: each for stage, each in zip(chain, confidences, strict=True)}
    monkeypatch.setattr(Choice, "confidence_in", lambda _, outline, *more: known[outline])
    monkeypatch.setattr(watch, "_chains", (chain,))
    assert watch.told == ([chain] if told else [])


def stages(watch, first, grown):
    """A ring and its extension from scene 12 on, as they are dated."""
    older = Stage(first, watch.choice.dated(first))
    return older, Stage(grown, replace(older.onset, without=11, first=12), OLD)


@pytest.fixture
def looked_at(watch, monkeypatch):
    """A watch that has seen as many scenes as made-up rings have."""
    monkeypatch.setattr(RingWatch, "choice", CHOICE)
    return watch


def test_a_ring_that_was_opened_before_it_was_extended_stays_told_as_opened(looked_at):
    first, grown = an_outline(OLD, 3), an_outline(BOTH, 12, older=(OLD, 3))
    first.seen[8:, :5] = 0.0
    older, younger = stages(looked_at, first, grown)
    gone = looked_at.departures([(older, younger)])
    assert gone[older].first == 8
    assert gone[older].seen == (8, 9, 10, 11)  # what becomes of its walls within the larger ring is no going
    assert gone[younger] is None


def test_walls_that_go_when_a_ring_is_extended_are_no_going(looked_at):
    first, grown = an_outline(OLD, 3), an_outline(BOTH, 12, older=(OLD, 3))
    first.seen[12:, :5] = 0.0
    older, younger = stages(looked_at, first, grown)
    assert looked_at.departures([(older, younger)]) == {older: None, younger: None}
    assert looked_at.departures([(older,)])[older].first == 12  # had nothing been built on to it


def test_a_ring_that_goes_after_it_was_opened_keeps_its_date(looked_at):
    first = an_outline(OLD, 3)
    first.seen[7:, :5] = 0.0
    first.seen[12:] = 0.0
    first.gone_from = 7  # as it was told when it was opened
    (older, _) = stages(looked_at, first, first)
    assert looked_at.departures([(older,)])[older].first == 7


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
