"""A static STAC catalogue (STAC 1.1.0) of the evidence: one item per change, one catalogue per facility."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

from shapely.geometry import mapping

from flows.change import Change
from flows.publish.evidence import Evidence
from flows.publish.gather import Layers
from flows.publish.names import safe_name
from flows.publish.table import clean_text, iso_utc, published_geometry

_VERSION = "1.1.0"
_ROOT = "evidence/catalog.json"
_GEOTIFF = "image/tiff; application=geotiff"
_PUBLISHED = ("change_type", "status", "confidence", "review_status", "facility_id", "facility_name", "area_m2")


def write_stac(layers: Layers, folder: Path) -> None:
    """Writes `evidence/catalog.json` and, beside the images, an item for each change that has some."""
    by_facility: dict[str, list[Evidence]] = defaultdict(list)
    for change in layers.records:
        if change.change_id in layers.evidence:
            by_facility[change.facility_id].append(layers.evidence[change.change_id])
    if not by_facility:
        return
    children = []
    for facility_id, evidence in sorted(by_facility.items()):
        name = safe_name(facility_id)
        children.append({"rel": "child", "href": f"./{name}/catalog.json", "type": "application/json"})
        _write_facility(facility_id, evidence, folder / "evidence" / name)
    links = [{"rel": "root", "href": "./catalog.json", "type": "application/json"}, *children]
    _write_json(folder / _ROOT, _catalog("facility-watch-evidence", "Evidence of every change, by facility", links))


def _write_facility(facility_id: str, evidence: list[Evidence], folder: Path) -> None:
    items = []
    for made in evidence:
        name = f"{safe_name(made.change.change_id)}.json"
        items.append({"rel": "item", "href": f"./{name}", "type": "application/geo+json"})
        _write_json(folder / name, _item(made))
    up = [{"rel": rel, "href": "../catalog.json", "type": "application/json"} for rel in ("root", "parent")]
    place = evidence[0].change.facility_name or facility_id
    _write_json(folder / "catalog.json", _catalog(facility_id, f"Evidence of changes at {place}", [*up, *items]))


def _catalog(name: str, description: str, links: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "type": "Catalog",
        "stac_version": _VERSION,
        "id": clean_text(name),
        "description": clean_text(description),
        "links": links,
    }


def _item(made: Evidence) -> dict[str, Any]:
    change = made.change
    geometry = published_geometry(change.geometry)
    bounds = [round(edge, 7) for edge in geometry.bounds]
    start = change.before_acquired_at or change.after_acquired_at
    return {
        "type": "Feature",
        "stac_version": _VERSION,
        "id": clean_text(change.change_id),
        "geometry": mapping(geometry),
        "bbox": bounds,
        "properties": {
            "datetime": iso_utc(change.after_acquired_at),
            "start_datetime": iso_utc(min(start, change.after_acquired_at)),
            "end_datetime": iso_utc(change.after_acquired_at),
            "gsd": change.gsd_m,
            **{f"facility_watch:{name}": _plain(getattr(change, name)) for name in _PUBLISHED},
            "attribution": clean_text(change.attribution),
        },
        "links": [
            {"rel": "root", "href": "../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "./catalog.json", "type": "application/json"},
        ],
        "assets": _assets(change, made),
    }


def _assets(change: Change, made: Evidence) -> dict[str, Any]:
    assets = {}
    for moment, picture in (("before", change.evidence_before), ("after", change.evidence_after)):
        if picture:
            href = f"./{PurePosixPath(picture).name}"
            assets[f"{moment}_image"] = _asset(
                href, "image/png", f"Image {moment}, bare and with the outline", "overview"
            )
            raster = f"./{PurePosixPath(made.rasters[moment]).name}"
            assets[moment] = _asset(raster, _GEOTIFF, f"Surface reflectance {moment}", "data")
    return assets


def _asset(href: str, media_type: str, title: str, role: str) -> dict[str, Any]:
    return {"href": href, "type": media_type, "title": title, "roles": [role]}


def _plain(content: Any) -> Any:
    return clean_text(content) if isinstance(content, str) else content


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
