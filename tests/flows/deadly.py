"""Detectors that end the process they run in, or never end. Sent to workers, so they have a module of their own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from detectors.base import Assessment, Requirements, Verdict, last_assessment
from geo.scene import ImageStack


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

    def follow(self, stack: ImageStack, since: int = 0) -> Iterator[Assessment]:
        note = Path(self.parameters.note)
        if stack.grid.shape[1] > 350 and not (self.parameters.once and note.exists()):
            note.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        for index in range(since, len(stack)):
            yield Assessment(Verdict.UNCHANGED, "nothing", float(stack.clear_fraction[index]))

    def assess(self, stack: ImageStack) -> Assessment:
        return last_assessment(self, stack)


class Endless(Deadly):
    """Never ends over the wider of the demo's two facilities."""

    name: ClassVar[str] = "endless"

    def follow(self, stack: ImageStack, since: int = 0) -> Iterator[Assessment]:
        while stack.grid.shape[1] > 350:
            time.sleep(0.1)
        yield from super().follow(stack, since)
