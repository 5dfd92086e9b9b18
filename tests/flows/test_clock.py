"""Runs at the wrong time of day, and at the same time as another."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows import parameters
from flows.parameters import MonitorParameters
from geo.errors import InputError


class _Clock(datetime):
    """A clock that has jumped back."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:
        return datetime(1970, 1, 2, tzinfo=UTC)


def test_a_clock_that_jumped_back_before_the_start_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "datetime", _Clock)
    given = MonitorParameters(source="example", start=date(2017, 1, 1), outputs=Path("out"))
    with pytest.raises(InputError, match="check --from and the clock"):
        _ = given.window


def test_without_an_end_the_day_of_the_run_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    given = MonitorParameters(source="example", start=date(2017, 1, 1), outputs=Path("out"))
    assert given.window.end.date() == datetime.now(UTC).date()


def test_a_path_on_this_machine_is_not_on_record() -> None:
    given = MonitorParameters(
        source="folder:/home/someone/scenes", start=date(2017, 1, 1), outputs=Path("/home/someone/out")
    )
    assert "someone" not in str(given.for_the_record("folder"))
