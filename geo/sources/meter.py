"""What a run has spent, and where it has to stop."""

from __future__ import annotations

import threading

from geo.errors import BudgetReachedError
from geo.sources.base import Cost


class Meter:
    """Counts requests, bytes and processing units of all sources that share it, and refuses what is beyond a bound.

    Bounds are checked before something is asked for, with what it will cost, so they are never overrun by more
    than a reply that is larger than it was announced.

    Args:
        max_bytes: Most bytes to fetch; None for no bound.
        max_processing_units: Most Sentinel Hub processing units to spend; None for no bound.
    """

    def __init__(self, max_bytes: int | None = None, max_processing_units: float | None = None) -> None:
        self.max_bytes = max_bytes
        self.max_processing_units = max_processing_units
        self._spent = Cost()
        self._lock = threading.Lock()

    @property
    def spent(self) -> Cost:
        """What was spent up to now."""
        with self._lock:
            return self._spent

    def reserve(self, requests: int = 0, size_bytes: int = 0, processing_units: float = 0.0) -> None:
        """Count what is about to be asked for.

        Raises:
            BudgetReachedError: It would go beyond a bound; nothing was counted.
        """
        with self._lock:
            after = self._spent + Cost(requests, size_bytes, processing_units)
            if self.max_bytes is not None and after.bytes > self.max_bytes:
                raise BudgetReachedError(
                    f"the next request would take the run to {after.bytes / 1e6:.1f} MB and its bound is "
                    f"{self.max_bytes / 1e6:.1f} MB: what is done is kept, raise --max-bytes to go on"
                )
            if self.max_processing_units is not None and after.processing_units > self.max_processing_units:
                raise BudgetReachedError(
                    f"the next request would take the run to {after.processing_units:.3f} processing units and its "
                    f"bound is {self.max_processing_units:g}: what is done is kept, raise --max-processing-units"
                )
            self._spent = after

    def correct(self, size_bytes: int = 0, processing_units: float = 0.0) -> None:
        """Add (or take off) what the reply turned out to cost against what was reserved."""
        with self._lock:
            self._spent += Cost(0, size_bytes, processing_units)
