"""When each pixel changed for good: a fold over scenes that keeps what is needed and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import ndtri

from detectors.features import SceneFeatures
from detectors.noise import TextureClasses, settled
from detectors.seasons import SeasonMemory, difference
from geo.scene import BoolArray, FloatArray

NEVER = -1

# Fewer pixels of undisturbed ground than this are no sample to measure noise on.
MIN_NULL_PIXELS = 500


@dataclass(frozen=True, slots=True)
class PersistenceParameters:
    """How a step is told from noise, in units of the noise of stable ground.

    Attributes:
        low: Change of structure around a pixel from which on it may belong to a change.
        faded: Share of its mean strength below which a standing change has faded: what is left is how the ground
            has altered since the state before.
        fading_scenes: Clear scenes in a row in which a change has faded that end it.
        greening: Rise of the vegetation index that makes a change one of vegetation.
        least_greenness_noise: Likewise for the vegetation index.
        least_noise: Reflectance below which a step is never sure, however still the ground: what is left of air,
            calibration and quantisation.
        memory: Clear scenes that the state before is the median of.
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

    low: float = 2.8
    faded: float = 0.5
    fading_scenes: int = 3
    greening: float = 4.0
    season_days: float = 30.0
    season_scenes: int = 3
    cap: float = 8.0
    least_noise: float = 0.0015
    least_greenness_noise: float = 0.01
    memory: int = 4
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


@dataclass(slots=True)
class PastChange:
    """A change that every pixel may have had and lost again; attributes as those of `PixelHistory`."""

    onset: npt.NDArray[np.int16]
    last_without: npt.NDArray[np.int16]
    seen: npt.NDArray[np.int16]
    strength: FloatArray
    gain: FloatArray


