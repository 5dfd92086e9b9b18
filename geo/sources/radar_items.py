"""Sentinel-1 GRD catalogue entries as radar scenes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shapely import union_all

from geo.errors import SceneUnusableError
from geo.radar import POLARIZATIONS, RadarScene, RadarSearchResult
from geo.scene import LeftOut
from geo.sources.stac_items import acquisition_time, attribution, geometry_of

_MODE = "IW"  # interferometric wide swath, which is what Sentinel-1 takes over land
_CALIBRATION = "schema-calibration-{}"
_CALIBRATION_KEY = "calibration {}"


def calibration_asset(polarization: str) -> str:
    """Name of the asset of a `RadarScene` that holds a polarization's calibration table."""
    return _CALIBRATION_KEY.format(polarization)


def radar_scenes(items: Iterable[Mapping[str, Any]], *, joined: bool) -> RadarSearchResult:
    """Items as scenes; those without dual polarization over land, and those that lack something, left out.

    Args:
        items: STAC items of Sentinel-1 GRD.
        joined: The source itself joins the slices of a pass, so that a pass is one scene.
    """
    scenes: list[RadarScene] = []
    left_out: list[LeftOut] = []
    for item in items:
        try:
            scenes.append(_scene_of(item))
        except SceneUnusableError as error:
            left_out.append(LeftOut(str(item.get("id", "an item without id")), None, str(error)))
    ordered = sorted(scenes, key=lambda scene: (scene.acquired_at, scene.item_id))
    return RadarSearchResult(tuple(_passes(ordered) if joined else ordered), tuple(left_out))


def _scene_of(item: Mapping[str, Any]) -> RadarScene:
    properties: Mapping[str, Any] = item.get("properties") or {}
    mode = properties.get("sar:instrument_mode")
    if mode != _MODE:
        raise SceneUnusableError(f"was taken in mode {mode}, not {_MODE}")
    held = _polarizations(properties)
    if not set(POLARIZATIONS) <= set(held):
        raise SceneUnusableError(f"holds {' and '.join(held) or 'no known polarization'}, not VV and VH")
    acquired_at = acquisition_time({"datetime": properties.get("start_datetime") or properties.get("datetime")})
    track = properties.get("sat:relative_orbit")
    return RadarScene(
        item_id=str(item.get("id", "")),
        collection=str(item.get("collection") or "sentinel-1-grd"),
        acquired_at=acquired_at,
        scene_footprint=geometry_of(item),
        gsd_m=float(properties.get("sar:pixel_spacing_range") or 10.0),
        polarizations=held,
        platform=str(properties.get("platform", "")).casefold(),
        orbit_state=str(properties.get("sat:orbit_state", "")).casefold(),
        relative_orbit=None if track is None else int(track),
        attribution=attribution(properties, acquired_at),
        assets=_assets(item.get("assets") or {}),
    )


def _polarizations(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """What it holds; Sentinel Hub's catalogue says `DV` for VV and VH."""
    listed = tuple(str(name) for name in properties.get("sar:polarizations") or ())
    return listed or {"DV": ("VV", "VH"), "SV": ("VV",), "DH": ("HH", "HV"), "SH": ("HH",)}.get(
        str(properties.get("s1:polarization")), ()
    )


def _assets(assets: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for polarization in POLARIZATIONS:
        key = polarization.casefold()
        for name, asset in ((polarization, key), (calibration_asset(polarization), _CALIBRATION.format(key))):
            if asset in assets:
                found[name] = str(assets[asset]["href"])
    return found


def _passes(scenes: Iterable[RadarScene]) -> list[RadarScene]:
    """Slices of one pass as one scene: less than a minute apart, by the same satellite."""
    passes: list[RadarScene] = []
    for scene in scenes:
        last = passes[-1] if passes else None
        if last is not None and last.platform == scene.platform and (scene.acquired_at - last.acquired_at).seconds < 60:
            passes[-1] = replace(last, scene_footprint=union_all([last.scene_footprint, scene.scene_footprint]))
        else:
            passes.append(scene)
    return passes
