"""From scenes as stored to comparable scenes, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from geo import masks
from geo.alignment import Displacement, align
from geo.bands import ordered, visible
from geo.errors import SceneUnusableError
from geo.grid import Grid
from geo.normalisation import normalise
from geo.observations import Observation, best_of, masked, observe, require_usable, together
from geo.registration import Registrar
from geo.scene import BoolArray, FloatArray, LeftOut, PreparedScene, Scene, SceneRaster

_MOST_CANDIDATES = 5  # so that a series in which nothing matches costs no square of its length


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
class _Candidate:
    """A scene that would do for the reference, if another one can be registered to it."""

    observation: Observation
    registrar: Registrar


@dataclass(frozen=True, slots=True)
class _Placement:
    """How a scene was laid on the reference: with its pixels, all that it takes to do so once more.

    Attributes:
        displacement: As measured; None for the reference itself.
        valid: bool (y, x), packed to bits: the ground that was clear in the end.
    """

    displacement: Displacement | None
    valid: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Radiometry:
    """The first placed scene that has a band: what the band is normalised to.

    Attributes:
        item_id: The scene.
        reflectance: float32 (y, x).
        valid: bool (y, x).
    """

    item_id: str
    reflectance: FloatArray
    valid: BoolArray


@dataclass(slots=True)
class Preparation:
    """Makes the scenes of one area comparable, one after the other: masks, co-registration, normalisation.

    The reference is the first scene in time that is clear enough and that another one can be registered to: an
    undetected cloud must not become what every scene is held against. From then on what is done to a scene depends
    on earlier ones only, so that a series can be added to for years and its first scenes stay what they were, bit
    for bit. No pixels are kept but those that the next scene is compared with.

    Attributes:
        grid: The area's grid.
        parameters: How.
        left_out: The scenes that aren't used.
    """

    grid: Grid
    parameters: PreparationParameters = field(default_factory=PreparationParameters)
    left_out: list[LeftOut] = field(default_factory=list)
    _acquisition: list[Observation] = field(default_factory=list)
    _candidates: list[_Candidate] = field(default_factory=list)
    _placements: dict[str, _Placement] = field(default_factory=dict)
    _radiometry: dict[str, _Radiometry] = field(default_factory=dict)
    _last_seen: dict[tuple[str, ...], FloatArray] = field(default_factory=dict)

    def add(self, scene: Scene, raster: SceneRaster) -> list[PreparedScene]:
        """Takes in the next scene; scenes come ascending by acquisition.

        Args:
            scene: As its source describes it.
            raster: Its pixels on the grid.

        Returns:
            The scenes that are settled now, ascending by acquisition: often the one before, since of several products
            of one acquisition the best is used.
        """
        group, apart = self._acquisition, self.parameters.same_acquisition
        settled = self._close() if group and not together(group[0].scene, scene, apart) else []
        self._acquisition.append(observe(scene, raster, self.grid.gsd_m))
        return settled

    def finish(self) -> list[PreparedScene]:
        """The scenes that are used where no more scenes come; where none can be registered, the first clear one."""
        settled = self._close()
        if self._placements or not self._candidates:
            return settled
        for waiting in self._candidates[1:]:
            self._leave_out_candidate(waiting)
        return [self._place(self._candidates[0].observation, None)]

    def again(self, scene: Scene, raster: SceneRaster) -> PreparedScene:
        """A scene that was settled, made of its pixels once more.

        Raises:
            SceneUnusableError: It isn't one of those that are used.
        """
        placement = self._placements.get(scene.item_id)
        if placement is None:
            raise SceneUnusableError(f"scene {scene.item_id} isn't used")
        observation = observe(scene, raster, self.grid.gsd_m)
        if placement.displacement is not None:
            observation = self._aligned(observation, placement.displacement)
        valid = np.unpackbits(placement.valid, count=observation.valid.size).reshape(self.grid.shape).astype(bool)
        return self._prepared(self._normalised(masked(observation, valid)), placement.displacement)

    def _close(self) -> list[PreparedScene]:
        """Uses the best product of the acquisition at hand."""
        group, self._acquisition = self._acquisition, []
        if not group:
            return []
        best = best_of(group, self.parameters.min_clear_fraction)
        for other in group:
            if other is not best:
                self._leave_out(other.scene, f"same acquisition as {best.scene.item_id}, which is used in its place")
        try:
            return self._observe(best)
        except SceneUnusableError as error:
            self._leave_out(best.scene, str(error))
            return []

    def _observe(self, observation: Observation) -> list[PreparedScene]:
        """Places a scene on the reference; while there is none, settles it or waits for another scene.

        Raises:
            SceneUnusableError: It can't be used.
        """
        require_usable(observation, self.parameters.min_clear_fraction)
        for candidate in self._candidates:
            try:
                found = self._displacement(observation, candidate)
            except SceneUnusableError:
                if self._placements:
                    raise
                continue
            settled = self._settle(candidate)
            try:
                aligned = self._aligned(observation, found)
                require_usable(aligned, self.parameters.min_clear_fraction)
                settled.append(self._place(self._uncovered(aligned), found))
            except SceneUnusableError as error:
                self._leave_out(observation.scene, str(error))
            return settled
        self._propose(self._uncovered(observation))
        return []

    def _propose(self, observation: Observation) -> None:
        self._candidates.append(_Candidate(observation, Registrar(observation.brightness, observation.valid)))
        if len(self._candidates) > _MOST_CANDIDATES:
            self._leave_out_candidate(self._candidates.pop(0))

    def _settle(self, reference: _Candidate) -> list[PreparedScene]:
        if self._placements:
            return []
        for other in self._candidates:
            if other is not reference:
                self._leave_out_candidate(other)
        self._candidates = [reference]
        return [self._place(reference.observation, None)]

    def _leave_out(self, scene: Scene, reason: str) -> None:
        self.left_out.append(LeftOut(scene.item_id, scene.acquired_at, reason))

    def _leave_out_candidate(self, candidate: _Candidate) -> None:
        self._leave_out(candidate.observation.scene, "no other scene can be registered to it")

    def _displacement(self, observation: Observation, candidate: _Candidate) -> Displacement:
        limits = self.parameters
        against = f"the reference {candidate.observation.scene.item_id}"
        try:
            found = candidate.registrar.displacement(
                observation.brightness, observation.valid, limits.max_shift_m / self.grid.gsd_m
            )
        except SceneUnusableError as error:
            raise SceneUnusableError(f"can't be registered to {against}: {error}") from error
        if found.quality < limits.min_registration_quality:
            raise SceneUnusableError(
                f"can't be registered to {against}: {100 * found.quality:.0f} % of the ground agrees on a shift, "
                f"at least {100 * limits.min_registration_quality:.0f} % needed"
            )
        if found.standard_error_px > limits.max_standard_error_px:
            raise SceneUnusableError(
                f"can't be registered to {against}: the shift is known to {found.standard_error_px:.2f} pixels, "
                f"{limits.max_standard_error_px:g} needed"
            )
        return found

    def _aligned(self, observation: Observation, found: Displacement) -> Observation:
        if found.largest_px(self.grid.shape) <= self.parameters.resample_above_px:
            return observation
        reflectance, valid = align(observation.reflectance, observation.valid, found)
        return replace(observation, reflectance=reflectance, valid=valid)

    def _uncovered(self, observation: Observation) -> Observation:
        """The observation with the reference's radiometry, less what snow or cloud covers in true colour."""
        is_white = masks.white(observation.visible)
        comparable = self._normalised(observation)
        if observation.classified:
            return comparable
        before = self._last_seen.get(visible(observation.bands))
        cover = masks.white_cover(comparable.brightness, is_white, before, self.grid.gsd_m)
        if not cover.any():
            return comparable
        # Normalised once more without the cover, which may have been most of the area.
        clear = masked(observation, observation.valid & ~cover)
        require_usable(clear, self.parameters.min_clear_fraction)
        return self._normalised(clear)

    def _normalised(self, observation: Observation) -> Observation:
        reflectance = observation.reflectance.copy()
        for band, name in enumerate(observation.bands):
            reference = self._radiometry.get(name)
            if reference is not None and reference.item_id != observation.scene.item_id:
                reflectance[band] = normalise(
                    reflectance[band], observation.valid, reference.reflectance, reference.valid
                )
        return replace(observation, reflectance=reflectance)

    def _place(self, observation: Observation, displacement: Displacement | None) -> PreparedScene:
        scene = observation.scene
        self._placements[scene.item_id] = _Placement(displacement, np.packbits(observation.valid))
        for band, name in enumerate(observation.bands):
            first = _Radiometry(scene.item_id, observation.reflectance[band], observation.valid)
            self._radiometry.setdefault(name, first)
        seen_in, brightness = visible(observation.bands), observation.brightness
        before = self._last_seen.get(seen_in, brightness)
        self._last_seen[seen_in] = np.where(observation.valid, brightness, before)
        return self._prepared(observation, displacement)

    def _prepared(self, observation: Observation, displacement: Displacement | None) -> PreparedScene:
        rows, columns = displacement.offset_px if displacement else (0.0, 0.0)
        reflectance, bands = observation.reflectance, ordered(observation.bands)
        if bands != observation.bands:
            reflectance = reflectance[[observation.bands.index(name) for name in bands]]
        return PreparedScene(
            scene=observation.scene,
            reflectance=reflectance,
            valid=observation.valid,
            bands=bands,
            grid=self.grid,
            # Columns count east and rows count south, whereas y counts north.
            shift_m=np.array([columns, -rows]) * self.grid.gsd_m,
            registration_quality=displacement.quality if displacement else 1.0,
            clear_fraction=observation.clear_fraction,
        )
