"""What a worker process does: it reads the scenes of one facility, follows them and draws its pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from flows.checkpoints import Checkpoints
from flows.fetch import read
from flows.imagery import open_held
from flows.publish.drawn import draw
from flows.record import FacilityRecord
from flows.scenes import SeriesScenes
from flows.stages import stage, timed
from flows.subject import Job
from flows.watch import Followed, Rest, comparable, follow
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
        followed = follow_job(source, job)
        if job.outputs is not None and any(scene.used for scene in followed.record.scenes):
            with stage("draw"):
                scenes = SeriesScenes(source, job, followed.preparation, followed.shown)
                draw(followed.record, scenes, job.outputs)
    return Done(followed.record, seconds)


def follow_job(source: ImagerySource, job: Job) -> Followed:
    """Follows a job's series, from the checkpoint of the run before where there is one, and leaves one for the next.

    Raises:
        SourceError: Nothing can be read.
        StoreError: The place of the checkpoints can't be used.
    """
    if job.checkpoints is None:
        return follow(job.subject, read(source, job))
    store = Checkpoints(job.checkpoints)
    followed = follow(job.subject, read(source, job), _rest(source, job, store))
    if followed.checkpoint is not None:
        with stage("keep"):
            store.save(followed.record, followed.checkpoint)
    return followed


def _rest(source: ImagerySource, job: Job, store: Checkpoints) -> Rest | None:
    """What a job has to follow where a checkpoint spares the scenes on record; None where there is none that fits."""
    known = comparable(job.subject)
    if known is None or (known.source, known.area) != (job.subject.specification, job.subject.area):
        return None
    on_record = {scene.item_id for scene in known.read_scenes}
    if not on_record <= {scene.item_id for scene in job.scenes}:
        return None  # one of them is there no more
    with stage("keep"):
        checkpoint = store.load(known)
    if checkpoint is None:
        return None
    new = tuple(scene for scene in job.scenes if scene.item_id not in on_record)
    return Rest(checkpoint, read(source, replace(job, scenes=new)))


@cache
def _source(specification: str) -> ImagerySource:
    """Opened once per process, so that headers are read once."""
    return open_held(specification)
