"""What a monitoring run is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from flows.watch import Window
from geo.errors import InputError


class MonitorParameters(BaseModel):
    """Parameters of a monitoring run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(description="Imagery source, such as folder:PATH")
    start: date = Field(description="First day of the watched time")
    end: date = Field(description="Last day of the watched time")
    outputs: Path = Field(description="Output folder; it also holds the ledger")
    catalogue: Path | None = Field(default=None, description="Catalogue file; the packaged one if not given")
    facilities: tuple[str, ...] = Field(default=(), description="Facility ids; all active ones if empty")
    detectors: tuple[str, ...] = Field(default=(), description="Detectors; all if empty")
    gsd_m: float = Field(default=10.0, gt=0, description="Pixel size of the grid, metres")
    workers: int = Field(default=2, ge=1, description="Facilities worked on at once")

    @property
    def window(self) -> Window:
        """The watched time, both days included, UTC.

        Raises:
            InputError: It ends before it starts.
        """
        if self.end < self.start:
            raise InputError(
                f"the watched time ends ({self.end}) before it starts ({self.start}): swap --from and --to"
            )
        return Window(
            datetime.combine(self.start, time.min, tzinfo=UTC), datetime.combine(self.end, time.max, tzinfo=UTC)
        )
