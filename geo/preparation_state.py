"""What decides how scenes are made comparable: parameters, and what is remembered of the scenes so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from geo.alignment import Displacement
from geo.bands import visible
from geo.observations import Observation
from geo.scene import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class PreparationParameters:
    """How scenes are made comparable.

    Attributes:
        min_clear_fraction: Share of the grid that has to be clear for a scene to be used, 0 to 1. At a half the
            ground that two scenes share is still enough to register and normalise them by.
        max_shift_m: A displacement beyond this is taken for a failed registration. Sentinel-2's absolute geolocation
            is within 20 m, so two scenes lie within 40 m of each other.
        min_registration_quality: Share of the ground that has to agree on the displacement, 0 to 1.
        max_standard_error_px: Above this a scene is left out. A fifth of a pixel of misregistration is what keeps
            false change below a tenth (Dai & Khorram 1998).
        resample_above_px: Smaller displacements are left as they are, because resampling would cost more than it
            mends.
        same_acquisition: Scenes of one collection closer in time than this are one observation.
    """

    min_clear_fraction: float = 0.5
    max_shift_m: float = 40.0
    min_registration_quality: float = 0.3
    max_standard_error_px: float = 0.2
    resample_above_px: float = 0.05
    same_acquisition: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Reference:
    """The scene that the others are registered to.

    Attributes:
        item_id: Its id.
        brightness: float32 (y, x): mean of the visible bands.
        valid: bool (y, x).
    """

    item_id: str
    brightness: FloatArray
    valid: BoolArray


@dataclass(frozen=True, slots=True)
class Radiometry:
    """The first placed scene that has a band: what the band is normalised to.

    Attributes:
        item_id: The scene.
        reflectance: float32 (y, x).
        valid: bool (y, x).
    """

    item_id: str
    reflectance: FloatArray
    valid: BoolArray


@dataclass(frozen=True, slots=True)
class Placement:
    """How a scene was laid on the reference: with its pixels, all that it takes to do so once more.

    Attributes:
        displacement: As measured; None for the reference itself.
        valid: bool (y, x): the ground that was clear in the end; None where its pixels and masks tell.
        lines: By band, the gain and offset that gave it the reference's radiometry; none for bands that it brought.
    """

    displacement: Displacement | None
    valid: BoolArray | None
    lines: dict[str, tuple[float, float]]


@dataclass(slots=True)
class PreparationState:
    """What is remembered of the scenes so far.

    Attributes:
        reference: The scene that the others are registered to; None until there are two that can be.
        radiometry: By band.
        last_seen: By the names of visible bands, the brightness (y, x) at which each pixel was last seen in them.
        placements: By item id.
    """

    reference: Reference | None = None
    radiometry: dict[str, Radiometry] = field(default_factory=dict)
    last_seen: dict[tuple[str, ...], FloatArray] = field(default_factory=dict)
    placements: dict[str, Placement] = field(default_factory=dict)

    def place(self, observation: Observation, placement: Placement) -> None:
        """Remembers a scene in the radiometry and on the ground of the reference."""
        item_id = observation.scene.item_id
        self.placements[item_id] = placement
        for band, name in enumerate(observation.bands):
            self.radiometry.setdefault(name, Radiometry(item_id, observation.reflectance[band], observation.valid))
        seen_in, brightness = visible(observation.bands), observation.brightness
        before = self.last_seen.get(seen_in, brightness)
        self.last_seen[seen_in] = np.where(observation.valid, brightness, before)
