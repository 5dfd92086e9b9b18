"""Coordinates from Chinese maps, which are displaced by law, back to where they are.

GCJ-02 (Amap, Tencent, Google's map of China) displaces WGS 84 by 300 to 600 m along a published polynomial; BD-09
(Baidu) adds a second displacement. The inverse has no closed form; prcoords iterates it to less than a centimetre.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import prcoords
import shapely
from shapely.geometry.base import BaseGeometry

from aoi.importers.table import RowError


class Datum(StrEnum):
    """What a file's longitudes and latitudes refer to."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


def to_wgs84_datum(geometry: BaseGeometry, datum: Datum) -> BaseGeometry:
    """A geometry in true WGS 84.

    Args:
        geometry: Longitude first, degrees, in `datum`.
        datum: As the user declares it: the numbers themselves don't show it.

    Raises:
        RowError: A displaced datum is declared for a place outside China, where it isn't defined.
    """
    if datum is Datum.WGS84:
        return geometry
    if not is_in_china(geometry):
        raise RowError(f"{datum} is defined in China only: leave --datum out for places elsewhere")
    invert = prcoords.gcj_wgs_bored if datum is Datum.GCJ02 else prcoords.bd_wgs_bored

    def convert(points: np.ndarray) -> np.ndarray:
        true = [invert((latitude, longitude), False) for longitude, latitude in points]
        return np.array([(place.lon, place.lat) for place in true]).reshape(-1, 2)

    return shapely.transform(geometry, convert)


def is_in_china(geometry: BaseGeometry) -> bool:
    """Whether all positions lie in the box in which GCJ-02 displaces."""
    positions = shapely.get_coordinates(geometry)
    return all(prcoords.sanity_in_china_p(prcoords.Coords(latitude, longitude)) for longitude, latitude in positions)
