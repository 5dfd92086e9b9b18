"""What the header of a single-scene GeoTIFF tells."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
import pyproj
import rasterio
from pyproj.exceptions import ProjError
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from shapely import box
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from geo.bands import SCENE_CLASSIFICATION, sentinel2_name
from geo.errors import SceneUnusableError
from geo.grid import WGS84, to_wgs84
from geo.radiometry import SENTINEL2_QUANTIFICATION, sentinel2_offset
from geo.scene import Scene

ASSET = "image"

# Most telling first: tags that name an acquisition, then TIFF's own, which may be when the file was made.
_TIME_TAGS = ("ACQUISITION_DATETIME", "ACQUISITION_DATE", "DATETIME", "START_DATETIME", "TIFFTAG_DATETIME")
_DATE_IN_NAME = re.compile(
    r"(?<!\d)(?P<date>\d{4}-\d{2}-\d{2}|\d{8})(?:T(?P<time>\d{2}[:-]?\d{2}[:-]?\d{2}))?(?!\d)", re.IGNORECASE
)
_COLOURS = {ColorInterp.red: "B04", ColorInterp.green: "B03", ColorInterp.blue: "B02"}


@dataclass(frozen=True, slots=True)
class Header:
    """One GeoTIFF's scene and where its bands are.

    Attributes:
        scene: As its tags and georeferencing describe it.
        band_index: Band name to the file's band number, from 1.
        scale: Band name to the factor from DN to reflectance.
        offset: Band name to the addend, in reflectance, that the stored numbers still need.
    """

    scene: Scene
    band_index: Mapping[str, int]
    scale: Mapping[str, float]
    offset: Mapping[str, float]


def read_header(path: Path, relative_path: str) -> Header:
    """Open a GeoTIFF and describe it without reading a pixel.

    Args:
        path: The file.
        relative_path: How the file is named to a person; its asset's address.

    Raises:
        SceneUnusableError: It can't be opened, or lacks a CRS, a date or known band names. The message is
            the reason and names the file.
    """
    try:
        with rasterio.open(path) as dataset:
            return describe(dataset, relative_path)
    except RasterioError as error:
        raise SceneUnusableError(f"{relative_path} can't be opened as a GeoTIFF: copy it again") from error


def describe(dataset: DatasetReader, relative_path: str) -> Header:
    """What the header of an open GeoTIFF tells.

    Raises:
        SceneUnusableError: As for `read_header`.
    """
    try:
        return _describe(dataset, PurePosixPath(relative_path).stem, relative_path)
    except SceneUnusableError as error:
        raise SceneUnusableError(f"{relative_path} {error}") from error


def acquisition_time(tags: Mapping[str, str], stem: str) -> datetime:
    """When a file's scene was acquired, from its tags (upper-case names), else from a date in its name.

    A time without zone is UTC, as in every Sentinel-2 product; a date alone is its midnight.

    Raises:
        SceneUnusableError: There is no date, or the tag that should hold it can't be read.

    >>> acquisition_time({}, "T45TWJ_20170302T052021_B04").isoformat()
    '2017-03-02T05:20:21+00:00'
    """
    for name in _TIME_TAGS:
        if text := tags.get(name):
            return _instant(_iso(text), f"tag {name}")
    if match := _DATE_IN_NAME.search(stem):
        clock = (match["time"] or "").replace("-", ":")
        return _instant(f"{match['date']}T{clock}" if clock else match["date"], "its name")
    raise SceneUnusableError("has no acquisition date: set the tag ACQUISITION_DATE, or put an ISO date in its name")


def _iso(text: str) -> str:
    """TIFF's own `2017:03:02 05:20:21` as ISO 8601; anything else as it is."""
    return re.sub(r"^(\d{4}):(\d{2}):(\d{2})", r"\1-\2-\3", text.strip())


