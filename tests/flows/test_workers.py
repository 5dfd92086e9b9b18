"""Workers that die, on this machine and on a Dask cluster."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aoi.catalogue import Catalogue
from flows.dask_workers import DaskWorkers
from flows.imagery import open_held
from flows.look import look
from flows.method import Method, Window
from flows.subject import Job, Subject
from flows.work import Done, work
from flows.worker_error import WorkerError
from flows.workers import LocalWorkers, Workers
from geo.errors import InputError
from geo.preparation import PreparationParameters
from tests.conftest import ROOT
from tests.flows.deadly import Deadly, Endless

WIDE, NARROW = "aspi-0050", "aspi-0124"


@pytest.fixture(autouse=True)
def _workers_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def job(facility_id: str, note: Path, *, once: bool, detector: type[Deadly] = Deadly) -> Job:
    method = Method((detector(note, once=once),), PreparationParameters(), 10.0)
    window = Window(datetime(2018, 6, 1, tzinfo=UTC), datetime(2018, 8, 1, tzinfo=UTC))
    found = look(
        open_held("example"), Subject(Catalogue.builtin().get(facility_id), (), window, method, "example"), None
    )
    assert isinstance(found, Job)
    return found


def outcome(workers: Workers, one: Job) -> Done | WorkerError:
    try:
        return workers.run(one)
    except WorkerError as error:
        return error


@pytest.mark.slow
def test_a_process_that_is_killed_fails_its_facility_alone(tmp_path: Path) -> None:
    jobs = [job(name, tmp_path / "note", once=False) for name in (WIDE, NARROW, NARROW, WIDE, NARROW)]
    with closing(LocalWorkers(2, 60.0)) as workers, ThreadPoolExecutor(5) as pool:
        ended = list(pool.map(lambda one: outcome(workers, one), jobs))
    for one, result in zip(jobs, ended, strict=True):
        if one.subject.facility.facility_id == WIDE:
            assert isinstance(result, WorkerError)
            assert "aspi-0050: its process died" in str(result)
        else:
            assert isinstance(result, Done)
            assert result.record == work(one).record


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_workers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.flows.child", str(tmp_path), "2017-03-01"]
    run = subprocess.Popen(command, cwd=ROOT)
    while not (workers := _workers_of(run.pid)):
        time.sleep(0.05)
    run.kill()
    run.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _workers_of(run: int) -> list[int]:
    tasks = Path(f"/proc/{run}/task").iterdir()
    children = [pid for task in tasks for pid in (task / "children").read_text().split()]
    return [int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.mark.slow
def test_a_dask_worker_that_is_killed_loses_nothing(tmp_path: Path, scheduler: str) -> None:
    jobs = [job(name, tmp_path / "note", once=True) for name in (WIDE, NARROW, NARROW)]
    deadline = time.monotonic() + 60
    while True:
        try:
            workers = DaskWorkers(scheduler, 0, 60.0)
            break
        except InputError:  # the workers aren't there yet
            assert time.monotonic() < deadline
            time.sleep(0.5)
    with closing(workers), ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(workers.run, jobs))
    assert (tmp_path / "note").exists()
    assert [done.record for done in ended] == [work(one).record for one in jobs]


@pytest.mark.slow
def test_a_job_that_never_ends_is_stopped_and_its_place_in_the_cluster_is_free_again(tmp_path: Path) -> None:
    names = (WIDE, NARROW, NARROW)
    jobs = [job(name, tmp_path / "note", once=True, detector=Endless) for name in names]
    with closing(DaskWorkers("", 1, 20.0)) as workers, ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda one: outcome(workers, one), jobs))
    assert isinstance(ended[0], WorkerError)
    assert "aspi-0050: was stopped after 20 seconds; allow more with --facility-timeout" in str(ended[0])
    # They waited for longer than one job may take, which counts against none of them.
    assert [done.record for done in ended[1:] if isinstance(done, Done)] == [work(one).record for one in jobs[1:]]


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"dask:tcp://127\.0\.0\.1:9: no scheduler answers"):
        DaskWorkers("tcp://127.0.0.1:9", 1, 60.0)
