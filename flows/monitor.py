"""The Prefect flow `monitor`: watches facilities, stores what it finds and publishes it."""

from __future__ import annotations

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from aoi.facility import Facility
from flows.parameters import MonitorParameters
from flows.run import Watch, run
from flows.summary import RunSummary
from flows.watcher import Watched


@flow(name="monitor", flow_run_name="{parameters}", log_prints=False)
def monitor(parameters: MonitorParameters) -> RunSummary:
    """Watches the facilities of a catalogue over a time and publishes what changed.

    One facility that fails doesn't stop the others: its earlier record stands, the failure is in the coverage.

    Raises:
        InputError: A parameter can't be used.
        StoreError: The ledger can't be used, or another run is using it.
    """
    summary = run(parameters, _as_tasks)
    create_table_artifact(
        key="monitor-summary", table=summary.rows(), description="What was found, and what was not observed"
    )
    return summary


def _as_tasks(watch: Watch) -> Watch:
    """Makes a task of every facility, which Prefect shows by name; called in the thread that waits for the worker."""

    @task(name="watch", task_run_name="{facility_id} {name}", cache_policy=NO_CACHE, persist_result=False)
    def watch_facility(facility_id: str, name: str, facility: Facility) -> Watched:
        return watch(facility)

    return lambda facility: watch_facility(facility.facility_id, facility.name, facility)
