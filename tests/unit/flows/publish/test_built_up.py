"""Built-up area by scene and stage."""

from dataclasses import replace
from datetime import UTC, datetime

from records import DATES, dabancheng, entry, finding, track

from detectors.base import Stage
from flows.change import ReviewStatus, Status
from flows.publish.built_up import built_up
from flows.publish.layer import changes_of
from flows.record import Review

NAME = "aspi-0050-works"


def followed(**changed):
    """Ground cleared in April 2018, with buildings in May."""
    found = track(NAME, found=finding(stage=Stage.UNDER_CONSTRUCTION, **changed))
    history = (
        replace(entry(NAME, "S2_2018-04-29", "found", Status.FIRST, 200_000.0), stage=Stage.CLEARED),
        replace(entry(NAME, "S2_2018-05-26", "grown", Status.CONFIRMED, 360_000.0), stage=Stage.UNDER_CONSTRUCTION),
    )
    record = dabancheng(tracks=(found,), history=history, reviews={})
    return list(built_up(record, changes_of(record)))


def test_every_clear_scene_has_the_area_of_each_stage():
    rows = {row["acquired_at"]: row for row in followed()}
    assert list(rows) == sorted(DATES.values())
    before, cleared, going_on = (rows[DATES[name]] for name in ("S2_2018-03-22", "S2_2018-04-29", "S2_2018-05-26"))
    assert (before["ground_taken_m2"], before["works"]) == (0, 0)
    assert (cleared["cleared_m2"], cleared["under_construction_m2"], cleared["built_m2"]) == (200_000.0, 0.0, 0.0)
    assert (going_on["cleared_m2"], going_on["under_construction_m2"]) == (0.0, 360_000.0)
    assert going_on["ground_taken_m2"] == 360_000.0


def test_what_is_gone_is_no_longer_counted():
    assert followed(gone_at=datetime(2018, 5, 1, tzinfo=UTC))[-1]["works"] == 0


def test_what_is_withdrawn_or_rejected_never_counts():
    record = dabancheng(tracks=(track(NAME, Status.WITHDRAWN),), reviews={})
    assert list(built_up(record, changes_of(record))) == []
    record = dabancheng(tracks=(track(NAME),), reviews={NAME: Review(NAME, ReviewStatus.REJECTED)})
    assert list(built_up(record, changes_of(record))) == []
