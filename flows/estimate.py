"""What it would take to watch any number of sites weekly, worked out from measured runs and the source's own terms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aoi.facility import Facility
from flows.imagery import open_held
from flows.measured import Kind, MeasuredRun, Measurements, line
from geo.errors import InputError
from geo.scene import Scene
from geo.sources.base import Cost
from geo.sources.cached import CachedSource

# With two satellites, at the equator; farther north swaths overlap (ESA, Sentinel-2 User Handbook, 2015, section 1.3).
REVISIT_DAYS = 5.0

_HOUR_S = 3600.0
_ESTIMABLE = ("stac", "sentinelhub")


@dataclass(frozen=True, slots=True)
class Prices:
    """What a user pays, in any currency; None where it isn't known, and then nothing is said of it."""

    per_processing_unit: float | None = None
    per_core_hour: float | None = None
    per_gb: float | None = None

    def of(self, needs: Needs) -> float | None:
        """What a run costs by these prices; None where none was given."""
        parts = (
            (self.per_processing_unit, needs.imagery.processing_units),
            (self.per_core_hour, needs.core_hours),
            (self.per_gb, needs.imagery.bytes / 1e9),
        )
        given = [price * amount for price, amount in parts if price is not None]
        return sum(given) if given else None


@dataclass(frozen=True, slots=True)
class Needs:
    """What one run over all sites takes.

    Attributes:
        scenes: How many are fetched.
        imagery: Requests, bytes and processing units.
        core_s: Seconds of a core that workers need, all sites together.
        serial_s: Seconds that no number of workers shortens: storing, publishing, Prefect.
    """

    scenes: float
    imagery: Cost
    core_s: float
    serial_s: float

    @property
    def core_hours(self) -> float:
        """Hours of a core."""
        return (self.core_s + self.serial_s) / _HOUR_S

    def cores(self, hours: float) -> int | None:
        """Cores with which the run ends in time; None where no number of them is enough."""
        left_s = hours * _HOUR_S - self.serial_s
        return math.ceil(self.core_s / left_s) if left_s > 0 else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What watching takes.

    Attributes:
        sites: How many.
        first: The run that begins with the whole series.
        weekly: Every run after it.
        sites_per_core_hour: How many sites one core follows in an hour of a weekly run.
        memory_per_worker_mib: Peak of the largest measured run, shared out among its workers.
        disk_bytes: Products and ledger.
        notes: What to know of the figures: what lies outside of what was measured.
    """

    sites: int
    first: Needs
    weekly: Needs
    sites_per_core_hour: float
    memory_per_worker_mib: float
    disk_bytes: float
    notes: tuple[str, ...]


def estimate(
    sites: int, scene_cost: Cost, measured: Measurements, clear_per_week: float, history_scenes: int
) -> Estimate:
    """What it takes to watch sites, at most: every clear scene is fetched and its site followed.

    Seconds grow with the length of the series as they did when measured (a line through the runs); what is done once
    for all sites grows with their number.

    Args:
        sites: How many.
        scene_cost: What fetching one scene of one site spends, on average.
        measured: Runs of a benchmark.
        clear_per_week: Clear scenes of a site in a week.
        history_scenes: Clear scenes of a site in the first run, and in the series that a new scene is added to.

    Raises:
        InputError: The measurements lack a backfill or a weekly run.
    """
    backfills, weeklies = measured.of(Kind.BACKFILL), measured.of(Kind.WEEKLY)
    orchestration_s = measured.orchestration_s(sites)

    def needs(kind: Kind, scenes: float, followed: float) -> Needs:
        runs = measured.of(kind)
        worker_s = line([run.clear_scenes for run in runs], [run.worker_s for run in runs])(history_scenes)
        serial_s = line([run.facilities for run in runs], [run.serial_s * run.facilities for run in runs])(sites)
        return Needs(scenes, _times(scene_cost, scenes), followed * worker_s, serial_s + orchestration_s)

    weekly = needs(Kind.WEEKLY, sites * clear_per_week, sites * min(clear_per_week, 1.0))
    largest = backfills[-1]
    return Estimate(
        sites=sites,
        first=needs(Kind.BACKFILL, float(sites * history_scenes), sites),
        weekly=weekly,
        sites_per_core_hour=sites / weekly.core_hours,
        memory_per_worker_mib=largest.peak_mib / measured.workers,
        disk_bytes=sites * largest.outputs_bytes / largest.facilities,
        notes=_notes(sites, history_scenes, [*backfills, *weeklies]),
    )


def scene_cost(source: str, facilities: Sequence[Facility], bands: Sequence[str], gsd_m: float) -> Cost:
    """What fetching one clear Sentinel-2 scene spends, on average over facilities; asks nobody.

    Args:
        source: `stac:…` or `sentinelhub:…`, whose own estimate is taken.
        facilities: Whose grids.
        bands: What the detectors require.
        gsd_m: Pixel size of the grids, m.

    Raises:
        InputError: The source is another one.
    """
    if source.partition(":")[0] not in _ESTIMABLE:
        raise InputError(f"--source {source!r}: give stac:NAME or sentinelhub:DEPLOYMENT, whose costs are known")
    opened = open_held(source)
    imagery = opened.source if isinstance(opened, CachedSource) else opened  # what is held already would cost nothing
    total = Cost()
    for facility in facilities:
        total += imagery.estimate_cost([_nominal(facility, bands)], bands, facility.grid(gsd_m))
    return Cost(
        requests=round(total.requests / len(facilities)),
        bytes=round(total.bytes / len(facilities)),
        processing_units=total.processing_units / len(facilities),
    )


def _nominal(facility: Facility, bands: Sequence[str]) -> Scene:
    names = (*bands, "SCL")
    return Scene(
        item_id="nominal",
        collection="sentinel-2-l2a",
        acquired_at=datetime(2024, 1, 1, tzinfo=UTC),
        scene_footprint=facility.area_of_interest,
        gsd_m=10.0,
        bands=names,
        assets=dict.fromkeys(names, ""),
        scale_offset=dict.fromkeys(bands, (1e-4, 0.0)),
    )


def _times(cost: Cost, count: float) -> Cost:
    return Cost(round(cost.requests * count), round(cost.bytes * count), cost.processing_units * count)


def _notes(sites: int, scenes: int, measured: Sequence[MeasuredRun]) -> tuple[str, ...]:
    most_sites = max(run.facilities for run in measured)
    lengths = [run.clear_scenes for run in measured]
    shortest, longest = min(lengths), max(lengths)
    said = []
    if any(run.was_disturbed for run in measured):
        said.append("the machine did other work while it was measured, so the seconds are too many: measure anew")
    if sites > most_sites:
        said.append(f"{most_sites} sites at most were measured; beyond, cost is taken to grow as it did up to there")
    if not shortest <= scenes <= longest:
        said.append(f"series of {shortest} to {longest} scenes were measured; beyond, a line is drawn through them")
    return tuple(said)