def _instant(text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SceneUnusableError(f"has no readable date in {where} ({text!r}): write it as YYYY-MM-DD") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _describe(dataset: DatasetReader, stem: str, relative_path: str) -> Header:
    tags = _tags(dataset)
    scene_footprint, gsd_m = _georeferencing(dataset)
    acquired_at = acquisition_time(tags, stem)
    band_index = _band_index(dataset)
    collection = _collection(tags)
    scene = Scene(
        item_id=stem,
        collection=collection,
        acquired_at=acquired_at,
        scene_footprint=scene_footprint,
        gsd_m=gsd_m,
        bands=tuple(band_index),
        cloud_cover_pct=_number(tags, "CLOUD_COVER", "EO_CLOUD_COVER"),
        processing_baseline=tags.get("PROCESSING_BASELINE") or tags.get("S2_PROCESSING_BASELINE"),
        offset_applied=_flag(tags, "BOA_OFFSET_APPLIED", "EARTHSEARCH_BOA_OFFSET_APPLIED"),
        view_off_nadir_deg=_number(tags, "VIEW_OFF_NADIR", "VIEW_OFF_NADIR"),
        sun_elevation_deg=_number(tags, "VIEW_SUN_ELEVATION", "SUN_ELEVATION"),
        sun_azimuth_deg=_number(tags, "VIEW_SUN_AZIMUTH", "SUN_AZIMUTH"),
        attribution=tags.get("ATTRIBUTION") or _attribution(collection, acquired_at),
        assets={ASSET: relative_path},
    )
    scale, offset = _radiometry(dataset, band_index, scene)
    return Header(scene, band_index, scale, offset)


def _tags(dataset: DatasetReader) -> dict[str, str]:
    """The file's tags in upper case, STAC's `view:sun_azimuth` as VIEW_SUN_AZIMUTH.

    GDAL splits a tag at its first `:` or `=`, so that one comes in as `view` with the text `sun_azimuth=160`.
    """
    tags = {}
    for key, text in dataset.tags().items():
        name, equals, rest = text.partition("=")
        split = bool(equals) and re.fullmatch(r"[a-z_]+", name) is not None
        tags[f"{key}_{name}".upper() if split else key.upper()] = (rest if split else text).strip()
    return tags


def _georeferencing(dataset: DatasetReader) -> tuple[BaseGeometry, float]:
    """(scene footprint in EPSG:4326, the coarser side of a pixel in metres)."""
    if dataset.crs is None:
        raise SceneUnusableError("has no CRS: assign one with gdal_edit.py -a_srs")
    step = dataset.transform
    if step.is_identity:
        raise SceneUnusableError("has no georeferencing: assign it with gdal_edit.py -a_ullr")
    edge = max(dataset.width, dataset.height) / 16
    outline = affine_transform(
        box(0, 0, dataset.width, dataset.height).segmentize(edge), (step.a, step.b, step.d, step.e, step.c, step.f)
    )
    try:
        crs, wkt = _crs(dataset.crs.to_wkt())
        scene_footprint = to_wgs84(outline, wkt)
    except ProjError as error:
        raise SceneUnusableError("has a CRS that PROJ can't read: assign an EPSG code") from error
    if not np.isfinite(scene_footprint.bounds).all():
        raise SceneUnusableError("lies outside its own CRS: check its georeferencing")
    return scene_footprint, _gsd_m(dataset, crs)


@lru_cache(maxsize=64)
def _crs(wkt: str) -> tuple[pyproj.CRS, str]:
    """A CRS, and its words as PROJ puts them; an archive has few and reading one takes long."""
    crs = pyproj.CRS.from_wkt(wkt)
    return crs, crs.to_wkt()


def _gsd_m(dataset: DatasetReader, crs: pyproj.CRS) -> float:
    step = dataset.transform
    if not crs.is_geographic:
        metres = crs.axis_info[0].unit_conversion_factor
        return max(math.hypot(step.a, step.d), math.hypot(step.b, step.e)) * metres
    column, row = dataset.width / 2, dataset.height / 2
    x, y = zip(*(step @ corner for corner in ((column, row), (column + 1, row), (column, row + 1))), strict=True)
    longitude, latitude = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True).transform(x, y)
    _, _, sides = pyproj.Geod(ellps="WGS84").inv([longitude[0]] * 2, [latitude[0]] * 2, longitude[1:], latitude[1:])
    return float(max(sides))


