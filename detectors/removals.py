"""What was built while it was watched and is gone again: the change as it stood, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from detectors.base import ChangeType, Finding, Stage
from detectors.extents import ExtentParameters
from detectors.pixel_history import PixelHistory
from detectors.reporting import ReportParameters, report
from detectors.series import Series
from detectors.sightings import sightings_of
from detectors.works import Works


def report_gone(
    works: Works,
    past: PixelHistory,
    series: Series,
    extents: ExtentParameters,
    parameters: ReportParameters,
) -> Iterator[Finding]:
    """A building with the date that it was gone at, and its removal; nothing if it wasn't surely there, or surely gone.

    Steps are measured against the state before the building, so scenes without a step show that the ground has gone
    back to that state. Ground that stays otherwise changed, such as rubble, isn't told from a building.

    Args:
        works: A site of pixels that changed and came back.
        past: Their history while they stood changed (`PixelHistory.ended`).
        series: The scenes folded so far.
        extents: How sites are outlined.
        parameters: How they are told.
    """
    changed = np.asarray(works.ground & past.standing)
    sightings = sightings_of(past, changed, parameters.shown_share, parameters.clear_share)
    clear = sightings.clear
    seen = [index for index in range(works.first, len(clear)) if sightings.shown[index]]
    if len(seen) < parameters.removal_sightings:
        return
    without = [index for index in range(seen[-1] + 1, len(clear)) if sightings.enough[index]]
    if len(without) < parameters.removal_sightings:
        return
    while_it_stood = replace(past, hits=past.hits[: without[0]], clear=past.clear[: without[0]])
    built = report(works, while_it_stood, series, extents, parameters)
    if built is None or built.kind is not ChangeType.BUILDING_ADDED:
        return
    stood = series.scenes[seen[-1]].acquired_at - built.first_with
    if built.components.persistence < parameters.removal_persistence or stood.days < parameters.removal_days:
        return
    gone_at = series.scenes[without[0]].acquired_at
    yield replace(built, stage=Stage.BUILT, gone_at=gone_at)
    components = replace(
        built.components,
        persistence=1.0,
        registration=float(np.clip(series.registration_quality[[seen[-1], *without]].min(), 0.0, 1.0)),
        clear_fraction=float(np.mean(clear[without])),
    )
    yield replace(
        built,
        kind=ChangeType.BUILDING_REMOVED,
        stage=Stage.CLEARED,
        score=components.magnitude * components.registration,
        components=components,
        last_without=series.scenes[seen[-1]].acquired_at,
        first_with=gone_at,
        before_item_id=series.scenes[seen[-1]].item_id,
        after_item_id=series.scenes[max(without, key=lambda index: (clear[index], index))].item_id,
        seen_in=tuple(series.scenes[index].item_id for index in without),
    )
