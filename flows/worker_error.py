"""What a run says of a worker that was lost."""

from __future__ import annotations

from geo.errors import FacilityWatchError


class WorkerError(FacilityWatchError):
    """A worker was lost over a facility; the other facilities go on."""
