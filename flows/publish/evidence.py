"""Evidence of each change: before and after, for the eye (PNG) and for measurement (GeoTIFF)."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from PIL import Image
from shapely.geometry.base import BaseGeometry

from detectors.base import ChangeType
from flows.change import Change
from flows.publish.bundle import write_bundle
from flows.publish.names import safe_name
from flows.publish.palette import LOOKS
from flows.publish.picture import Stretch, captioned, common_stretch, draw_outline, panel, rings_of
from flows.publish.table import clean_text
from geo.errors import SourceError
from geo.grid import WGS84, Grid, to_crs
from geo.scene import FloatArray

SceneReader = Callable[[str, str], tuple[FloatArray, Grid]]
"""`reader(facility_id, item_id)`: reflectance (3, y, x) of red, green and blue, NaN where not clear, and its grid.

Raises `SourceError` where the scene can't be had any more.
"""

_PANEL_PX = 480
_MARGIN_M = 200.0
_LEAST_SIDE_M = 800.0
_DN_SCALE = 1e-4
_NODATA = 0


@dataclass(frozen=True, slots=True)
class Chip:
    """A cut-out of one scene.

    Attributes:
        rgb: Reflectance (3, y, x), NaN where not clear.
        transform: Pixel to CRS.
        crs: UTM zone.
        gsd_m: Pixel size, m.
    """

    rgb: FloatArray
    transform: Affine
    crs: str
    gsd_m: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was written for one change.

    Attributes:
        change: With its evidence fields filled.
        rings: The outline in shares of the panel's width and height, for drawing over it.
        panel_share: By moment, the (width, height) share of the PNG that the bare panel at its upper left takes.
        stretch: Reflectance shown black and white, in both images.
        rasters: GeoTIFFs by `before` and `after`, relative paths.
        extent_m: Width and height of the cut-out, m.
        bundle: Script that hands the page the bytes of all images, relative path.
        size_bytes: Of all images together.
    """

    change: Change
    rings: list[list[tuple[float, float]]]
    panel_share: dict[str, tuple[float, float]]
    stretch: Stretch
    rasters: dict[str, str]
    extent_m: tuple[float, float]
    bundle: str
    size_bytes: int


def make_evidence(change: Change, reader: SceneReader, folder: Path) -> Evidence | None:
    """Writes the images of a change under `evidence/`; None where the scene after can't be had any more.

    Each PNG shows the bare cut-out and, beside it, the same with the outline drawn, so that nothing hides what the
    outline claims. Both dates share one stretch. `evidence_sha256` is the hash of the PNG before followed by the PNG
    after.

    Args:
        change: What to show.
        reader: Gives the scenes.
        folder: Product folder.
    """
    after = _chip(change, change.after_item_id, reader)
    if after is None:
        return None
    before = _chip(change, change.before_item_id, reader) if change.before_item_id else None
    chips = {"before": before, "after": after}
    stretch = common_stretch([chip.rgb for chip in chips.values() if chip is not None])
    stem = Path("evidence") / safe_name(change.facility_id) / safe_name(change.change_id)
    (folder / stem.parent).mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    paths: dict[str, str | None] = {"before": None, "after": None}
    rasters: dict[str, str] = {}
    shares: dict[str, tuple[float, float]] = {}
    for moment, chip in chips.items():
        if chip is not None:
            picture, shares[moment] = _picture(change, moment, chip, stretch)
            png = _png(picture)
            digest.update(png)
            paths[moment] = f"{stem.as_posix()}_{moment}.png"
            (folder / str(paths[moment])).write_bytes(png)
            rasters[moment] = f"{stem.as_posix()}_{moment}.tif"
            _write_geotiff(chip, folder / rasters[moment], _tags(change, moment))
    filled = replace(
        change,
        evidence_before=paths["before"],
        evidence_after=paths["after"],
        evidence_sha256=digest.hexdigest(),
    )
    images = sorted(path for path in (*paths.values(), *rasters.values()) if path)
    bundle = write_bundle(change.change_id, change.facility_id, images, folder)
    size_bytes = sum((folder / path).stat().st_size for path in images)
    _, height, width = after.rgb.shape
    extent_m = (width * after.gsd_m, height * after.gsd_m)
    return Evidence(filled, _shares(change, after), shares, stretch, rasters, extent_m, bundle, size_bytes)


def _chip(change: Change, item_id: str, reader: SceneReader) -> Chip | None:
    try:
        rgb, grid = reader(change.facility_id, item_id)
    except SourceError:
        return None
    return cut_out(rgb, grid, to_crs(change.geometry, WGS84, grid.crs))


