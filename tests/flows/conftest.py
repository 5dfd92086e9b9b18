"""Runs of the command line and of the flow, in this process, with Prefect's state in a folder of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.cli import main
from flows.imagery import EXAMPLE_ARCHIVE
from flows.settings import Settings, configure_prefect
from tests.conftest import ROOT


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session", autouse=True)
def _prefect(tmp_path_factory: pytest.TempPathFactory) -> None:
    configure_prefect(Settings(state_dir=tmp_path_factory.mktemp("state")))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Runs `facility-watch` with arguments."""

    def call(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["facility-watch", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        captured = capsys.readouterr()
        return Ended(int(code or 0) if not isinstance(code, str) else 1, captured.out, captured.err)

    return call


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder with the first three scenes of Dabancheng."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for path in sorted(EXAMPLE_ARCHIVE.glob("*.tif"))[:3]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """A scheduler and three worker processes on loopback."""
    file = tmp_path / "scheduler.json"
    quiet = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    python = [sys.executable, "-m"]
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    processes = [subprocess.Popen([*python, "distributed.cli.dask_scheduler", *options], **quiet)]
    while not file.exists():
        time.sleep(0.05)
    own = ["--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
    worker = [*python, "distributed.cli.dask_worker", *own, "--nworkers", "3", "--local-directory", str(tmp_path)]
    processes.append(subprocess.Popen(worker, **quiet))
    yield json.loads(file.read_text())["address"]
    for process in reversed(processes):
        process.terminate()
        process.wait(20)
