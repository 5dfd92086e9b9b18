"""A page per facility that prints on one sheet: map, growth, chips, changes, provenance, citation, attribution."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from detectors.base import ChangeType
from flows.change import Change, ReviewStatus, Status
from flows.publish.gather import Layers
from flows.publish.names import safe_name
from flows.publish.palette import LOOKS, STATUS_LINES
from flows.publish.picture import round_length_m
from flows.publish.sentence import quotable
from flows.publish.table import Cell
from flows.publish.templating import render

_MAP_WIDTH = 360.0
_M_PER_DEGREE = 111_320.0  # along a meridian; a sketch map needs no better
_MOST_CHIPS = 2
_RANK = (Status.CONFIRMED, Status.PROVISIONAL, Status.FIRST, Status.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class _Path:
    """One outline of the sketch map."""

    d: str
    colour: str
    dash: str
    fill: str
    title: str


@dataclass(frozen=True, slots=True)
class _Sketch:
    """A map of one facility without background, north up."""

    width: float
    height: float
    paths: tuple[_Path, ...]
    bar_px: float
    bar_m: float


def report_path(facility_id: str) -> str:
    """Where the report of a facility is, relative to the product folder."""
    return f"site/facility/{safe_name(facility_id)}.html"


def write_reports(layers: Layers, folder: Path, software_version: str) -> None:
    """Writes `site/facility/<facility>.html` for every facility."""
    (folder / "site" / "facility").mkdir(parents=True, exist_ok=True)
    changes: dict[str, list[Change]] = defaultdict(list)
    for change in layers.records:
        changes[change.facility_id].append(change)
    reasons = _reasons(layers)
    names = [field.name for field in layers.facilities.fields]
    for row, outline in zip(layers.facilities.rows, layers.facilities.geometries, strict=True):
        place = dict(zip(names, row, strict=True))
        facility_id = str(place["facility_id"])
        own = sorted(changes[facility_id], key=lambda change: (_RANK.index(change.status), -change.area_m2))
        text = render(
            "site/report.html.j2",
            place=place,
            changes=own,
            sentences={change.change_id: quotable(change, layers.sightings[change.change_id]) for change in own},
            labels={str(kind): look.label for kind, look in LOOKS.items()},
            chips=[change for change in own if change.evidence_after][:_MOST_CHIPS],
            sketch=_sketch(layers.areas_of_interest[facility_id], outline, own),
            coverage=reasons[facility_id],
            attribution=sorted({change.attribution for change in own if change.attribution}),
            software_version=software_version,
        )
        (folder / report_path(facility_id)).write_text(text, encoding="utf-8", newline="\n")


def _reasons(layers: Layers) -> dict[str, list[tuple[str, int]]]:
    """How many months of each facility were assessed, and why the others were not, by detector and month."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    columns: Sequence[list[Cell]] = [layers.coverage.column(name) for name in ("facility_id", "detector", "reason")]
    for facility_id, detector, reason in zip(*columns, strict=True):
        counts[str(facility_id)][f"{detector}: {reason or 'assessed'}"] += 1
    return defaultdict(list, {key: sorted(found.items()) for key, found in counts.items()})


def _sketch(area: BaseGeometry, outline: BaseGeometry, changes: Sequence[Change]) -> _Sketch:
    min_x, min_y, max_x, max_y = area.bounds
    shrink = math.cos(math.radians((min_y + max_y) / 2))
    width_m = (max_x - min_x) * _M_PER_DEGREE * shrink
    px_per_m = _MAP_WIDTH / width_m
    y_scale = _M_PER_DEGREE * px_per_m
    x_scale = y_scale * shrink

    def d(geometry: BaseGeometry) -> str:
        rings = []
        for part in shapely.get_parts(geometry):
            for ring in (part.exterior, *part.interiors):
                points = (f"{(x - min_x) * x_scale:.1f},{(max_y - y) * y_scale:.1f}" for x, y in ring.coords)
                rings.append(f"M{' '.join(points)}Z")
        return "".join(rings)

    paths = [_Path(d(area), "#666", "", "none", "Watched ground")]
    if outline.area > 0:
        paths.append(_Path(d(outline), "#000", "2 2", "none", "Known outline"))
    for change in reversed(changes):
        look = LOOKS[ChangeType(change.change_type)]
        counts = change.status is not Status.WITHDRAWN and change.review_status is not ReviewStatus.REJECTED
        colour = look.colour if counts else "#888"
        fill = "none" if look.is_line else colour
        title = f"{change.change_id}: {look.label}, {change.status}"
        paths.append(_Path(d(change.geometry), colour, STATUS_LINES[change.status][1], fill, title))
    bar_m = round_length_m(width_m / 3)
    height = (max_y - min_y) * y_scale
    return _Sketch(_MAP_WIDTH, round(height, 1), tuple(paths), round(bar_m * px_per_m, 1), bar_m)
