"""STAC items as scenes: which asset is which band, and what its numbers still need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shapely import make_valid
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geo.bands import SCENE_CLASSIFICATION, sentinel2_name
from geo.errors import SceneUnusableError
from geo.radiometry import SENTINEL2_QUANTIFICATION, sentinel2_offset
from geo.scene import Scene
from geo.sources.acquisitions import Product

Item = Mapping[str, Any]
Asset = Mapping[str, Any]

# Earth Search numbers the red edge bands; STAC's common name is the same for all three.
_RED_EDGE = {"rededge1": "B05", "rededge2": "B06", "rededge3": "B07"}
_RESOLUTION_SUFFIX = re.compile(r"_(\d+)m$")
_READABLE = ("image/tiff", "image/jp2")
_RADIOMETRY = {"scale", "offset", "raster:scale", "raster:offset"}
_BASELINE_NAMES = ("s2:processing_baseline", "sentinel2:processing_baseline", "processing:version")
_PROCESSED_NAMES = ("s2:generation_time", "processing:datetime", "created", "updated")


def product_of(item: Item, *, archive_keeps_offset: bool | None, asset_map: Mapping[str, str] | None = None) -> Product:
    """A STAC item as a product.

    Args:
        item: As the API gives it (STAC 1.0 or 1.1).
        archive_keeps_offset: Whether the archive is known to store DN as ESA delivers them, the offset of
            processing baseline 04.00 included; only asked where the item itself says nothing.
        asset_map: Band name to asset key, for collections that name their assets in their own way.

    Raises:
        SceneUnusableError: The item lacks what a scene needs; the message is the reason.
    """
    properties = _mapping(item.get("properties"))
    item_id, collection = str(item.get("id", "")), str(item.get("collection") or "")
    assets = band_assets(_mapping(item.get("assets")), asset_map)
    acquired_at = acquisition_time(properties)
    baseline = _baseline(properties)
    applied = properties.get("earthsearch:boa_offset_applied")
    sentinel2 = str(properties.get("constellation", "")).casefold().replace(" ", "-") == "sentinel-2"
    scale_offset = {
        name: _scale_offset(asset, baseline, applied, archive_keeps_offset, sentinel2)
        for name, asset in assets.items()
        if name != SCENE_CLASSIFICATION
    }
    if not scale_offset:
        raise SceneUnusableError("has no asset that is a band: check the collection, or give an asset map")
    scene = Scene(
        item_id=item_id,
        collection=collection,
        acquired_at=acquired_at,
        scene_footprint=geometry_of(item),
        gsd_m=min(_gsd_m(name, asset, properties) for name, asset in assets.items()),
        bands=tuple(assets),
        cloud_cover_pct=_number(properties.get("eo:cloud_cover")),
        processing_baseline=baseline,
        offset_applied=applied if isinstance(applied, bool) else None,
        view_off_nadir_deg=_number(properties.get("view:off_nadir")),
        sun_elevation_deg=_sun_elevation(properties),
        sun_azimuth_deg=_number(properties.get("view:sun_azimuth", properties.get("s2:mean_solar_azimuth"))),
        attribution=attribution(properties, acquired_at),
        assets={name: str(asset["href"]) for name, asset in assets.items()},
        scale_offset=scale_offset,
    )
    return Product(
        scene=scene,
        platform=str(properties.get("platform", "")).casefold().replace(" ", "-"),
        tile=str(properties.get("grid:code") or _tile(properties)),
        crs=crs_of(properties),
        processed_at=str(next((properties[name] for name in _PROCESSED_NAMES if properties.get(name)), "")),
    )


def band_assets(assets: Mapping[str, Asset], asset_map: Mapping[str, str] | None = None) -> dict[str, Asset]:
    """Band name to its asset: the finest there is, as GeoTIFF rather than JPEG 2000."""
    if asset_map:
        return {name: assets[key] for name, key in asset_map.items() if key in assets}
    best: dict[str, tuple[tuple[bool, float, str], Asset]] = {}
    for key, asset in assets.items():
        name = _band_name(key)
        kind = str(asset.get("type", ""))
        if name is None or "href" not in asset or not kind.startswith(_READABLE):
            continue
        preference = (kind.startswith("image/jp2"), _gsd_m(key, asset, {}), key)
        if name not in best or preference < best[name][0]:
            best[name] = (preference, asset)
    return {name: asset for name, (_, asset) in sorted(best.items())}


def geometry_of(item: Item) -> BaseGeometry:
    """An item's scene footprint, EPSG:4326.

    Raises:
        SceneUnusableError: It has none, or one that isn't GeoJSON.
    """
    try:
        footprint = shape(item["geometry"])
    except (KeyError, TypeError, ValueError, AttributeError, ShapelyError) as error:
        raise SceneUnusableError("has no usable geometry") from error
    return footprint if footprint.is_valid else make_valid(footprint)


def acquisition_time(properties: Mapping[str, Any]) -> datetime:
    """Start of acquisition, UTC.

    Raises:
        SceneUnusableError: There is none.
    """
    text = properties.get("datetime") or properties.get("start_datetime")
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise SceneUnusableError(f"has no usable acquisition time ({text!r})") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def crs_of(properties: Mapping[str, Any]) -> str:
    """CRS of an item's pixels as `EPSG:32645`; empty where it doesn't say (projection extension 1 and 2)."""
    if properties.get("proj:code"):
        return str(properties["proj:code"])
    return f"EPSG:{properties['proj:epsg']}" if properties.get("proj:epsg") else ""


def attribution(properties: Mapping[str, Any], acquired_at: datetime) -> str:
    """What the Copernicus Sentinel data's legal notice asks for; nothing is claimed for other data."""
    sentinel = str(properties.get("constellation", "")).casefold().startswith("sentinel")
    return f"Contains modified Copernicus Sentinel data {acquired_at.year}" if sentinel else ""


