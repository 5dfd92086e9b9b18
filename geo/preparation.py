"""From scenes as stored to comparable scenes, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from geo import masks
from geo.alignment import Displacement, align
from geo.bands import ordered, visible
from geo.errors import SceneUnusableError
from geo.grid import Grid
from geo.normalisation import line_to_reference
from geo.observations import Observation, best_of, masked, observe, require_usable, together
from geo.preparation_state import Placement, PreparationParameters, PreparationState, Reference
from geo.registration import Registrar
from geo.scene import LeftOut, PreparedScene, Scene, SceneRaster

__all__ = ["Preparation", "PreparationParameters"]

_MOST_CANDIDATES = 5  # so that a series in which nothing matches costs no square of its length


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A scene that would do for the reference, if another one can be registered to it."""

    observation: Observation
    placement: Placement
    registrar: Registrar


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
        state: What is remembered. Where it has a reference, a preparation that is given it goes on from there.
        left_out: The scenes that aren't used.
    """

    grid: Grid
    parameters: PreparationParameters = field(default_factory=PreparationParameters)
    state: PreparationState = field(default_factory=PreparationState)
    left_out: list[LeftOut] = field(default_factory=list)
    _acquisition: list[Observation] = field(default_factory=list)
    _candidates: list[_Candidate] = field(default_factory=list)
    _registrar: Registrar | None = None

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
        if self.state.reference is not None or not self._candidates:
            return settled
        for waiting in self._candidates[1:]:
            self._leave_out_candidate(waiting)
        first = self._candidates[0]
        return [self._place(first.observation, first.placement)]

    def again(self, scene: Scene, raster: SceneRaster, bands: Sequence[str]) -> PreparedScene:
        """A scene that was settled, made of its pixels once more; with some of its bands alone, which is faster.

        Args:
            scene: As it was given.
            raster: As it was given.
            bands: Which bands; all of them where the scene has none of these.

        Raises:
            SceneUnusableError: It isn't one of those that are used.
        """
        placement = self.state.placements.get(scene.item_id)
        if placement is None:
            raise SceneUnusableError(f"scene {scene.item_id} isn't used")
        observation = observe(scene, raster, self.grid.gsd_m).part(bands)
        if placement.displacement is not None:
            observation = self._aligned(observation, placement.displacement)
        if placement.valid is not None:
            observation = masked(observation, placement.valid)
        return self._prepared(_lit(observation, placement.lines), placement)

    def _close(self) -> list[PreparedScene]:
        """Uses the best product of the acquisition at hand."""
        group, self._acquisition = self._acquisition, []
        if not group:
            return []
        best = best_of(group, self.parameters.min_clear_fraction)
        for other in group:
            if other is not best:
                self._leave_out(other.scene, f"same acquisition as {best.scene.item_id}, which is used in its place")
        settled: list[PreparedScene] = []
        try:
            require_usable(best, self.parameters.min_clear_fraction)
            if self.state.reference is None:
                settled = self._settled(best)
            if self.state.reference is not None:
                settled.append(self._registered(best, self.state.reference))
        except SceneUnusableError as error:
            self._leave_out(best.scene, str(error))
        return settled

    def _settled(self, observation: Observation) -> list[PreparedScene]:
        """The first candidate that a scene can be registered to becomes the reference; without one it waits itself."""
        for candidate in self._candidates:
            try:
                self._displacement(observation, candidate.registrar, candidate.observation.scene.item_id)
            except SceneUnusableError:
                continue
            for other in self._candidates:
                if other is not candidate:
                    self._leave_out_candidate(other)
            self._candidates.clear()
            first = candidate.observation
            self.state.reference = Reference(first.scene.item_id, first.brightness, first.valid)
            self._registrar = candidate.registrar
            return [self._place(first, candidate.placement)]
        self._propose(observation)
        return []

    def _propose(self, observation: Observation) -> None:
        first, placement = self._uncovered(observation, None)
        self._candidates.append(_Candidate(first, placement, Registrar(first.brightness, first.valid)))
        if len(self._candidates) > _MOST_CANDIDATES:
            self._leave_out_candidate(self._candidates.pop(0))

    def _registered(self, observation: Observation, reference: Reference) -> PreparedScene:
        """A scene on the reference.

        Raises:
            SceneUnusableError: It can't be used.
        """
        if self._registrar is None:
            self._registrar = Registrar(reference.brightness, reference.valid)
        found = self._displacement(observation, self._registrar, reference.item_id)
        aligned = self._aligned(observation, found)
        require_usable(aligned, self.parameters.min_clear_fraction)
        return self._place(*self._uncovered(aligned, found))

    def _leave_out(self, scene: Scene, reason: str) -> None:
        self.left_out.append(LeftOut(scene.item_id, scene.acquired_at, reason))

    def _leave_out_candidate(self, candidate: _Candidate) -> None:
        self._leave_out(candidate.observation.scene, "no other scene can be registered to it")

    def _displacement(self, observation: Observation, registrar: Registrar, reference_id: str) -> Displacement:
        limits = self.parameters
        against = f"the reference {reference_id}"
        try:
            found = registrar.displacement(
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

    def _uncovered(self, observation: Observation, found: Displacement | None) -> tuple[Observation, Placement]:
        """The observation with the reference's radiometry, less what snow or cloud covers in true colour, if any."""
        is_white = masks.white(observation.visible)
        lines = self._lines(observation)
        comparable = _lit(observation, lines)
        if observation.classified:
            return comparable, Placement(found, None, lines)
        before = self.state.last_seen.get(visible(observation.bands))
        cover = masks.white_cover(comparable.brightness, is_white, before, self.grid.gsd_m)
        if not cover.any():
            return comparable, Placement(found, None, lines)
        # Normalised once more without the cover, which may have been most of the area.
        clear = masked(observation, observation.valid & ~cover)
        require_usable(clear, self.parameters.min_clear_fraction)
        lines = self._lines(clear)
        return _lit(clear, lines), Placement(found, clear.valid, lines)

    def _lines(self, observation: Observation) -> dict[str, tuple[float, float]]:
        """What gives each band that was seen before its radiometry."""
        lines = {}
        for plane, name in zip(observation.reflectance, observation.bands, strict=True):
            first = self.state.radiometry.get(name)
            if first is not None:
                lines[name] = line_to_reference(plane, observation.valid, first.reflectance, first.valid)
        return lines

    def _place(self, observation: Observation, placement: Placement) -> PreparedScene:
        self.state.place(observation, placement)
        return self._prepared(observation, placement)

    def _prepared(self, observation: Observation, placement: Placement) -> PreparedScene:
        found = placement.displacement
        rows, columns = found.offset_px if found else (0.0, 0.0)
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
            registration_quality=found.quality if found else 1.0,
            clear_fraction=observation.clear_fraction,
        )


def _lit(observation: Observation, lines: Mapping[str, tuple[float, float]]) -> Observation:
    """An observation in the light of the reference."""
    reflectance = np.empty_like(observation.reflectance)
    for plane, lit, name in zip(observation.reflectance, reflectance, observation.bands, strict=True):
        gain, offset = lines.get(name, (1.0, 0.0))
        np.multiply(plane, np.float32(gain), out=lit)
        lit += np.float32(offset)
    return replace(observation, reflectance=reflectance)