def _band_index(dataset: DatasetReader) -> dict[str, int]:
    """Band name to band number, from the descriptions, else from the colours that the file declares."""
    numbers = [number for number in dataset.indexes if dataset.colorinterp[number - 1] != ColorInterp.alpha]
    described = [dataset.descriptions[number - 1] or "" for number in numbers]
    if any(described):
        names = [sentinel2_name(text) for text in described]
    else:
        names = [_COLOURS.get(dataset.colorinterp[number - 1]) for number in numbers]
    unknown = [
        f"{number} ({text})" if text else str(number)
        for number, text, name in zip(numbers, described, names, strict=True)
        if name is None
    ]
    if unknown:
        raise SceneUnusableError(
            f"has unknown band(s) {', '.join(unknown)}: describe each by its name, such as B04 or red"
        )
    known = [name for name in names if name is not None]
    twice = [name for name, count in Counter(known).items() if count > 1]
    if twice:
        raise SceneUnusableError(f"has more than one band {twice[0]}: keep one")
    if not set(known) - {SCENE_CLASSIFICATION}:
        raise SceneUnusableError("has no reflectance band: add one, such as B04")
    return dict(zip(known, numbers, strict=True))


def _radiometry(
    dataset: DatasetReader, band_index: Mapping[str, int], scene: Scene
) -> tuple[dict[str, float], dict[str, float]]:
    """Scale and offset by band: the file's, else those of its kind of number.

    A file of integers that declares no scale holds Sentinel-2's own DN where it has 16 bits (Products
    Specification Document: QUANTIFICATION_VALUE 10000) and a rendering of 0 to 255 where it has 8. Floats
    are reflectance as they stand.
    """
    scale = {name: float(dataset.scales[number - 1]) for name, number in band_index.items()}
    offset = {name: float(dataset.offsets[number - 1]) for name, number in band_index.items()}
    if any(scale[name] != 1.0 or offset[name] != 0.0 for name in band_index if name != SCENE_CLASSIFICATION):
        return scale, offset
    dtype = np.dtype(dataset.dtypes[next(iter(band_index.values())) - 1])
    if dtype.kind == "f":
        return scale, offset
    if dtype.itemsize == 1:
        return dict.fromkeys(band_index, 1 / 255), offset
    addend = sentinel2_offset(scene.processing_baseline, scene.offset_applied)
    return dict.fromkeys(band_index, SENTINEL2_QUANTIFICATION), dict.fromkeys(band_index, addend)


def _collection(tags: Mapping[str, str]) -> str:
    """STAC's collection id, such as `sentinel-2-l2a`, from the constellation and processing level."""
    if given := tags.get("COLLECTION"):
        return given
    constellation = tags.get("CONSTELLATION", "").casefold().replace(" ", "-")
    level = re.sub(r"^level-?", "l", tags.get("PROCESSING_LEVEL", "").casefold())
    return "-".join(part for part in (constellation, level) if part) or "unknown"


def _attribution(collection: str, acquired_at: datetime) -> str:
    """What the Copernicus Sentinel data's legal notice asks for; nothing is claimed for other data."""
    is_sentinel2 = collection.startswith("sentinel-2")
    return f"Contains modified Copernicus Sentinel data {acquired_at.year}" if is_sentinel2 else ""


def _number(tags: Mapping[str, str], *names: str) -> float | None:
    """The first of the tags that is there, as a number; None where there is none or it is no number."""
    text = next((tags[name] for name in names if name in tags), "")
    return float(text) if re.fullmatch(r"[-+]?\d+(\.\d*)?", text) else None


def _flag(tags: Mapping[str, str], *names: str) -> bool | None:
    text = next((tags[name] for name in names if name in tags), "")
    return {"true": True, "1": True, "false": False, "0": False}.get(text.casefold())