@dataclass(slots=True)
class PixelHistory:
    """What is known of every pixel after the scenes folded so far.

    Attributes:
        detail: float32 (memory, band, y, x), the last undisturbed scenes' detail, newest first.
        texture: float32 (memory, y, x), likewise.
        greenness: float32 (memory, y, x), likewise.
        count: int (y, x), how many of them are filled.
        unrest: float32 (y, x), summed squared excursions of undisturbed scenes.
        looks: float32 (y, x), how many scenes those are from.
        onset: int (y, x), scene that a standing change began with, NEVER where there is none.
        last_without: int (y, x), newest clear scene before the onset.
        last_clear: int (y, x), newest clear scene.
        balance: int (y, x), hits less misses since the onset, capped.
        seen: int (y, x), hits since the onset.
        strength: float32 (y, x), mean evidence since the onset.
        gain: float32 (y, x), mean gain of texture since the onset, in noise units.
        covered: float32 (y, x), share of the last clear scenes that show the ground under plants, water or shade.
        fading: int (y, x), clear scenes in a row in which a standing change has faded.
        past: Each pixel's change that has ended, of several the one seen most often.
        hits: Per scene, bool (y, x): differs from the state before the onset.
        clear: Per scene, bool (y, x).
        seasons: Scenes without near infrared, to be compared with those of later years.
    """

    detail: FloatArray
    texture: FloatArray
    greenness: FloatArray
    count: npt.NDArray[np.int16]
    unrest: FloatArray
    looks: FloatArray
    onset: npt.NDArray[np.int16]
    last_without: npt.NDArray[np.int16]
    last_clear: npt.NDArray[np.int16]
    balance: npt.NDArray[np.int16]
    seen: npt.NDArray[np.int16]
    strength: FloatArray
    gain: FloatArray
    covered: FloatArray
    fading: npt.NDArray[np.int16]
    past: PastChange
    hits: list[BoolArray] = field(default_factory=list)
    clear: list[BoolArray] = field(default_factory=list)
    seasons: SeasonMemory = field(default_factory=SeasonMemory)

    @classmethod
    def empty(cls, bands: int, shape: tuple[int, int], memory: int) -> PixelHistory:
        """The state before any scene."""

        def whole(fill: int) -> npt.NDArray[np.int16]:
            return np.full(shape, fill, np.int16)

        def real(*leading: int) -> FloatArray:
            return np.zeros((*leading, *shape), np.float32)

        return cls(
            detail=real(memory, bands),
            texture=real(memory),
            greenness=real(memory),
            count=whole(0),
            unrest=real(),
            looks=real(),
            onset=whole(NEVER),
            last_without=whole(NEVER),
            last_clear=whole(NEVER),
            balance=whole(0),
            seen=whole(0),
            strength=real(),
            gain=real(),
            covered=real(),
            fading=whole(0),
            past=PastChange(whole(NEVER), whole(NEVER), whole(0), real(), real()),
        )

    @property
    def standing(self) -> BoolArray:
        """Pixels with a change that stands."""
        return np.asarray(self.onset != NEVER)

    @property
    def ended(self) -> PixelHistory:
        """The same pixels with the changes that have ended in place of those that stand."""
        gone = (self.past.onset != NEVER) & ~self.standing
        return replace(
            self,
            onset=np.where(gone, self.past.onset, np.int16(NEVER)),
            last_without=self.past.last_without,
            seen=self.past.seen,
            strength=self.past.strength,
            gain=self.past.gain,
        )

    def fold(self, scene: SceneFeatures, day: float, gsd_m: float, parameters: PersistenceParameters) -> None:
        """Take in the next scene, acquired on a day."""
        index = len(self.hits)
        clear = scene.clear
        known = clear & (self.count > 0)
        hit = np.zeros_like(clear)
        if known.any():
            evidence = _evidence(self, scene, known, day, gsd_m, parameters)
            hit = self._update(index, known, evidence, scene.unbuilt, parameters)
        self.hits.append(hit)
        self.clear.append(clear)
        if not scene.infrared:
            self.seasons.keep(index, day, scene)
        self._remember(scene, clear & ~self.standing)
        share = np.where(
            clear & (self.last_clear != NEVER), np.float32(1.0 / parameters.memory), clear.astype(np.float32)
        )
        self.covered += share * (scene.unbuilt - self.covered)
        self.last_clear[clear] = index

    def _update(
        self, index: int, known: BoolArray, evidence: Evidence, unbuilt: BoolArray, parameters: PersistenceParameters
    ) -> BoolArray:
        """Begin, carry on and end changes; returns which pixels show one."""
        was = self.standing
        differs = known & (evidence.structure >= parameters.low) & ~unbuilt & ~evidence.recurs
        new = differs & ~was & (evidence.greening < parameters.greening)
        hit = new | (differs & was)
        missed = known & ~differs & was
        self.onset[new] = index
        self.fading[new] = 0
        self.last_without[new] = self.last_clear[new]
        self.seen[new] = self.balance[new] = 0
        self.strength[new] = self.gain[new] = 0.0
        self.seen[hit] += 1
        self.balance[hit] = np.minimum(self.balance[hit] + 1, parameters.patience)
        self.balance[missed] -= 1
        self.strength[hit] += (evidence.strength[hit] - self.strength[hit]) / self.seen[hit]
        self.gain[hit] += (evidence.gain[hit] - self.gain[hit]) / self.seen[hit]
        fallen = missed & (self.balance <= 0) | self._fade(index, known & was, hit, evidence, parameters)
        self._end(fallen)
        calm = known & ~self.standing
        self.unrest[calm] += np.minimum(evidence.structure[calm] ** 2, parameters.excursion_cap)
        self.unrest[fallen] += parameters.excursion_cap
        self.looks[calm] += 1
        return hit

    def _fade(
        self, index: int, stood: BoolArray, hit: BoolArray, evidence: Evidence, parameters: PersistenceParameters
    ) -> BoolArray:
        """Which standing changes have faded for so long that they are over; the scenes since then show none."""
        faded = stood & (evidence.strength < parameters.faded * self.strength)
        self.fading[stood & ~faded] = 0
        self.fading[faded] += 1
        over = faded & (self.fading >= parameters.fading_scenes)
        left = np.where(over, self.fading, np.int16(0))
        for shown, clear in zip(reversed([*self.hits, hit]), reversed([*self.clear, stood]), strict=True):
            if not left.any():
                break
            shown[left > 0] = False
            left[clear & (left > 0)] -= 1
        return np.asarray(over)

    def _end(self, fallen: BoolArray) -> None:
        """Changes that didn't last make way, those seen often stay on record as past."""
        kept = fallen & (self.seen >= self.past.seen)
        for one in fields(PastChange):
            np.copyto(getattr(self.past, one.name), getattr(self, one.name), where=kept)
        self.onset[fallen] = NEVER

    def _remember(self, scene: SceneFeatures, where: BoolArray) -> None:
        """Push a scene into the record of the undisturbed state; a band that it lacks stays as it was."""
        for age in range(self.detail.shape[0] - 1, 0, -1):
            np.copyto(self.detail[age], self.detail[age - 1], where=where)
            np.copyto(self.texture[age], self.texture[age - 1], where=where)
            np.copyto(self.greenness[age], self.greenness[age - 1], where=where)
        np.copyto(self.detail[0], scene.detail, where=where & scene.present[:, None, None])
        np.copyto(self.texture[0], scene.texture, where=where)
        np.copyto(self.greenness[0], scene.greenness, where=where)
        self.count[where] = np.minimum(self.count[where] + 1, self.detail.shape[0])


