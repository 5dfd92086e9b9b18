"""What a worker process does: it reads the scenes of one facility, follows them and draws its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from flows.fetch import read, seen_from
from flows.imagery import open_held
from flows.publish.drawn import draw
from flows.record import FacilityRecord
from flows.scenes import rgb
from flows.stages import stage, timed
from flows.subject import Job
from flows.watch import Followed, follow
from geo.errors import SceneUnusableError
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
        source = _source(job.subject.specification)
        followed = follow(job.subject, read(source, job))
        if job.outputs is not None and any(scene.used for scene in followed.record.scenes):
            with stage("draw"):
                draw(followed.record, _Reader(source, job, followed), job.outputs)
    return Done(followed.record, seconds)


class _Reader:
    """Gives the scenes of a series for its pictures: reads them once more, for few of them are shown."""

    def __init__(self, source: ImagerySource, job: Job, followed: Followed) -> None:
        self._source = seen_from(source, job.subject)
        self._subject = job.subject
        self._scenes = {scene.item_id: scene for scene in job.scenes}
        self._preparation = followed.preparation

    def __call__(self, facility_id: str, item_id: str) -> tuple[FloatArray, Grid]:
        scene = self._scenes.get(item_id)
        if scene is None:
            raise SceneUnusableError(f"{facility_id}: scene {item_id} isn't in the imagery source any more")
        raster = self._source.read(scene, self._subject.method.bands, self._subject.grid)
        return rgb(self._preparation.again(scene, raster))


@cache
def _source(specification: str) -> ImagerySource:
    """Opened once per process, so that headers are read once."""
    return open_held(specification)
