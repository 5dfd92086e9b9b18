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


Listener = Callable[[Progress], None]

_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("progress_listeners", default=())


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Calls a listener, beside those that listen already, for every step of the flows that run inside the block."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


def report(done: int, total: int, label: str) -> None:
    """Tells the listeners, if there are any."""
    for listener in _listeners.get():
        listener(Progress(done, total, label))
