"""What a catalogue costs: `python -m tests.benchmarks.catalogue [--facilities 4 8 16] [--scenes 15 30 60]`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import rasterio

from aoi.catalogue import Catalogue
from aoi.facility import Facility
from flows.cli.console import show_table
from tests.benchmarks.archive import dates, facilities_apart, make

WORKERS = 2
_STAGES = ("look_s", "read_s", "prepare_s", "detect_s", "draw_s", "store_s")


@dataclass(frozen=True)
class Run:
    """One run: seconds, MiB of all its processes together at their largest, and seconds by stage."""

    wall_s: float
    peak_mib: float
    stages: Counter[str]
    followed: int


def monitor(archive: Path, outputs: Path, facilities: Sequence[Facility], *more: str) -> Run:
    """Runs the command line as its user does.

    Raises:
        RuntimeError: It failed.
    """
    log = outputs.with_suffix(".jsonl")
    log.unlink(missing_ok=True)
    program = str(Path(sys.executable).with_name("facility-watch"))
    window = ("--from", "2019-01-01", "--to", "2024-12-31")
    ids = [part for facility in facilities for part in ("--facility", facility.facility_id)]
    command = [program, "monitor", "--source", f"folder:{archive}", *window, "--outputs", str(outputs), *ids]
    options = ["--workers", str(WORKERS), "--log", str(log), *more]
    environment = os.environ | {"FACILITY_WATCH_STATE_DIR": str(outputs.parent / "state")}
    begun = time.perf_counter()
    with subprocess.Popen(  # noqa: S603
        [*command, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        largest = _Largest(process.pid)
        said, _ = process.communicate()
        wall_s = time.perf_counter() - begun
        largest.stop()
    if process.returncode:
        raise RuntimeError(said.decode(errors="replace")[-2000:])
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    stages: Counter[str] = Counter()
    for step in steps:
        stages.update({name: step[name] for name in (*_STAGES, "publish_s") if name in step})
    return Run(wall_s, largest.mib, stages, sum(step["message"] == "followed" for step in steps))


class _Largest:
    """Watches how much memory a process and its children hold together (proportional set size)."""

    def __init__(self, pid: int) -> None:
        self.mib = 0.0
        self._pid = pid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(0.5):
            self.mib = max(self.mib, sum(_held_mib(pid) for pid in _family(self._pid)))


def _family(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in _family(child))]


def _held_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def decoding_s(archive: Path) -> float:
    """Seconds that as many processes take to decode every pixel of the archive and do nothing with it."""
    paths = sorted(archive.glob("*.tif"))
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        list(pool.map(_decode, paths[:WORKERS]))  # started, imports done
        begun = time.perf_counter()
        list(pool.map(_decode, paths, chunksize=20))
        return time.perf_counter() - begun


def _decode(path: Path) -> float:
    with rasterio.open(path) as scene:
        return float(np.asarray(scene.read()).max())


def row(what: str, run: Run, facilities: int, baseline_s: float) -> dict[str, str]:
    """One line of the table."""
    busy_s = sum(run.stages[name] for name in _STAGES[1:])
    return {
        "what": what,
        "wall (s)": f"{run.wall_s:.1f}",
        "per facility (s)": f"{run.wall_s / facilities:.2f}",
        "followed": str(run.followed),
        "peak memory (MiB)": f"{run.peak_mib:.0f}",
        **{name.replace("_s", " (s)"): f"{run.stages[name]:.1f}" for name in (*_STAGES, "publish_s")},
        "workers busy": f"{busy_s / WORKERS / run.wall_s:.0%}",
        "× decoding": f"{run.wall_s / baseline_s:.1f}",
    }


def main() -> None:
    """Makes the archives, runs over them and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facilities", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--scenes", type=int, nargs="+", default=[15, 30, 60])
    parser.add_argument("--scratch", type=Path, default=None, help="Where the archives go; a gigabyte or more.")
    given = parser.parse_args()
    catalogue = Catalogue.builtin().active
    rows = []
    for count, scenes in dict.fromkeys(
        [
            *((count, max(given.scenes)) for count in given.facilities),
            *((min(given.facilities), n) for n in given.scenes),
        ]
    ):
        with tempfile.TemporaryDirectory(dir=given.scratch) as scratch:
            rows += _measure(list(facilities_apart(catalogue, count)), scenes, Path(scratch))
    show_table(rows, title=f"A catalogue, {WORKERS} workers")


def _measure(facilities: list[Facility], scenes: int, scratch: Path) -> list[dict[str, str]]:
    archive, outputs = scratch / "archive", scratch / "out"
    make(facilities, scenes, archive)
    newest = dates(scenes)[-1]
    late = [path for path in archive.glob("*.tif") if path.stem.rpartition("_")[2] >= f"{newest:%Y-%m-%d}"]
    kept = scratch / "later"
    kept.mkdir()
    for path in late:
        shutil.move(path, kept)
    baseline_s = decoding_s(archive)
    count, name = len(facilities), f"{len(facilities)} facilities × {scenes} clear scenes"
    found = [row(f"{name}: backfill", monitor(archive, outputs, facilities), count, baseline_s)]
    found.append(row(f"{name}: nothing new", monitor(archive, outputs, facilities), count, baseline_s))
    for path in kept.iterdir():
        shutil.move(path, archive)
    found.append(row(f"{name}: one new scene each", monitor(archive, outputs, facilities), count, baseline_s))
    found[0]["decoding (s)"] = f"{baseline_s:.1f}"
    for one in found[1:]:
        one["decoding (s)"] = ""
    return found


if __name__ == "__main__":
    main()
