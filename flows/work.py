"""What a worker process does: it reads the scenes of one facility and follows them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from flows.fetch import read
from flows.imagery import open_held
from flows.record import FacilityRecord
from flows.stages import stage, timed
from flows.subject import Job
from flows.watch import assess
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
    """Reads and follows the scenes of a job. Pure but for the source.

    Raises:
        SourceError: Nothing can be read.
    """
    with timed() as seconds:
        with stage("read"):
            fetched = read(_source(job.subject.specification), job)
        record = assess(job.subject, fetched)
    return Done(record, seconds)


@cache
def _source(specification: str) -> ImagerySource:
    """Opened once per process, so that headers are read once."""
    return open_held(specification)