def _scale_offset(
    asset: Asset, baseline: str | None, applied: object, archive_keeps_offset: bool | None, sentinel2: bool
) -> tuple[float, float]:
    """Factor and addend from stored DN to reflectance; the offset once and only once.

    Earth Search goes on giving the band offset of items that it has taken the offset off, so its own flag
    comes first; then the item's band offset; then the processing baseline.
    """
    given = _raster_band(asset)
    scale = _number(given.get("scale", given.get("raster:scale")))
    offset = _number(given.get("offset", given.get("raster:offset")))
    if scale is None and not sentinel2:
        raise SceneUnusableError("gives no scale from DN to reflectance (raster:bands)")
    if applied is True:
        offset = 0.0
    elif offset is None and sentinel2:
        told = False if applied is False or archive_keeps_offset else None
        offset = sentinel2_offset(baseline, told)
    elif applied is False and sentinel2 and offset == 0.0 and sentinel2_offset(baseline, False) != 0.0:
        raise SceneUnusableError(
            f"contradicts itself: the offset of processing baseline {baseline} is still in its DN "
            "(boa_offset_applied false), and its band offset is 0"
        )
    return (SENTINEL2_QUANTIFICATION if scale is None else scale, offset or 0.0)


def _raster_band(asset: Asset) -> Mapping[str, Any]:
    """Raster metadata of a one-band asset: `raster:bands` (extension 1), `bands` or the asset itself (STAC 1.1)."""
    for name in ("raster:bands", "bands"):
        listed = asset.get(name)
        if (
            isinstance(listed, list)
            and listed
            and {"scale", "offset", "raster:scale", "raster:offset"} & set(listed[0])
        ):
            return _mapping(listed[0])
    return {name: value for name, value in asset.items() if name.startswith("raster:")}


def _band_name(key: str) -> str | None:
    stem = _RESOLUTION_SUFFIX.sub("", key).casefold()
    return _RED_EDGE.get(stem) or sentinel2_name(stem)


def _gsd_m(key: str, asset: Asset, properties: Mapping[str, Any]) -> float:
    """An asset's pixel size, metres; infinite where nothing tells."""
    transform = asset.get("proj:transform")
    if isinstance(transform, list) and transform:
        return abs(float(transform[0]))
    suffix = _RESOLUTION_SUFFIX.search(key)
    stated = asset.get("gsd") or _raster_band(asset).get("spatial_resolution") or properties.get("gsd")
    return float(stated or (suffix[1] if suffix else "inf"))


def _baseline(properties: Mapping[str, Any]) -> str | None:
    found = next((properties[name] for name in _BASELINE_NAMES if properties.get(name)), None)
    if found is None and (named := re.search(r"_N(\d{2})(\d{2})_", str(properties.get("s2:product_uri", "")))):
        return f"{named[1]}.{named[2]}"
    return None if found is None else str(found)


def _tile(properties: Mapping[str, Any]) -> str:
    tile = properties.get("s2:mgrs_tile")
    return f"MGRS-{tile}" if tile else ""


def _sun_elevation(properties: Mapping[str, Any]) -> float | None:
    elevation = _number(properties.get("view:sun_elevation"))
    zenith = _number(properties.get("s2:mean_solar_zenith"))
    return 90.0 - zenith if elevation is None and zenith is not None else elevation


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
