"""Buildings as objects in a series of images at 1 m or finer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

import numpy as np
from scipy import ndimage

from detectors.base import Assessment, ChangeType, Components, Finding, Follower, Requirements, Verdict, unmet
from detectors.components import labelled
from detectors.extents import ExtentParameters, outline
from detectors.objects import ObjectParameters, likeness, new_buildings
from detectors.series import Series
from geo.grid import Grid
from geo.scene import BoolArray, FloatArray, PreparedScene

RED_GREEN_BLUE = ("B04", "B03", "B02")


class Segmenter(Protocol):
    """A learned model that tells buildings from other ground, made and loaded outside of the detectors."""

    @property
    def sha256(self) -> str:
        """What identifies the model, for provenance."""

    def __call__(self, reflectance: FloatArray) -> FloatArray:
        """Probability that each pixel is a building, float32 (y, x), 0 to 1.

        Args:
            reflectance: float32 (3, y, x), red, green, blue; 0 where not clear.
        """


@dataclass(frozen=True, slots=True)
class ObjectWatchParameters:
    """How buildings are told and reported.

    Attributes:
        objects: What a new building looks like where no segmenter is given.
        display_quantile: Quantile of the first scene's reflectance that is shown at `display_level`, as the images
            that the thresholds were chosen on were.
        display_level: See there, 0 to 1.
        probability: A segmenter's probability from which on ground is a building.
        clear_share: Share of an object's ground that must be clear for a scene to count.
        shown_share: Share of its clear ground that must be building for a scene to show it.
        straighten_m: How far an outline may move to become straight.
        segmenter_sha256: Which segmenter; empty where there is none.
    """

    objects: ObjectParameters = field(default_factory=ObjectParameters)
    display_quantile: float = 0.98
    display_level: float = 0.9
    probability: float = 0.5
    clear_share: float = 0.5
    shown_share: float = 0.5
    straighten_m: float = 1.0
    segmenter_sha256: str = ""


class Objects:
    """Finds new buildings as objects, against the first clear look at each pixel.

    Each scene tells which ground is newly built, by `detectors.objects.new_buildings` or by a learned segmenter
    (built now, not built then). Ground that the newest clear look shows as built stands; touching ground is one
    object, whose onset lies between the last clear scene that lacks it and the first that shows it.
    """

    name: ClassVar[str] = "objects"
    version: ClassVar[str] = "1.0.0"
    requires: ClassVar[Requirements] = Requirements(max_gsd_m=1.0, bands=RED_GREEN_BLUE, min_scenes=2)

    def __init__(self, parameters: ObjectWatchParameters | None = None, segmenter: Segmenter | None = None) -> None:
        chosen = parameters or ObjectWatchParameters()
        self.parameters = replace(chosen, segmenter_sha256=segmenter.sha256 if segmenter else "")
        self._segmenter = segmenter

    def start(self, grid: Grid) -> Follower:
        """A follower of an area that has seen no scene yet."""
        return ObjectFollower(self.parameters, self._segmenter, Looks.empty(grid))


@dataclass(slots=True)
class ObjectFollower:
    """Follows one area; see `Objects`."""

    parameters: ObjectWatchParameters
    segmenter: Segmenter | None
    state: Looks

    def add(self, scene: PreparedScene) -> None:
        """Takes in the next scene."""
        self.state.series.add(scene)
        if scene.grid.gsd_m <= Objects.requires.max_gsd_m:
            self._look(scene)

    def _look(self, scene: PreparedScene) -> None:
        looks, gsd_m = self.state, scene.grid.gsd_m
        image = scene.pick(RED_GREEN_BLUE)
        clear = np.asarray(scene.valid & np.isfinite(image).all(axis=0))
        image = np.nan_to_num(image)
        both = clear & looks.known
        if self.segmenter is None:
            if looks.scale == 0.0 and clear.any():
                level = np.quantile(image[:, clear], self.parameters.display_quantile)
                looks.scale = self.parameters.display_level / max(float(level), 1e-6)
            now = np.clip(image * np.float32(looks.scale), 0.0, 1.0)
            built, change = self._by_colour(looks.before, now, both, gsd_m)
        else:
            now = self.segmenter(image)[None]
            change = np.asarray(now[0] - looks.before[0], np.float32)
            limit = self.parameters.probability
            built = self._large(both & (now[0] >= limit) & (looks.before[0] < limit), gsd_m)
        fresh = clear & ~looks.known
        looks.before[: now.shape[0], fresh] = now[:, fresh]
        looks.known |= clear
        looks.hits.append(built)
        looks.clear.append(clear)
        looks.standing[clear] = built[clear]
        looks.change[built] = change[built]

    def _by_colour(
        self, before: FloatArray, now: FloatArray, both: BoolArray, gsd_m: float
    ) -> tuple[BoolArray, FloatArray]:
        if not both.any():
            return both, np.zeros(both.shape, np.float32)
        objects = self.parameters.objects
        alike = likeness(before, now, objects.likeness_m / gsd_m)
        return new_buildings(before, now, both, gsd_m, objects) > 0, np.clip(1.0 - alike, 0.0, 1.0)

    def _large(self, built: BoolArray, gsd_m: float) -> BoolArray:
        """Objects of the least size of a building."""
        labels, count = labelled(built)
        enough = np.bincount(labels.ravel(), minlength=count + 1) * gsd_m**2 >= self.parameters.objects.least_area_m2
        enough[0] = False
        return np.asarray(enough[labels])

    def assess(self) -> Assessment:
        """What can be said after the newest scene."""
        looks, series = self.state, self.state.series
        clear_fraction = series.scenes[-1].clear_fraction
        reason = unmet(Objects.requires, series)
        if reason is None and not looks.clear[-1].any():
            reason = f"no clear ground in the newest scene, {series.scenes[-1].item_id}"
        if reason is not None:
            return Assessment(Verdict.NOT_ASSESSABLE, reason, clear_fraction)
        labels, _ = labelled(self._large(looks.standing, series.grid.gsd_m))
        found = [
            self._finding(looks, box, labels[box] == label)
            for label, box in enumerate(ndimage.find_objects(labels), start=1)
        ]
        findings = tuple(sorted((one for one in found if one), key=lambda one: (one.first_with, one.geometry.bounds)))
        if not findings:
            return Assessment(Verdict.UNCHANGED, "no new building", clear_fraction)
        return Assessment(Verdict.CHANGED, f"{len(findings)} building(s)", clear_fraction, findings)

    def _finding(self, looks: Looks, box: tuple[slice, slice], ground: BoolArray) -> Finding | None:
        parameters, series = self.parameters, looks.series
        clear = [float(mask[box][ground].mean()) for mask in looks.clear]
        counted = [index for index, share in enumerate(clear) if share >= parameters.clear_share]
        shares = {index: looks.hits[index][box][ground & looks.clear[index][box]].mean() for index in counted}
        seen = [index for index in counted if shares[index] >= parameters.shown_share]
        if not seen:
            return None
        without = [index for index in counted if index < seen[0]]
        since = [index for index in counted if index >= seen[0]]
        mask = np.zeros(series.grid.shape, bool)
        mask[box] = ground
        geometry = outline(mask, series.grid, replace(ExtentParameters(), straighten_m=parameters.straighten_m))
        components = Components(
            magnitude=float(np.clip(looks.change[box][ground].mean(), 0.0, 1.0)),
            persistence=len(seen) / len(since),
            registration=float(np.clip(series.registration_quality[[*without[-1:], *seen]].min(), 0.0, 1.0)),
            clear_fraction=float(np.mean([clear[index] for index in since])),
        )
        return Finding(
            kind=ChangeType.BUILDING_ADDED,
            geometry=geometry,
            area_m2=float(geometry.area),
            length_m=None,
            score=components.magnitude * components.persistence * components.registration,
            components=components,
            last_without=series.scenes[without[-1]].acquired_at if without else None,
            first_with=series.scenes[seen[0]].acquired_at,
            before_item_id=series.scenes[without[-1]].item_id if without else None,
            after_item_id=series.scenes[max(seen, key=lambda index: (clear[index], index))].item_id,
            seen_in=tuple(series.scenes[index].item_id for index in seen),
        )


@dataclass(slots=True)
class Looks:
    """What the scenes folded so far have shown.

    Attributes:
        series: The scenes.
        before: float32 (3, y, x), first clear look: colours 0 to 1, or in the first layer a probability.
        known: bool (y, x), where there was one.
        standing: bool (y, x), built in the newest clear look.
        change: float32 (y, x), change where built, newest look.
        scale: From reflectance to colours; 0 until a scene has shown something.
        hits: Per scene, bool (y, x): newly built.
        clear: Per scene, bool (y, x).
    """

    series: Series
    before: FloatArray
    known: BoolArray
    standing: BoolArray
    change: FloatArray
    scale: float = 0.0
    hits: list[BoolArray] = field(default_factory=list)
    clear: list[BoolArray] = field(default_factory=list)

    @classmethod
    def empty(cls, grid: Grid) -> Looks:
        """The state before any scene."""
        ground = np.zeros(grid.shape, bool)
        real = np.zeros((3, *grid.shape), np.float32)
        return cls(Series(grid), real, ground, ground.copy(), real[0].copy())
