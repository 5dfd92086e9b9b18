"""Ctrl-C at a terminal, which reaches every process of a run at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from geo.errors import FacilityWatchError


class InterruptedRunError(FacilityWatchError):
    """A person stopped the run."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Makes one sentence of Ctrl-C, whatever it broke on its way.

    The workflow engine's own server hears Ctrl-C too and may be gone before the run has told it that it ends; that the
    server then can't be reached is no error of its own, nor is what the engine's settings make of Ctrl-C while they are
    written out (pydantic raises a ValueError of its own for it).

    Raises:
        InterruptedRunError: Ctrl-C was pressed.
    """
    import httpx

    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.default_int_handler(number, frame)

    earlier = signal.signal(signal.SIGINT, note)
    try:
        yield
    except (KeyboardInterrupt, httpx.HTTPError, RuntimeError, OSError, ValueError) as error:
        if pressed:
            raise InterruptedRunError("stopped; what was stored and published before is whole") from error
        raise
    finally:
        signal.signal(signal.SIGINT, earlier)
