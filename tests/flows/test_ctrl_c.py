"""Ctrl-C leaves everything whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.ledger import Ledger


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [3.0, 6.0, 10.0])
def test_ctrl_c_is_one_sentence_and_what_is_stored_is_whole(tmp_path: Path, after_s: float) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", "from flows.cli import main; main()", "demo", "--outputs", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FACILITY_WATCH_STATE_DIR": str(tmp_path / "state"), "PREFECT_HOME": str(tmp_path / "home")},
        start_new_session=True,
    )
    time.sleep(after_s)
    # As a terminal does: to the whole process group.
    os.killpg(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "what was stored and published before is whole" in " ".join(err.split())
    assert out == ""
    if (tmp_path / "out" / "ledger.sqlite").exists():
        Ledger.at(tmp_path / "out").close()
    assert not (tmp_path / "out" / "changes.geojson").exists()
