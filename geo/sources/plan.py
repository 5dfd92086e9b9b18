"""What a run would cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shapely.geometry.base import BaseGeometry

from geo.errors import SourceError
from geo.grid import Grid
from geo.scene import LeftOut
from geo.sources.base import Cost, ImagerySource
from geo.sources.cached import CachedSource


@dataclass(frozen=True, slots=True)
class Area:
    """A place to plan for.

    Attributes:
        area_id: Its name in the plan.
        geometry: What is watched, EPSG:4326.
        grid: Its permanent pixels.
    """

    area_id: str
    geometry: BaseGeometry
    grid: Grid


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One area of a plan.

    Attributes:
        area_id: Which.
        scenes: Scenes that would be used.
        held: How many of them are in the cache already.
        left_out: Scenes that wouldn't, with reasons.
        cost: What fetching the others would spend, if all are clear.
        total: The same, summed over this and all rows before it.
        within_bounds: Whether the run would get to the end of this area.
        fault: Why the area couldn't be searched; empty where it could.
    """

    area_id: str
    scenes: int = 0
    held: int = 0
    left_out: tuple[LeftOut, ...] = ()
    cost: Cost = field(default_factory=Cost)
    total: Cost = field(default_factory=Cost)
    within_bounds: bool = True
    fault: str = ""


def plan(
    areas: Iterable[Area],
    source: ImagerySource,
    bands: Sequence[str],
    start: datetime,
    end: datetime,
    max_bytes: int | None = None,
    max_processing_units: float | None = None,
) -> Iterator[PlanRow]:
    """Search for every area and estimate; no pixel is fetched and no processing unit spent.

    An area that can't be searched is a row with its fault; the others go on.

    Args:
        areas: Places, in the order of the run.
        source: Whom to ask.
        bands: What the detectors require.
        start: First acquisition, aware.
        end: Last acquisition, aware.
        max_bytes: The run's bound on bytes.
        max_processing_units: The run's bound on processing units.
    """
    total = Cost()
    for area in areas:
        try:
            found = source.search(area.geometry, start, end)
        except SourceError as error:
            yield PlanRow(area.area_id, total=total, fault=str(error))
            continue
        cost = source.estimate_cost(found.scenes, bands, area.grid)
        total += cost
        held = 0
        if isinstance(source, CachedSource):
            held = sum(source.holds(scene, bands, area.grid) for scene in found.scenes)
        yield PlanRow(
            area_id=area.area_id,
            scenes=len(found.scenes),
            held=held,
            left_out=found.left_out,
            cost=cost,
            total=total,
            within_bounds=(max_bytes is None or total.bytes <= max_bytes)
            and (max_processing_units is None or total.processing_units <= max_processing_units),
        )
