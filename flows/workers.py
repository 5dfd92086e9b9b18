"""Where the series of facilities are followed: processes of this machine, or a Dask cluster.

Following is bound by the processor and much of it holds Python's interpreter lock, so threads gain nothing.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import get_context, parent_process
from queue import SimpleQueue
from typing import Protocol

from flows.parameters import MonitorParameters
from flows.subject import Job
from flows.work import Done, work
from flows.worker_error import WorkerError

# For each process of its own: it keeps one core busy, and threads of numerical libraries on top would only get in each
# other's way; and what it frees it keeps until a facility is done, since glibc would give the memory of every larger
# array back to the system and have it zeroed anew for the next, which takes up to a tenth of all time.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(512 * 2**20),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
}

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
        for name, setting in _ENVIRONMENT.items():
            os.environ.setdefault(name, setting)
        self._free: SimpleQueue[_Worker] = SimpleQueue()
        self._all = [_Worker() for _ in range(count)]
        self._closed = False
        for worker in self._all:
            self._free.put(worker)

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
        worker = self._free.get()
        try:
            if self._closed:
                raise WorkerError(f"{name}: the run was stopped before its turn")
            return worker.run(job, self._limit_s)
        except BrokenProcessPool as error:
            raise WorkerError(
                f"{name}: its process died; if that was for want of memory, give fewer --workers; the next run tries "
                "again"
            ) from error
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """Let all workers go, whatever they are doing."""
        self._closed = True
        for worker in self._all:
            worker.stop()


class _Worker:
    """One process, which has one job at a time, so that it is always clear whose job died with it.

    A pool that several processes share is broken as a whole by the death of one.
    """

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._pid = 0
        self._jobs = 0

    def run(self, job: Job, limit_s: float) -> Done:
        """Do a job.

        Raises:
            WorkerError: It took too long.
            BrokenProcessPool: The process died.
        """
        pool = self._started()
        self._jobs += 1
        future = pool.submit(_work, job)
        try:
            return future.result(limit_s)
        except BrokenProcessPool:
            self.stop()
            raise
        except TimeoutError as error:
            if future.done():
                raise  # the work's own
            self.stop()
            raise WorkerError(
                f"{job.subject.facility.facility_id}: was stopped after {limit_s:g} seconds; allow more with "
                "--facility-timeout"
            ) from error

    def stop(self) -> None:
        """End the process at once."""
        pool, self._pool, self._jobs = self._pool, None, 0
        if pool is not None:
            if self._pid:
                _kill(self._pid)
            pool.shutdown(wait=True, cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        if self._jobs >= _FACILITIES_PER_PROCESS:
            self.stop()
        if self._pool is None:
            self._pid = 0
            pool = self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_end_with_parent)
            self._pid = pool.submit(os.getpid).result()  # the run may be stopped meanwhile
            return pool
        return self._pool


def _work(job: Job) -> Done:
    done = work(job)
    _spare_what_is_loaded()
    _give_back()
    return done


def _give_back() -> None:
    """Gives back what a facility needed, or a worker would hold for ever what its largest did."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
        if trim is not None:
            trim(0)


@cache
def _spare_what_is_loaded() -> None:
    """Lets the garbage collector pass over modules and compiled code, once: they stay, and looking takes a while."""
    gc.collect()
    gc.freeze()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    except ProcessLookupError:
        return  # it was dead already


def _end_with_parent() -> None:
    """Lets a worker end when the run is killed; otherwise it would wait for jobs for ever."""
    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True, name="end-with-parent").start()


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
