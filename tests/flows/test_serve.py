"""`serve`: a real Prefect server, a real schedule, and a run that comes due while another is going on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.flows.conftest import Ended

WHAT = ("--source", "example", "--from", "2018-06-01", "--facility", "aspi-0050", "--facility", "aspi-0124")
CRON = "0 3 * * 1"


@pytest.mark.parametrize("cron", ["nope", "61 3 * * 1", "0 3 * *"])
def test_a_cron_that_is_none_ends_the_command_with_a_sentence(
    run: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, cron: str
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "")  # the command names its own server there, which this takes back
    ended = run("serve", "--cron", cron, *WHAT)
    assert ended.code == 2
    assert f"--cron {cron!r} isn't one: write five fields such as" in " ".join(ended.err.split())


@pytest.fixture
def api(tmp_path: Path) -> Iterator[str]:
    """`facility-watch serve` in a process of its own; the address of its API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "FACILITY_WATCH_STATE_DIR": str(tmp_path / "state")}
    environment["PREFECT_RUNNER_POLL_FREQUENCY"] = "1"  # the second run has to be met before the first ends
    for name in ("PREFECT_HOME", "PREFECT_API_URL"):
        environment.pop(name, None)
    # Where the tests run in the background of a shell Ctrl-C is ignored, by what they start as well.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from flows.cli import main; main()"
    )
    options = ["--cron", CRON, *WHAT, "--outputs", str(tmp_path / "out"), "--port", str(port)]
    command = [sys.executable, "-c", program, "serve", *options]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{port}/api"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            # Python drops a Ctrl-C that falls into a finaliser; a person presses again.
            process.send_signal(signal.SIGINT)
            process.wait(60)
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{port}/api/health", timeout=2.0)


def asked(api: str, what: str, **body: Any) -> Any:
    return httpx.post(f"{api}/{what}", json=body, timeout=30.0).raise_for_status().json()


def until(found: Callable[[], Any], limit_s: float = 180.0) -> Any:
    deadline = time.monotonic() + limit_s
    while True:
        try:
            if got := found():
                return got
        except httpx.HTTPError:
            pass  # the server isn't there yet
        assert time.monotonic() < deadline
        time.sleep(0.3)


@pytest.mark.slow
def test_a_run_that_comes_due_while_another_is_going_on_is_skipped(api: str) -> None:
    (deployment,) = until(lambda: asked(api, "deployments/filter"))
    assert [schedule["schedule"]["cron"] for schedule in deployment["schedules"]] == [CRON]
    weekly = until(lambda: asked(api, "flow_runs/filter", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}}))
    assert all(one["auto_scheduled"] for one in weekly)

    def start() -> str:
        return str(asked(api, f"deployments/{deployment['id']}/create_flow_run", state={"type": "SCHEDULED"})["id"])

    def state(flow_run: str) -> Any:
        return httpx.get(f"{api}/flow_runs/{flow_run}", timeout=30.0).raise_for_status().json()["state"]

    first = until(start)  # a busy server answers 503
    until(lambda: state(first)["type"] == "RUNNING")
    second = until(start)
    ended = until(lambda: state(second) if state(second)["type"] not in ("SCHEDULED", "PENDING") else None)
    assert ended["type"] == "CANCELLED"
    assert "concurrency" in ended["message"].lower()
    until(lambda: state(first)["type"] == "COMPLETED")
