"""What can be said of a change in one sentence, with its limits, and how to cite it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from detectors.base import ChangeType
from flows.change import Change, ReviewStatus, Status
from flows.publish.palette import LOOKS
from flows.record import FacilityRecord
from flows.track import Track

_M2_PER_HA = 10_000.0
_LIKELY_PCT = 50
_CONFIRMING = 3  # sightings that confirm a change
_FOR_EVER = datetime.max.replace(tzinfo=UTC)

# Not by strftime, whose month names follow the machine's language.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
# Events in the history of a change that take back or correct what had been published of it.
CORRECTIONS = ("withdrawn", "restored", "shrunk", "reclassified", "onset_corrected")

_STATUS = {
    Status.FIRST: "It has been seen once, so it is unconfirmed",
    Status.PROVISIONAL: "It has been seen twice, so it is provisional",
    Status.CONFIRMED: "It is confirmed by repeated sightings",
}
_REVIEW = {
    ReviewStatus.UNREVIEWED: "No person has reviewed it yet",
    ReviewStatus.ACCEPTED: "A reviewer accepted it",
    ReviewStatus.REJECTED: "A reviewer rejected it: don't report it as fact",
    ReviewStatus.UNSURE: "A reviewer was unsure of it",
}


@dataclass(frozen=True, slots=True)
class Sightings:
    """How many clear scenes since the onset show a change, of how many.

    Attributes:
        seen: Clear scenes that show it.
        clear: Clear scenes from the onset until it was gone, or until it went on as part of a larger perimeter.
        extended: Whether it went on as part of a larger perimeter.
        corrected: How often what had been published of it was taken back or corrected.
        line_share: Share of a ring's length that is seen as a line, 0 to 1; None where no side was measured.
    """

    seen: int
    clear: int
    extended: bool = False
    corrected: int = 0
    line_share: float | None = None


def clear_since(record: FacilityRecord, track: Track) -> dict[str, datetime]:
    """Acquisition by item id of the clear scenes in which a change could have been seen, ascending.

    They begin with the onset and end where the change was gone. A ring that was extended is looked for as the larger
    one from then on.
    """
    finding = track.finding
    until = min(finding.gone_at or _FOR_EVER, _extended_at(record, track) or _FOR_EVER)
    return {
        scene.item_id: scene.acquired_at
        for scene in record.used_scenes
        if scene.acquired_at is not None
        and scene.acquired_at >= finding.first_with
        and (scene.acquired_at < until or scene.item_id in finding.seen_in)
    }


def _extended_at(record: FacilityRecord, track: Track) -> datetime | None:
    """Onset of the first extension of a perimeter that stands; None where there is none."""
    if not LOOKS[track.finding.kind].is_line:
        return None
    onsets = [
        other.finding.first_with
        for other in record.tracks
        if other.parent_change_id == track.change_id and other.status is not Status.WITHDRAWN
    ]
    return min(onsets, default=None)


def sightings_of(record: FacilityRecord, track: Track) -> Sightings:
    """How often a change was seen, of how many clear scenes."""
    clear = clear_since(record, track)
    return Sightings(
        seen=len(set(track.finding.seen_in) & set(clear)),
        clear=len(clear),
        extended=_extended_at(record, track) is not None,
        corrected=sum(entry.change_id == track.change_id and entry.event in CORRECTIONS for entry in record.history),
        line_share=track.finding.outline_share,
    )


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
    gone = "opened or gone" if look.is_line else "gone"
    ended = f" It was {gone} by {_day(change.valid_to)}." if change.valid_to else ""
    return (
        f"{_onset(change)}, satellite images of {located} show a change consistent with {look.works}"
        f"{_extent(change, sightings)}, seen in {_counted(sightings)}.{ended} "
        f"{_standing(change, sightings)}{_confidence(change)}. {_REVIEW[change.review_status]}. Pixels of "
        f"{change.gsd_m:g} m show extents on the ground; they do not show what a building is for, nor any person."
    )


def _standing(change: Change, sightings: Sightings) -> str:
    """Its status, and how steady its record has been."""
    corrected = f", and its record has been corrected {_times(sightings.corrected)}" if sightings.corrected else ""
    if change.status is Status.CONFIRMED and sightings.seen < _CONFIRMING:
        return f"It was confirmed by earlier sightings{corrected}"
    return f"{_STATUS[change.status]}{corrected}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _counted(sightings: Sightings) -> str:
    until = "until it was extended" if sightings.extended else "since"
    if sightings.clear == 1:
        return f"the only clear scene {until}"
    return f"{sightings.seen} of {sightings.clear} clear scenes {until}"


def _confidence(change: Change) -> str:
    """A clause after the status; it says so where the two point in different directions."""
    if change.confidence is None:
        return "; its confidence is not calibrated"
    percent = min(max(round(100 * change.confidence), 1), 99)  # a calibration never makes sure
    if percent < _LIKELY_PCT:
        return f", but the calibrated probability that it is real is only {percent} %"
    return f"; the calibrated probability that it is real is {percent} %"


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


def _extent(change: Change, sightings: Sightings) -> str:
    if change.length_m is not None:
        stands, still = ("stood", "still ") if change.change_type == ChangeType.PERIMETER_REMOVED else ("stands", "")
        share = sightings.line_share
        seen = "" if share is None else f", {100 * share:.0f} % of it {still}seen as a line"
        return f" (a ring of about {_metres(change.length_m)} as it {stands}{seen})"
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
