"""How long the stages of the work take, summed up wherever it is done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_totals: ContextVar[dict[str, float] | None] = ContextVar("stage_totals", default=None)


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Collects the seconds that each stage inside the block takes, by its name."""
    totals: dict[str, float] = {}
    token = _totals.set(totals)
    try:
        yield totals
    finally:
        _totals.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """One stage; costs nothing where nobody collects."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        totals = _totals.get()
        if totals is not None:
            totals[name] = totals.get(name, 0.0) + time.perf_counter() - begun
