"""How a scene differs from the state before, in units of the noise of stable ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from detectors.blurring import gaussian
from detectors.features import SceneFeatures
from detectors.noise import TextureClasses
from detectors.pixel_history import PixelHistory
from detectors.seasons import difference
from detectors.settled import settled
from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

# Fewer pixels of undisturbed ground than this are no sample to measure noise on.
MIN_NULL_PIXELS = 500


@dataclass(frozen=True, slots=True)
class PersistenceParameters:
    """How a step is told from noise, in units of the noise of stable ground.

    Attributes:
        low: Change of structure around a pixel from which on the state before is kept and later scenes are compared
            with it.
        member: Mean change of structure since the onset from which on ground belongs to a site. It lies above `low`:
            were the two one, ground a little below would be learnt as what it always looked like, and a slightly
            higher threshold would cost far more than the ground between the two.
        faded: Share of its mean strength below which a standing change has faded: what is left is how the ground
            has altered since the state before.
        fading_scenes: Clear scenes in a row in which a change has faded that end it.
        greening: Rise of the vegetation index that makes a change one of vegetation.
        least_noise: Reflectance below which a step is never sure, however still the ground: what is left of air,
            calibration and quantisation.
        least_greenness_noise: Likewise for the vegetation index.
        noise_bins: Classes of texture that the noise is measured in.
        season_days: Scenes of other years no further apart than this in the calendar are of the same season.
        season_scenes: How many of them are compared with at most.
        cap: Change of structure that one pixel may bring in at most where it is pooled with its neighbours, so
            that a bright roof reaches no further than a dull one.
        excursion_cap: Squared noise units that a single scene may add to a pixel's own record of unrest.
        prior_scenes: Weight of the scene-wide noise against the pixel's own record, in scenes.
        patience: Scenes by which hits may outweigh misses at most, so that a loss shows soon.
        blur_m: Standard deviation of the Gaussian that evidence is pooled with, m.
        sharp_m: The same for the strength of a change.
    """

    low: float = 2.7
    member: float = 2.8
    faded: float = 0.5
    fading_scenes: int = 3
    greening: float = 4.0
    season_days: float = 30.0
    season_scenes: int = 3
    cap: float = 8.0
    least_noise: float = 0.0015
    least_greenness_noise: float = 0.01
    noise_bins: int = 12
    excursion_cap: float = 16.0
    prior_scenes: float = 3.0
    patience: int = 4
    blur_m: float = 24.0
    sharp_m: float = 12.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a scene differs from the state before, in units of the noise of stable ground.

    Attributes:
        structure: float32 (y, x), at least 0: change of structure around each pixel, robust against single
            strong pixels; about 1 on stable ground.
        strength: float32 (y, x), at least 0: change of structure at each pixel, likewise.
        gain: float32 (y, x), gain of texture, about 0 ± 1 on stable ground.
        greening: float32 (y, x), rise of the vegetation index, likewise.
        recurs: bool (y, x), looks as it did in the same season of an earlier year.
    """

    structure: FloatArray
    strength: FloatArray
    gain: FloatArray
    greening: FloatArray
    recurs: BoolArray


def evidence_of(
    history: PixelHistory,
    scene: SceneFeatures,
    known: BoolArray,
    day: float,
    gsd_m: float,
    parameters: PersistenceParameters,
) -> Evidence:
    """What a scene shows on known ground, bool (y, x), against what is known of it; `day` is its acquisition's."""
    before = settled(history.texture)
    quiet = known & ~history.standing
    null = quiet if np.count_nonzero(quiet) >= MIN_NULL_PIXELS else known
    classes = TextureClasses.of(before, null, parameters.noise_bins)
    steps = np.empty_like(scene.detail)
    for band, step in enumerate(steps):
        np.subtract(scene.detail[band], settled(history.detail[band]), out=step)
    energy = classes.energy(steps if scene.present.all() else steps[scene.present], parameters.least_noise)
    capped = np.empty_like(energy)
    _restrain(energy, known, history.unrest, history.looks, parameters.prior_scenes, parameters.cap**2, capped)
    return Evidence(
        structure=np.sqrt(gaussian(capped, parameters.blur_m / gsd_m)),
        strength=np.sqrt(gaussian(energy, parameters.sharp_m / gsd_m)),
        gain=classes.standardise(scene.texture - before),
        greening=_greening(history, scene, steps, classes, gsd_m, parameters),
        recurs=_recurs(history, scene, day, classes, gsd_m, parameters),
    )


