"""What runs cost, as a benchmark measured them: written by `python -m tests.benchmarks.catalogue --out FILE`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from geo.errors import InputError

PACKAGED = Path(__file__).parent / "data" / "cost.json"

# What a worker does for a facility; the rest is done once, in the process that runs the whole.
WORKER_STAGES = ("read_s", "prepare_s", "detect_s", "keep_s", "draw_s")
SERIAL_STAGES = ("store_s", "publish_s")

_DISTURBED = 1.1  # a worker that has a core of its own spends hardly longer than it computes


class Kind(StrEnum):
    """What a measured run had to do."""

    BACKFILL = "backfill"
    NOTHING_NEW = "nothing_new"
    WEEKLY = "weekly"


class MeasuredRun(BaseModel):
    """One run of the command line over a made archive.

    Attributes:
        kind: All scenes new, none, or one for each facility.
        prefect: Whether it ran through Prefect.
        facilities: How many.
        clear_scenes: Of each facility, over five years.
        followed: Facilities that had anything new.
        wall_s: From start to end of the process.
        processor_s: Of it and its workers, together.
        peak_mib: Memory of all its processes together at their largest (proportional set size), MiB.
        stages: Seconds by stage, summed over facilities.
        decoding_s: What decoding every pixel of the archive takes with as many processes, doing nothing with it.
        outputs_bytes: Size of the output folder with its ledger.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    prefect: bool = True
    facilities: int = Field(gt=0)
    clear_scenes: int = Field(gt=0)
    followed: int = Field(ge=0)
    wall_s: float = Field(gt=0)
    processor_s: float = Field(gt=0)
    peak_mib: float = Field(ge=0)
    stages: dict[str, float]
    decoding_s: float = Field(gt=0)
    outputs_bytes: int = Field(ge=0)

    @property
    def worker_s(self) -> float:
        """Seconds that workers were busy for each facility that was followed."""
        return sum(self.stages.get(name, 0.0) for name in WORKER_STAGES) / max(self.followed, 1)

    @property
    def was_disturbed(self) -> bool:
        """Whether workers had to wait for the processor, because the machine did other work meanwhile."""
        return self.worker_s * self.followed > _DISTURBED * self.processor_s

    @property
    def serial_s(self) -> float:
        """Seconds for each facility that no number of workers shortens."""
        return sum(self.stages.get(name, 0.0) for name in SERIAL_STAGES) / self.facilities


class Orchestration(BaseModel):
    """What Prefect costs: the flow over so many facilities with nothing to do, with it and without.

    Attributes:
        facilities: How many tasks.
        with_s: Whole process, Prefect's server included.
        without_s: The same without Prefect.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    facilities: int = Field(gt=0)
    with_s: float = Field(gt=0)
    without_s: float = Field(gt=0)

    @property
    def cost_s(self) -> float:
        """Seconds that Prefect adds."""
        return self.with_s - self.without_s


class Measurements(BaseModel):
    """Everything that one call of the benchmark measured, and where.

    Attributes:
        measured_on: Day.
        processor: Its model, as the system names it.
        cores: How many the machine has.
        workers: How many the runs used.
        software_version: Of facility-watch.
        runs: What was run.
        orchestration: What Prefect alone costs, for a few numbers of facilities.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    measured_on: date
    processor: str
    cores: int = Field(gt=0)
    workers: int = Field(gt=0)
    software_version: str
    runs: tuple[MeasuredRun, ...] = Field(min_length=1)
    orchestration: tuple[Orchestration, ...] = ()

    def of(self, kind: Kind) -> tuple[MeasuredRun, ...]:
        """The runs of a kind that went through Prefect, ascending by facilities, then scenes.

        Raises:
            InputError: There is none.
        """
        found = [run for run in self.runs if run.kind is kind and run.prefect]
        if not found:
            raise InputError(f"the measurements hold no run of the kind {kind}: measure anew")
        return tuple(sorted(found, key=lambda run: (run.facilities, run.clear_scenes)))

    @property
    def where(self) -> str:
        """The machine and the day, in words."""
        return f"{self.workers} workers on {self.cores} cores ({self.processor}), {self.measured_on}"

    def orchestration_s(self, facilities: int) -> float:
        """Seconds that Prefect adds to a run over so many facilities; 0 where it wasn't measured."""
        if not self.orchestration:
            return 0.0
        return line([one.facilities for one in self.orchestration], [one.cost_s for one in self.orchestration])(
            facilities
        )

    def orchestration_share(self, run: MeasuredRun) -> float:
        """Share of a run's wall time that is Prefect's, 0 to 1, at most: much of it passes while workers work."""
        return self.orchestration_s(run.facilities) / run.wall_s


def read_measurements(path: Path = PACKAGED) -> Measurements:
    """The measurements in a file.

    Raises:
        InputError: It can't be read, or holds none.
    """
    try:
        return Measurements.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path}: can't be read ({error.strerror}); make it by `python -m tests.benchmarks.catalogue --out FILE`"
        ) from error
    except ValidationError as error:
        raise InputError(
            f"{path}: holds no measurements ({error.error_count()} faults, the first at "
            f"{'.'.join(map(str, error.errors()[0]['loc'])) or 'the top'}); make it by `python -m "
            "tests.benchmarks.catalogue --out FILE`"
        ) from error


def line(x: Sequence[float], y: Sequence[float]) -> Callable[[float], float]:
    """The straight line of least squares, never below 0 nor falling; the mean where all x are one.

    >>> line([1, 2], [3, 5])(10)
    21.0
    >>> line([4, 4], [3, 5])(10)
    4.0
    """
    if len(set(x)) < 2:
        mean = float(np.mean(y))
        return lambda _: mean
    design = np.stack([np.ones(len(x)), np.asarray(x, float)], axis=1)
    (start, slope), *_ = np.linalg.lstsq(design, np.asarray(y, float), rcond=None)
    if slope < 0:  # noise: more never costs less
        start, slope = float(np.mean(y)), 0.0
    return lambda at: round(max(float(start + slope * at), 0.0), 9)
