"""How the watch stands, for Prometheus: text format 0.0.4, for the node exporter's textfile collector."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from flows.ledger import Ledger
from flows.record import FacilityRecord
from geo.errors import StoreError

_PREFIX = "facility_watch_"


def write_metrics(ledger: Ledger, path: Path, now: datetime) -> None:
    """Writes the metrics of a ledger to a file, whole or not at all.

    Args:
        ledger: The record.
        path: Ends in `.prom`, if the textfile collector shall find it.
        now: The time, which ages are counted to.

    Raises:
        StoreError: The file can't be written.
    """
    registry = CollectorRegistry()
    facilities = _gauge(registry, "facilities", "Facilities by how the newest run over them ended", "outcome")
    changes = _gauge(registry, "changes", "Changes on record", "change_type", "status")
    used = _gauge(registry, "scenes_used", "Scenes that detectors saw", "facility_id")
    age = _gauge(registry, "newest_scene_age_seconds", "Age of the newest scene that detectors saw", "facility_id")
    pending = _gauge(registry, "scenes_to_retry", "Scenes that could not be read and will be tried again")
    for record in ledger.records():
        facilities.labels(str(record.outcome)).inc()
        facility_id = record.facility.facility_id
        used.labels(facility_id).set(len(record.used_scenes))
        newest = newest_scene(record)
        if newest is not None:
            age.labels(facility_id).set((now - newest).total_seconds())
        pending.inc(sum(scene.retry for scene in record.scenes))
        for track in record.tracks:
            changes.labels(str(track.finding.kind), str(track.status)).inc()
    _add_run(registry, ledger)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise StoreError(f"--metrics {path}: can't be written ({error.strerror}); name another file") from error


def newest_scene(record: FacilityRecord) -> datetime | None:
    """Acquisition of the newest scene that detectors saw."""
    return record.used_scenes[-1].acquired_at if record.used_scenes else None


def _add_run(registry: CollectorRegistry, ledger: Ledger) -> None:
    run = ledger.last_run()
    if run is None:
        return
    _gauge(registry, "last_run_start_timestamp_seconds", "When the newest run began").set(run["started_at"].timestamp())
    ended = run["finished_at"]
    if ended is not None:
        _gauge(registry, "last_run_end_timestamp_seconds", "When the newest run ended").set(ended.timestamp())
        seconds = (ended - run["started_at"]).total_seconds()
        _gauge(registry, "last_run_duration_seconds", "How long the newest run took").set(seconds)
    _gauge(registry, "last_run_complete", "Whether the newest run ended without failures").set(
        run["outcome"] == "complete"
    )


def _gauge(registry: CollectorRegistry, name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(_PREFIX + name, meaning, labels, registry=registry)
