"""A QGIS project that opens with everything in place: layers grouped, styled, filtered by time, with a print layout."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import rasterio
import shapely
from markupsafe import Markup
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from flows.publish.evidence import Evidence
from flows.publish.gather import Layers
from flows.publish.geopackage import GEOPACKAGE, gis_layers
from flows.publish.layer import joint_notice
from flows.publish.names import safe_name
from flows.publish.palette import LOOKS
from flows.publish.style_model import LayerStyle
from flows.publish.styles import LAYER_DESCRIPTIONS, styles_of
from flows.publish.table import Table, iso_utc
from flows.publish.templating import render
from geo.grid import WGS84, to_crs

PROJECT = "monitor.qgz"
_CANVAS = "EPSG:3857"  # what background maps come in; lengths and areas are measured on the ellipsoid all the same
_MOST_EVIDENCE = 12
_RANK = {"confirmed": 0, "provisional": 1, "first": 2}


@dataclass(frozen=True, slots=True)
class ProjectLayer:
    """One layer of the project.

    Attributes:
        id: Within the project.
        title: In the layer tree.
        source: Relative to the project.
        provider: `ogr` or `gdal`.
        crs: Of its data.
        shown: Whether it is switched on.
        abstract: What it is.
        rights: Notices that go with it.
        style: Of a vector layer.
        low: Reflectance shown black, of a raster. QGIS applies a band's scale before it stretches.
        high: Reflectance shown white, of a raster.
    """

    id: str
    title: str
    source: str
    provider: str
    crs: str
    shown: bool
    abstract: str
    rights: tuple[str, ...] = ()
    style: LayerStyle | None = None
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the layer tree."""

    name: str
    layers: tuple[ProjectLayer, ...]
    shown: bool = True
    expanded: bool = True