def cut_out(rgb: FloatArray, grid: Grid, geometry: BaseGeometry) -> Chip:
    """The square around a geometry, as far as the grid reaches.

    Args:
        rgb: Reflectance (3, y, x) on the grid.
        grid: Where it lies.
        geometry: In the grid's CRS.
    """
    min_x, min_y, max_x, max_y = geometry.bounds
    side_m = max(max_x - min_x, max_y - min_y) + 2 * _MARGIN_M
    side = math.ceil(max(side_m, _LEAST_SIDE_M) / grid.gsd_m)
    rows, columns = grid.shape
    centre_column, centre_row = ~grid.transform @ ((min_x + max_x) / 2, (min_y + max_y) / 2)
    left = _inside(centre_column - side / 2, side, columns)
    top = _inside(centre_row - side / 2, side, rows)
    cut = rgb[:, top : top + side, left : left + side]
    return Chip(cut, grid.transform @ Affine.translation(left, top), grid.crs, grid.gsd_m)


def _inside(start: float, size: int, whole: int) -> int:
    return max(0, min(round(start), whole - size))


def _picture(change: Change, moment: str, chip: Chip, stretch: Stretch) -> tuple[Image.Image, tuple[float, float]]:
    """The captioned image, and which share of it the bare panel takes."""
    factor = max(1, round(_PANEL_PX / max(chip.rgb.shape[1:])))
    bare = panel(chip.rgb, stretch, factor)
    drawn = bare.copy()
    look = LOOKS[ChangeType(change.change_type)]
    draw_outline(drawn, to_crs(change.geometry, WGS84, chip.crs), chip.transform, factor, look.rgb)
    whole = captioned([bare, drawn], _caption(change, moment, chip, stretch), chip.gsd_m / factor)
    return whole, (bare.width / whole.width, bare.height / whole.height)


def _caption(change: Change, moment: str, chip: Chip, stretch: Stretch) -> list[str]:
    item_id, acquired_at = _scene(change, moment)
    look = LOOKS[ChangeType(change.change_type)]
    return [
        clean_text(line)
        for line in (
            f"{moment.upper()}: {_when(acquired_at)}",
            f"{change.change_id}: consistent with {look.works}; status: {change.status}",
            f"Scene {item_id}, pixel {chip.gsd_m:g} m",
            f"Left bare, right with the outline. Reflectance {stretch}, the same before and after; grey is masked",
            change.attribution,
        )
        if line
    ]


def _scene(change: Change, moment: str) -> tuple[str, datetime | None]:
    if moment == "before":
        return change.before_item_id or "", change.before_acquired_at
    return change.after_item_id, change.after_acquired_at


def _when(acquired_at: datetime | None) -> str:
    """Date of acquisition; the hour only where the source tells one."""
    if acquired_at is None:
        return "date unknown"
    is_date_alone = (acquired_at.hour, acquired_at.minute, acquired_at.second) == (0, 0, 0)
    return f"{acquired_at:%Y-%m-%d}" if is_date_alone else f"{acquired_at:%Y-%m-%d %H:%M} UTC"


def _png(picture: Image.Image) -> bytes:
    """PNG without a time stamp. Most lines of an enlarged picture repeat, so the quickest search will do."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _tags(change: Change, moment: str) -> dict[str, str]:
    item_id, acquired_at = _scene(change, moment)
    return {
        "ITEM_ID": clean_text(item_id),
        "ACQUISITION_DATE": acquired_at.isoformat() if acquired_at else "",
        "CHANGE_ID": clean_text(change.change_id),
        "ATTRIBUTION": clean_text(change.attribution),
    }


def _write_geotiff(chip: Chip, path: Path, tags: dict[str, str]) -> None:
    """Surface as measured: uint16, reflectance 1e-4 per count as Sentinel-2 products store it, 0 is no data."""
    counts = np.clip(np.rint(np.nan_to_num(chip.rgb) / _DN_SCALE), 1, 65_535)
    counts = np.where(np.isfinite(chip.rgb), counts, _NODATA).astype(np.uint16)
    bands, height, width = counts.shape
    profile = {"driver": "GTiff", "dtype": "uint16", "nodata": _NODATA, "compress": "deflate", "predictor": 2}
    with rasterio.open(
        path, "w", count=bands, height=height, width=width, crs=chip.crs, transform=chip.transform, **profile
    ) as target:
        target.write(counts)
        target.scales = [_DN_SCALE] * bands
        target.descriptions = ("B04", "B03", "B02")
        target.update_tags(**tags)


def _shares(change: Change, chip: Chip) -> list[list[tuple[float, float]]]:
    _, height, width = chip.rgb.shape
    geometry = to_crs(change.geometry, WGS84, chip.crs)
    return [
        [(round(x / width, 4), round(y / height, 4)) for x, y in ring] for ring in rings_of(geometry, chip.transform)
    ]
