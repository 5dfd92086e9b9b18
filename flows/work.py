"""What a worker process does: it reads the scenes of one facility, follows them and draws its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from flows.fetch import read
from flows.imagery import open_held
from flows.publish.drawn import draw
from flows.record import FacilityRecord
from flows.scenes import rgb
from flows.stages import stage, timed
from flows.subject import Job
from flows.watch import Series, follow, prepare
from geo.grid import Grid
from geo.scene import FloatArray
from geo.sources.base import ImagerySource


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job.

    Attributes:
        record: The facility's record.
        seconds: Seconds by stage.
    """

    record: FacilityRecord
    seconds: dict[str, float]


def work(job: Job) -> Done:
    """Reads and follows the scenes of a job. Pure but for the source and for the pictures.

    Raises:
        SourceError: Nothing can be read.
        StoreError: The pictures can't be written.
    """
    with timed() as seconds:
        series = _series(job)
        record = follow(job.subject, series)
        if job.outputs is not None and series.stack is not None:
            with stage("draw"):
                draw(record, _Reader(series), job.outputs)
    return Done(record, seconds)


def _series(job: Job) -> Series:
    with stage("read"):
        fetched = read(_source(job.subject.specification), job)
    return prepare(job.subject, fetched)


class _Reader:
    """Gives the scenes of a series for its pictures."""

    def __init__(self, series: Series) -> None:
        self._series = series

    def __call__(self, facility_id: str, item_id: str) -> tuple[FloatArray, Grid]:
        assert self._series.stack is not None  # noqa: S101 - without a stack nothing is drawn
        return rgb(self._series.stack, facility_id, item_id)


@cache
def _source(specification: str) -> ImagerySource:
    """Opened once per process, so that headers are read once."""
    return open_held(specification)
