"""Which hosts have stopped answering, so that a run doesn't wait for each of ten thousand scenes in turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from geo.errors import ServiceDownError

# The files of three scenes at six bands and a classification: one scene that is broken as a whole isn't an outage.
_FAILURES = 20
_REST_S = 300.0


@dataclass(slots=True)
class _Record:
    failures: int = 0
    last_at: float = 0.0


class Health:
    """Counts, host by host, the requests in a row that failed at all their attempts.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._hosts: dict[str, _Record] = {}
        self._lock = threading.Lock()

    def require(self, host: str) -> None:
        """Refuse to ask a host that has answered nothing of late; after five minutes it is asked again.

        Raises:
            ServiceDownError: It failed twenty times in a row, the last time less than five minutes ago.
        """
        with self._lock:
            record = self._hosts.get(host, _Record())
            if record.failures >= _FAILURES and self._clock() - record.last_at < _REST_S:
                raise ServiceDownError(
                    f"{host} left {record.failures} requests in a row unanswered: run again later, what is done is kept"
                )

    def answered(self, host: str) -> None:
        """The host answered."""
        with self._lock:
            self._hosts.pop(host, None)

    def failed(self, host: str) -> None:
        """A request failed at all its attempts."""
        with self._lock:
            record = self._hosts.setdefault(host, _Record())
            record.failures += 1
            record.last_at = self._clock()
