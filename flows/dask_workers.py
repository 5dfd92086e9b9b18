"""Workers of a Dask cluster, on this machine or elsewhere.

Plain `distributed` and no prefect-dask: a task of Prefect's there costs ninety milliseconds and the run is one already.
Scenes don't pass through the scheduler: a job names them, and each worker reads the shared cache or folder.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from flows.subject import Job
from flows.work import Done, work
from flows.worker_error import WorkerError
from geo.errors import InputError

log = logging.getLogger("facility_watch")

_RESTART_S = 30.0


class DaskWorkers:
    """Processes of a Dask cluster. A job whose worker dies is done again by another one.

    Args:
        address: Scheduler, such as `tcp://scheduler:8786`; empty for a cluster of this machine.
        count: Processes of the cluster of this machine.
        limit_s: Seconds that one facility may take, waiting for its turn not counted.

    Raises:
        InputError: Dask isn't installed, or no scheduler answers.
    """

    def __init__(self, address: str, count: int, limit_s: float) -> None:
        self._limit_s = limit_s
        self._cluster: Any = None
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise InputError("--runner dask needs Dask: install facility-watch[dask]") from error
        if not address:
            self._cluster = LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None, memory_limit=0)
        try:
            self._client: Any = Client(self._cluster or address, timeout=10)
        except (OSError, ValueError) as error:
            raise InputError(
                f"--runner dask:{address}: no scheduler answers there; start it, or give another"
            ) from error
        self._count: int = sum(self._client.nthreads().values())
        # No more jobs are at the scheduler than are done at once, so that waiting for a turn counts against no limit.
        self._places = threading.BoundedSemaphore(max(self._count, 1))
        if not self._count:
            self.close()
            raise InputError(f"--runner dask:{address}: the scheduler has no workers; start some with `dask worker`")

    @property
    def count(self) -> int:
        """How many jobs are done at once."""
        return self._count

    def run(self, job: Job) -> Done:
        """Do a job and wait for it; where its worker dies, another one does it.

        Raises:
            WorkerError: Several workers died over it, or it took longer than it may.
        """
        with self._places:
            return self._run(job)

    def _run(self, job: Job) -> Done:
        from distributed import KilledWorker

        name = job.subject.facility.facility_id
        future = self._client.submit(work, job, pure=False)
        try:
            done: Done = future.result(timeout=self._limit_s)
        except TimeoutError as error:
            self._stop(future)
            raise WorkerError(
                f"{name}: was stopped after {self._limit_s:g} seconds; allow more with --facility-timeout"
            ) from error
        except KilledWorker as error:
            raise WorkerError(
                f"{name}: several workers died over it, the last was {error.last_worker.address}"
            ) from error
        finally:
            future.release()
        return done

    def _stop(self, future: Any) -> None:
        """Ends a job for good. Dask can't interrupt one that runs, so its worker is started anew."""
        holding = [address for address, keys in self._client.processing().items() if future.key in keys]
        future.cancel(force=True)
        try:
            self._client.restart_workers(holding, timeout=_RESTART_S, raise_for_error=False)
        except ValueError:
            log.warning("a worker without a nanny can't be started anew, so it goes on", extra={"workers": holding})

    def close(self) -> None:
        """Let the cluster go; one of this machine is stopped."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
