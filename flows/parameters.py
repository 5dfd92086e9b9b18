"""What a monitoring run is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from pydantic import BaseModel, ByteSize, ConfigDict, Field

from detectors.base import Detector
from detectors.object_watch import Objects
from detectors.registry import FINE_GSD_M, choose
from flows.method import Window
from flows.segmenter import load_segmenter
from geo.errors import InputError


class MonitorParameters(BaseModel):
    """What is watched, over which time, and how."""

    # The docstring and the descriptions are the help in Prefect's form.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=False)

    source: str = Field(
        description="Imagery: stac:NAME, sentinelhub:DEPLOYMENT, byoc:FILE.toml or folder:PATH",
        min_length=1,
    )
    start: date = Field(description="First day of the watched time")
    end: date | None = Field(default=None, description="Last day of the watched time; today if not given")
    outputs: Path = Field(description="Output folder; holds the ledger too, unless FACILITY_WATCH_LEDGER names one")
    catalogue: Path | None = Field(default=None, description="Catalogue file; the packaged one if not given")
    facilities: tuple[str, ...] = Field(default=(), description="Facility ids; all active ones if empty")
    detectors: tuple[str, ...] = Field(default=(), description="Detectors; all that suit the pixel size if empty")
    segmenter: Path | None = Field(
        default=None, description="ONNX file of a building segmenter for pixels of 1 m at most"
    )
    gsd_m: float = Field(default=10.0, gt=0, description="Pixel size of the grid, metres")
    workers: int = Field(default=2, ge=1, le=1024, description="Facilities followed at once")
    runner: str = Field(
        default="processes",
        description="Where they are followed: processes (of this machine), dask, or dask:tcp://SCHEDULER:PORT",
        pattern=r"^(processes|dask|dask:.+)$",
    )
    full: bool = Field(
        default=False,
        description="Search the whole watched time again, not only what is new: finds scenes that came very late",
    )
    overlap_days: int = Field(
        default=60, ge=0, description="How many days before the newest known scene are searched again"
    )
    max_bytes: ByteSize | None = Field(
        default=None, description="Most bytes to receive, such as 20GB; then stop cleanly"
    )
    max_processing_units: float | None = Field(
        default=None, gt=0, description="Most Sentinel Hub processing units to spend; then stop cleanly"
    )
    profile: str | None = Field(default=None, description="Profile of sentinelhub's configuration")
    facility_timeout_s: float = Field(default=1800.0, gt=0, description="Seconds that one facility may take")

    @property
    def chosen_detectors(self) -> tuple[Detector, ...]:
        """The detectors of the run, with the user's segmenter if there is one.

        Raises:
            InputError: A detector isn't known, or the segmenter can't be used.
        """
        if self.segmenter is None:
            return choose(self.detectors, self.gsd_m)
        chosen = choose(self.detectors, self.gsd_m, load_segmenter(self.segmenter))
        if self.gsd_m > FINE_GSD_M or Objects.name not in [detector.name for detector in chosen]:
            raise InputError(
                f"--segmenter {self.segmenter.name} is for the detector {Objects.name!r} on pixels of {FINE_GSD_M:g} m "
                "at most: set --gsd-m, or leave the segmenter out"
            )
        return chosen

    @property
    def window(self) -> Window:
        """The watched time, both days included, UTC.

        Raises:
            InputError: It ends before it starts.
        """
        today = datetime.now(UTC).date()
        end = self.end or today
        if end < self.start and self.end is None:
            raise InputError(
                f"the watched time starts ({self.start}) after today ({today}): check --from and the clock of this "
                "machine"
            )
        if end < self.start:
            raise InputError(f"the watched time ends ({end}) before it starts ({self.start}): swap --from and --to")
        return Window(datetime.combine(self.start, time.min, tzinfo=UTC), datetime.combine(end, time.max, tzinfo=UTC))

    @property
    def overlap(self) -> timedelta | None:
        """How far before the newest known scene is searched again; None for the whole watched time."""
        return None if self.full else timedelta(days=self.overlap_days)

    def for_the_record(self, source_name: str) -> dict[str, object]:
        """The parameters as products may show them: what decides the result, and no path of a machine."""
        return {
            "source": source_name,
            "catalogue": self.catalogue.name if self.catalogue else "packaged",
            "facilities": list(self.facilities),
            "detectors": list(self.detectors),
            "gsd_m": self.gsd_m,
            **({"segmenter": self.segmenter.name} if self.segmenter else {}),
        }
