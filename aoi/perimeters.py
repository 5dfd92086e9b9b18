"""Which OpenStreetMap perimeter belongs to which facility."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from shapely import Point, STRtree
from shapely.geometry.base import BaseGeometry

from geo.grid import WGS84, to_crs, utm_zone

NEAR_M = 100.0
"""A point this close to an outline may stand for it: ASPI's points are put by hand, often on the gate or the road."""
RIVAL_M = 300.0
"""Another outline or an unmatched point within this distance makes a near match ambiguous."""
DOUBT_M = 500.0
"""Farther than this from every outline, a point is simply without a perimeter."""


class Verdict(StrEnum):
    """How a facility and a perimeter stand to each other."""

    INSIDE = "inside"
    NEAR = "near"
    DOUBTFUL = "doubtful"
    UNCLAIMED = "unclaimed"


@dataclass(frozen=True, slots=True)
class PerimeterMatch:
    """One facility and one perimeter.

    Attributes:
        facility_id: Empty for a perimeter that no facility claims.
        osm_id: Such as `way/646988930`.
        distance_m: From the facility's point to the outline, 0 inside; None without a facility.
        verdict: `inside` and `near` are matched, the others listed for a person to look at.
        reason: Why it is doubtful or worth a look; empty where it isn't.
    """

    facility_id: str
    osm_id: str
    distance_m: float | None
    verdict: Verdict
    reason: str = ""


def match_perimeters(points: Mapping[str, Point], outlines: Mapping[str, BaseGeometry]) -> tuple[PerimeterMatch, ...]:
    """Match points to outlines: those inside, then those unambiguously near.

    A point is near if it lies within 100 m of an outline that holds no facility's point, and within 300 m neither
    the point has another free outline nor the outline another unmatched point. What is within 500 m and not matched is
    doubtful, with the reason.

    Args:
        points: Facility id to position, EPSG:4326.
        outlines: OSM id to perimeter, EPSG:4326.

    Returns:
        Matched and doubtful pairs in the order of `points`, then the perimeters nobody claims.
    """
    distances = _distances(points, outlines)
    inside = {key: _nearest(near) for key, near in distances.items() if near and min(near.values()) == 0.0}
    holders: dict[str, list[str]] = defaultdict(list)
    for facility_id, osm_id in inside.items():
        holders[osm_id].append(facility_id)
    matches = [
        PerimeterMatch(key, inside[key], 0.0, Verdict.INSIDE, _shared(key, holders[inside[key]]))
        if key in inside
        else _judge_near(key, distances, inside, holders)
        for key in points
        if distances[key]
    ]
    seen = {osm_id for near in distances.values() for osm_id in near}
    reason = f"no facility within {DOUBT_M:.0f} m: a place that isn't in the list?"
    unclaimed = [PerimeterMatch("", key, None, Verdict.UNCLAIMED, reason) for key in outlines if key not in seen]
    return (*matches, *unclaimed)


def _judge_near(
    key: str,
    distances: Mapping[str, Mapping[str, float]],
    inside: Mapping[str, str],
    holders: Mapping[str, Sequence[str]],
) -> PerimeterMatch:
    near = distances[key]
    osm_id = _nearest(near)
    rival_outlines = [
        other for other, gap in near.items() if other != osm_id and gap <= RIVAL_M and not holders.get(other)
    ]
    rival_points = [
        other
        for other, theirs in distances.items()
        if other != key and other not in inside and theirs.get(osm_id, np.inf) <= RIVAL_M
    ]
    reason = ""
    if holders.get(osm_id):
        reason = f"the perimeter holds {', '.join(holders[osm_id])} already"
    elif near[osm_id] > NEAR_M:
        reason = f"farther than {NEAR_M:.0f} m from the nearest perimeter"
    elif rival_outlines:
        reason = f"{', '.join(rival_outlines)} is near as well"
    elif rival_points:
        reason = f"{', '.join(rival_points)} is near the same perimeter"
    return PerimeterMatch(key, osm_id, near[osm_id], Verdict.DOUBTFUL if reason else Verdict.NEAR, reason)


def _shared(key: str, holders: Sequence[str]) -> str:
    others = [other for other in holders if other != key]
    return f"shares the perimeter with {', '.join(others)}" if others else ""


def _nearest(near: Mapping[str, float]) -> str:
    return min(near, key=lambda osm_id: (near[osm_id], osm_id))


def _distances(points: Mapping[str, Point], outlines: Mapping[str, BaseGeometry]) -> dict[str, dict[str, float]]:
    """Distance of every point to every outline within `DOUBT_M`, metres in the point's UTM zone."""
    names, shapes = list(outlines), list(outlines.values())
    tree = STRtree(shapes)
    found: dict[str, dict[str, float]] = {}
    for key, point in points.items():
        crs = utm_zone(point.x, point.y)
        here = to_crs(point, WGS84, crs)
        around = tree.query(point.buffer(DOUBT_M / 50_000.0))
        gaps = {names[i]: round(here.distance(to_crs(shapes[i], WGS84, crs)), 1) for i in sorted(around)}
        found[key] = {osm_id: gap for osm_id, gap in gaps.items() if gap <= DOUBT_M}
    return found
