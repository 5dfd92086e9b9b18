"""What can be said of a change in one sentence, with its limits, and how to cite it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from detectors.base import ChangeType
from flows.change import Change, ReviewStatus, Status
from flows.publish.palette import LOOKS
from flows.record import FacilityRecord
from flows.track import Track

_M2_PER_HA = 10_000.0

# Not by strftime, whose month names follow the machine's language.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_STATUS = {
    Status.FIRST: "It has been seen once, so it is unconfirmed",
    Status.PROVISIONAL: "It has been seen twice, so it is provisional",
    Status.CONFIRMED: "It is confirmed",
}
_REVIEW = {
    ReviewStatus.UNREVIEWED: "No person has reviewed it yet",
    ReviewStatus.ACCEPTED: "A reviewer accepted it",
    ReviewStatus.REJECTED: "A reviewer rejected it: don't report it as fact",
    ReviewStatus.UNSURE: "A reviewer was unsure of it",
}


@dataclass(frozen=True, slots=True)
class Sightings:
    """How many clear scenes since the onset show a change, of how many."""

    seen: int
    clear: int


def sightings_of(record: FacilityRecord, track: Track) -> Sightings:
    """Counts the clear scenes from the onset on, until the change was gone."""
    finding = track.finding
    clear = [
        scene.item_id
        for scene in record.used_scenes
        if scene.acquired_at is not None
        and scene.acquired_at >= finding.first_with
        and (finding.gone_at is None or scene.acquired_at < finding.gone_at)
    ]
    seen = len(set(finding.seen_in) & set(clear))
    return Sightings(seen, len(clear))


def quotable(change: Change, sightings: Sightings) -> str:
    """A sentence that can be quoted, and what limits it.

    Args:
        change: Of what.
        sightings: How often it was seen.
    """
    place = change.facility_name or change.facility_id
    where = ", ".join(dict.fromkeys(part for part in (change.county, change.prefecture) if part))
    located = f"{place} ({where})" if where else place
    look = LOOKS[ChangeType(change.change_type)]
    if change.status is Status.WITHDRAWN:
        return (
            f"Withdrawn: satellite images of {located} had been read as consistent with {look.works} "
            f"({_onset(change)[0].lower()}{_onset(change)[1:]}); later scenes don't support it. "
            "Don't report it as fact."
        )
    ended = f" It was gone by {_day(change.valid_to)}." if change.valid_to else ""
    return (
        f"{_onset(change)}, satellite images of {located} show a change consistent with {look.works}"
        f"{_extent(change)}, seen in {sightings.seen} of {sightings.clear} clear scenes since.{ended} "
        f"{_STATUS[change.status]}. {_REVIEW[change.review_status]}. Pixels of {change.gsd_m:g} m show extents on the "
        f"ground, not what a building is for and no person."
    )


def _onset(change: Change) -> str:
    if change.last_without is None:
        return f"By {_day(change.valid_from)}"
    start, end = change.last_without, change.valid_from
    if start.year == end.year:
        same_month = start.month == end.month
        first = str(start.day) if same_month else f"{start.day} {_MONTHS[start.month - 1]}"
        return f"Between {first} and {_day(end)}"
    return f"Between {_day(start)} and {_day(end)}"


def _day(moment: datetime | None) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}" if moment else "an unknown date"


def _extent(change: Change) -> str:
    if change.length_m is not None:
        return f", a ring of about {_metres(change.length_m)} as it stands"
    if change.area_m2 >= _M2_PER_HA:
        return f" on about {two_digits(change.area_m2 / _M2_PER_HA)} hectares"
    return f" on about {two_digits(change.area_m2)} square metres"


def _metres(length_m: float) -> str:
    return f"{two_digits(length_m / 1000)} km" if length_m >= 1000 else f"{two_digits(length_m)} m"


def two_digits(figure: float) -> str:
    """A figure with the two digits that 10 m pixels can carry.

    >>> two_digits(36.4), two_digits(1834.0), two_digits(0.123), two_digits(10.2)
    ('36', '1,800', '0.12', '10')
    """
    if figure <= 0:
        return "0"
    decimals = 1 - math.floor(math.log10(figure))
    return f"{round(figure, decimals):,.{max(decimals, 0)}f}"


def citation(change: Change, software_version: str) -> str:
    """How to cite one change: what, with what, from which imagery. The date of access is the reader's to add."""
    imagery = f" {change.attribution}." if change.attribution else ""
    return (
        f"facility-watch {software_version}: change {change.change_id}, {change.change_type.replace('_', ' ')}, "
        f"{change.status}, detector {change.detector} {change.detector_version}.{imagery}"
    )
