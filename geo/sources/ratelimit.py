"""One pace for all requests of the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Host:
    interval_s: float
    next_at: float = 0.0


class RateLimiter:
    """Hands out send times, host by host, and holds a host back for as long as it asks for.

    A caller takes a wait from `reserve` and sleeps by its own means, so threads and an event loop can share one
    limiter. A host is given at most its requests per second, evenly spaced.

    Args:
        requests_per_second: Pace of a host that has none of its own.
        clock: Monotonic seconds.
    """

    def __init__(self, requests_per_second: float = 200.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = 1.0 / requests_per_second
        self._clock = clock
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    def limit(self, host: str, requests_per_second: float) -> None:
        """Give a host a pace of its own; the slower one holds where it has one already."""
        with self._lock:
            entry = self._entry(host)
            entry.interval_s = max(1.0 / requests_per_second, entry.interval_s)

    def reserve(self, host: str) -> float:
        """Take the host's next free send time.

        Returns:
            Seconds to wait before sending, 0 or more.
        """
        with self._lock:
            entry, now = self._entry(host), self._clock()
            send_at = max(now, entry.next_at)
            entry.next_at = send_at + entry.interval_s
            return send_at - now

    def pause(self, host: str, seconds: float) -> None:
        """Nothing more is sent to a host for a while: it said so."""
        with self._lock:
            entry = self._entry(host)
            entry.next_at = max(entry.next_at, self._clock() + seconds)

    def _entry(self, host: str) -> _Host:
        return self._hosts.setdefault(host, _Host(self._interval_s))


# Every source of the process shares it, so that ten facilities at once ask no faster than one.
PROCESS_LIMITER = RateLimiter()
