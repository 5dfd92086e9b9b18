"""A run over a remote source that is killed at any moment asks for nothing again that it had."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from geo.cache import SceneCache
from tests.conftest import ROOT
from tests.flows.test_killed import products
from tests.servers import demo
from tests.servers.stac import StacServer

KILLS = 3


class Remote:
    """Runs over a loopback STAC API with a cache of their own."""

    def __init__(self, server: StacServer, folder: Path) -> None:
        self.server, self.outputs, self.state = server, folder / "out", folder / "state"

    def run(self, killed_after_s: float | None = None) -> int:
        """One run, to its end or to a kill, which asks for no file of a scene that is held; how many it asks for."""
        entries = SceneCache(str(self.state / "cache")).entries() if self.state.exists() else ()
        held = {entry.item_id for entry in entries if entry.kind == "scene"}
        before = len(self.server.requests)
        options = [f"source=stac:{self.server.url}/v1", "facilities=aspi-0124"]
        command = [sys.executable, "-m", "tests.flows.child", str(self.outputs), "2017-03-01", *options]
        environment = {**os.environ, "FACILITY_WATCH_STATE_DIR": str(self.state)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment)
        try:
            assert process.wait(killed_after_s) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        asked = [got.path.split("/")[2] for got in self.server.requests[before:] if got.path.startswith("/files/")]
        assert held.isdisjoint(asked)
        return len(asked)


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_fetched_twice(tmp_path: Path) -> None:
    with StacServer(latency_s=0.1) as server:
        demo.serve_stac(server)
        undisturbed, disturbed = Remote(server, tmp_path / "undisturbed"), Remote(server, tmp_path / "disturbed")
        begun = time.monotonic()
        assert undisturbed.run() > 0
        took_s, moments = time.monotonic() - begun, random.Random(3)
        asked = [disturbed.run(moments.uniform(0.2, 0.8) * took_s) for _ in range(KILLS)]
        assert any(asked)
        disturbed.run()
        assert disturbed.run() == 0
    assert products(disturbed.outputs) == products(undisturbed.outputs)
