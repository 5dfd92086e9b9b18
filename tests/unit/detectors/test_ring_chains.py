"""Which outlines stand, and what they are told as."""

from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import Polygon, box

from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_chains import Chains, heaviest_apart, worth_keeping
from detectors.ring_choice import Choice, alike, meet
from detectors.ring_tracks import apart, side_of
from tests.unit.detectors.made_up_rings import ACQUIRED, BESIDE, BOTH, CHOICE, LIMITS, OLD, SCENES, an_outline


def told(*outlines):
    """Of each chain its stages: area in pixels, first scene, whether it is an extension."""
    chains = Chains(CHOICE).of(CHOICE.weighed(outlines))
    return [[(stage.outline.ring.area, stage.onset.first, stage.extends is not None) for stage in c] for c in chains]


def test_a_ring_stands_from_its_first_scene():
    assert told(an_outline(OLD, 4)) == [[(1600.0, 4, False)]]


def test_of_two_outlines_of_one_place_the_better_seen_stands():
    worse = an_outline(box(18, 18, 64, 62), 4, seen=0.5)
    assert told(worse, an_outline(OLD, 4)) == [[(1600.0, 4, False)]]


def test_a_younger_and_larger_outline_extends():
    assert told(an_outline(OLD, 4), an_outline(BOTH, 10, older=(OLD, 4))) == [[(1600.0, 4, False), (3200.0, 10, True)]]


def test_an_outline_half_way_between_two_stages_takes_the_place_of_neither():
    half = an_outline(box(20, 20, 66, 60), 4, seen=0.86)
    whole = an_outline(BOTH, 10, older=(OLD, 4))
    whole.inside = half.inside  # building has gone on inside since the first ring
    assert CHOICE.merit(half, CHOICE.dated(half)) > CHOICE.merit(an_outline(OLD, 4), CHOICE.dated(an_outline(OLD, 4)))
    assert told(an_outline(OLD, 4), half, whole) == [[(1600.0, 4, False), (3200.0, 10, True)]]


def test_an_extension_leaves_no_wall_that_it_builds_on_outside():
    short = an_outline(box(24, 20, 101, 60), 10, seen=0.95, older=(OLD, 4))  # a little better seen
    whole = an_outline(BOTH, 10, older=(OLD, 4))
    short.inside = whole.inside = np.where(np.arange(SCENES) >= 4, 1.0, 0.0).astype(np.float32)
    assert CHOICE.weighed([short, whole])[0].outline is short
    assert told(an_outline(OLD, 4), short, whole) == [[(1600.0, 4, False), (3200.0, 10, True)]]


def test_what_explains_most_is_not_given_up_for_a_stage_that_explains_less():
    half = an_outline(box(20, 20, 66, 60), 12, older=(OLD, 4))
    (chain,) = told(an_outline(OLD, 4, seen=0.6), half, an_outline(BOTH, 10, older=(OLD, 4)))
    assert chain[-1] == (3200.0, 10, True)


def test_a_ring_with_a_side_that_was_seen_only_after_it_grew_did_not_stand_before():
    reaching = an_outline(box(20, 20, 72, 60), 10, seen=0.95, older=(OLD, 4))  # to a street of the extension
    whole = an_outline(BOTH, 10, older=(OLD, 4))
    reaching.inside = whole.inside = np.where(np.arange(SCENES) >= 4, 1.0, 0.0).astype(np.float32)
    assert CHOICE.dated(reaching).first == 4
    (weighed,) = CHOICE.weighed([reaching])
    first = an_outline(OLD, 4, seen=0.8)
    assert weighed.alone > CHOICE.weighed([first])[0].alone
    assert told(first, reaching, whole) == [[(1600.0, 4, False), (3200.0, 10, True)]]


def test_a_ring_of_which_a_part_came_later_did_not_stand_as_it_is_from_the_first():
    """As a whole it is seen by halves at first, and explains more than its stages, which have a corner each more."""
    old, whole = an_outline(box(20, 20, 44, 34), 4, built=0.0), an_outline(box(20, 20, 64, 34), 10, built=0.0)
    whole.seen[4:10, ~apart(whole.ring, old.ring, CHOICE.beside_px)] = 0.9
    weighed = {each.outline: each for each in CHOICE.weighed([old, whole])}
    assert weighed[whole].onset.first == 4
    fresh = CHOICE.fresh_merit(whole, CHOICE.fresh_onset(whole, old), old)
    assert fresh > 0.0
    assert weighed[whole].alone > weighed[old].alone + fresh
    assert told(old, whole) == [[(336.0, 4, False), (616.0, 10, True)]]


