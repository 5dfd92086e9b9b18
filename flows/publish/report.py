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
from flows.publish.evidence import Evidence
from flows.publish.gather import Layers
from flows.publish.layer import joint_notice
from flows.publish.names import safe_name
from flows.publish.palette import DETECTOR_WORDS, LOOKS, STATUS_LINES
from flows.publish.picture import round_length_m
from flows.publish.sentence import quotable
from flows.publish.series import strip_path
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
    observed = _observed(layers)
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
            legend=[(look.label, look.colour) for kind, look in LOOKS.items() if kind in {c.change_type for c in own}],
            labels={str(kind): look.label for kind, look in LOOKS.items()},
            chips=[_panels(layers.evidence[change.change_id]) for change in own if change.evidence_after][:_MOST_CHIPS],
            strip=strip_path(str(place["series"])) if place["series"] else None,
            sketch=_sketch(layers.areas_of_interest[facility_id], outline, own),
            coverage=observed[facility_id],
            attribution=joint_notice(change.attribution for change in own),
            detectors=sorted({f"{change.detector} {change.detector_version}" for change in own}),
            software_version=software_version,
        )
        (folder / report_path(facility_id)).write_text(text, encoding="utf-8", newline="\n")


@dataclass(frozen=True, slots=True)
class _Observed:
    """How many months one detector could assess, and why the others not."""

    detector: str
    assessed: int
    months: int
    reasons: tuple[tuple[str, int], ...]


def _observed(layers: Layers) -> dict[str, list[_Observed]]:
    """What was observed of each facility, by detector; the most frequent reason first."""
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    columns: Sequence[list[Cell]] = [layers.coverage.column(name) for name in ("facility_id", "detector", "reason")]
    for facility_id, detector, reason in zip(*columns, strict=True):
        counts[str(facility_id)][str(detector)][str(reason)] += 1
    told: dict[str, list[_Observed]] = defaultdict(list)
    for facility_id, detectors in counts.items():
        for detector, found in sorted(detectors.items()):
            reasons = tuple(sorted(((why, n) for why, n in found.items() if why), key=lambda row: (-row[1], row[0])))
            name = DETECTOR_WORDS.get(detector, detector)
            told[facility_id].append(_Observed(name, found[""], found.total(), reasons))
    return told


@dataclass(frozen=True, slots=True)
class _Panel:
    """The bare part of an evidence image: how large the whole is beside it, and what it shows."""

    path: str
    width_pct: float
    height_pct: float
    title: str
    item_id: str
    outline: str = ""


@dataclass(frozen=True, slots=True)
class _Chips:
    """The images of one change, bare before and after, then with the outline."""

    change: Change
    aspect: float
    colour: str
    across_km: float
    panels: tuple[_Panel, ...]


def _panels(made: Evidence) -> _Chips:
    change = made.change
    width_m, height_m = made.extent_m
    panels = []
    outline = "".join(f"M{' '.join(f'{x},{y}' for x, y in ring)}Z" for ring in made.rings)
    for moment, words, drawn in (
        ("before", "Before", ""),
        ("after", "After", ""),
        ("after", "After, outlined", outline),
    ):
        path = change.evidence_before if moment == "before" else change.evidence_after
        if path:
            width, height = made.panel_share[moment]
            at = change.before_acquired_at if moment == "before" else change.after_acquired_at
            item_id = change.before_item_id if moment == "before" else change.after_item_id
            title = f"{words}: {at:%Y-%m-%d}" if at else words
            panels.append(_Panel(path, 100 / width, 100 / height, title, str(item_id), drawn))
    colour = LOOKS[ChangeType(change.change_type)].colour
    return _Chips(change, width_m / height_m, colour, width_m / 1000, tuple(panels))


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
                x, y = shapely.get_coordinates(ring).T
                places = zip(((x - min_x) * x_scale).tolist(), ((max_y - y) * y_scale).tolist(), strict=True)
                points = (f"{right:.1f},{down:.1f}" for right, down in places)
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
