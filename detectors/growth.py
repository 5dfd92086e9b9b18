"""Built-up area over time, so that growth can be plotted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from detectors.base import Assessment, ChangeType, Verdict
from geo.scene import Scene


@dataclass(frozen=True, slots=True)
class BuiltUp:
    """Ground that construction has taken since the first scene, as known after one scene.

    Attributes:
        acquired_at: Acquisition of the scene, aware, UTC.
        area_m2: Area of all sites that stand and were seen often enough, m².
        sites: How many they are.
    """

    acquired_at: datetime
    area_m2: float
    sites: int


def built_up_series(
    assessments: Iterable[Assessment], scenes: Sequence[Scene], least_sightings: int = 2
) -> list[BuiltUp]:
    """Built-up area after each scene that could be assessed.

    Args:
        assessments: One per scene, as `Detector.follow` yields them.
        scenes: The scenes, in the same order.
        least_sightings: Scenes that must show a site for it to count.
    """
    series = []
    for assessment, scene in zip(assessments, scenes, strict=True):
        if assessment.verdict is Verdict.NOT_ASSESSABLE:
            continue
        standing = [
            finding.area_m2
            for finding in assessment.findings
            if finding.kind in (ChangeType.BUILDING_ADDED, ChangeType.GROUND_CLEARED)
            and finding.gone_at is None
            and len(finding.seen_in) >= least_sightings
        ]
        series.append(BuiltUp(scene.acquired_at, sum(standing), len(standing)))
    return series