def test_fresh_sides_that_lean_cost_what_they_cost_in_a_new_ring():
    skewed = Polygon([(20, 20), (100, 26), (100, 60), (20, 60)])  # all four sides lean from what is between them
    old, whole = an_outline(OLD, 4), an_outline(skewed, 10, older=(OLD, 4))
    free = Choice(replace(LIMITS, rings=replace(LIMITS.rings, lean_merit=0.0)), 10.0, ACQUIRED)
    found, each = CHOICE.fresh_onset(whole, old), LIMITS.rings.lean_merit
    assert free.merit(whole, found) - CHOICE.merit(whole, found) == pytest.approx(4 * each)
    assert free.fresh_merit(whole, found, old) - CHOICE.fresh_merit(whole, found, old) == pytest.approx(3 * each)


@pytest.mark.parametrize(("scenes", "less"), [(1, False), (4, True)])
def test_a_side_that_is_seen_in_parts_explains_less_where_scenes_enough_show_it(scenes, less):
    """In one scene chance makes pieces uneven as well."""
    even, uneven = an_outline(OLD, SCENES - scenes, seen=0.5), an_outline(OLD, SCENES - scenes)
    side = side_of(OLD)
    for index in range(4):  # of equal pieces, every other
        uneven.seen[-scenes:, np.flatnonzero(side == index)[1::2]] = 0.1
    worse = CHOICE.merit(uneven, CHOICE.dated(uneven)) < CHOICE.merit(even, CHOICE.dated(even)) - 10.0
    assert uneven.seen[-1].mean() > even.seen[-1].mean()
    assert worse is less


def test_pieces_that_clouds_hide_make_no_side_uneven():
    known, hidden = an_outline(OLD, 4), an_outline(OLD, 4)
    hidden.seen[4:, [0, 2]] = np.nan
    dated = CHOICE.dated(known)
    lost = 0.85 * hidden.lengths[[0, 2]].sum()  # what they would have shown
    assert CHOICE.merit(hidden, dated) == pytest.approx(CHOICE.merit(known, dated) - lost)


def test_a_yard_with_a_notch_is_told_in_place_of_the_line_that_cuts_across_it():
    """The sides of the notch are hardly seen, and no better than that line where it doesn't run along the wall."""
    notched = Polygon([(20, 20), (80, 20), (80, 60), (60, 60), (60, 76), (20, 76)])
    across = Polygon([(20, 20), (80, 20), (80, 76), (20, 76)])
    wall, chord = an_outline(notched, 4), an_outline(across, 4)
    for outline, other in ((wall, across), (chord, notched)):
        outline.seen[4:, apart(outline.ring, other, 1.0)] = 0.35
    assert told(chord, wall) == [[(notched.area, 4, False)]]


@pytest.mark.parametrize(("built", "grows"), [(0.0, False), (1.0, True)])
def test_an_extension_in_which_nothing_is_built_has_to_be_closed(built, grows):
    old, whole = an_outline(OLD, 4), an_outline(BOTH, 10, seen=0.55, built=0.0, older=(OLD, 4))
    whole.seen[4:, ~apart(BOTH, OLD, CHOICE.beside_px)] = 0.9
    whole.inside = old.inside / 2.0  # half of its ground is the older ring's
    whole.inside[10:] += built / 2.0
    found = CHOICE.fresh_onset(whole, old)
    assert (CHOICE.fresh_merit(whole, found, old) > 20.0) is grows


@pytest.mark.parametrize(("scenes", "stands"), [(1, True), (2, True), (3, False)])
def test_the_more_scenes_show_a_ring_the_more_it_has_to_explain(scenes, stands):
    weak = an_outline(OLD, SCENES - scenes, seen=0.5)
    (weighed,) = CHOICE.weighed([weak])
    least = LIMITS.least_merit
    limits = PerimeterParameters(least_merit=(weighed.merit - 2.0, weighed.merit - 1.0, weighed.merit + 1.0))
    choice = Choice(limits, 10.0, ACQUIRED)
    assert least[0] < least[1] < least[2]
    assert bool(Chains(choice).of(choice.weighed([weak]))) is stands


