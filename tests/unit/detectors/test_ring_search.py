"""Outlines that close in new lines, as the search proposes them."""

import numpy as np
import pytest
from shapely.geometry import Polygon, box

from detectors import ring_search
from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_search import Comparison, RingSearch, laid
from detectors.ring_views import Look

SIZE = 120
SEARCH = RingSearch(PerimeterParameters(), 10.0)
YARD = box(40, 30, 90, 70)


def compared(ring, *, east=1.0, open_to_the_west=False, clear=True, strength=203, usual=0):
    """Nothing before, and the sides of an upright rectangle now, in what is usual all over."""
    left, top, right, bottom = (round(bound) for bound in ring.bounds)
    now = np.zeros((16, SIZE, SIZE), np.uint8)
    for beside, seen in ((-1, strength // 2), (0, strength), (1, strength // 2)):
        for row in (top, bottom):
            now[0, row + beside, left : right + 1] = seen
        now[8, top : bottom + 1, right + beside] = round(east * seen)
        if not open_to_the_west:
            now[8, top : bottom + 1, left + beside] = seen
    now = np.maximum(now, np.uint8(usual))
    texture, known = np.zeros((SIZE, SIZE), np.float32), np.full((SIZE, SIZE), clear)
    return Comparison.of(Look(now, texture, known), Look(np.zeros_like(now), texture, known))


def iou(one, other):
    return one.intersection(other).area / one.union(other).area


def test_an_empty_yard_closes():
    found = SEARCH.closed(compared(YARD), [])
    assert found
    assert all(iou(ring, YARD) > 0.95 for ring in found)


@pytest.mark.parametrize(("strength", "usual", "closes"), [(203, 60, True), (90, 0, True), (90, 60, False)])
def test_where_lines_differ_all_over_what_closes_differs_more(strength, usual, closes):
    seen = compared(YARD, strength=strength, usual=usual)
    assert seen.differs(SEARCH.parameters.most_change) is (usual > 0)
    assert any(iou(ring, YARD) > 0.9 for ring in SEARCH.closed(seen, [])) is closes


def test_what_is_fenced_in_within_a_ring_that_stands_takes_no_place_of_what_closes(monkeypatch):
    taken = []
    monkeypatch.setattr(ring_search, "closed_outlines", lambda *told: taken.append(told[-1]) or [])
    SEARCH.closed(compared(YARD), [YARD], [box(0, 0, 9, 9)])
    beside = YARD.union(box(90, 30, 110, 70)).envelope
    SEARCH.extending(compared(beside), [YARD], [])
    assert taken == [[YARD], [YARD]]


def test_a_yard_that_is_known_is_not_told_again():
    assert SEARCH.closed(compared(YARD), SEARCH.closed(compared(YARD), [])) == []


@pytest.mark.parametrize(
    "seen",
    [
        compared(YARD, east=0.0),
        compared(YARD, clear=False),
        compared(box(5, 30, 55, 70)),  # it may go on beyond the edge
    ],
)
def test_what_is_open_or_hidden_or_at_the_edge_does_not(seen):
    assert SEARCH.closed(seen, []) == []


def test_what_closes_is_also_proposed_fitted_to_its_lines(monkeypatch):
    short = Polygon([(40, 30), (70, 30), (90, 50), (90, 70), (40, 70)])  # without one of its corners
    monkeypatch.setattr(ring_search, "closed_outlines", lambda *_: [short])
    seen = compared(YARD)
    assert iou(laid(short, seen.now), YARD) < 0.92
    assert max(iou(laid(ring, seen.now), YARD) for ring in SEARCH.closed(seen, [])) > 0.97


STANDING = box(20, 30, 60, 70)
GROWN = box(20, 30, 90, 70)


def test_what_closes_with_the_side_of_a_standing_ring_extends_it():
    beside = compared(box(60, 30, 90, 70), open_to_the_west=True)
    assert SEARCH.closed(beside, []) == []
    found = SEARCH.extending(beside, [STANDING], [STANDING])
    assert found
    assert max(iou(ring, GROWN) for ring in found) > 0.95
    assert SEARCH.extending(beside, [STANDING], [STANDING, *found]) == []
    assert SEARCH.extending(beside, [], []) == []


@pytest.mark.parametrize(
    "seen",
    [
        compared(box(60, 30, 90, 70), open_to_the_west=True, east=0.0),  # two roads lead away
        compared(box(60, 30, 90, 70), open_to_the_west=True, east=0.3),  # and end on what is hardly seen
        compared(box(72, 30, 90, 70), open_to_the_west=True),  # it begins elsewhere
        compared(box(60, 30, 90, 70), open_to_the_west=True, clear=False),
        compared(box(60, 30, 115, 70), open_to_the_west=True),  # it may go on beyond the edge
    ],
)
def test_what_does_not_close_beside_a_standing_ring_does_not(seen):
    assert SEARCH.extending(seen, [STANDING], [STANDING]) == []


def test_nothing_is_sought_beside_a_ring_that_no_line_leaves(monkeypatch):
    monkeypatch.setattr(ring_search, "closed_outlines", lambda *_: pytest.fail("sought"))
    assert SEARCH.extending(compared(box(75, 30, 100, 70)), [STANDING], [STANDING]) == []
