"""Construction on the ground, from a series of images: sites that were built, cleared or removed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from detectors.base import Assessment, ChangeType, Finding, Follower, Requirements, Verdict, unmet
from detectors.evidence import PersistenceParameters
from detectors.extents import ExtentParameters
from detectors.features import FeatureScales, ground_bands, scene_features
from detectors.lone import LoneParameters
from detectors.persistence import fold
from detectors.pixel_history import PixelHistory
from detectors.removals import report_gone
from detectors.reporting import ReportParameters, report
from detectors.seasons import YEAR_DAYS
from detectors.series import Series
from detectors.settled import newest_of, settled
from detectors.works import Works, find_works
from detectors.works_parameters import WorksParameters
from geo.grid import Grid
from geo.scene import BoolArray, PreparedScene


@dataclass(frozen=True, slots=True)
class FootprintParameters:
    """All that the detector can be told, by stage."""

    scales: FeatureScales = field(default_factory=FeatureScales)
    persistence: PersistenceParameters = field(default_factory=PersistenceParameters)
    extents: ExtentParameters = field(default_factory=ExtentParameters)
    works: WorksParameters = field(default_factory=WorksParameters)
    lone: LoneParameters = field(default_factory=LoneParameters)
    report: ReportParameters = field(default_factory=ReportParameters)


@dataclass(slots=True)
class FootprintState:
    """What is remembered of a series.

    Attributes:
        series: The scenes so far.
        bands: Those that are compared: what the first scene has.
        history: Pixels after the newest scene; None before the first, and where pixels have the wrong size.
    """

    series: Series
    bands: tuple[str, ...] = ()
    history: PixelHistory | None = None


class Footprints:
    """Finds ground taken by construction as a lasting step in local structure.

    For each scene: reflectance less its surroundings (detail) and local texture (`detectors.features`). For each
    pixel: the step of detail against the median of the last undisturbed scenes, in units of what stable ground
    of like texture does in the same scene and of the pixel's own record, and whether it lasts
    (`detectors.persistence`). For each site: strong change inside, weaker change around it, gaps closed
    (`detectors.extents`), taken onset by onset so that works that go on are one change and later works another
    (`detectors.works`). What stood and is gone again is told with its end (`detectors.removals`).

    The seeds and their weaker surroundings are hysteresis after Canny (1986, doi:10.1109/TPAMI.1986.4767851);
    noise as the robust spread of the scene itself follows iteratively reweighted change detection in spirit
    (Nielsen 2007, doi:10.1109/TIP.2006.888195); monitoring against a history that freezes at the break follows
    CCDC (Zhu and Woodcock 2014, doi:10.1016/j.rse.2014.01.011).
    """

    name: ClassVar[str] = "footprints"
    version: ClassVar[str] = "1.6.0"
    requires: ClassVar[Requirements] = Requirements(
        max_gsd_m=20.0,
        bands=(),
        min_scenes=2,
        optional_bands=("B02", "B03", "B04", "B08", "B11", "B12"),
        min_gsd_m=1.0,
    )

    def __init__(self, parameters: FootprintParameters | None = None) -> None:
        self.parameters = parameters or FootprintParameters()

    def start(self, grid: Grid) -> Follower:
        """A follower of an area that has seen no scene yet."""
        return FootprintFollower(self.parameters, FootprintState(Series(grid)))


@dataclass(slots=True)
class FootprintFollower:
    """Follows one area; see `Footprints`."""

    parameters: FootprintParameters
    state: FootprintState

    def add(self, scene: PreparedScene) -> None:
        """Takes in the next scene."""
        state, parameters, gsd_m = self.state, self.parameters, scene.grid.gsd_m
        state.series.add(scene)
        if unmet(replace(Footprints.requires, min_scenes=0), state.series) is not None:
            return
        if state.history is None:
            state.bands = ground_bands(scene)
            state.history = PixelHistory.empty(len(state.bands), scene.grid.shape)
        features = scene_features(scene.pick(state.bands), scene.valid, state.bands, gsd_m, parameters.scales)
        fold(state.history, features, state.series.days[-1], gsd_m, parameters.persistence, parameters.report.stages)

    def assess(self) -> Assessment:
        """What can be said after the newest scene."""
        history, series = self.state.history, self.state.series
        clear_fraction = series.scenes[-1].clear_fraction
        reason = unmet(Footprints.requires, series)
        if history is None or reason is not None:
            return Assessment(Verdict.NOT_ASSESSABLE, reason or "nothing to compare", clear_fraction)
        reason = _nothing_to_compare(history, series)
        if reason is not None:
            return Assessment(Verdict.NOT_ASSESSABLE, reason, clear_fraction)
        findings = self._findings(history, series)
        if not findings:
            return Assessment(Verdict.UNCHANGED, "no lasting change of structure", clear_fraction)
        return Assessment(Verdict.CHANGED, f"{len(findings)} site(s)", clear_fraction, findings)

    def _findings(self, history: PixelHistory, series: Series) -> tuple[Finding, ...]:
        grown = self._under_plants(history)
        added = self._works(history, series, history.standing & ~(grown & _young(history, series)), 1)
        lost = self._works(history, series, _built_ground_lost(history, self.parameters.report), -1)
        past = history.ended
        gone = self._works(
            past, series, past.standing & (past.seen >= self.parameters.report.removal_sightings) & ~grown, 1
        )
        parameters = (series, self.parameters.extents, self.parameters.report)
        found = [report(works, history, *parameters) for works in added]
        for works in _elsewhere(gone, added):
            ended = tuple(report_gone(works, past, *parameters))
            found += ended
            added += [works] if ended else []
        found += [report(works, history, *parameters, ChangeType.BUILDING_REMOVED) for works in _elsewhere(lost, added)]
        return tuple(
            sorted((one for one in found if one), key=lambda one: (one.first_with, one.kind, one.geometry.bounds))
        )

    def _under_plants(self, history: PixelHistory) -> BoolArray:
        """Ground that was under plants before, where no near infrared tells felling and regrowth from building."""
        if {"B04", "B08"} <= set(self.state.bands):
            return np.zeros(history.count.shape, bool)
        before = settled(history.greenness)
        return np.asarray(before >= self.parameters.scales.vegetated_excess_green)

    def _works(self, history: PixelHistory, series: Series, changed: BoolArray, sign: int) -> list[Works]:
        ours = self.parameters
        return find_works(
            history,
            changed,
            series.days,
            series.grid.gsd_m,
            ours.works,
            ours.extents,
            ours.persistence,
            ours.lone,
            sign,
        )


def _young(history: PixelHistory, series: Series) -> BoolArray:
    """Which standing changes haven't yet lasted through all seasons; elsewhere it means nothing."""
    days = series.days
    return np.asarray(history.onset >= bisect_right(days, days[-1] - YEAR_DAYS))


def _elsewhere(works: Sequence[Works], added: Sequence[Works]) -> list[Works]:
    """Works most of whose ground isn't taken by standing ones."""
    return [one for one in works if sum((one.ground & other.ground).sum() for other in added) * 2 < one.ground.sum()]


def _nothing_to_compare(history: PixelHistory, series: Series) -> str | None:
    """Why the newest scene tells nothing, as one clause; None if it does."""
    if not history.clear[-1].any():
        return f"no clear ground in the newest scene, {series.scenes[-1].item_id}"
    if not any((history.clear[-1] & earlier).any() for earlier in history.clear[:-1]):
        return "no ground that is clear both in the newest scene and before"
    return None


def _built_ground_lost(history: PixelHistory, parameters: ReportParameters) -> BoolArray:
    """Pixels that were as rough as buildings in several scenes and have lost that, seen more than once."""
    loss = history.standing & (history.gain < 0) & (history.seen >= parameters.removal_sightings)
    lost = loss & (history.count >= parameters.removal_sightings)
    if lost.any():
        rough = newest_of(history.texture[:, lost], history.count[lost]) >= np.log(parameters.built_texture)
        lost[lost] = rough
    return lost