@compiled
def _restrain(
    energy: FloatArray,
    known: BoolArray,
    unrest: FloatArray,
    looks: FloatArray,
    prior: float,
    most: float,
    capped: FloatArray,
) -> None:
    """Measure energy in units of each pixel's own record where that is worse than the scene's, and cap it."""
    one = np.float32(1.0)
    for row in range(energy.shape[0]):
        for x in range(energy.shape[1]):
            own = (np.float32(prior) + unrest[row, x]) / (np.float32(prior) + looks[row, x])
            measured = energy[row, x] / (own if own > one else one)
            measured = measured if known[row, x] else one
            energy[row, x] = measured
            capped[row, x] = min(measured, np.float32(most))


def _greening(
    history: PixelHistory,
    scene: SceneFeatures,
    steps: FloatArray,
    classes: TextureClasses,
    gsd_m: float,
    parameters: PersistenceParameters,
) -> FloatArray:
    """Rise of the vegetation index around each pixel, where the ground hasn't grown brighter in red."""
    greening = classes.standardise(scene.greenness - settled(history.greenness), parameters.least_greenness_noise)
    if scene.red is not None:
        greening *= steps[scene.red] <= 0
    return gaussian(greening, parameters.blur_m / gsd_m / 2)


def _recurs(
    history: PixelHistory,
    scene: SceneFeatures,
    day: float,
    classes: TextureClasses,
    gsd_m: float,
    parameters: PersistenceParameters,
) -> BoolArray:
    """Pixels that look as they did in the same season before, if what stands on them now didn't stand then.

    Near infrared tells plants by itself, so only scenes without it need this.
    """
    recurs = np.zeros(scene.clear.shape, bool)
    if scene.infrared:
        return recurs
    for past in history.seasons.same_season(day, parameters.season_days, parameters.season_scenes):
        comparable = scene.clear & past.clear & (~history.standing | (history.onset > past.index))
        differs = difference(scene, past, classes, parameters.least_noise, parameters.cap, parameters.blur_m / gsd_m)
        recurs |= comparable & (differs < parameters.low)
    return recurs


def bleed_m(strength: FloatArray, changed: BoolArray, sigma: float, parameters: PersistenceParameters) -> FloatArray:
    """How far evidence reaches beyond what causes it, float32 (y, x), m.

    Evidence is energy pooled with a Gaussian. Beside a straight edge of ground with energy E, on ground with energy 1,
    the pooled energy at distance d is 1 + (E - 1) Φ(-d / blur), which falls below `member` squared at
    d = -blur Φ⁻¹((member² - 1) / (E - 1)). Strong ground is drawn too large by that much.

    Args:
        strength: float32 (y, x), mean strength of each change.
        changed: bool (y, x).
        sigma: Standard deviation of the Gaussian that E is averaged with over changed ground, pixels.
        parameters: Those that the evidence was pooled with.
    """
    energy = np.where(changed, np.minimum(strength, parameters.cap) ** 2, 0.0).astype(np.float32)
    level = gaussian(energy, sigma) / np.maximum(gaussian(changed.astype(np.float32), sigma), 1e-3)
    share = (parameters.member**2 - 1.0) / np.maximum(level - 1.0, 1e-3)
    reach = np.zeros(share.shape, np.float32)
    beyond = share < 0.5  # elsewhere evidence ends within its cause
    reach[beyond] = -parameters.blur_m * ndtri(share[beyond])
    return reach
