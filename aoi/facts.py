"""What is known of a facility beyond its name and place, and what each fact means."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from aoi.facility import Fact

_WHOLE = re.compile(r"-?(0|[1-9]\d{0,14})(\.0+)?")
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})\.\d{1,15}")


@dataclass(frozen=True, slots=True)
class FactMeaning:
    """One column of the packaged table.

    Attributes:
        fact: Column name.
        unit: Empty for counts and text.
        meaning: In one line.
        source: A source named in SOURCES.md.
    """

    fact: str
    unit: str
    meaning: str
    source: str


def parse_fact(text: str) -> Fact | None:
    """A cell as a number where it is written as one, else as text; None where it is empty.

    The rule is the same for every format, so that a fact that passes through an untyped one (CSV, KML) comes back
    as it was. A code such as `007` or `3.10`, which a number would shorten, stays text.

    >>> parse_fact("15.0"), parse_fact("0.7"), parse_fact("007"), parse_fact(" ")
    (15, 0.7, '007', None)
    """
    text = text.strip()
    if not text:
        return None
    if whole := _WHOLE.fullmatch(text):
        return int(whole.group(0).partition(".")[0])
    if _DECIMAL.fullmatch(text) and str(float(text)) == text:
        return float(text)
    return text


@cache
def fact_meanings() -> dict[str, FactMeaning]:
    """Every column of the packaged table, by name."""
    with files("aoi").joinpath("data/facts.csv").open(encoding="utf-8") as stream:
        return {row["fact"]: FactMeaning(**row) for row in csv.DictReader(stream)}
