"""Whatever is killed, and whenever: the next run ends with the products of an undisturbed one."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from distributed import Client

from flows.ledger import Ledger, exclusive
from tests.conftest import ROOT
from tests.flows.conftest import Ended

START = "2018-06-01"
KILLS = 6


def command(outputs: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "tests.flows.child", str(outputs), START, *options]


def finish(outputs: Path, *options: str) -> float:
    """Runs to the end; seconds that it took."""
    begun = time.monotonic()
    ended = subprocess.run(command(outputs, *options), cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return time.monotonic() - begun


# They tell what moved since the products before, and a run that was killed late may have published some.
ABOUT_THE_RUN_BEFORE = ("changes_since_last_run.geojson", "changes_of_previous_run.geojson", "manifest.json")


def products(outputs: Path) -> dict[str, str]:
    return {
        path.relative_to(outputs).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(outputs.rglob("*"))
        if path.is_file() and not path.name.startswith((".lock", "ledger.sqlite", *ABOUT_THE_RUN_BEFORE))
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    outputs = tmp_path_factory.mktemp("undisturbed") / "out"
    return outputs, finish(outputs)


@pytest.mark.slow
def test_killed_at_any_moment_the_next_run_ends_as_if_nothing_had_happened(
    tmp_path: Path, undisturbed: tuple[Path, float]
) -> None:
    whole, took_s = undisturbed
    moments = random.Random(8)
    for _ in range(KILLS):
        process = subprocess.Popen(command(tmp_path), cwd=ROOT, start_new_session=True)
        try:
            # The start alone takes a while; most moments shall hit the work and the publishing.
            process.wait(moments.uniform(0.1, 0.9) * took_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with exclusive(tmp_path):
        pass  # no lock is left
    finish(tmp_path)
    assert products(tmp_path) == products(whole)
    assert not (tmp_path / ".publishing").exists()
    assert not (tmp_path / ".drawn").exists()


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed(
    tmp_path: Path, undisturbed: tuple[Path, float], scheduler: str
) -> None:
    whole, _ = undisturbed
    outputs = tmp_path / "out"
    with Client(scheduler) as client:
        client.wait_for_workers(3, timeout=60)
        process_ids = client.run(os.getpid)
        run = subprocess.Popen(command(outputs, f"runner=dask:{scheduler}"), cwd=ROOT)
        while not (busy := [address for address, jobs in client.processing().items() if jobs]):
            assert run.poll() is None
            time.sleep(0.05)
        os.kill(process_ids[busy[0]], signal.SIGKILL)
        assert run.wait(240) == 0
        assert process_ids[busy[0]] not in client.run(os.getpid).values()
    assert products(outputs) == products(whole)


def test_pictures_drawn_by_workers_are_those_that_publishing_draws(
    tmp_path: Path, undisturbed: tuple[Path, float], run: Callable[..., Ended]
) -> None:
    whole, _ = undisturbed
    for file in whole.glob("ledger.sqlite*"):
        shutil.copy(file, tmp_path)
    assert run("publish", "--outputs", tmp_path).code == 0
    again = products(tmp_path)
    assert any(name.endswith("_after.png") for name in again)
    assert again == products(whole)


@pytest.mark.slow
def test_a_facility_that_takes_for_ever_is_stopped_and_reported(tmp_path: Path) -> None:
    finish(tmp_path, "facility_timeout_s=0.05")
    ledger = Ledger.at(tmp_path, create=False)
    reasons = [record.reason for record in ledger.records()]
    ledger.close()
    assert len(reasons) == 2
    assert all("stopped after 0.05 seconds; allow more with --facility-timeout" in reason for reason in reasons)
    assert "the newest run failed" in (tmp_path / "coverage.csv").read_text()


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_the_run_with_a_sentence_and_leaves_no_half_product(tmp_path: Path) -> None:
    limited = ["bash", "-c", 'ulimit -f 200; trap "" XFSZ; exec "$@"', "limited", *command(tmp_path)]
    ended = subprocess.run(limited, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert any(words in ended.stderr for words in ("could not be stored", "can't be written"))
    assert not (tmp_path / "changes.geojson").exists()
    assert not (tmp_path / ".publishing").exists()
    finish(tmp_path)


# The disk of a namespace of its own: too small at first, then large enough, and what came of it is copied out.
SMALL_DISK = """
mount -t tmpfs -o size=$1 none "$2" || exit 99
"${@:4}"; echo "ended with $?"
ls -A "$2"
mount -o remount,size=200m "$2"
"${@:4}" || exit 1
cp -r "$2/." "$3"
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", ["64k", "1500k"], ids=["full for the ledger", "full for the products"])
def test_a_full_disk_in_mid_run_is_a_sentence_and_the_next_run_ends_as_if_nothing_had_happened(
    tmp_path: Path, undisturbed: tuple[Path, float], size: str
) -> None:
    whole, _ = undisturbed
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    copy.mkdir()
    alone = [
        "unshare",
        "--map-root-user",
        "--mount",
        "bash",
        "-c",
        SMALL_DISK,
        "small-disk",
        size,
        str(disk),
        str(copy),
    ]
    try:
        ended = subprocess.run([*alone, *command(disk)], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare isn't installed")
    if ended.returncode == 99 or "unshare failed" in ended.stderr:
        pytest.skip("this system doesn't let a user mount a disk of his own")
    assert ended.returncode == 0, ended.stderr
    assert "ended with 1" in ended.stdout
    assert "Traceback" not in ended.stderr
    assert any(words in ended.stderr for words in ("could not be stored", "can't be written", "can't be opened"))
    assert "changes.geojson" not in ended.stdout
    assert products(copy) == products(whole)
