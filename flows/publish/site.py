"""The page for reporters: static, works from disk without a network, and from any web server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from shapely import get_parts

from flows.change import FIELDS, Status
from flows.publish.evidence import Evidence
from flows.publish.gather import Layers
from flows.publish.geojson import coordinates_of
from flows.publish.palette import DETECTOR_WORDS, LOOKS, STATUS_LINES, STATUS_WORDS
from flows.publish.report import report_path, write_reports
from flows.publish.sentence import citation, quotable
from flows.publish.table import Cell, Table, iso_utc
from flows.publish.templating import render

_PAGE_ASSETS = (
    "style.css",
    *(f"{name}.js" for name in ("page", "app", "archive", "coverage", "detail", "download", "map")),
)
_LIBRARIES = ("leaflet/leaflet.js", "leaflet/leaflet.css", "leaflet/LICENSE", "fflate/fflate.js", "fflate/LICENSE")
_SIDE = ("side_number", "role", "length_m", "strength", "scenes_seen", "scenes_clear", "first_seen", "last_seen")
_COVERAGE_STATES = {"assessed": 1, "not_assessable": 0}


@dataclass(frozen=True, slots=True)
class Edition:
    """What the pages say of themselves.

    Attributes:
        software_version: Of facility-watch.
        detectors: Names, for the page on methods.
        newest_scene: Acquisition of the newest scene used, ISO 8601; None where none was.
    """

    software_version: str
    detectors: tuple[str, ...]
    newest_scene: str | None


def write_site(layers: Layers, folder: Path, edition: Edition) -> None:
    """Writes `site/`: the map page, the page on methods and limits, a printable report per facility, and their data.

    Everything a page needs lies beside it; nothing is loaded from elsewhere unless the reader asks for a background
    map.

    Args:
        layers: What was published, evidence included.
        folder: Product folder.
        edition: What the pages say of themselves.
    """
    site = folder / "site"
    assets = files("flows.publish").joinpath("data", "site")
    for name in (*_PAGE_ASSETS, *_LIBRARIES):
        target = site / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(assets.joinpath(name).read_bytes())
    shown = {
        "edition": edition,
        "newest": (edition.newest_scene or "none")[:10],
        "looks": LOOKS.values(),
        "statuses": STATUS_WORDS,
        "dashes": {status: dash for status, (_, dash) in STATUS_LINES.items()},
        "count": len(layers.changes.rows),
        "withdrawn": layers.changes.column("status").count(str(Status.WITHDRAWN)),
        "facilities": len(layers.facilities.rows),
    }
    for page in ("index", "about"):
        _write_text(site / f"{page}.html", render(f"site/{page}.html.j2", **shown))
    _write_text(site / "data.js", f"window.FACILITY_WATCH = {script_json(_data(layers, edition))};\n")
    write_reports(layers, folder, edition.software_version)


def script_json(content: Any) -> str:
    r"""JSON that can stand in a script, whatever text is in it.

    >>> script_json("</script><!--")
    '"\\u003c/script>\\u003c!--"'
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _data(layers: Layers, edition: Edition) -> dict[str, Any]:
    evidence = [layers.evidence.get(change.change_id) for change in layers.records]
    return {
        "version": edition.software_version,
        "types": {
            str(kind): {"label": look.label, "colour": look.colour, "line": look.is_line}
            for kind, look in LOOKS.items()
        },
        "statuses": {
            str(status): {"words": STATUS_WORDS[status], "dash": dash} for status, (_, dash) in STATUS_LINES.items()
        },
        "fields": [{"name": f.name, "type": f.type, "unit": f.unit, "description": f.description} for f in FIELDS],
        "changes": _columns(layers.changes),
        "geometries": [_geometry(layers, position) for position in range(len(layers.changes.rows))],
        "sentences": [quotable(change, layers.sightings[change.change_id]) for change in layers.records],
        "sightings": [
            [seen.seen, seen.clear, seen.extended, seen.corrected]
            for seen in (layers.sightings[change.change_id] for change in layers.records)
        ],
        "citations": [citation(change, edition.software_version) for change in layers.records],
        "chips": [_chip(made) for made in evidence],
        "sides": _sides(layers.sides),
        "detectors": DETECTOR_WORDS,
        "history": _history(layers.history),
        "facility_fields": [field.name for field in layers.facilities.fields],
        "facilities": _columns(layers.facilities),
        "areas": [_outline(layers, str(name)) for name in layers.facilities.column("facility_id")],
        "reports": [report_path(str(name)) for name in layers.facilities.column("facility_id")],
        "coverage": _coverage(layers.coverage),
    }


