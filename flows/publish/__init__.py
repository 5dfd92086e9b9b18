"""Writes every product from the ledger: the same ledger gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flows.ledger import Ledger
from flows.publish.gather import Layers, gather
from flows.publish.geojson import write_geojson
from flows.publish.geopackage import write_geopackage
from flows.publish.manifest import write_manifest
from flows.publish.schema_json import write_schema
from flows.publish.staging import files_in, staged
from flows.publish.tables import write_csv
from flows.record import FacilityRecord

__all__ = ["Published", "publish"]


@dataclass(frozen=True, slots=True)
class Published:
    """What was published.

    Attributes:
        outputs: The folder.
        files: Paths of the products in it, with forward slashes.
        facilities: How many facilities are in the products.
        changes: How many changes by (change_type, status).
    """

    outputs: Path
    files: tuple[str, ...]
    facilities: int
    changes: Mapping[tuple[str, str], int]


def publish(ledger: Ledger, outputs: Path) -> Published:
    """Writes all products of a ledger into a folder.

    Args:
        ledger: Where the record is; facilities are read one at a time.
        outputs: Where products go. Earlier products stay whole until the new ones are complete.

    Raises:
        StoreError: The folder can't be written to.
    """
    run = ledger.last_run()
    parameters: dict[str, Any] = dict(run["parameters"]) if run else {}
    scenes: dict[str, dict[str, Any]] = {}
    layers = gather(_noting_scenes(ledger.records(), scenes), _detectors(parameters))
    with staged(outputs) as folder:
        _write_tables(layers, folder)
        files = files_in(folder)
        run_entry = {"run_id": run["run_id"] if run else None, "parameters": parameters}
        write_manifest(folder, files, run_entry, _software_version(), [scenes[key] for key in sorted(scenes)])
    counts: dict[tuple[str, str], int] = {}
    for kind, status in zip(layers.changes.column("change_type"), layers.changes.column("status"), strict=True):
        counts[str(kind), str(status)] = counts.get((str(kind), str(status)), 0) + 1
    return Published(outputs, (*files, "manifest.json"), len(layers.facilities.rows), counts)


def _write_tables(layers: Layers, folder: Path) -> None:
    write_geojson(layers.changes, folder / "changes.geojson")
    write_geojson(layers.facilities, folder / "facilities.geojson")
    write_schema(folder / "changes.schema.json")
    write_geopackage(layers, folder / "changes.gpkg")
    for table in (layers.coverage, layers.history, layers.retractions, layers.changes, layers.summary.table()):
        write_csv(table, folder / f"{table.name}.csv")


def _noting_scenes(records: Iterator[FacilityRecord], noted: dict[str, dict[str, Any]]) -> Iterator[FacilityRecord]:
    """Passes records on and notes the scenes that were used, for the manifest."""
    for record in records:
        for scene in record.used_scenes:
            noted[scene.item_id] = {
                "item_id": scene.item_id,
                "collection": scene.collection,
                "processing_baseline": scene.processing_baseline,
                "acquired_at": scene.acquired_at.isoformat() if scene.acquired_at else None,
                "attribution": scene.attribution,
            }
        yield record


def _detectors(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the detectors of a run, as a list or as a mapping to their parameters."""
    asked = parameters.get("detectors", ())
    return tuple(str(name) for name in asked) if isinstance(asked, list | dict | tuple) else ()


def _software_version() -> str:
    try:
        return version("facility-watch")
    except PackageNotFoundError:
        return "unknown"
