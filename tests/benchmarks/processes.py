"""Runs a command as its user does, and watches what it and its children hold and use."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Used:
    """What a command took.

    Attributes:
        wall_s: From start to end.
        processor_s: Of all its processes.
        peak_mib: Memory of all its processes together at their largest (proportional set size).
    """

    wall_s: float
    processor_s: float
    peak_mib: float


def watched(command: Sequence[str], environment: Mapping[str, str]) -> Used:
    """Runs a command to its end.

    Raises:
        RuntimeError: It failed.
    """
    before, begun = _processor_s(), time.perf_counter()
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        largest = _Largest(process.pid)
        said, _ = process.communicate()
        wall_s = time.perf_counter() - begun
        largest.stop()
    if process.returncode:
        raise RuntimeError(said.decode(errors="replace")[-2000:])
    return Used(wall_s, _processor_s() - before, largest.mib)


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Largest:
    """Watches how much memory a process and its children hold together."""

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
