"""A Prefect server that isn't there, and the server that Prefect starts by itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.ledger import Ledger
from flows.serve import server
from geo.errors import StoreError
from tests.conftest import ROOT
from tests.flows.conftest import Ended

WHAT = ("monitor", "--source", "example", "--from", "2018-06-01", "--to", "2020-12-31", "--facility", "aspi-0124")


def test_a_server_that_does_not_answer_is_named(
    run: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://user:a-secret-word@127.0.0.1:9/api")
    ended = run(*WHAT, "--outputs", tmp_path)
    assert ended.code == 2
    said = " ".join(ended.err.split())
    assert "no Prefect server answers at 127.0.0.1:9" in said
    assert "--no-prefect" in said
    assert "secret" not in said


@pytest.mark.slow
def test_told_so_the_run_goes_on_without_it(
    run: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    ended = run(*WHAT, "--detector", "footprints", "--outputs", tmp_path, "--no-prefect")
    assert ended.code == 0, ended.err
    assert (tmp_path / "changes.geojson").exists()


@pytest.mark.slow
def test_a_server_that_is_lost_in_mid_run_is_named_and_the_run_goes_on_to_its_products(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    # Prefect's client asks again for minutes, which is right for users and long for a test.
    engine = {"PREFECT_API_URL": address, "PREFECT_CLIENT_MAX_RETRIES": "0", "PREFECT_HOME": str(tmp_path / "home")}
    program = "from flows.cli import main; main()"
    command = [sys.executable, "-c", program, *WHAT, "--detector", "footprints", "--outputs", str(tmp_path / "out")]
    with server(address, port):
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **engine}, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 90
        while not _has_begun(tmp_path / "out"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert "Traceback" not in said
    assert "Prefect's server was lost during the run" in " ".join(said.split())
    assert (tmp_path / "out" / "changes.geojson").exists()


def _has_begun(outputs: Path) -> bool:
    try:
        ledger = Ledger.at(outputs, create=False)
    except StoreError:
        return False
    try:
        return ledger.last_run() is not None
    finally:
        ledger.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_that_is_killed_leaves_no_server_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "FACILITY_WATCH_STATE_DIR": str(tmp_path / "state")}
    environment.pop("PREFECT_HOME", None)
    program = "from flows.cli import main; main()"
    command = [sys.executable, "-c", program, *WHAT, "--outputs", str(tmp_path / "out")]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    deadline = time.monotonic() + 90
    while not (guarded := _children(process.pid, "sys.stdin.read()")) and time.monotonic() < deadline:
        time.sleep(0.1)
    servers = _children(process.pid, "uvicorn")
    assert guarded
    assert servers
    process.send_signal(signal.SIGKILL)
    process.wait()
    while any(Path(f"/proc/{pid}").exists() for pid in (*servers, *guarded)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _children(pid: int, holding: str) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    children = [child for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    return [int(child) for child in children if holding in Path(f"/proc/{child}/cmdline").read_text()]
