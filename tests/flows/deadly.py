"""Detectors that end the process they run in, or never end. Sent to workers, so they have a module of their own."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from detectors.base import Assessment, Requirements, Verdict
from detectors.series import Series
from geo.grid import Grid
from geo.scene import PreparedScene


@dataclass(frozen=True)
class Fuse:
    """Where the detector notes that it has killed; it kills once if told so, else every time."""

    note: str
    once: bool


class Deadly:
    """Kills its process over the wider of the demo's two facilities."""

    name: ClassVar[str] = "deadly"
    version: ClassVar[str] = "1"
    requires: ClassVar[Requirements] = Requirements(20.0, ("B04",), 1)

    def __init__(self, note: Path, *, once: bool) -> None:
        self.parameters = Fuse(str(note), once)

    def start(self, grid: Grid) -> Quiet:
        note = Path(self.parameters.note)
        if grid.shape[1] > 350 and not (self.parameters.once and note.exists()):
            note.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Quiet(Series(grid))


@dataclass
class Quiet:
    """Finds nothing."""

    state: Series

    def add(self, scene: PreparedScene) -> None:
        self.state.add(scene)

    def assess(self) -> Assessment:
        return Assessment(Verdict.UNCHANGED, "nothing", self.state.scenes[-1].clear_fraction)


class Endless(Deadly):
    """Never ends over the wider of the demo's two facilities."""

    name: ClassVar[str] = "endless"

    def start(self, grid: Grid) -> Quiet:
        while grid.shape[1] > 350:
            time.sleep(0.1)
        return super().start(grid)
