"""What the demo and the command line cost, beside the least that any Prefect flow and any Python program cost."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

RUNS = 3

_EMPTY_FLOW = """
from flows.settings import Settings, configure_prefect
configure_prefect(Settings())
from prefect import flow
@flow
def nothing():
    return 1
nothing()
"""

_DECODE = """
import rasterio
from flows.imagery import EXAMPLE_ARCHIVE
for path in sorted(EXAMPLE_ARCHIVE.glob("*.tif")):
    with rasterio.open(path) as scene:
        scene.read(), scene.dataset_mask()
"""


@dataclass(frozen=True)
class Spent:
    """Wall-clock seconds and the largest resident set of one run, MiB."""

    wall_s: float
    peak_mib: float


def measure(command: Sequence[str], environment: dict[str, str]) -> Spent:
    """Runs a command once, its output read and thrown away.

    Raises:
        RuntimeError: It failed.
    """
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(command, env=os.environ | environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed: {output.read().decode(errors='replace')[-2000:]}")
    return Spent(wall_s, usage.ru_maxrss / 1024)


def rows() -> Iterator[dict[str, str]]:
    """One row per thing measured: median wall time, largest peak, and the ratio to its baseline."""
    program = str(Path(sys.executable).with_name("facility-watch"))
    with tempfile.TemporaryDirectory() as scratch:
        state = {"FACILITY_WATCH_STATE_DIR": f"{scratch}/state"}
        python = [sys.executable, "-c"]

        def demo(run: int) -> list[str]:
            return [program, "demo", "--outputs", f"{scratch}/out{run}"]

        yield _row(
            "first flow ever on this machine (Prefect makes its database)", [measure([*python, _EMPTY_FLOW], state)]
        )
        flow = [measure([*python, _EMPTY_FLOW], state) for _ in range(RUNS)]
        yield _row("an empty Prefect flow", flow)
        yield _row("decoding the thirteen scenes", [measure([*python, _DECODE], state) for _ in range(RUNS)])
        yield _row("demo", [measure(demo(run), state) for run in range(RUNS)], flow, "an empty Prefect flow")
        yield _row("demo, nothing new", [measure(demo(0), state) for _ in range(RUNS)], flow, "an empty Prefect flow")
        bare = [measure([*python, "pass"], state) for _ in range(RUNS)]
        helped = [measure([program, "--help"], state) for _ in range(RUNS)]
        yield _row("facility-watch --help", helped, bare, "an empty Python program")


def _row(what: str, spent: Sequence[Spent], baseline: Sequence[Spent] = (), name: str = "") -> dict[str, str]:
    wall_s = median(one.wall_s for one in spent)
    ratio = f"{wall_s / median(one.wall_s for one in baseline):.1f} × {name}" if baseline else ""
    return {
        "what": what,
        "runs": str(len(spent)),
        "median wall (s)": f"{wall_s:.2f}",
        "peak memory (MiB)": f"{max(one.peak_mib for one in spent):.0f}",
        "ratio": ratio,
    }
