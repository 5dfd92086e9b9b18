"""From a source to the scenes of one facility."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from flows.stages import stage
from flows.subject import Job, Subject
from geo.errors import SceneNotClearError, SceneUnusableError, SourceError
from geo.scene import LeftOut, Scene, SceneRaster
from geo.sources.area import AreaSource
from geo.sources.base import ImagerySource
from geo.sources.cached import CachedSource
from geo.sources.many import read_many


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source gives for one facility.

    Attributes:
        rasters: The scenes that can be read, ascending by acquisition.
        left_out: The scenes that the search left out, with the reason.
        not_clear: The scenes that the source itself found to show too little.
        failed: The scenes that reading failed for.
    """

    rasters: Iterable[tuple[Scene, SceneRaster]]
    left_out: Sequence[LeftOut]
    not_clear: Sequence[LeftOut] = ()
    failed: Sequence[LeftOut] = ()


def seen_from(source: ImagerySource, subject: Subject) -> ImagerySource:
    """The source as a facility sees it: where it keeps what it fetches, it fetches areas that several share."""
    if subject.area is None or not isinstance(source, CachedSource):
        return source
    return AreaSource(source, subject.area)


def whole_series(source: ImagerySource, subject: Subject) -> Job:
    """All scenes of a facility's watched time, to be read.

    Raises:
        SourceError: The source can't be asked.
    """
    window = subject.window
    found = seen_from(source, subject).search(subject.facility.area_of_interest, window.start, window.end)
    return Job(subject, found.scenes, found.left_out)


def read(source: ImagerySource, job: Job) -> Fetched:
    """The scenes of a job, each of which is read when it is asked for; one that can't be read is left out.

    Which ones can't be is known after the last one. Asking for the first one again starts anew. Asking raises
    SourceError where nothing can be read.
    """
    reading = _Reading(source, job)
    return Fetched(reading, job.left_out, reading.not_clear, reading.failed)


def raster_of(source: ImagerySource, job: Job, scene: Scene) -> SceneRaster:
    """The pixels of one of a job's scenes: those that came with it, else those of the source as its facility sees it.

    Raises:
        SceneUnusableError: They can't be read.
    """
    held = job.rasters.get(scene.item_id)
    return source.read(scene, job.subject.method.bands, job.subject.grid) if held is None else held


@dataclass(slots=True)
class _Reading:
    """Reads the scenes of a job one by one."""

    source: ImagerySource
    job: Job
    not_clear: list[LeftOut] = field(default_factory=list)
    failed: list[LeftOut] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[Scene, SceneRaster]]:
        job = self.job
        self.not_clear.clear()
        self.failed[:] = job.failed
        source = seen_from(self.source, job.subject)
        for scene in sorted(job.scenes, key=lambda scene: (scene.acquired_at, scene.item_id)):
            try:
                with stage("read"):
                    raster = raster_of(source, job, scene)
            except SceneNotClearError as error:
                self.not_clear.append(LeftOut(scene.item_id, scene.acquired_at, str(error)))
            except SceneUnusableError as error:
                self.failed.append(LeftOut(scene.item_id, scene.acquired_at, str(error)))
            else:
                yield scene, raster


def hold(source: ImagerySource, job: Job, limit_s: float) -> Job:
    """Sees to it that the scenes of a job are in the cache, where the source has one.

    Workers then read the cache and ask nobody, so that bounds and pace are those of the run and not of each worker.

    Args:
        source: Where from.
        job: What has to be held.
        limit_s: Seconds that it may take.

    Returns:
        The job with the scenes that can't be had among the failed ones.

    Raises:
        SourceError: Nothing can be read, or it takes too long; what was fetched stays in the cache.
    """
    if not isinstance(source, CachedSource):
        return job
    bands, grid = job.subject.method.bands, job.subject.grid
    deadline = time.monotonic() + limit_s
    failed: dict[str, LeftOut] = {}
    missing = [scene for scene in job.scenes if not source.holds(scene, bands, grid)]
    for scene, outcome in read_many(seen_from(source, job.subject), missing, bands, grid):
        if time.monotonic() > deadline:
            raise SourceError(
                f"fetching its imagery took more than {limit_s:g} seconds; what was fetched is kept, so the next run "
                "goes on from there; allow more with --facility-timeout"
            )
        # That a scene isn't clear the cache knows now, and the worker will hear it from there.
        if isinstance(outcome, SceneUnusableError) and not isinstance(outcome, SceneNotClearError):
            failed[scene.item_id] = LeftOut(scene.item_id, scene.acquired_at, str(outcome))
    scenes = tuple(scene for scene in job.scenes if scene.item_id not in failed)
    return replace(job, scenes=scenes, failed=(*job.failed, *failed.values()))