def test_growth_within_the_same_works_is_no_extension():
    assert told(an_outline(OLD, 4), an_outline(BOTH, 6, older=(OLD, 4)))[0][0][2] is False


def test_a_ring_beside_an_older_one_is_no_ring_of_its_own():
    assert told(an_outline(OLD, 4), an_outline(BESIDE, 10)) == [[(1600.0, 4, False)]]


def test_what_encloses_an_older_ring_and_a_younger_one_beside_it_is_the_extension():
    apart = box(67, 20, 100, 60)  # too far off to adjoin, and better seen than the whole
    whole = an_outline(box(20, 20, 100, 60), 10, seen=0.7, older=(OLD, 4))
    (chain,) = told(an_outline(OLD, 4), an_outline(apart, 10, seen=0.95), whole)
    assert chain == [(1600.0, 4, False), (3200.0, 10, True)]


@pytest.mark.parametrize(("seen", "built", "stands"), [(0.9, 0.0, True), (0.5, 0.0, False), (0.5, 1.0, True)])
def test_a_ring_in_which_nothing_is_built_has_to_be_closed(seen, built, stands):
    assert bool(told(an_outline(OLD, 4, seen=seen, built=built))) is stands


def test_what_comes_and_goes_is_none():
    assert told(an_outline(OLD, 4, until=7)) == []


def test_of_two_alike_one_is_kept():
    outlines = [an_outline(OLD, 4), an_outline(OLD.buffer(0.2, join_style="mitre"), 4, seen=0.85)]
    ranked = CHOICE.weighed(outlines)
    assert [each.outline for each in worth_keeping(Chains(CHOICE).of(ranked), ranked, 10)] == outlines[:1]


def test_rings_meet_where_they_share_ground_and_are_alike_where_they_share_nearly_all():
    assert meet(OLD, BOTH)
    assert not meet(OLD, BESIDE)
    assert alike(OLD, OLD.buffer(0.2))
    assert not alike(OLD, BOTH)


def test_the_heaviest_of_all_choices_without_a_clash_is_taken():
    random = np.random.default_rng(3)
    for _ in range(20):
        weights = np.sort(random.uniform(0.1, 10.0, 9))[::-1]
        clash = np.triu(random.random((9, 9)) < 0.4, 1)
        clash |= clash.T
        choices = [[k for k in range(9) if number >> k & 1] for number in range(1 << 9)]
        allowed = [each for each in choices if not clash[np.ix_(each, each)].any()]
        best = max(allowed, key=lambda each: weights[each].sum())
        assert heaviest_apart(weights.tolist(), clash) == best


def test_two_rings_are_told_in_place_of_one_around_both_that_is_hardly_seen():
    west, east = an_outline(box(20, 20, 60, 60), 4), an_outline(box(70, 20, 110, 60), 4)
    around = an_outline(box(18, 18, 112, 62), 4, seen=0.55)
    assert sorted(told(west, east, around)) == [[(1600.0, 4, False)], [(1600.0, 4, False)]]


def test_a_wall_is_told_in_place_of_the_rows_of_roofs_within_it():
    wall = an_outline(box(20, 20, 90, 60), 4)
    rows = [an_outline(box(20, 20, 90, 30), 4), an_outline(box(20, 50, 90, 60), 4)]
    assert sum(each.merit for each in CHOICE.weighed(rows)) > CHOICE.weighed([wall])[0].merit
    assert told(wall, *rows) == [[(2800.0, 4, False)]]


def test_of_two_rings_that_explain_nearly_as_much_the_outer_one_stands():
    street, wall = an_outline(box(20, 20, 80, 60), 4, seen=0.92), an_outline(box(20, 20, 84, 60), 4, seen=0.88)
    assert 0.95 * merit_of(street) < merit_of(wall) < merit_of(street)
    assert told(street, wall) == [[(2560.0, 4, False)]]
    assert told(street, an_outline(box(20, 20, 84, 60), 4, seen=0.8)) == [[(2400.0, 4, False)]]


def merit_of(outline):
    return CHOICE.weighed([outline])[0].merit
