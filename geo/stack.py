"""From rasters as stored to one stack of comparable scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from geo import masks
from geo.alignment import Displacement, align
from geo.bands import ordered, visible
from geo.errors import SceneUnusableError
from geo.grid import Grid
from geo.normalisation import normalise
from geo.observations import Observation, best_of, by_acquisition, masked, require_usable
from geo.registration import Registrar
from geo.scene import BoolArray, FloatArray, ImageStack, LeftOut, Scene, SceneRaster

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
class Prepared:
    """The stack, None where no scene can be used, and the scenes that aren't in it."""

    stack: ImageStack | None
    left_out: tuple[LeftOut, ...]


def build_stack(
    rasters: Sequence[tuple[Scene, SceneRaster]],
    grid: Grid,
    parameters: PreparationParameters = PreparationParameters(),
) -> Prepared:
    """Make scenes comparable: reflectance, masks, co-registration and normalisation to the reference.

    The reference is the first scene in time that is clear enough and that another one can be registered to: an
    undetected cloud must not become what every scene is held against. Until there are two such scenes the stack
    is the first clear one alone. From then on what is done to a scene depends on earlier ones only, so that a
    stack can be added to for years and its first scenes stay what they were, bit for bit; a band that a later
    scene brings is NaN in those before.

    Args:
        rasters: Scenes and their pixels on the grid, in any order.
        grid: The area's grid.
        parameters: How.
    """
    preparation = _Preparation(grid, parameters)
    for group in by_acquisition(rasters, grid.gsd_m, parameters.same_acquisition):
        best = best_of(group, parameters.min_clear_fraction)
        for other in group:
            if other is not best:
                preparation.leave_out(
                    other.scene, f"same acquisition as {best.scene.item_id}, which is used in its place"
                )
        try:
            preparation.add(best)
        except SceneUnusableError as error:
            preparation.leave_out(best.scene, str(error))
    return preparation.prepared()


@dataclass(frozen=True, slots=True)
class _Placed:
    """One scene on the reference."""

    observation: Observation
    offset_px: tuple[float, float]
    quality: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A scene that would do for the reference, if another one can be registered to it."""

    placed: _Placed
    registrar: Registrar


@dataclass(slots=True)
class _Preparation:
    """The scenes prepared so far, and what the next one is compared with.

    Attributes:
        candidates: Scenes that may be the reference; only the reference itself once it is settled.
        placed: The reference and the scenes placed on it, in time order; empty until it is settled.
        reference: Band name to (reflectance (y, x), valid (y, x)) of the first placed scene that has the band.
        last_seen: Names of visible bands to the brightness (y, x) at which each pixel was last seen in them.
    """

    grid: Grid
    parameters: PreparationParameters
    candidates: list[_Candidate] = field(default_factory=list)
    placed: list[_Placed] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    reference: dict[str, tuple[FloatArray, BoolArray]] = field(default_factory=dict)
    last_seen: dict[tuple[str, ...], FloatArray] = field(default_factory=dict)

    def add(self, observation: Observation) -> None:
        """Place a scene on the reference; while there is none, settle it or wait for another scene.

        Raises:
            SceneUnusableError: It can't be used; nothing is changed.
        """
        require_usable(observation, self.parameters.min_clear_fraction)
        for candidate in self.candidates:
            try:
                found = self._displacement(observation, candidate)
            except SceneUnusableError:
                if self.placed:
                    raise
                continue
            self._settle(candidate)
            aligned = self._aligned(observation, found)
            require_usable(aligned, self.parameters.min_clear_fraction)
            self._remember(_Placed(self._uncovered(aligned), found.offset_px, found.quality))
            return
        self._propose(self._uncovered(observation))

    def leave_out(self, scene: Scene, reason: str) -> None:
        """Note a scene that isn't used."""
        self.left_out.append(LeftOut(scene.item_id, scene.acquired_at, reason))

    def prepared(self) -> Prepared:
        """All scenes so far."""
        used = self.placed or [candidate.placed for candidate in self.candidates[:1]]
        for waiting in self.candidates[1:]:
            self._leave_out_candidate(waiting)
        return Prepared(_stacked(used, self.grid) if used else None, tuple(self.left_out))

    def _propose(self, observation: Observation) -> None:
        registrar = Registrar(observation.brightness, observation.valid)
        self.candidates.append(_Candidate(_Placed(observation, (0.0, 0.0), 1.0), registrar))
        if len(self.candidates) > _MOST_CANDIDATES:
            self._leave_out_candidate(self.candidates.pop(0))

    def _settle(self, reference: _Candidate) -> None:
        if self.placed:
            return
        for other in self.candidates:
            if other is not reference:
                self._leave_out_candidate(other)
        self.candidates = [reference]
        self._remember(reference.placed)

    def _leave_out_candidate(self, candidate: _Candidate) -> None:
        self.leave_out(candidate.placed.observation.scene, "no other scene can be registered to it")

    def _displacement(self, observation: Observation, candidate: _Candidate) -> Displacement:
        limits = self.parameters
        against = f"the reference {candidate.placed.observation.scene.item_id}"
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
        before = self.last_seen.get(visible(observation.bands))
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
            if name in self.reference:
                reflectance[band] = normalise(reflectance[band], observation.valid, *self.reference[name])
        return replace(observation, reflectance=reflectance)

    def _remember(self, placed: _Placed) -> None:
        self.placed.append(placed)
        observation = placed.observation
        for band, name in enumerate(observation.bands):
            self.reference.setdefault(name, (observation.reflectance[band], observation.valid))
        seen_in = visible(observation.bands)
        brightness = observation.brightness
        before = self.last_seen.get(seen_in, brightness)
        self.last_seen[seen_in] = np.where(observation.valid, brightness, before)


def _stacked(placed: Sequence[_Placed], grid: Grid) -> ImageStack:
    bands = ordered(name for one in placed for name in one.observation.bands)
    reflectance = np.full((len(placed), len(bands), *grid.shape), np.nan, np.float32)
    for time, one in enumerate(placed):
        reflectance[time, [bands.index(name) for name in one.observation.bands]] = one.observation.reflectance
    valid = np.stack([one.observation.valid for one in placed])
    rows, columns = np.array([one.offset_px for one in placed]).T
    return ImageStack(
        reflectance=reflectance,
        valid=valid,
        bands=bands,
        scenes=tuple(one.observation.scene for one in placed),
        grid=grid,
        # Columns count east and rows count south, whereas y counts north.
        shift_m=np.stack([columns, -rows], axis=1) * grid.gsd_m,
        registration_quality=np.array([one.quality for one in placed]),
        clear_fraction=valid.mean(axis=(1, 2)),
    )
