"""One facility of a run, from search to ledger: what is asked again, what is sent to a worker, what is stored."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from aoi.catalogue import Catalogue
from aoi.facility import Facility
from flows.fetch import hold
from flows.ledger import Ledger
from flows.look import look
from flows.method import Method, Window
from flows.record import FacilityRecord
from flows.subject import Job, Subject
from flows.summary import FacilitySummary, summarise
from flows.watch import failed
from flows.workers import Workers
from geo.errors import TemporarySourceError
from geo.grid import Grid
from geo.sources.base import ImagerySource


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run bears with a source and a facility.

    Attributes:
        retries: How often imagery is asked for again after a temporary failure.
        delay_s: Wait before the first of these; doubled each time.
        limit_s: Seconds that fetching a facility's imagery may take in all.
    """

    retries: int
    delay_s: float
    limit_s: float


@dataclass(frozen=True, slots=True)
class Watched:
    """How a facility fared in a run.

    Attributes:
        summary: What is on record of it now.
        followed: Whether there was anything to follow.
        seconds: Seconds by stage.
    """

    summary: FacilitySummary
    followed: bool
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watcher:
    """Watches facilities one by one; may be called from many threads.

    Attributes:
        catalogue: Knows the neighbours.
        source: Where scenes are searched; shared, so that its bounds and its pace hold for the whole run.
        specification: The source as given; workers open it for themselves.
        window: The watched time.
        method: Detectors, preparation and pixel size.
        overlap: How far before the newest known scene is searched; None for all of the window.
        ledger: Where the record is.
        workers: Who follows the series.
        patience: Retries and limits.
        areas: What is fetched as one, by facility id; empty where the source keeps nothing.
        drawing: Folder of the products, where workers that reach it draw; None to draw when publishing.
        checkpoints: Where workers keep what the next run goes on from; None where they reach no such place.
    """

    catalogue: Catalogue
    source: ImagerySource
    specification: str
    window: Window
    method: Method
    overlap: timedelta | None
    ledger: Ledger
    workers: Workers
    patience: Patience
    areas: Mapping[str, Grid] = field(default_factory=dict)
    drawing: Path | None = None
    checkpoints: str | None = None

    def watch(self, facility: Facility) -> Watched:
        """Brings the record of a facility up to date, in one transaction.

        Raises:
            SourceError: Its imagery can't be had.
            WorkerError: The worker was lost over it.
            StoreError: The ledger refused.
        """
        begun = time.perf_counter()
        subject = self.subject(facility)
        found = self._found(subject)
        looked_s = time.perf_counter() - begun
        if isinstance(found, FacilityRecord):
            self._keep(subject.earlier, found)
            return Watched(summarise(found), followed=False, seconds={"look": looked_s})
        done = self.workers.run(replace(found, outputs=self.drawing, checkpoints=self.checkpoints))
        begun = time.perf_counter()
        self.ledger.save(done.record)
        seconds = {"look": looked_s, **done.seconds, "store": time.perf_counter() - begun}
        return Watched(summarise(done.record), followed=True, seconds=seconds)

    def fail(self, facility: Facility, reason: str) -> Watched:
        """Puts on record that a facility could not be watched; what was known of it stands."""
        record = failed(self.subject(facility), reason)
        self.ledger.save(record)
        return Watched(summarise(record), followed=False)

    def subject(self, facility: Facility) -> Subject:
        """The facility with its neighbours and what is on record."""
        earlier = self.ledger.load(facility.facility_id)
        window = self.window.united(earlier)
        near, area = self.catalogue.near(facility), self.areas.get(facility.facility_id)
        return Subject(facility, near, window, self.method, self.specification, earlier, area)

    def _found(self, subject: Subject) -> Job | FacilityRecord:
        """What there is to do, with all of its imagery at hand."""
        for attempt in Retrying(
            retry=retry_if_exception_type(TemporarySourceError),
            stop=stop_after_attempt(1 + self.patience.retries),
            wait=wait_exponential(self.patience.delay_s),
            reraise=True,
        ):
            with attempt:
                found = look(self.source, subject, self.overlap)
                return hold(self.source, found, self.patience.limit_s) if isinstance(found, Job) else found
        raise AssertionError("retrying ends with a result or an error")

    def _keep(self, earlier: FacilityRecord | None, record: FacilityRecord) -> None:
        """Stores a record that nothing was followed for, with as little writing as it takes."""
        if earlier is None or record.scenes != earlier.scenes:
            self.ledger.save(record)
        elif record != earlier:
            self.ledger.save_heading(record)
