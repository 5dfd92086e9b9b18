"""The Prefect flow `monitor`: watches facilities, stores what it finds and publishes it."""

# No postponed annotations here: Prefect's engine makes a model of them and can't resolve names in another process.
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

import httpx
from prefect import flow, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from aoi.facility import Facility
from flows.artifacts import show
from flows.guard import server_ends_with_this_process
from flows.parameters import MonitorParameters
from flows.progress import Progress, listening
from flows.run import Watch, run
from flows.summary import RunSummary
from flows.watcher import Watched

log = logging.getLogger("facility_watch")

_STEP_PCT = 5.0  # every update is a request to Prefect's server


def _name() -> str:
    """What a person sees in the list of runs, such as `12 facilities, folder, 2017-03-01 to today`."""
    given: Any = flow_run.parameters.get("parameters")
    parameters = given if isinstance(given, MonitorParameters) else MonitorParameters.model_validate(given)
    count = len(parameters.facilities)
    which = "all facilities" if not count else parameters.facilities[0] if count == 1 else f"{count} facilities"
    what = "full, " if parameters.full else ""
    source = parameters.source.partition(":")[0]
    return f"{which}, {what}{source}, {parameters.start} to {parameters.end or 'today'}"


@flow(name="monitor", flow_run_name=_name, log_prints=False)
def monitor(parameters: MonitorParameters) -> RunSummary:
    """Watches the facilities of a catalogue over a time and publishes what changed.

    One facility that fails doesn't stop the others: its earlier record stands, the failure is in the coverage.

    Raises:
        InputError: A parameter can't be used.
        StoreError: The ledger can't be used, or another run is using it.
    """
    with server_ends_with_this_process(), _progress_shown():
        summary = run(parameters, as_tasks)
    with _even_without_server():
        show(summary, parameters.outputs)
    return summary


def as_tasks(watch: Watch) -> Watch:
    """Makes a task of every facility, which Prefect shows by name; called in the thread that waits for the worker."""

    @task(name="watch", task_run_name="{facility_id} {name}", cache_policy=NO_CACHE, persist_result=False)
    def watch_facility(facility_id: str, name: str, facility: Facility) -> Watched:
        return watch(facility)

    return lambda facility: watch_facility(facility.facility_id, facility.name, facility)


@contextmanager
def _progress_shown() -> Iterator[None]:
    """Shows how far the run is in Prefect."""
    artifact = cast(UUID, create_progress_artifact(0.0, description="Facilities watched"))
    shown = 0.0

    def update(progress: Progress) -> None:
        nonlocal shown
        share = 100.0 * progress.done / max(progress.total, 1)
        if share >= shown + _STEP_PCT or (share == 100.0 and shown < share):
            shown = share
            with _even_without_server():
                update_progress_artifact(artifact_id=artifact, progress=share)

    with listening(update):
        yield


@contextmanager
def _even_without_server() -> Iterator[None]:
    """Lets the run go on where Prefect's server was lost: what it shows is no part of the result."""
    try:
        yield
    except httpx.TransportError as error:
        log.warning("Prefect's server doesn't answer, so it doesn't show this", extra={"reason": str(error)})
