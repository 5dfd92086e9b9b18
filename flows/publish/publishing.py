"""Writes every product from the ledger: the same ledger gives the same bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flows.ledger import Ledger
from flows.publish.coverage import ALL_DETECTORS
from flows.publish.evidence import SceneReader
from flows.publish.feed import write_feed
from flows.publish.gather import Layers, gather
from flows.publish.geojson import features_of, write_features, write_geojson
from flows.publish.geopackage import GEOPACKAGE, write_geopackage
from flows.publish.illustrate import Illustrator
from flows.publish.manifest import write_manifest
from flows.publish.names import safe_name
from flows.publish.qgis import write_project
from flows.publish.reuse import EarlierPictures
from flows.publish.review import ImportedReviews, collect_reviews
from flows.publish.schema_json import write_schemas
from flows.publish.since import PREVIOUS, SINCE, changes_since, previous_layer
from flows.publish.site import Edition, write_site
from flows.publish.stac import write_stac
from flows.publish.staging import files_in, finish_interrupted, staged
from flows.publish.style_files import write_sidecar_style
from flows.publish.table import iso_utc
from flows.publish.tables import write_csv
from flows.publish.workbook import write_workbook
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
        reviews: Verdicts that were found in the earlier GeoPackage and taken into the ledger; None where none was.
    """

    outputs: Path
    files: tuple[str, ...]
    facilities: int
    changes: Mapping[tuple[str, str], int]
    reviews: ImportedReviews | None = None


def publish(ledger: Ledger, outputs: Path, reader: SceneReader | None = None) -> Published:
    """Writes all products of a ledger into a folder.

    Verdicts that were edited in the folder's own GeoPackage are taken into the ledger first, so that none is lost.

    Args:
        ledger: Where the record is; facilities are read one at a time.
        outputs: Where products go. Earlier products stay whole until the new ones are complete.
        reader: Gives scenes for the evidence images; without it, or for scenes that it no longer has, the evidence
            fields stay empty.

    Raises:
        StoreError: The folder can't be written to, or its GeoPackage is open in another program.
        InputError: The GeoPackage holds a verdict that isn't one.
    """
    finish_interrupted(outputs)
    reviews = collect_reviews(ledger, outputs)
    run = ledger.last_run()
    parameters: dict[str, Any] = dict(run["parameters"]) if run else {}
    scenes: dict[str, dict[str, Any]] = {}
    previous = previous_layer(outputs, run["run_id"] if run else None)
    with staged(outputs) as folder:
        records = _noting_scenes(ledger.records(), scenes)
        pictures = EarlierPictures(outputs)
        pictures.take_drawn()
        illustrator = Illustrator(reader, pictures, folder, _software_version())
        layers = gather(records, illustrator, _detectors(parameters))
        pictures.write(folder)
        _write_tables(layers, folder)
        _write_since(layers, previous, folder)
        newest = max((scene["acquired_at"] for scene in scenes.values() if scene["acquired_at"]), default=None)
        looked_for = {str(name) for name in layers.coverage.column("detector")} - {ALL_DETECTORS}
        write_site(layers, folder, Edition(_software_version(), tuple(sorted(looked_for)), newest))
        files = files_in(folder)
        run_entry = {"run_id": run["run_id"] if run else None, "parameters": parameters}
        write_manifest(folder, files, run_entry, _software_version(), [scenes[key] for key in sorted(scenes)])
    counts: dict[tuple[str, str], int] = {}
    for kind, status in zip(layers.changes.column("change_type"), layers.changes.column("status"), strict=True):
        counts[str(kind), str(status)] = counts.get((str(kind), str(status)), 0) + 1
    return Published(outputs, (*files, "manifest.json"), len(layers.facilities.rows), counts, reviews)


def _write_tables(layers: Layers, folder: Path) -> None:
    features = features_of(layers.changes)
    write_features(features, folder / "changes.geojson")
    write_sidecar_style(layers.changes, "MultiPolygon", folder / "changes.qml")
    write_geojson(layers.sides, folder / "perimeter_sides.geojson")
    write_sidecar_style(layers.sides, "LineString", folder / "perimeter_sides.qml")
    write_geojson(layers.facilities, folder / "facilities.geojson")
    write_schemas(folder)
    write_geopackage(layers, folder / GEOPACKAGE)
    write_project(layers, folder)
    write_feed(layers, folder / "feed.xml")
    write_stac(layers, folder)
    summary = layers.summary.table()
    by_scene = (layers.coverage, layers.history, layers.built_up)
    for table in (*by_scene, layers.retractions, layers.changes, layers.sides, summary):
        write_csv(table, folder / f"{table.name}.csv")
    places = (layers.facilities, layers.coverage)
    write_workbook(
        (layers.changes, layers.sides, *places, layers.history, layers.retractions, summary), folder / "changes.xlsx"
    )
    for column, part in (("facility_id", "by_facility"), ("prefecture", "by_prefecture")):
        (folder / part).mkdir(exist_ok=True)
        by_name: dict[str, list[str]] = defaultdict(list)
        for name, feature in zip(layers.changes.column(column), features, strict=True):
            by_name[str(name or "unknown")].append(feature)
        for name, own in by_name.items():
            write_features(own, folder / part / f"{safe_name(name)}.geojson")


def _write_since(layers: Layers, previous: bytes | None, folder: Path) -> None:
    """What moved since the run before, and the layer that it was compared with, so that it can be told again."""
    write_geojson(changes_since(layers.changes, previous), folder / f"{SINCE}.geojson")
    if previous is not None:
        (folder / PREVIOUS).write_bytes(previous)


def _noting_scenes(records: Iterator[FacilityRecord], noted: dict[str, dict[str, Any]]) -> Iterator[FacilityRecord]:
    """Passes records on and notes the scenes that were used, for the manifest."""
    for record in records:
        for scene in record.used_scenes:
            hashes = noted.get(scene.item_id, {}).get("pixels_sha256", {})
            noted[scene.item_id] = {
                "item_id": scene.item_id,
                "collection": scene.collection,
                "processing_baseline": scene.processing_baseline,
                "acquired_at": iso_utc(scene.acquired_at) if scene.acquired_at else None,
                "attribution": scene.attribution,
                "pixels_sha256": {**hashes, record.facility.facility_id: scene.pixels_sha256},
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
