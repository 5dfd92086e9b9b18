"""A small place whose scenes come and fail as a test likes, watched without processes and without Prefect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy import ndimage
from shapely import Point, box
from shapely.geometry.base import BaseGeometry

from aoi.catalogue import Catalogue
from aoi.facility import Facility, FacilityKind
from detectors.base import Assessment, ChangeType, Components, Finding, Requirements, Verdict
from detectors.series import Series
from flows.ledger import Ledger
from flows.method import Method, Window
from flows.record import FacilityRecord
from flows.subject import Job
from flows.watcher import Patience, Watched, Watcher
from flows.work import Done, follow_job
from geo.errors import SceneUnusableError
from geo.grid import Grid
from geo.preparation import PreparationParameters
from geo.scene import PreparedScene, Scene, SceneRaster
from geo.sources.base import Cost, ImagerySource, SearchResult

PLACE = Facility("place-a", "Place", FacilityKind.CUSTOM, Point(88.29, 43.38), 320.0)
START = datetime(2018, 1, 1, tzinfo=UTC)
STEP = timedelta(days=10)
END = START + 40 * STEP


@dataclass(frozen=True)
class BrightGround:
    """Parameters: how much brighter than in the first scene ground has to be."""

    step: float = 0.15


class Brightening:
    """A detector that costs next to nothing: ground brighter than in the first scene, one change per patch."""

    name: ClassVar[str] = "brightening"
    version: ClassVar[str] = "1"
    requires: ClassVar[Requirements] = Requirements(20.0, ("B04",), 2)

    def __init__(self) -> None:
        self.parameters = BrightGround()

    def start(self, grid: Grid) -> BrightFollower:
        return BrightFollower(self.parameters, Brightness(Series(grid)))


@dataclass
class Brightness:
    """What is remembered: the scenes, the first one's red, and where each was brighter."""

    series: Series
    first: np.ndarray | None = None
    bright: list[np.ndarray] = field(default_factory=list)


@dataclass
class BrightFollower:
    parameters: BrightGround
    state: Brightness

    def add(self, scene: PreparedScene) -> None:
        state, red = self.state, scene.pick(["B04"])[0]
        state.series.add(scene)
        if state.first is None:
            state.first = red
        state.bright.append(np.nan_to_num(red - state.first) > self.parameters.step)

    def assess(self) -> Assessment:
        labels, count = ndimage.label(ndimage.binary_opening(self.state.bright[-1], iterations=2))
        found = tuple(self._finding(labels == label) for label in range(1, count + 1))
        clear = self.state.series.scenes[-1].clear_fraction
        return Assessment(Verdict.CHANGED if found else Verdict.UNCHANGED, f"{count} patches", clear, found)

    def _finding(self, patch: np.ndarray) -> Finding:
        series = self.state.series
        rows, columns = np.nonzero(patch)
        corners = [
            series.grid.transform @ (columns.min(), rows.max() + 1),
            series.grid.transform @ (columns.max() + 1, rows.min()),
        ]
        ground = box(*corners[0], *corners[1])
        seen = [scene for scene, one in zip(series.scenes, self.state.bright, strict=True) if one[patch].mean() > 0.5]
        return Finding(
            kind=ChangeType.BUILDING_ADDED,
            geometry=ground,
            area_m2=ground.area,
            length_m=None,
            score=0.5,
            components=Components(0.5, 0.5, 0.5, 1.0),
            last_without=None,
            first_with=seen[0].acquired_at,
            before_item_id=series.scenes[0].item_id,
            after_item_id=seen[-1].item_id,
            seen_in=tuple(scene.item_id for scene in seen),
        )


@dataclass
class Archive:
    """Scenes of the place, of which some have arrived, some fail, and every read is counted.

    Attributes:
        here: Numbers of the scenes that have arrived.
        failing: Numbers of those that can't be read just now.
        cloudy: Numbers of those under cloud for ever.
        reads: Item ids in the order they were read.
    """

    here: set[int]
    failing: set[int] = field(default_factory=set)
    cloudy: frozenset[int] = frozenset()
    reads: list[str] = field(default_factory=list)
    name: str = "test"

    def search(self, area: BaseGeometry, start: datetime, end: datetime) -> SearchResult:
        found = [scene(number) for number in sorted(self.here)]
        return SearchResult(tuple(one for one in found if start <= one.acquired_at <= end))

    def read(self, scene: Scene, bands: Sequence[str], grid: Grid, clear_in: Grid | None = None) -> SceneRaster:
        number = int(scene.item_id[1:])
        self.reads.append(scene.item_id)
        if number in self.failing:
            raise SceneUnusableError("can't be read: copy it again")
        return raster(number, grid.shape, cloudy=number in self.cloudy)

    def estimate_cost(self, scenes: Sequence[Scene], bands: Sequence[str], grid: Grid) -> Cost:
        return Cost()


def scene(number: int) -> Scene:
    return Scene(
        item_id=f"s{number}",
        collection="sentinel-2-l2a",
        acquired_at=START + number * STEP,
        scene_footprint=PLACE.area_of_interest,
        gsd_m=10.0,
        bands=("B04",),
    )


def raster(number: int, shape: tuple[int, int], *, cloudy: bool) -> SceneRaster:
    ground = ndimage.gaussian_filter(np.random.default_rng(7).normal(size=shape), 1.0)
    dn = 0.2 + 0.05 * ground / ground.std()
    dn += np.random.default_rng(number).normal(0, 0.003, shape)
    for begun, place in ((4, np.s_[8:18, 10:22]), (9, np.s_[40:52, 30:38]), (13, np.s_[20:30, 44:58])):
        if number >= begun:
            dn[place] += 0.3
    valid = np.ones(shape, bool)
    valid[: shape[0] * 4 // 5 if cloudy else number % 3 * 2] = False
    bare_soil = np.full(shape, 5, np.uint8)
    return SceneRaster(dn[None].astype(np.float32), (1.0,), (0.0,), valid, bare_soil, ("B04",))


@dataclass(frozen=True)
class InPlace:
    """Does jobs in the calling thread."""

    archive: ImagerySource
    count: int = 1

    def run(self, job: Job) -> Done:
        return Done(follow_job(self.archive, job).record, {})

    def close(self) -> None:
        pass


def watch(
    archive: ImagerySource,
    ledger: Ledger,
    end: datetime = END,
    overlap: timedelta | None = timedelta(days=60),
    checkpoints: Path | None = None,
) -> Watched:
    """One run over the place."""
    watcher = Watcher(
        catalogue=Catalogue((PLACE,)),
        source=archive,
        specification="test",
        window=Window(START, end),
        method=Method((Brightening(),), PreparationParameters(), 10.0),
        overlap=overlap,
        ledger=ledger,
        workers=InPlace(archive),
        patience=Patience(0, 0.0, 60.0),
        checkpoints=None if checkpoints is None else str(checkpoints),
    )
    return watcher.watch(PLACE)


def at_once(folder: Path, archive: Archive, end: datetime = END) -> FacilityRecord:
    """The record that one run over everything gives."""
    folder.mkdir(parents=True)
    ledger = Ledger.at(folder)
    try:
        watch(archive, ledger, end)
        record = ledger.load(PLACE.facility_id)
    finally:
        ledger.close()
    assert record is not None
    return record