def _columns(table: Table) -> dict[str, list[Any]]:
    """A table by columns; texts that repeat are stored once and pointed to, which shrinks the file severalfold."""
    columns: dict[str, list[Any]] = {}
    for field in table.fields:
        cells = [_plain(content) for content in table.column(field.name)]
        if field.type in ("text", "datetime"):
            distinct = sorted({content for content in cells if content is not None})
            place = {content: index for index, content in enumerate(distinct)}
            columns[field.name] = [distinct, [-1 if content is None else place[content] for content in cells]]
        else:
            columns[field.name] = cells
    return columns


def _plain(content: Cell) -> Any:
    return iso_utc(content) if isinstance(content, datetime) else content


def _history(table: Table) -> dict[str, list[list[Any]]]:
    """Every step of each change: acquisition, event, status, area, note."""
    steps: dict[str, list[list[Any]]] = {}
    names = ("change_id", "at", "event", "status", "area_m2", "note")
    for change_id, *step in zip(*map(table.column, names), strict=True):
        steps.setdefault(str(change_id), []).append([_plain(content) for content in step])
    return steps


def _sides(table: Table) -> dict[str, list[dict[str, Any]]]:
    """The sides of each perimeter, around the ring."""
    sides: dict[str, list[dict[str, Any]]] = {}
    columns = [table.column(name) for name in _SIDE]
    for change_id, line, *cells in zip(table.column("change_id"), table.geometries, *columns, strict=True):
        side = dict(zip(_SIDE, map(_plain, cells), strict=True))
        sides.setdefault(str(change_id), []).append({**side, "line": coordinates_of(line)})
    return sides


def _geometry(layers: Layers, position: int) -> list[Any]:
    """Polygons of a change, as the coordinates of a MultiPolygon."""
    return [coordinates_of(part) for part in get_parts(layers.changes.geometries[position])]


def _outline(layers: Layers, facility_id: str) -> list[Any]:
    return coordinates_of(get_parts(layers.areas_of_interest[facility_id])[0])[:1]


def _chip(made: Evidence | None) -> dict[str, Any] | None:
    if made is None:
        return None
    panels = {moment: [round(width, 6), round(height, 6)] for moment, (width, height) in made.panel_share.items()}
    return {
        "rings": made.rings,
        "panels": panels,
        "rasters": made.rasters,
        "extent_m": made.extent_m,
        "bundle": made.bundle,
        "bytes": made.size_bytes,
    }


def _coverage(table: Table) -> dict[str, Any]:
    """Coverage by facility and detector, month by month; reasons are stored once."""
    names = ("facility_id", "detector", "period_start", "state", "reason", "scenes_found", "clear_scenes")
    reasons: dict[str, int] = {}
    by_facility: dict[str, dict[str, Any]] = {}
    for facility_id, detector, start, state, reason, found, clear in zip(*map(table.column, names), strict=True):
        detectors = by_facility.setdefault(str(facility_id), {})
        months: dict[str, list[Any]] = detectors.setdefault(
            str(detector), {"months": [], "state": [], "reason": [], "found": [], "clear": []}
        )
        months["months"].append(f"{start:%Y-%m}")
        months["state"].append(_COVERAGE_STATES[str(state)])
        months["reason"].append(reasons.setdefault(str(reason), len(reasons)))
        months["found"].append(found)
        months["clear"].append(clear)
    for detectors in by_facility.values():
        for months in detectors.values():
            first = months.pop("months")
            months["first"] = first[0]
    return {"reasons": list(reasons), "facilities": by_facility}
