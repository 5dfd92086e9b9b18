"""Where the series of facilities are followed: processes of this machine, or a Dask cluster.

Following is bound by the processor and much of it holds Python's interpreter lock, so threads gain nothing.
"""

from __future__ import annotations

import os
from concurrent.futures import CancelledError
from multiprocessing import get_context
from typing import Any, Protocol

from pebble import ProcessExpired, ProcessPool

from flows.parameters import MonitorParameters
from flows.subject import Job
from flows.work import Done, work
from flows.worker_error import WorkerError

# A worker is replaced after so many facilities, so that what a library leaks doesn't add up over a catalogue.
_FACILITIES_PER_PROCESS = 100


class Workers(Protocol):
    """Places where jobs are done."""

    @property
    def count(self) -> int:
        """How many jobs are done at once."""

    def run(self, job: Job) -> Done:
        """Do a job and wait for it. Called from many threads.

        Raises:
            WorkerError: The worker died, or took longer than it may.
        """

    def close(self) -> None:
        """Let all workers go, whatever they are doing."""


class LocalWorkers:
    """Processes of this machine, started when they are first needed.

    Args:
        count: How many.
        limit_s: Seconds that one facility may take.
    """

    def __init__(self, count: int, limit_s: float) -> None:
        self._count = count
        self._limit_s = limit_s
        # Each process keeps one core busy; threads of numerical libraries on top would only get in each other's way.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._pool: Any = ProcessPool(
            max_workers=count, max_tasks=_FACILITIES_PER_PROCESS, context=get_context("spawn")
        )

    @property
    def count(self) -> int:
        """How many jobs are done at once."""
        return self._count

    def run(self, job: Job) -> Done:
        """Do a job and wait for it; a worker that dies or takes too long is replaced.

        Raises:
            WorkerError: It died, or took longer than it may.
        """
        name = job.subject.facility.facility_id
        try:
            done: Done = self._pool.schedule(work, args=[job], timeout=self._limit_s).result()
        except TimeoutError as error:
            raise WorkerError(
                f"{name}: was stopped after {self._limit_s:g} seconds; allow more with --facility-timeout"
            ) from error
        except ProcessExpired as error:
            raise WorkerError(
                f"{name}: its process ended without an answer ({_how(error)}); if memory was short, "
                "give fewer --workers; the next run tries again"
            ) from error
        except CancelledError as error:
            raise WorkerError(f"{name}: the run was stopped before its turn") from error
        return done

    def close(self) -> None:
        """Let all workers go, whatever they are doing."""
        self._pool.stop()
        self._pool.join()


def open_workers(parameters: MonitorParameters, facilities: int) -> Workers:
    """The workers that a run asks for, no more than it has facilities.

    Raises:
        InputError: They can't be had.
    """
    count = max(1, min(parameters.workers, facilities))
    kind, _, address = parameters.runner.partition(":")
    if kind == "dask":
        from flows.dask_workers import DaskWorkers

        return DaskWorkers(address, count, parameters.facility_timeout_s)
    return LocalWorkers(count, parameters.facility_timeout_s)


def _how(error: ProcessExpired) -> str:
    code = error.exitcode
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
