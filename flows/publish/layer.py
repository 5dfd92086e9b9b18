"""The change layer of one facility: what the ledger knows, as the published record."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from flows.change import Change, ReviewStatus
from flows.record import FacilityRecord, Review, SceneRecord
from flows.track import Track
from geo.grid import to_wgs84

_YEARS = re.compile(r"\b(?:19|20)\d{2}(?:\s*[-–,]\s*(?:19|20)\d{2})*\b")
_YEAR = re.compile(r"\d{4}")
_COPERNICUS = "Contains modified Copernicus Sentinel data"


def changes_of(record: FacilityRecord) -> tuple[Change, ...]:
    """Every change on record of a facility, ascending by onset, then id.

    A field that nothing fills stays None: a scene that isn't on record any more has no acquisition, an uncalibrated
    detector no confidence.
    """
    scenes = {scene.item_id: scene for scene in record.scenes}
    changes = [_change(record, track, scenes) for track in record.tracks]
    return tuple(sorted(changes, key=lambda change: (change.valid_from, change.change_id)))


def _change(record: FacilityRecord, track: Track, scenes: Mapping[str, SceneRecord]) -> Change:
    facility, finding = record.facility, track.finding
    before = scenes.get(finding.before_item_id or "")
    after = scenes.get(finding.after_item_id)
    shown = [scenes[item_id] for item_id in finding.seen_in if item_id in scenes]
    review = record.reviews.get(track.change_id, Review(track.change_id, ReviewStatus.UNREVIEWED))
    return Change(
        change_id=track.change_id,
        facility_id=facility.facility_id,
        facility_name=facility.name,
        facility_kind=str(facility.kind),
        prefecture=facility.prefecture,
        county=facility.county,
        security_tier=facility.security_tier,
        parent_change_id=track.parent_change_id,
        change_type=str(finding.kind),
        stage=str(finding.stage) if finding.stage else None,
        status=track.status,
        geometry=to_wgs84(finding.geometry, record.crs),
        valid_from=finding.first_with,
        valid_to=finding.gone_at,
        last_without=finding.last_without,
        last_seen=track.last_seen,
        area_m2=finding.area_m2,
        length_m=finding.length_m,
        confidence=finding.confidence,
        magnitude=finding.components.magnitude,
        persistence=finding.components.persistence,
        registration=finding.components.registration,
        clear_fraction=finding.components.clear_fraction,
        registration_shift_m=_relative_shift_m(before, after),
        gsd_m=_gsd_m(record, before, after),
        before_item_id=finding.before_item_id,
        before_acquired_at=before.acquired_at if before else None,
        after_item_id=finding.after_item_id,
        after_acquired_at=(after.acquired_at if after else None) or finding.first_with,
        collection=after.collection if after else "",
        processing_baseline=after.processing_baseline if after else None,
        detector=track.detector.name,
        detector_version=track.detector.version,
        parameters_sha256=track.detector.parameters_sha256,
        software_version=record.software_version,
        review_status=ReviewStatus(review.review_status),
        reviewer=review.reviewer,
        reviewed_at=review.reviewed_at,
        review_note=review.review_note,
        attribution=attribution_of([scene for scene in (before, after, *shown) if scene]),
    )


def _relative_shift_m(before: SceneRecord | None, after: SceneRecord | None) -> float | None:
    """Length of the displacement between two scenes, each of which was measured against the reference, m."""
    if before is None or after is None:
        return None
    parts = (before.shift_x_m, before.shift_y_m, after.shift_x_m, after.shift_y_m)
    if any(part is None for part in parts):
        return None
    before_x, before_y, after_x, after_y = (float(part or 0.0) for part in parts)
    return math.hypot(after_x - before_x, after_y - before_y)


def _gsd_m(record: FacilityRecord, before: SceneRecord | None, after: SceneRecord | None) -> float:
    """Native pixel size of the coarser scene, which limits what a comparison can show, m."""
    native = [scene.gsd_m for scene in (before, after) if scene is not None and scene.gsd_m]
    return max(native, default=record.gsd_m)


def attribution_of(scenes: Iterable[SceneRecord]) -> str:
    """What a publication has to say of the origin of some scenes, one notice per wording, with all their years.

    The form for Sentinel data is the one that the Copernicus legal notice asks for (Legal notice on the use of
    Copernicus Sentinel Data and Service Information, section 2: `Contains modified Copernicus Sentinel data [Year]`).
    """
    years_by_wording: dict[str, set[int]] = {}
    for scene in scenes:
        owed = f"{_COPERNICUS} \0" if scene.collection.startswith("sentinel-") else ""
        years = years_by_wording.setdefault(_YEARS.sub("\0", scene.attribution) or owed, set())
        if scene.acquired_at is not None:
            years.add(scene.acquired_at.year)
    notices = (wording.replace("\0", _span(years)) for wording, years in sorted(years_by_wording.items()) if wording)
    return "; ".join(notices)


def joint_notice(notices: Iterable[str]) -> str:
    """Several notices as one, each wording once with the span of all its years.

    >>> joint_notice(["Data 2017-2018", "Data 2020; © A 2019", "", "Data 2018"])
    'Data 2017-2020; © A 2019'
    """
    years_by_wording: dict[str, set[int]] = {}
    for notice in (part for text in notices for part in text.split("; ") if part):
        found = {int(year) for span in _YEARS.findall(notice) for year in _YEAR.findall(span)}
        years_by_wording.setdefault(_YEARS.sub("\0", notice), set()).update(found)
    return "; ".join(wording.replace("\0", _span(years)) for wording, years in sorted(years_by_wording.items()))


def _span(years: set[int]) -> str:
    """A range of years as a notice writes it.

    >>> _span({2018, 2017}), _span({2020})
    ('2017-2018', '2020')
    """
    if not years:
        return ""
    return str(min(years)) if len(years) == 1 else f"{min(years)}-{max(years)}"
