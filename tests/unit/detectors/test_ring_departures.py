"""When rings went, or were opened."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.ring_chains import Chains, Stage
from detectors.ring_departures import Departures
from tests.unit.detectors.made_up_rings import BOTH, CHOICE, OLD, SCENES, an_outline

DEPARTURES = Departures(CHOICE)


def stages(first, grown):
    """A ring and its extension from scene 12 on, as they are dated."""
    older = Stage(first, CHOICE.dated(first))
    return older, Stage(grown, replace(older.onset, without=11, first=12), OLD)


def test_a_ring_that_was_opened_before_it_was_extended_stays_told_as_opened():
    first, grown = an_outline(OLD, 3), an_outline(BOTH, 12, older=(OLD, 3))
    first.seen[8:, :5] = 0.0
    older, younger = stages(first, grown)
    gone = DEPARTURES.of([(older, younger)])
    assert gone[older].first == 8
    assert gone[older].seen == (8, 9, 10, 11)  # what becomes of its walls within the larger ring is no going
    assert gone[younger] is None


def test_walls_that_go_when_a_ring_is_extended_are_no_going():
    first, grown = an_outline(OLD, 3), an_outline(BOTH, 12, older=(OLD, 3))
    first.seen[12:, :5] = 0.0
    older, younger = stages(first, grown)
    assert DEPARTURES.of([(older, younger)]) == {older: None, younger: None}
    assert DEPARTURES.of([(older,)])[older].first == 12  # had nothing been built on to it


def test_a_ring_that_goes_after_it_was_opened_keeps_its_date():
    first = an_outline(OLD, 3)
    first.seen[7:, :5] = 0.0
    first.seen[12:] = 0.0
    first.gone_from = 7  # as it was told when it was opened
    (older, _) = stages(first, first)
    assert DEPARTURES.of([(older,)])[older].first == 7


@pytest.mark.parametrize(("shown", "goes"), [(1, False), (2, False), (3, True)])
def test_a_ring_that_few_scenes_have_shown_is_not_told_to_have_gone(shown, goes):
    seen = (*range(4, 4 + shown), SCENES - 1)
    stage = Stage(an_outline(OLD, 4, until=4 + shown), replace(CHOICE.dated(an_outline(OLD, 4)), seen=seen))
    gone = DEPARTURES.of([(stage,)])
    assert [None if each is None else each.first for each in gone.values()] == [4 + shown if goes else None]


def test_a_ring_stays_gone_though_its_onset_is_another_without_the_scenes_after():
    """It is half seen at first, so that it seems to have come later once the scenes after it went don't count."""
    ring = an_outline(OLD, 4, until=8)
    ring.seen[4:6] = 0.35
    told = []
    for scenes in (10, 11, 12):
        before = replace(ring, seen=ring.seen[: scenes - 1], inside=ring.inside[: scenes - 1])
        dated = CHOICE.dated(before)
        (gone,) = DEPARTURES.of([(Stage(replace(ring, seen=ring.seen[:scenes]), dated),)]).values()
        ring.gone_from = None if gone is None else gone.first
        told.append((dated.seen, ring.gone_from))
    assert told == [((4, 5, 6, 7), 8), ((6, 7), 8), ((6, 7), 8)]


def test_an_opened_ring_stays_opened_though_its_onset_is_another_without_the_scenes_after():
    ring = an_outline(OLD, 5, seen=0.4)
    opened = np.arange(ring.seen.shape[1]) < 4
    ring.seen[5] = np.where(opened, 0.5, 0.2)
    ring.seen[6:8] = np.where(opened, 0.9, 0.5)
    ring.seen[8:, opened] = 0.05
    told = []
    for scenes in range(12, SCENES + 1):
        before = replace(ring, seen=ring.seen[: scenes - 1], inside=ring.inside[: scenes - 1])
        (chain,) = Chains(CHOICE).of(CHOICE.weighed([before]))
        (gone,) = DEPARTURES.of([(Stage(replace(ring, seen=ring.seen[:scenes]), chain[-1].onset),)]).values()
        ring.gone_from = None if gone is None else gone.first
        told.append(ring.gone_from)
    assert told == [8] * len(told)
