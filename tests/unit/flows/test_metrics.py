"""Metrics as Prometheus reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.ledger import Ledger
from flows.metrics import write_metrics
from geo.errors import StoreError
from tests.flows.watching import Archive, watch


def test_metrics_tell_freshness_changes_and_what_waits(tmp_path: Path) -> None:
    ledger = Ledger.open("sqlite://")
    watch(Archive(set(range(16)), {3}), ledger)
    run = ledger.begin_run({})
    ledger.end_run(run, "complete")
    path = tmp_path / "watch.prom"
    write_metrics(ledger, path, datetime(2018, 6, 10, tzinfo=UTC))
    ledger.close()
    told = {
        (sample.name.removeprefix("facility_watch_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }
    assert told["facilities", "assessed"] == 1
    assert told["changes", "building_added", "confirmed"] == 3
    assert told["scenes_used", "place-a"] == 15
    assert told["newest_scene_age_seconds", "place-a"] == 10 * 86_400
    assert told[("scenes_to_retry",)] == 1
    assert told[("last_run_complete",)] == 1


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    ledger = Ledger.open("sqlite://")
    with pytest.raises(StoreError, match="--metrics"):
        write_metrics(ledger, tmp_path / "nowhere" / "watch.prom", datetime(2018, 6, 10, tzinfo=UTC))
    ledger.close()
