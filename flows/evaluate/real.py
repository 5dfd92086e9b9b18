"""Against truth polygons drawn by eye on a real series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np

from detectors.base import ChangeType, Finding
from detectors.baselines import BASELINES, otsu_mask
from detectors.evaluation.metrics import Agreement, area_agreement, burnt
from geo.errors import InputError
from geo.scene import BoolArray, ImageStack

FIELDS = ("interval", "last_without", "first_with", "label")


@dataclass(frozen=True, slots=True)
class Interval:
    """What was built between two dates.

    Attributes:
        name: As in the truth file.
        begin: Last date without it, aware.
        end: Date that shows all of it, aware, inclusive.
        truth: bool (y, x).
        ambiguous: bool (y, x), not scored.
    """

    name: str
    begin: datetime
    end: datetime
    truth: BoolArray
    ambiguous: BoolArray


@dataclass(frozen=True, slots=True)
class Row:
    """One method's agreement with the truth of one interval."""

    method: str
    interval: str
    agreement: Agreement


def read_truth(path: Path, stack: ImageStack) -> list[Interval]:
    """Truth polygons (EPSG:4326) on the grid of a stack, ascending by interval.

    Raises:
        InputError: The file lacks one of the fields interval, last_without, first_with, label.
    """
    table = gpd.read_file(path).to_crs(stack.grid.crs)
    missing = [field for field in FIELDS if field not in table]
    if missing:
        raise InputError(f"{path} lacks the field {missing[0]}: truth polygons need {', '.join(FIELDS)}")
    intervals = []
    for name, part in table.groupby(table["interval"].astype(str)):
        masks = {
            label: burnt(list(part.geometry[part["label"] == label]), stack.grid) for label in ("truth", "ambiguous")
        }
        begin, end = (_day(part[field].iloc[0]) for field in ("last_without", "first_with"))
        intervals.append(
            Interval(str(name), begin, end + timedelta(days=1), masks["truth"], masks["ambiguous"] & ~masks["truth"])
        )
    return sorted(intervals, key=lambda interval: interval.begin)


def _day(text: object) -> datetime:
    return datetime.fromisoformat(str(text)[:10]).replace(tzinfo=UTC)


def score_findings(findings: tuple[Finding, ...], intervals: list[Interval], stack: ImageStack) -> list[Row]:
    """Findings that began in each interval against what was built in it."""
    rows = []
    for interval in intervals:
        begun = [
            one.geometry
            for one in findings
            if one.kind is not ChangeType.BUILDING_REMOVED and interval.begin < one.first_with < interval.end
        ]
        rows.append(
            Row(
                "footprints",
                interval.name,
                area_agreement(burnt(begun, stack.grid), interval.truth, interval.ambiguous),
            )
        )
    return rows


def score_baselines(intervals: list[Interval], stack: ImageStack) -> list[Row]:
    """Each baseline with Otsu's threshold, on the scenes at the two ends of each interval."""
    rows = []
    for interval in intervals:
        before = max(
            i for i, scene in enumerate(stack.scenes) if scene.acquired_at < interval.begin + timedelta(days=1)
        )
        after = max(i for i, scene in enumerate(stack.scenes) if scene.acquired_at < interval.end)
        clear = np.asarray(stack.valid[before] & stack.valid[after])
        images = [np.nan_to_num(stack.reflectance[index]) for index in (before, after)]
        for name, method in BASELINES.items():
            mask = otsu_mask(method(images[0], images[1], clear), clear)
            rows.append(Row(name, interval.name, area_agreement(mask, interval.truth, interval.ambiguous)))
    return rows


def mean_f1(rows: list[Row], method: str) -> float:
    """Mean over the intervals."""
    return float(np.mean([row.agreement.f1 for row in rows if row.method == method]))
