from dataclasses import replace

import pytest
from records import DATES, dabancheng

from detectors.base import ChangeType
from flows.change import ReviewStatus, Status
from flows.publish.layer import changes_of
from flows.publish.sentence import Sightings, quotable, sightings_of

EXTENSION, WALL, _ = changes_of(dabancheng())


def test_a_surface_is_told_with_its_limits():
    assert quotable(EXTENSION, Sightings(7, 7)) == (
        "Between 22 March and 29 April 2018, satellite images of Dabancheng Facility #1 (Dabancheng, Urumqi) show a "
        "change consistent with the construction of buildings on about 36 hectares, seen in 7 of 7 clear scenes since. "
        "It is confirmed by repeated sightings; its confidence is not calibrated. A reviewer accepted it. Pixels of "
        "10 m show extents on the ground; they do not show what a building is for, nor any person."
    )


def test_a_ring_says_how_much_of_it_is_seen():
    wall = dabancheng().tracks[0]
    text = quotable(WALL, sightings_of(dabancheng(), wall))
    assert "a new walled or fenced perimeter (a ring of about 2.8 km as it stands, 60 % of it seen as a line)" in text
    assert "the calibrated probability that it is real is 88 %" in text


def test_a_ring_that_was_opened_says_how_much_is_left_of_it():
    opened = replace(WALL, change_type=ChangeType.PERIMETER_REMOVED, confidence=None)
    text = quotable(opened, Sightings(3, 3, line_share=0.7))
    told = (
        "the opening or removal of a walled or fenced perimeter (a ring of about 2.8 km as it stood, 70 % of it still"
    )
    assert f"{told} seen as a line)" in text
    assert "It was opened or gone by 26 May 2018." in quotable(
        replace(WALL, valid_to=DATES["S2_2018-05-26"]), Sightings(4, 4)
    )


@pytest.mark.parametrize(
    ("sightings", "told"),
    [
        (Sightings(1, 1), "seen in the only clear scene since."),
        (Sightings(5, 6, extended=True), "seen in 5 of 6 clear scenes until it was extended."),
    ],
)
def test_scenes_are_counted(sightings, told):
    assert told in quotable(EXTENSION, sightings)


def test_no_calibration_makes_sure():
    assert "real is 99 %" in quotable(replace(EXTENSION, confidence=1.0), Sightings(7, 7))


def test_a_confirmed_change_that_is_unlikely_says_so():
    text = quotable(replace(EXTENSION, confidence=0.45), Sightings(6, 6))
    assert "by repeated sightings, but the calibrated probability that it is real is only 45 %." in text


def test_a_record_that_was_corrected_says_so():
    text = quotable(EXTENSION, Sightings(2, 2, corrected=6))
    assert "It was confirmed by earlier sightings, and its record has been corrected 6 times;" in text


def test_what_stood_from_the_start_has_no_first_date():
    text = quotable(replace(EXTENSION, last_without=None), Sightings(7, 7))
    assert text.startswith("By 29 April 2018, ")


def test_what_ended_says_so():
    assert "It was gone by 26 May 2018." in quotable(
        replace(EXTENSION, valid_to=DATES["S2_2018-05-26"]), Sightings(1, 1)
    )


def test_a_withdrawn_change_can_not_be_quoted_as_fact():
    text = quotable(replace(EXTENSION, status=Status.WITHDRAWN), Sightings(1, 3))
    assert text.startswith("Withdrawn: ")
    assert text.endswith("Don't report it as fact.")


def test_a_rejected_change_says_so():
    assert "A reviewer rejected it: don't report it as fact." in quotable(
        replace(EXTENSION, review_status=ReviewStatus.REJECTED), Sightings(7, 7)
    )
