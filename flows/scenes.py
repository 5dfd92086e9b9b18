"""Gives the scenes behind a record once more, prepared exactly as the detectors saw them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from detectors.registry import DETECTORS, choose
from flows.checkpoint import Checkpoint
from flows.checkpoints import Checkpoints
from flows.fetch import raster_of, read, seen_from, whole_series
from flows.method import Method, Window
from flows.record import FacilityRecord
from flows.shown import Shown
from flows.subject import Job, Subject
from geo.bands import TRUE_COLOUR
from geo.errors import InputError, SceneUnusableError, SourceError, StoreError
from geo.grid import Grid
from geo.preparation import Preparation, PreparationParameters
from geo.scene import FloatArray, PreparedScene
from geo.sources.base import ImagerySource

log = logging.getLogger("facility_watch")

if TYPE_CHECKING:
    from flows.ledger import Ledger  # a worker has none


class SeriesScenes:
    """Gives scenes of one series; of each that isn't at hand its own pixels alone are read.

    Args:
        source: Where from.
        job: The series.
        preparation: What made its scenes comparable.
        shown: Scenes of it that are at hand; None where none is.
    """

    def __init__(self, source: ImagerySource, job: Job, preparation: Preparation, shown: Shown | None = None) -> None:
        self._source = seen_from(source, job.subject)
        self._job = job
        self._scenes = {scene.item_id: scene for scene in job.scenes}
        self._preparation = preparation
        self._shown = shown.by_item() if shown else {}

    def __call__(self, facility_id: str, item_id: str) -> tuple[FloatArray, Grid]:
        """Red, green and blue reflectance of a scene, float32 (3, y, x), NaN where not clear, and its grid.

        Where the scene has no such bands, its first band is given three times.

        Raises:
            SourceError: The scene can't be had any more.
        """
        if item_id in self._shown:
            return self._shown[item_id], self._job.subject.grid
        scene = self._scenes.get(item_id)
        if scene is None:
            raise SceneUnusableError(f"{facility_id}: scene {item_id} isn't in the imagery source any more")
        return _rgb(self._preparation.again(scene, raster_of(self._source, self._job, scene), TRUE_COLOUR))


def _rgb(scene: PreparedScene) -> tuple[FloatArray, Grid]:
    names = TRUE_COLOUR if set(TRUE_COLOUR) <= set(scene.bands) else (scene.bands[0],) * 3
    return scene.pick(names), scene.grid


class RecordedScenes:
    """Gives scenes of a ledger's facilities.

    Preparation is a pure function of the scenes, so what comes out is what was assessed, to the last bit. How each
    scene was laid on the reference is in the facility's checkpoint; without one all of them are prepared once more.

    Args:
        ledger: Where the records are.
        open_source: Opens what a record names as its source.
        checkpoints: Where checkpoints are; None where there are none.
    """

    def __init__(
        self, ledger: Ledger, open_source: Callable[[str], ImagerySource], checkpoints: str | None = None
    ) -> None:
        self._ledger = ledger
        self._open_source = open_source
        self._checkpoints = None if checkpoints is None else Checkpoints(checkpoints)
        self._sources: dict[str, ImagerySource] = {}
        self._held: tuple[str, SeriesScenes] | None = None

    def __call__(self, facility_id: str, item_id: str) -> tuple[FloatArray, Grid]:
        """A scene as `SeriesScenes` gives it.

        Raises:
            SourceError: The scene can't be had any more.
        """
        if self._held is None or self._held[0] != facility_id:
            self._held = None  # lets the earlier one go before the next is made
            self._held = (facility_id, self._series(facility_id))
        return self._held[1](facility_id, item_id)

    def _series(self, facility_id: str) -> SeriesScenes:
        record = self._ledger.load(facility_id)
        if record is None:
            raise SourceError(f"{facility_id}: isn't in the ledger; run `facility-watch monitor` for it first")
        source, job = self._source(record), self._job(record)
        preparation = Preparation(job.subject.grid, job.subject.method.preparation)
        checkpoint = self._checkpoint(record)
        if checkpoint is not None:
            preparation.state = checkpoint.preparation
        else:
            for scene, raster in read(source, job).rasters:
                preparation.add(scene, raster)
            preparation.finish()
        return SeriesScenes(source, job, preparation)

    def _checkpoint(self, record: FacilityRecord) -> Checkpoint | None:
        """It only saves time: where its place can't be read, the series is prepared once more."""
        if self._checkpoints is None:
            return None
        try:
            return self._checkpoints.load(record)
        except StoreError as error:
            log.warning("%s: no checkpoint is used: %s", record.facility.facility_id, error)
            return None

    def _job(self, record: FacilityRecord) -> Job:
        seen_by = {assessment.detector for assessment in record.assessments}
        names = tuple(name for name in DETECTORS if name in seen_by)
        method = Method(choose(names), PreparationParameters(), record.gsd_m)
        window = Window(record.window_start, record.window_end)
        subject = Subject(record.facility, (), window, method, record.source, area=record.area)
        return whole_series(self._source(record), subject)

    def _source(self, record: FacilityRecord) -> ImagerySource:
        if record.source not in self._sources:
            try:
                self._sources[record.source] = self._open_source(record.source)
            except InputError as error:
                raise SourceError(f"{record.facility.facility_id}: {error}") from error
        return self._sources[record.source]
