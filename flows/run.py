"""A monitoring run from parameters to products. Knows nothing of Prefect, so it also runs without it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing
from datetime import UTC, datetime

from aoi.catalogue import load_catalogue
from aoi.facility import Facility
from flows.imagery import Bounds, open_held, opened
from flows.ledger import Ledger, exclusive
from flows.method import Method
from flows.notices import notify
from flows.parallel import in_parallel
from flows.parameters import MonitorParameters
from flows.places import fetch_areas, require_unmoved
from flows.progress import report
from flows.publish.drawn import clear as clear_drawn
from flows.publish.publishing import publish
from flows.scenes import RecordedScenes
from flows.settings import Settings
from flows.summary import RunSummary
from flows.watcher import Patience, Watched, Watcher
from flows.workers import open_workers
from geo.errors import BudgetReachedError, FacilityWatchError, InputError, StoreError
from geo.preparation import PreparationParameters
from geo.sources.cached import CachedSource

log = logging.getLogger("facility_watch")

Watch = Callable[[Facility], Watched]

# More facilities are looked at than followed at once, so that no worker waits for the network.
_LOOKING_AHEAD = 2


def run(parameters: MonitorParameters, wrap: Callable[[Watch], Watch] = lambda watch: watch) -> RunSummary:
    """Watches the facilities of a catalogue over a time and publishes what changed.

    One facility that fails doesn't stop the others: its earlier record stands, the failure is in the coverage. A run
    that was killed goes on where it was: each facility is stored in one transaction, and what is stored and has
    nothing new isn't followed again.

    Args:
        parameters: What to watch and how.
        wrap: Makes of the function that watches one facility another one, such as a Prefect task.

    Raises:
        InputError: A parameter can't be used.
        StoreError: The ledger or the output folder can't be used, or another run is using it.
    """
    catalogue = load_catalogue(parameters.catalogue)
    facilities = catalogue.select(parameters.facilities) if parameters.facilities else catalogue.active
    settings = Settings()
    bounds = Bounds(parameters.max_bytes, parameters.max_processing_units)
    with ExitStack() as stack:
        source = stack.enter_context(opened(parameters.source, bounds, parameters.profile))
        if isinstance(source, CachedSource):
            source.ask_anew = parameters.full
        stack.enter_context(exclusive(parameters.outputs))
        ledger = stack.enter_context(closing(Ledger.at(parameters.outputs)))
        stack.enter_context(ledger.exclusive())
        known = ledger.headings()
        require_unmoved(facilities, known)
        areas = fetch_areas(facilities, known, parameters.gsd_m) if isinstance(source, CachedSource) else {}
        workers = stack.enter_context(closing(open_workers(parameters, len(facilities))))
        elsewhere = parameters.runner.startswith("dask:")  # workers that may not reach this machine's disk
        run_id = ledger.begin_run(parameters.for_the_record(source.name))
        watcher = Watcher(
            catalogue=catalogue,
            source=source,
            specification=parameters.source,
            window=parameters.window,
            method=Method(parameters.chosen_detectors, PreparationParameters(), parameters.gsd_m),
            overlap=parameters.overlap,
            ledger=ledger,
            workers=workers,
            patience=Patience(settings.fetch_retries, settings.fetch_retry_delay_s, parameters.facility_timeout_s),
            areas=areas,
            drawing=None if elsewhere else parameters.outputs,
            checkpoints=settings.checkpoints if elsewhere else settings.checkpoints_url,
        )
        round_ = _Round(watcher, wrap(watcher.watch))
        watched = round_.watch(facilities)
        workers.close()  # their memory is free for the pictures
        report(len(facilities), len(facilities), "publishing")
        begun = time.perf_counter()
        published = publish(ledger, parameters.outputs, RecordedScenes(ledger, open_held, watcher.checkpoints))
        clear_drawn(parameters.outputs)
        log.info("published", extra={"publish_s": round(time.perf_counter() - begun, 3)})
        summary = RunSummary(tuple(one.summary for one in watched), published.files, round_.stopped)
        notify(ledger, run_id, summary, parameters.window.end, datetime.now(UTC))
        ledger.end_run(run_id, summary.outcome)
    return summary


class _Round:
    """One round over the facilities.

    Attributes:
        stopped: Why it ended before the last facility; empty where it didn't.
    """

    def __init__(self, watcher: Watcher, watch: Watch) -> None:
        self._watcher = watcher
        self._watch = watch
        self.stopped = ""

    def watch(self, facilities: Sequence[Facility]) -> list[Watched]:
        """Every facility that was come to, in the order given."""
        ended: dict[str, Watched] = {}
        report(0, len(facilities), "watching")
        workers = self._watcher.workers
        threads, coming = workers.count + _LOOKING_AHEAD, self._until_stopped(facilities)
        for facility, future in in_parallel(self._watch, coming, threads, workers.close):
            result = self._result(facility, future)
            if result is not None:
                ended[facility.facility_id] = result
                _tell(result)
            report(len(ended), len(facilities), facility.name)
        return [ended[facility.facility_id] for facility in facilities if facility.facility_id in ended]

    def _until_stopped(self, facilities: Sequence[Facility]) -> Iterator[Facility]:
        for facility in facilities:
            if self.stopped:
                return
            yield facility

    def _result(self, facility: Facility, future: Future[Watched]) -> Watched | None:
        """How a facility fared; None where the run ends before it.

        Raises:
            StoreError: Nothing can be stored, so going on would be in vain.
            InputError: What was given can't be used for any facility.
        """
        error = future.exception()
        if error is None:
            return future.result()
        if isinstance(error, (StoreError, InputError)) or not isinstance(error, Exception):
            raise error
        if isinstance(error, BudgetReachedError):
            self.stopped = str(error)
            return None
        if isinstance(error, FacilityWatchError):
            return self._watcher.fail(facility, str(error))
        log.error("unexpected failure", exc_info=error, extra={"facility": facility.facility_id})
        return self._watcher.fail(facility, f"unexpected {type(error).__name__}: {error}; please report it")


def _tell(watched: Watched) -> None:
    summary = watched.summary
    log.info(
        "followed" if watched.followed else summary.outcome,
        extra={
            "facility": summary.facility_id,
            "outcome": str(summary.outcome),
            "reason": summary.reason,
            "scenes_used": summary.scenes_used,
            "newest_scene": summary.newest_item_id,
            **{f"{name}_s": round(seconds, 3) for name, seconds in watched.seconds.items()},
        },
    )
