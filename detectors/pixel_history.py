"""What is known of every pixel after the scenes so far."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt

from detectors.bits import Bits, no_bits
from detectors.features import SceneFeatures
from detectors.seasons import SeasonMemory
from detectors.settled import MEMORY, keep, newest_of
from geo.scene import BoolArray, FloatArray

NEVER = -1


@dataclass(slots=True)
class PastChange:
    """A change that every pixel may have had and lost again; attributes as those of `PixelHistory`."""

    onset: npt.NDArray[np.int16]
    last_without: npt.NDArray[np.int16]
    seen: npt.NDArray[np.int16]
    strength: FloatArray
    structure: FloatArray
    gain: FloatArray


@dataclass(slots=True)
class PixelHistory:
    """What is known of every pixel after the scenes folded so far.

    Attributes:
        detail: float32 (band, MEMORY, y, x), the last undisturbed scenes' detail, as `remember` keeps them.
        texture: float32 (MEMORY, y, x), likewise.
        greenness: float32 (MEMORY, y, x), likewise.
        count: int (y, x), how many scenes they have been taken from.
        unrest: float32 (y, x), summed squared excursions of undisturbed scenes.
        looks: float32 (y, x), how many scenes those are from.
        onset: int (y, x), scene that a standing change began with, NEVER where there is none.
        last_without: int (y, x), newest clear scene before the onset.
        last_clear: int (y, x), newest clear scene.
        balance: int (y, x), hits less misses since the onset, capped.
        seen: int (y, x), hits since the onset.
        strength: float32 (y, x), mean change of structure at the pixel since the onset.
        structure: float32 (y, x), mean change of structure around it, likewise.
        gain: float32 (y, x), mean gain of texture since the onset, in noise units.
        covered: float32 (y, x), share of the last clear scenes that show the ground under plants, water or shade.
        fading: int (y, x), clear scenes in a row in which a standing change has faded.
        pattern: float32 (band, y, x), detail that changed ground has had lately.
        restless: int (y, x), clear scenes in a row in which it has differed from that.
        moved: int (y, x), newest scene in which a standing change has changed again, or began.
        past: Each pixel's change that has ended, of several the one seen most often.
        hits: Per scene, which pixels differ from the state before the onset.
        clear: Per scene, which pixels are clear.
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
    structure: FloatArray
    gain: FloatArray
    covered: FloatArray
    fading: npt.NDArray[np.int16]
    pattern: FloatArray
    restless: npt.NDArray[np.int16]
    moved: npt.NDArray[np.int16]
    past: PastChange
    hits: Bits
    clear: Bits
    seasons: SeasonMemory = field(default_factory=SeasonMemory)

    @classmethod
    def empty(cls, bands: int, shape: tuple[int, int]) -> PixelHistory:
        """The state before any scene."""

        def whole(fill: int) -> npt.NDArray[np.int16]:
            return np.full(shape, fill, np.int16)

        def real(*leading: int) -> FloatArray:
            return np.zeros((*leading, *shape), np.float32)

        return cls(
            detail=real(bands, MEMORY),
            texture=real(MEMORY),
            greenness=real(MEMORY),
            count=whole(0),
            unrest=real(),
            looks=real(),
            onset=whole(NEVER),
            last_without=whole(NEVER),
            last_clear=whole(NEVER),
            balance=whole(0),
            seen=whole(0),
            strength=real(),
            structure=real(),
            gain=real(),
            covered=real(),
            fading=whole(0),
            pattern=real(bands),
            restless=whole(0),
            moved=whole(0),
            past=PastChange(whole(NEVER), whole(NEVER), whole(0), real(), real(), real()),
            hits=no_bits(shape),
            clear=no_bits(shape),
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
            structure=self.past.structure,
            gain=self.past.gain,
        )

    def end(self, fallen: BoolArray) -> None:
        """Changes that didn't last make way, those seen often stay on record as past."""
        kept = np.nonzero(fallen & (self.seen >= self.past.seen))
        for one in fields(PastChange):
            getattr(self.past, one.name)[kept] = getattr(self, one.name)[kept]
        self.onset[fallen] = NEVER

    def remember(self, scene: SceneFeatures, where: BoolArray) -> None:
        """Take a scene into the record of the undisturbed state; a band that it lacks stays as it was."""
        for band in range(len(scene.present)):
            newest = scene.detail[band] if scene.present[band] else newest_of(self.detail[band], self.count)
            keep(newest, where, self.count, self.detail[band])
        keep(scene.texture, where, self.count, self.texture)
        keep(scene.greenness, where, self.count, self.greenness)
        self.count[where] += 1