def write_project(layers: Layers, folder: Path) -> None:
    """Writes `monitor.qgz` beside the GeoPackage that it shows. The same layers give the same bytes.

    Args:
        layers: What was published.
        folder: Product folder; the evidence GeoTIFFs of the most important changes are read for their CRS.
    """
    groups = [*_vector_groups(layers), _evidence_group(layers, folder)]
    start, end = _watched(layers.facilities)
    text = render(
        "qgis/project.qgs.j2",
        groups=groups,
        layers=[layer for group in groups for layer in group.layers],
        project_crs=_CANVAS,
        extent=_extent(layers.areas_of_interest.values()),
        start=iso_utc(start) if start else "",
        end=iso_utc(end) if end else "",
        crs_block=_crs_block,
        attribution=_notice(layers),
    )
    entry = zipfile.ZipInfo("monitor.qgs", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o644 << 16
    with zipfile.ZipFile(folder / PROJECT, "w") as archive:
        archive.writestr(entry, text.lstrip(), zipfile.ZIP_DEFLATED, 6)


def _notice(layers: Layers) -> str:
    return joint_notice(str(notice) for notice in layers.changes.column("attribution") if notice)


def _vector_groups(layers: Layers) -> list[Group]:
    tables = gis_layers(layers)
    rights = (_notice(layers),)
    by_name = {
        table.name: ProjectLayer(
            id=f"facility_watch_{table.name}",  # QGIS renames ids that are shorter than those it makes
            title=table.name.replace("_", " ").capitalize(),
            source=f"./{GEOPACKAGE}|layername={table.name}",
            provider="ogr",
            crs=WGS84,
            shown=table.name not in ("retractions", "coverage"),
            abstract=_abstract(LAYER_DESCRIPTIONS[table.name], style),
            rights=rights if table.name in ("changes", "perimeter_sides") else (),
            style=style,
        )
        for (table, _), style in zip(tables, styles_of(tables), strict=True)
    }
    return [
        Group("Changes", (by_name["changes"], by_name["perimeter_sides"], by_name["retractions"])),
        Group("Places", (by_name["facilities"], by_name["facility_outlines"], by_name["areas_of_interest"])),
        Group("Coverage", (by_name["coverage"],), expanded=False),
    ]


def _abstract(description: str, style: LayerStyle) -> Markup:
    """What a layer is and what its fields mean, line by line, as its properties in QGIS show it."""
    lines = [f"{column.title} ({column.name}): {column.meaning}" for column in style.columns if column.meaning]
    return Markup("\n").join([f"{description}.", "", *lines])


def _evidence_group(layers: Layers, folder: Path) -> Group:
    chosen = most_important(layers.evidence.values())
    rasters = [
        _raster(made, moment, path, folder)
        for made in chosen
        for moment, path in sorted(made.rasters.items(), reverse=True)
    ]
    return Group("Evidence", tuple(rasters), expanded=False)


def most_important(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The largest changes that stand, confirmed ones first."""
    standing = [made for made in evidence if str(made.change.status) in _RANK]
    standing = [made for made in standing if str(made.change.review_status) != "rejected"]
    ranked = sorted(
        standing, key=lambda made: (_RANK[str(made.change.status)], -made.change.area_m2, made.change.change_id)
    )
    return ranked[:_MOST_EVIDENCE]


def _raster(made: Evidence, moment: str, path: str, folder: Path) -> ProjectLayer:
    with rasterio.open(folder / path) as raster:
        crs = f"EPSG:{raster.crs.to_epsg()}"
    change = made.change
    acquired_at = change.before_acquired_at if moment == "before" else change.after_acquired_at
    date = f"{acquired_at:%Y-%m-%d}" if acquired_at else "date unknown"
    label = next(look.label for kind, look in LOOKS.items() if kind == change.change_type)
    return ProjectLayer(
        id=f"evidence_{safe_name(change.change_id)}_{moment}",
        title=f"{change.change_id} {moment} {date}",
        source=f"./{path}",
        provider="gdal",
        crs=crs,
        shown=moment == "after",
        abstract=f"{label}, {change.facility_name}: surface reflectance {moment}",
        rights=(change.attribution,) if change.attribution else (),
        low=made.stretch.low,
        high=made.stretch.high,
    )


def _watched(facilities: Table) -> tuple[datetime | None, datetime | None]:
    starts = [moment for moment in facilities.column("watched_from") if isinstance(moment, datetime)]
    ends = [moment for moment in facilities.column("watched_to") if isinstance(moment, datetime)]
    return min(starts, default=None), max(ends, default=None)


def _extent(areas: Iterable[BaseGeometry]) -> tuple[float, float, float, float]:
    """Bounds of everything that is watched, in the project's CRS, with a margin."""
    projected = [to_crs(shapely.box(*area.bounds), WGS84, _CANVAS) for area in areas]
    if not projected:
        return (-2e7, -1e7, 2e7, 1e7)
    min_x, min_y, max_x, max_y = (float(edge) for edge in shapely.total_bounds(np.array(projected)))
    margin = 0.05 * max(max_x - min_x, max_y - min_y)
    return (
        round(min_x - margin, 1),
        round(min_y - margin, 1),
        round(max_x + margin, 1),
        round(max_y + margin, 1),
    )


def _crs_block(code: str) -> Markup:
    """A CRS as QGIS writes it; without the whole block a project opens without one."""
    crs = CRS.from_user_input(code)
    parts: Sequence[tuple[str, str]] = (
        ("wkt", crs.to_wkt("WKT2_2019")),
        ("proj4", ""),
        ("srsid", "0"),
        ("srid", code.partition(":")[2]),
        ("authid", code),
        ("description", crs.name),
        ("projectionacronym", ""),
        ("ellipsoidacronym", "EPSG:7030"),
        ("geographicflag", "true" if crs.is_geographic else "false"),
    )
    inner = Markup("").join(Markup("<{0}>{1}</{0}>").format(Markup(name), text) for name, text in parts)  # noqa: S704 - our own names
    return Markup("<spatialrefsys>{}</spatialrefsys>").format(inner)
