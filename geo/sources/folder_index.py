"""The headers of a folder's files, kept so that a run opens none of tens of thousands that it has seen before."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from geo.code import code_sha256
from geo.errors import StoreError
from geo.scene import Scene
from geo.sources.geotiff import Header

Stamp = tuple[int, int]
"""Size and time of the last change, ns: what tells one state of a file from another."""


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def load(path: Path) -> dict[str, tuple[Stamp, Header]]:
    """Headers by relative path; none where nothing is kept, or what other code read, or a damaged file."""
    try:
        kept = json.loads(path.read_bytes())
        if kept["code"] != code_sha256("geo"):
            return {}
        footprints = shapely.from_wkb(kept["footprints"])
        return {
            name: ((size, changed), _header(about, footprints[place]))
            for name, (size, changed, place, about) in kept["files"].items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, IndexError, shapely.errors.ShapelyError):
        return {}


def store(path: Path, headers: Mapping[str, tuple[Stamp, Header]]) -> None:
    """Keeps headers; the file is whole or not there.

    Raises:
        StoreError: It can't be written.
    """
    places: dict[str, int] = {}  # many scenes cover the same ground
    files = {}
    for name, (stamp, header) in headers.items():
        footprint = shapely.to_wkb(header.scene.scene_footprint, hex=True)
        files[name] = [*stamp, places.setdefault(footprint, len(places)), _document(header)]
    kept = {"code": code_sha256("geo"), "footprints": list(places), "files": files}
    partial = path.with_name(f"{path.name}.partial-{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(kept, separators=(",", ":")))
        partial.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path}: the headers of imagery files can't be kept ({error.strerror or error}); free space or name "
            "another folder in FACILITY_WATCH_STATE_DIR"
        ) from error


_OWN = tuple(one.name for one in fields(Scene) if one.name not in ("acquired_at", "scene_footprint"))


def _document(header: Header) -> dict[str, Any]:
    scene = header.scene
    return {
        "scene": {name: getattr(scene, name) for name in _OWN} | {"acquired_at": scene.acquired_at.isoformat()},
        "band_index": header.band_index,
        "scale": header.scale,
        "offset": header.offset,
    }


def _header(document: Mapping[str, Any], footprint: BaseGeometry) -> Header:
    own = dict(document["scene"])
    own["acquired_at"] = datetime.fromisoformat(own["acquired_at"])
    own["bands"] = tuple(own["bands"])
    scene = Scene(**own, scene_footprint=footprint)
    return Header(scene, document["band_index"], document["scale"], document["offset"])
