"""Lets whoever runs a flow in this process see how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: facilities done and to do, and what was just finished."""

    done: int
    total: int
    label: str


_listener: ContextVar[Callable[[Progress], None] | None] = ContextVar("progress_listener", default=None)


@contextmanager
def listening(listener: Callable[[Progress], None]) -> Iterator[None]:
    """Calls a listener for every step of the flows that run inside the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report(done: int, total: int, label: str) -> None:
    """Tells the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(Progress(done, total, label))
