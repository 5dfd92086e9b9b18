"""From a site in pixels to a finding: what it is, how sure, and the scenes behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from detectors.base import ChangeType, Components, Finding
from detectors.bits import shares
from detectors.extents import ExtentParameters, outline
from detectors.logistic import probability
from detectors.pixel_history import PixelHistory
from detectors.series import Series
from detectors.sightings import sightings_of
from detectors.stages import StageParameters, stage_of
from detectors.works import Works
from geo.scene import BoolArray

Evidence = tuple[float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of the logistic regression that turns a finding into the probability that it is real.

    Fitted on simulated sites on real backgrounds by `flows.evaluate.footprints.fit_calibration` with 20 sites and
    compounds per size and seed 7. What the fit would have weigh against a change weighs 0.

    Attributes:
        intercept: Constant.
        strength: Per natural logarithm of the change of structure, in noise units, of the strongest tenth.
        sightings: Per natural logarithm of the number of scenes that show it.
        persistence: Per unit of the share of clear scenes that show it.
        area: Per natural logarithm of the area in units of 1000 m².
        salience: Per natural logarithm of the salience of what holds it, in noise units (`Works.salience`): what a
            lone building has to reach counts as much as what the core of a site has to.
    """

    intercept: float = -12.104
    strength: float = 0.352
    sightings: float = 0.0
    persistence: float = 0.0
    area: float = 0.161
    salience: float = 5.048

    def confidence(self, evidence: Evidence) -> float:
        """Probability, 0 to 1, from what `evidence_of` tells."""
        weights = (self.strength, self.sightings, self.persistence, self.area, self.salience)
        logit = self.intercept + sum(weight * part for weight, part in zip(weights, evidence, strict=True))
        return float(probability(logit))


@dataclass(frozen=True, slots=True)
class ReportParameters:
    """How sites are told.

    Attributes:
        half_magnitude: Change of structure, in noise units, that counts as magnitude 0.5.
        shown_share: Share of a site's clear changed pixels that must show it for a scene to count as showing it.
        clear_share: Share of those pixels that must be clear for a scene to count at all.
        built_gain: Gain of texture, in noise units, that bare ground rarely reaches and buildings do.
        built_share: Share of a site with that gain from which on it has buildings.
        built_texture: Standard deviation of reflectance of ground with buildings on it.
        calibration: What makes a confidence of the evidence.
        stages: When works have ended.
        removal_sightings: Clear scenes that a building must have stood in, and that must show its loss.
        removal_persistence: Share of the clear scenes while it stood that must show a building that is gone: what
            comes and goes never was one.
        removal_days: Days that a building which is gone must have been seen standing: snow, water and crops come and
            go within weeks.
    """

    half_magnitude: float = 6.0
    shown_share: float = 0.5
    clear_share: float = 0.5
    built_gain: float = 8.0
    built_share: float = 0.2
    built_texture: float = 0.03
    removal_sightings: int = 3
    removal_persistence: float = 0.75
    removal_days: float = 60.0
    calibration: Calibration = field(default_factory=Calibration)
    stages: StageParameters = field(default_factory=StageParameters)


def report(
    works: Works,
    history: PixelHistory,
    series: Series,
    extents: ExtentParameters,
    parameters: ReportParameters,
    kind: ChangeType | None = None,
) -> Finding | None:
    """The finding that a site makes, None if no scene shows it.

    Args:
        works: The site.
        history: Pixels after the newest scene.
        series: The scenes folded so far.
        extents: How the site is outlined.
        parameters: How it is told.
        kind: What happened; told by the texture of the ground if None.
    """
    changed = works.ground & history.standing
    sightings = sightings_of(history, changed, parameters.shown_share, parameters.clear_share)
    clear = sightings.clear
    seen = [index for index in range(works.first, len(clear)) if sightings.shown[index]]
    if not seen:
        return None
    geometry = outline(works.ground, series.grid, extents)
    looks = [index for index in range(works.first, len(clear)) if clear[index] >= parameters.clear_share]
    components = Components(
        magnitude=_magnitude(history, changed, parameters),
        persistence=min(len(seen) / max(len(looks), 1), 1.0),
        registration=float(np.clip(series.registration_quality[[works.last_without, *seen]].min(), 0.0, 1.0)),
        clear_fraction=float(np.mean(clear[looks])) if looks else 0.0,
    )
    evidence = evidence_of(components, len(seen), float(geometry.area), works.salience, parameters)
    kind = kind or _kind(history, changed, parameters)
    return Finding(
        kind=kind,
        geometry=geometry,
        area_m2=float(geometry.area),
        length_m=None,
        score=components.magnitude * components.persistence * components.registration,
        components=components,
        last_without=_when(series, works.last_without),
        first_with=series.scenes[works.first].acquired_at,
        before_item_id=_clearest(history, series, works),
        after_item_id=series.scenes[max(seen, key=lambda index: (clear[index], index))].item_id,
        seen_in=tuple(series.scenes[index].item_id for index in seen),
        confidence=parameters.calibration.confidence(evidence),
        stage=stage_of(kind, history, changed, looks, series.days, parameters.stages),
        salience=works.salience,
    )


def _magnitude(history: PixelHistory, changed: BoolArray, parameters: ReportParameters) -> float:
    strength = float(np.quantile(history.strength[changed], 0.9))
    return strength / (strength + parameters.half_magnitude)


def evidence_of(
    components: Components, sightings: int, area_m2: float, salience: float, parameters: ReportParameters
) -> Evidence:
    """What a confidence is made of, in the order of `Calibration`'s weights."""
    odds = components.magnitude / max(1.0 - components.magnitude, 1e-6)
    return (
        math.log(max(odds * parameters.half_magnitude, 1e-3)),
        math.log(max(sightings, 1)),
        components.persistence,
        math.log(max(area_m2, 1.0) / 1000.0),
        math.log(max(salience, 1e-3)),
    )


def _kind(history: PixelHistory, changed: BoolArray, parameters: ReportParameters) -> ChangeType:
    gain: npt.NDArray[np.float32] = history.gain[changed]
    built = float((gain >= parameters.built_gain).mean()) >= parameters.built_share
    return ChangeType.BUILDING_ADDED if built else ChangeType.GROUND_CLEARED


def _when(series: Series, index: int) -> datetime | None:
    return series.scenes[index].acquired_at if index >= 0 else None


def _clearest(history: PixelHistory, series: Series, works: Works) -> str | None:
    """The clearest of the last scenes before the onset; the newest of equals."""
    before = range(max(works.last_without - 3, 0), works.last_without + 1)
    share = shares(history.clear[: before.stop], np.flatnonzero(works.ground))
    if not before:
        return None
    return series.scenes[max(before, key=lambda index: (round(float(share[index]), 2), index))].item_id
