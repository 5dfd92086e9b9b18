"""Which finding is which change on record: by overlap, best first; and which change has grown over which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shapely.geometry.base import BaseGeometry

from detectors.base import ChangeType, Finding
from flows.change import Status
from flows.track import Track

# Findings of one family can be the same change at different stages.
_FAMILY = {ChangeType.GROUND_CLEARED: ChangeType.BUILDING_ADDED}

# Least overlap (shared area over the smaller of the two) for a finding to be the change on record.
_SAME_CHANGE_OVERLAP = 0.3

# A change whose ground lies in another's to at least this share has become part of it.
_ABSORBED_SHARE = 0.7


def match(tracks: Sequence[Track], findings: Sequence[Finding]) -> list[tuple[Finding, Track | None]]:
    """Each finding with the change on record that it is, or None; best overlaps are taken first."""
    candidates = sorted(
        (
            (-_likeness(track.finding.geometry, finding.geometry), -standing(track), track.change_id, index)
            for index, finding in enumerate(findings)
            for track in tracks
            if family(track.finding.kind) == family(finding.kind)
            and overlap(track.finding.geometry, finding.geometry) >= _SAME_CHANGE_OVERLAP
        ),
    )
    by_id = {track.change_id: track for track in tracks}
    taken: dict[int, Track] = {}
    used: set[str] = set()
    for _, _, change_id, index in candidates:
        if index not in taken and change_id not in used:
            taken[index] = by_id[change_id]
            used.add(change_id)
    return [(finding, taken.get(index)) for index, finding in enumerate(findings)]


def overlap(a: BaseGeometry, b: BaseGeometry) -> float:
    """Shared area over the smaller of two areas, 0 to 1: 1 where one holds the other, so growth keeps its match."""
    smaller = min(a.area, b.area)
    return float(a.intersection(b).area / smaller) if smaller > 0 else 0.0


def _likeness(a: BaseGeometry, b: BaseGeometry) -> float:
    """Shared over united area, 0 to 1: of two changes that have grown together the larger one goes on."""
    return float(a.intersection(b).area / a.union(b).area)


def absorbed_by(track: Track, matches: Sequence[tuple[Finding, Track | None]]) -> Track | None:
    """The change on record that has grown over this one, which then is no change of its own any more."""
    for finding, other in matches:
        if other is not None and family(finding.kind) == family(track.finding.kind):
            shared = finding.geometry.intersection(track.finding.geometry).area
            if shared >= _ABSORBED_SHARE * track.finding.geometry.area:
                return other
    return None


def keep_ids(published: Iterable[Track], refolded: Sequence[Track]) -> tuple[Track, ...]:
    """Tracks that were folded anew, under the ids that they were published with.

    A scene that arrives late, or another parameter, makes the whole series be folded again. What is still the same
    change then keeps its published id.
    """
    renamed: dict[str, str] = {}
    published = list(published)
    for detector in {track.detector.name for track in refolded}:
        old = [track for track in published if track.detector.name == detector]
        new = [track for track in refolded if track.detector.name == detector]
        for finding, track in match(old, [track.finding for track in new]):
            if track is not None:
                fresh = next(candidate for candidate in new if candidate.finding is finding)
                renamed[fresh.change_id] = track.change_id
    return tuple(
        replace(
            track,
            change_id=renamed.get(track.change_id, track.change_id),
            parent_change_id=renamed.get(track.parent_change_id or "", track.parent_change_id),
        )
        for track in refolded
    )


def family(kind: ChangeType) -> ChangeType:
    """What a type of change has in common with those that it can turn into."""
    return _FAMILY.get(kind, kind)


def standing(track: Track) -> int:
    """Orders equal overlaps: what is seen more often comes first, a withdrawn change last."""
    return [Status.WITHDRAWN, Status.FIRST, Status.PROVISIONAL, Status.CONFIRMED].index(track.status)
