"""What has changed since the run before: new, grown, moved in status, ended, withdrawn, reviewed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.change import PublishedField, Status
from flows.publish.manifest import earlier_manifest
from flows.publish.table import Cell, Table, iso_utc

PREVIOUS = "changes_of_previous_run.geojson"
SINCE = "changes_since_last_run"
_WHAT = PublishedField("since_last_run", "text", "", "new, withdrawn, restored, status, ended, grown, shrunk, reviewed")

# Growth or loss of area below this share is drawing noise.
_NOTABLE_AREA_SHARE = 0.05


def previous_layer(outputs: Path, run_id: int | None) -> bytes | None:
    """The change layer as the run before published it; None where nothing was published before.

    Publishing the same run again compares with the same layer, so that it says the same again.

    Args:
        outputs: Product folder.
        run_id: The run that is published now.
    """
    manifest = earlier_manifest(outputs)
    if manifest is None:
        return None
    is_same_run = manifest.get("run", {}).get("run_id") == run_id
    path = outputs / (PREVIOUS if is_same_run else "changes.geojson")
    return path.read_bytes() if path.exists() else None


def changes_since(changes: Table, previous: bytes | None) -> Table:
    """The changes that moved, each with what did, as one more column.

    Args:
        changes: The change layer.
        previous: `changes.geojson` of the run before; with None every change is new.
    """
    before = _properties(previous)
    table = Table(SINCE, (*changes.fields, _WHAT))
    names = [field.name for field in changes.fields]
    for row, geometry in zip(changes.rows, changes.geometries, strict=True):
        now = dict(zip(names, row, strict=True))
        moved = "; ".join(_moved(now, before.get(str(now["change_id"]))))
        if moved:
            table.rows.append((*row, moved))
            table.geometries.append(geometry)
    return table


def _properties(layer: bytes | None) -> dict[str, Mapping[str, Any]]:
    """Properties by change id. A layer that somebody damaged counts as none."""
    try:
        features = json.loads(layer)["features"] if layer else []
        return {feature["id"]: feature["properties"] for feature in features}
    except (ValueError, KeyError, TypeError):
        return {}


def _moved(now: Mapping[str, Cell], before: Mapping[str, Any] | None) -> Iterable[str]:
    if before is None:
        yield "new"
        return
    if now["status"] != before["status"]:
        withdrawn, restored = now["status"] == Status.WITHDRAWN, before["status"] == Status.WITHDRAWN
        yield "withdrawn" if withdrawn else "restored" if restored else f"status {before['status']} to {now['status']}"
    if _text(now["valid_to"]) != before["valid_to"]:
        yield "ended" if now["valid_to"] else "standing again"
    if now["stage"] != before.get("stage"):
        yield f"stage {before.get('stage') or 'not judged'} to {now['stage'] or 'not judged'}"
    share = _number(now["area_m2"]) / max(_number(before["area_m2"]), 1.0) - 1.0
    if abs(share) >= _NOTABLE_AREA_SHARE:
        yield "grown" if share > 0 else "shrunk"
    if now["review_status"] != before["review_status"]:
        yield f"review {now['review_status']}"


def _text(content: Cell) -> Cell:
    return iso_utc(content) if isinstance(content, datetime) else content


def _number(content: Any) -> float:
    return float(content) if isinstance(content, int | float) else 0.0
