"""What was published before a series was followed anew: it keeps its id, or it is withdrawn; it never just vanishes."""

from __future__ import annotations

from dataclasses import replace

from flows.change import HistoryEntry, Status
from flows.matching import keep_ids
from flows.record import FacilityRecord
from flows.track import Track


def carried_over(earlier: FacilityRecord, anew: FacilityRecord) -> FacilityRecord:
    """The record of a series that was followed anew, with what had been published of it.

    A change that is still found keeps its published id. One that isn't is withdrawn and stays on record with its
    history. What detectors said that weren't asked this time stands as it was.

    Args:
        earlier: The record as it was published.
        anew: The record as the whole series gives it now.
    """
    asked = {entry.detector for entry in anew.assessments}
    tracks = keep_ids(earlier.tracks, anew.tracks)
    ids = {fresh.change_id: kept.change_id for fresh, kept in zip(anew.tracks, tracks, strict=True)}
    here = set(ids.values())
    gone = [track for track in earlier.tracks if track.change_id not in here and earlier.crs == anew.crs]
    moved = [replace(entry, change_id=ids[entry.change_id]) for entry in anew.history]
    ended = [_withdrawn(track, anew) if track.detector.name in asked else (track, None) for track in gone]
    kept = {track.change_id for track in gone}
    history = [
        *(entry for entry in earlier.history if entry.change_id in kept),
        *moved,
        *(entry for _, entry in ended if entry is not None),
    ]
    unasked = [entry for entry in earlier.assessments if entry.detector not in asked]
    return replace(
        anew,
        tracks=(*tracks, *(track for track, _ in ended)),
        history=tuple(sorted(history, key=lambda entry: entry.at)),
        assessments=tuple(sorted((*unasked, *anew.assessments), key=lambda entry: (entry.acquired_at, entry.detector))),
    )


def _withdrawn(track: Track, anew: FacilityRecord) -> tuple[Track, HistoryEntry | None]:
    if track.status is Status.WITHDRAWN:
        return track, None
    newest = anew.used_scenes[-1]
    entry = HistoryEntry(
        change_id=track.change_id,
        at=newest.acquired_at or track.last_seen,
        item_id=newest.item_id,
        event="withdrawn",
        status=Status.WITHDRAWN,
        area_m2=track.finding.area_m2,
        length_m=track.finding.length_m,
        stage=track.finding.stage,
        note="not found any more when the whole series was followed anew",
    )
    return replace(track, status=Status.WITHDRAWN), entry
