"""What watching takes, from measured runs of which every second is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoi.catalogue import Catalogue
from flows.estimate import Prices, estimate, scene_cost
from flows.measured import PACKAGED, Kind, MeasuredRun, Measurements, Orchestration, read_measurements
from geo.errors import InputError
from geo.sources.base import Cost
from geo.sources.sentinelhub_collection import processing_units
from tests.flows.conftest import Ended
from tests.flows.conftest import run as run

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
SCENE = Cost(requests=10, bytes=2_000_000, processing_units=0.5)


def measured_run(kind: Kind, facilities: int, scenes: int, worker_s: float) -> MeasuredRun:
    return MeasuredRun(
        kind=kind,
        facilities=facilities,
        clear_scenes=scenes,
        followed=facilities,
        wall_s=50.0 * facilities,
        processor_s=50.0 * facilities,
        peak_mib=1000.0,
        stages={"look_s": 9.0, "detect_s": worker_s * facilities, "publish_s": 0.1 * facilities},
        decoding_s=1.0,
        outputs_bytes=1_000_000 * facilities,
    )


MEASURED = Measurements(
    measured_on=date(2026, 1, 1),
    processor="a processor",
    cores=2,
    workers=2,
    software_version="1",
    runs=tuple(
        measured_run(kind, facilities, scenes, factor * scenes)
        for kind, factor in ((Kind.BACKFILL, 0.2), (Kind.WEEKLY, 0.1))
        for facilities, scenes in ((10, 20), (10, 60), (30, 60))
    ),
    orchestration=(
        Orchestration(facilities=1, with_s=12.0, without_s=2.0),
        Orchestration(facilities=101, with_s=14.0, without_s=3.0),
    ),
)


def test_every_figure_follows_from_what_was_measured() -> None:
    found = estimate(1000, SCENE, MEASURED, clear_per_week=1.4, history_scenes=60)
    assert found.weekly.scenes == pytest.approx(1400)
    assert found.weekly.imagery == Cost(14_000, 2_800_000_000, pytest.approx(700))
    assert found.weekly.core_s == pytest.approx(1000 * 6.0)  # each site once a week, however many scenes are new
    assert found.weekly.serial_s == pytest.approx(1000 * 0.1 + 10.0 + 0.01 * 999)
    assert found.weekly.cores(1.0) == math.ceil(6000 / (3600 - 119.99))
    assert found.weekly.cores(0.03) is None
    assert found.first.core_s == pytest.approx(1000 * 12.0)
    assert found.first.imagery.requests == 600_000
    assert found.sites_per_core_hour == pytest.approx(1000 / (6119.99 / 3600))
    assert found.memory_per_worker_mib == 500
    assert found.disk_bytes == 1e9
    assert [said.partition(";")[0] for said in found.notes] == ["30 sites at most were measured"]


def test_a_series_between_those_measured_lies_on_the_line_and_one_beyond_is_said() -> None:
    assert estimate(10, SCENE, MEASURED, 1.0, 40).weekly.core_s == pytest.approx(40.0)
    beyond = estimate(10, SCENE, MEASURED, 1.0, 120)
    assert beyond.weekly.core_s == pytest.approx(120.0)
    assert beyond.notes == ("series of 20 to 60 scenes were measured; beyond, a line is drawn through them",)


def test_measurements_of_a_busy_machine_are_said_to_be() -> None:
    run = measured_run(Kind.WEEKLY, 10, 60, 6.0)
    assert not run.was_disturbed
    busy = run.model_copy(update={"processor_s": 50.0})
    assert busy.was_disturbed
    runs = (*MEASURED.runs, busy)
    notes = estimate(10, SCENE, MEASURED.model_copy(update={"runs": runs}), 1.0, 60).notes
    assert [note for note in notes if "measure anew" in note]


@given(sites=st.integers(1, 10**7), more=st.integers(1, 10**6), clear=st.floats(0.01, 3.0))
def test_more_sites_never_take_less(sites: int, more: int, clear: float) -> None:
    few, many = (estimate(count, SCENE, MEASURED, clear, 60) for count in (sites, sites + more))
    for a, b in ((few.first, many.first), (few.weekly, many.weekly)):
        assert a.core_hours < b.core_hours
        assert a.imagery.requests <= b.imagery.requests
        assert a.imagery.processing_units < b.imagery.processing_units


def test_cost_is_by_the_prices_that_are_given_and_nothing_else() -> None:
    weekly = estimate(1000, SCENE, MEASURED, 1.4, 60).weekly
    assert Prices().of(weekly) is None
    assert Prices(per_processing_unit=0.01).of(weekly) == pytest.approx(7.0)
    assert Prices(0.01, 0.5, 0.1).of(weekly) == pytest.approx(7.0 + 0.5 * weekly.core_hours + 0.28)


def test_a_scene_costs_what_the_services_formula_says() -> None:
    facility = Catalogue.builtin().get("aspi-0050")
    rows, columns = facility.grid(10.0).shape
    found = scene_cost("sentinelhub:copernicus-data-space", [facility], BANDS, 10.0)
    fine, coarse = processing_units((rows, columns), 4), processing_units((rows // 2, columns // 2), 3)
    assert found.processing_units == pytest.approx(fine + coarse + 0.005, rel=0.03)
    assert scene_cost("stac:earth-search", [facility], BANDS, 10.0).processing_units == 0
    assert scene_cost("stac:earth-search", [facility], BANDS, 10.0).bytes > rows * columns


def test_a_source_whose_terms_are_not_known_is_refused() -> None:
    with pytest.raises(InputError, match="give stac:NAME or sentinelhub:DEPLOYMENT"):
        scene_cost("folder:/somewhere", Catalogue.builtin().active[:1], BANDS, 10.0)


def test_prefects_share_is_what_it_alone_costs() -> None:
    largest = MEASURED.of(Kind.BACKFILL)[-1]
    assert MEASURED.orchestration_share(largest) == pytest.approx((10.0 + 0.01 * 29) / 1500)


def test_the_packaged_measurements_can_be_read() -> None:
    packaged = read_measurements(PACKAGED)
    assert {run.kind for run in packaged.runs} == set(Kind)
    assert packaged.orchestration_share(packaged.of(Kind.BACKFILL)[-1]) < 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "can't be read"), ("{}", "holds no measurements"), ("no json", "holds no measurements")],
)
def test_a_file_that_holds_no_measurements_is_named(
    run: Callable[..., Ended], tmp_path: Path, content: str | None, sentence: str
) -> None:
    file = tmp_path / "cost.json"
    if content is not None:
        file.write_text(content)
    ended = run("estimate", "--measured", file)
    assert ended.code == 2
    assert sentence in " ".join(ended.err.split())


def test_the_command_prints_a_table_and_says_where_its_seconds_are_from(
    run: Callable[..., Ended], tmp_path: Path
) -> None:
    file = tmp_path / "cost.json"
    file.write_text(MEASURED.model_dump_json())
    options = ("--sites", 100_000, "--source", "sentinelhub:copernicus-data-space", "--measured", file)
    ended = run("estimate", *options, "--within-hours", 48, "--price-per-processing-unit", 0.001, "--currency", "USD")
    assert ended.code == 0
    table = {line.split("\t")[0]: line.split("\t")[1:] for line in ended.out.splitlines()}
    assert table["scenes"] == ["6,000,000", "140,000"]
    assert float(table["cost (USD)"][1]) == pytest.approx(
        float(table["processing units"][1].replace(",", "")) / 1000, abs=0.01
    )
    assert "2 workers on 2 cores (a processor), 2026-01-01" in " ".join(ended.err.split())
    assert "30 sites at most were measured" in " ".join(ended.err.split())
