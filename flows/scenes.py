"""Gives the scenes behind a record once more, prepared exactly as the detectors saw them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from detectors.registry import DETECTORS, choose
from flows.fetch import fetch
from flows.method import Method, Window
from flows.record import FacilityRecord
from flows.subject import Subject
from geo.bands import TRUE_COLOUR
from geo.errors import InputError, SceneUnusableError, SourceError
from geo.grid import Grid
from geo.preparation import PreparationParameters
from geo.scene import FloatArray, ImageStack, PreparedScene
from geo.sources.base import ImagerySource
from geo.stack import build_stack

if TYPE_CHECKING:
    from flows.ledger import Ledger  # a worker has none


def rgb(scene: PreparedScene) -> tuple[FloatArray, Grid]:
    """Red, green and blue reflectance of a scene, as `StackReader` gives it."""
    names = TRUE_COLOUR if set(TRUE_COLOUR) <= set(scene.bands) else (scene.bands[0],) * 3
    return scene.pick(names), scene.grid


class StackReader:
    """Reads prepared scenes of a ledger's facilities; one facility's stack is in memory at a time.

    Preparation is a pure function of the scenes, so what comes out is what was assessed, to the last bit.
    """

    def __init__(self, ledger: Ledger, open_source: Callable[[str], ImagerySource]) -> None:
        self._ledger = ledger
        self._open_source = open_source
        self._sources: dict[str, ImagerySource] = {}
        self._held: tuple[str, ImageStack] | None = None

    def __call__(self, facility_id: str, item_id: str) -> tuple[FloatArray, Grid]:
        """Red, green and blue reflectance of a scene, float32 (3, y, x), NaN where not clear, and its grid.

        Where the scene has no such bands, its first band is given three times.

        Raises:
            SourceError: The scene can't be had any more.
        """
        scene = next((scene for scene in self._stack(facility_id) if scene.scene.item_id == item_id), None)
        if scene is None:
            raise SceneUnusableError(f"{facility_id}: scene {item_id} isn't in the imagery source any more")
        return rgb(scene)

    def _stack(self, facility_id: str) -> ImageStack:
        if self._held is None or self._held[0] != facility_id:
            self._held = None  # lets the earlier one go before the next is made
            self._held = (facility_id, self._prepare(facility_id))
        return self._held[1]

    def _prepare(self, facility_id: str) -> ImageStack:
        record = self._ledger.load(facility_id)
        if record is None:
            raise SourceError(f"{facility_id}: isn't in the ledger; run `facility-watch monitor` for it first")
        seen_by = {assessment.detector for assessment in record.assessments}
        names = tuple(name for name in DETECTORS if name in seen_by)
        method = Method(choose(names), PreparationParameters(), record.gsd_m)
        window = Window(record.window_start, record.window_end)
        subject = Subject(record.facility, (), window, method, record.source, area=record.area)
        fetched = fetch(self._source(record), subject)
        stack = build_stack(tuple(fetched.rasters), subject.grid, method.preparation).stack
        if stack is None:
            raise SourceError(f"{facility_id}: none of its scenes is in the imagery source any more")
        return stack

    def _source(self, record: FacilityRecord) -> ImagerySource:
        if record.source not in self._sources:
            try:
                self._sources[record.source] = self._open_source(record.source)
            except InputError as error:
                raise SourceError(f"{record.facility.facility_id}: {error}") from error
        return self._sources[record.source]