def _evidence(
    history: PixelHistory,
    scene: SceneFeatures,
    known: BoolArray,
    day: float,
    gsd_m: float,
    parameters: PersistenceParameters,
) -> Evidence:
    before = settled(history.texture, history.count)
    quiet = known & ~history.standing
    null = quiet if quiet.sum() >= MIN_NULL_PIXELS else known
    classes = TextureClasses.of(before, null, parameters.noise_bins)
    energy = np.zeros(known.shape, np.float32)
    greening = classes.standardise(
        scene.greenness - settled(history.greenness, history.count), parameters.least_greenness_noise
    )
    for band in np.flatnonzero(scene.present):
        step = scene.detail[band] - settled(history.detail[:, band], history.count)
        if band == scene.red:
            greening[step > 0] = 0.0
        energy += classes.standardise(step, parameters.least_noise) ** 2
    energy /= max(int(scene.present.sum()), 1)
    own = (parameters.prior_scenes + history.unrest) / (parameters.prior_scenes + history.looks)
    energy /= np.maximum(own, 1.0)
    energy[~known] = 1.0
    capped = np.minimum(energy, parameters.cap**2)
    return Evidence(
        structure=np.sqrt(ndimage.gaussian_filter(capped, parameters.blur_m / gsd_m, truncate=3.0)),
        strength=np.sqrt(ndimage.gaussian_filter(energy, parameters.sharp_m / gsd_m, truncate=3.0)),
        gain=classes.standardise(scene.texture - before),
        greening=ndimage.gaussian_filter(greening, parameters.blur_m / gsd_m / 2, truncate=3.0),
        recurs=_recurs(history, scene, day, classes, gsd_m, parameters),
    )


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
    the pooled energy at distance d is 1 + (E - 1) Φ(-d / blur), which falls below `low` squared at
    d = -blur Φ⁻¹((low² - 1) / (E - 1)). Strong ground is drawn too large by that much.

    Args:
        strength: float32 (y, x), mean strength of each change.
        changed: bool (y, x).
        sigma: Standard deviation of the Gaussian that E is averaged with over changed ground, pixels.
        parameters: Those that the evidence was pooled with.
    """
    energy = np.where(changed, np.minimum(strength, parameters.cap) ** 2, 0.0).astype(np.float32)
    weight = ndimage.gaussian_filter(changed.astype(np.float32), sigma, truncate=3.0)
    level = ndimage.gaussian_filter(energy, sigma, truncate=3.0) / np.maximum(weight, 1e-3)
    share = (parameters.low**2 - 1.0) / np.maximum(level - 1.0, 1e-3)
    return np.asarray(np.maximum(-parameters.blur_m * ndtri(np.minimum(share, 0.999)), 0.0), np.float32)
