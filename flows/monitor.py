"""The Prefect flow `monitor`: watches facilities, stores what it finds and publishes it."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from aoi.catalogue import Catalogue, load_catalogue
from aoi.facility import Facility
from detectors.registry import choose
from flows.imagery import open_source
from flows.ledger import Ledger, exclusive
from flows.parameters import MonitorParameters
from flows.progress import report
from flows.publish import publish
from flows.scenes import StackReader
from flows.settings import Settings
from flows.summary import FacilitySummary, RunSummary, summarise
from flows.watch import Fetched, Method, Window, assess, failed, fetch
from geo.errors import TemporarySourceError
from geo.sources.base import ImagerySource
from geo.stack import PreparationParameters

_SETTINGS = Settings()


def _may_pass(_task: object, _run: object, state: object) -> bool:
    """Whether another try makes sense: only for failures that the source calls temporary."""
    return isinstance(getattr(state, "data", None), TemporarySourceError)


@task(
    name="fetch",
    task_run_name="fetch {facility.facility_id}",
    retries=_SETTINGS.fetch_retries,
    retry_delay_seconds=[_SETTINGS.fetch_retry_delay_s * 2**n for n in range(_SETTINGS.fetch_retries)],
    retry_condition_fn=_may_pass,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def fetch_task(source: ImagerySource, facility: Facility, window: Window, method: Method) -> Fetched:
    """Reads the scenes of a facility; the only part of a run that is tried again."""
    return fetch(source, facility, window, method)


@task(name="watch", task_run_name="watch {facility.facility_id}", cache_policy=NO_CACHE, persist_result=False)
def watch_task(
    facility: Facility,
    neighbours: Sequence[Facility],
    source: ImagerySource,
    window: Window,
    method: Method,
    specification: str,
    ledger: Ledger,
) -> FacilitySummary:
    """Fetches, assesses and stores one facility."""
    earlier = ledger.load(facility.facility_id)
    whole = window.united(earlier)
    fetched = fetch_task(source, facility, whole, method)
    record = assess(facility, neighbours, fetched, whole, method, specification, earlier)
    ledger.save(record)
    return summarise(record)


@flow(name="monitor", log_prints=False, validate_parameters=False)
def monitor(parameters: MonitorParameters) -> RunSummary:
    """Watches the facilities of a catalogue over a time and publishes what changed.

    One facility that fails doesn't stop the others: its earlier record stands, the failure is in the coverage.

    Raises:
        InputError: A parameter can't be used.
        StoreError: The ledger can't be used, or another run is using it.
    """
    catalogue = load_catalogue(parameters.catalogue)
    facilities = catalogue.select(parameters.facilities) if parameters.facilities else catalogue.active
    method = Method(choose(parameters.detectors), PreparationParameters(), parameters.gsd_m)
    source = open_source(parameters.source)
    with exclusive(parameters.outputs):
        ledger = Ledger.at(parameters.outputs)
        try:
            run_id = ledger.begin_run(_for_the_record(parameters, source))
            watched = _watch_all(parameters, facilities, catalogue, source, method, ledger)
            report(len(facilities), len(facilities), "publishing")
            published = publish(ledger, parameters.outputs, StackReader(ledger, open_source))
            summary = RunSummary(tuple(watched), published.files)
            ledger.end_run(run_id, "failed for some" if summary.failed else "complete")
        finally:
            ledger.close()
    create_table_artifact(
        key="monitor-summary", table=summary.rows(), description="What was found, and what was not observed"
    )
    return summary


def _watch_all(
    parameters: MonitorParameters,
    facilities: Sequence[Facility],
    catalogue: Catalogue,
    source: ImagerySource,
    method: Method,
    ledger: Ledger,
) -> list[FacilitySummary]:
    watched: dict[str, FacilitySummary] = {}
    window = parameters.window
    runner: ThreadPoolTaskRunner[FacilitySummary] = ThreadPoolTaskRunner(max_workers=parameters.workers)
    with runner:
        futures: dict[PrefectFuture[FacilitySummary], Facility] = {
            runner.submit(
                watch_task,
                parameters={
                    "facility": facility,
                    "neighbours": catalogue.near(facility),
                    "source": source,
                    "window": window,
                    "method": method,
                    "specification": parameters.source,
                    "ledger": ledger,
                },
            ): facility
            for facility in facilities
        }
        report(0, len(facilities), "watching")
        for done, future in enumerate(as_completed(list(futures)), start=1):
            facility = futures[future]
            watched[facility.facility_id] = _result(future, facility, window, method, ledger)
            report(done, len(facilities), facility.name)
    return [watched[facility.facility_id] for facility in facilities]


def _result(
    future: PrefectFuture[FacilitySummary], facility: Facility, window: Window, method: Method, ledger: Ledger
) -> FacilitySummary:
    outcome = future.result(raise_on_failure=False)
    if isinstance(outcome, FacilitySummary):
        return outcome
    earlier = ledger.load(facility.facility_id)
    record = failed(earlier, facility, window.united(earlier), method, f"{outcome}")
    ledger.save(record)
    return summarise(record)


def _for_the_record(parameters: MonitorParameters, source: ImagerySource) -> dict[str, object]:
    """The parameters as products may show them: what decides the result, and no path of a machine."""
    return {
        "source": source.name,
        "catalogue": parameters.catalogue.name if parameters.catalogue else "packaged",
        "facilities": list(parameters.facilities),
        "detectors": list(parameters.detectors),
        "gsd_m": parameters.gsd_m,
    }
