"""Radar backscatter, which sees through cloud and by night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

from geo.grid import Grid
from geo.scene import BoolArray, LeftOut

POLARIZATIONS = ("VV", "VH")


@dataclass(frozen=True, slots=True)
class RadarScene:
    """One pass of a radar satellite over an area. STAC's words are kept.

    Scenes compare only with scenes of the same `orbit_state` and `relative_orbit`: from another side another
    face of a wall or roof shines.

    Attributes:
        item_id: The source's own identifier.
        collection: Imagery product, such as `sentinel-1-grd`.
        acquired_at: Start of acquisition, aware, UTC.
        scene_footprint: Covered ground in EPSG:4326, longitude first.
        gsd_m: Pixel spacing, metres (the resolution is about twice as coarse).
        polarizations: What it holds, such as (`VV`, `VH`).
        platform: Satellite.
        orbit_state: `ascending` (looking east in the evening) or `descending`; empty where unknown.
        relative_orbit: Track that repeats; None where unknown.
        attribution: What a publication has to say of the data's origin.
        assets: Asset name to its address.
    """

    item_id: str
    collection: str
    acquired_at: datetime
    scene_footprint: BaseGeometry
    gsd_m: float
    polarizations: tuple[str, ...]
    platform: str = ""
    orbit_state: str = ""
    relative_orbit: int | None = None
    attribution: str = ""
    assets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RadarRaster:
    """Backscatter on a grid.

    Attributes:
        sigma0: float32 (polarization, y, x): backscatter coefficient sigma nought on the ellipsoid, linear
            power, 0 to about 10; NaN where not valid.
        valid: bool (y, x), False outside the scene.
        polarizations: Names of the first axis.
        orthorectified: Whether the relief's displacement was taken off: without, ground lies off by about its
            height above the reference divided by the tangent of the incidence angle.
        noise_removed: Whether the thermal noise was subtracted.
    """

    sigma0: npt.NDArray[np.float32]
    valid: BoolArray
    polarizations: tuple[str, ...]
    orthorectified: bool
    noise_removed: bool


@dataclass(frozen=True, slots=True)
class RadarSearchResult:
    """What a search found, ascending by acquisition, and what it had to leave out."""

    scenes: tuple[RadarScene, ...]
    left_out: tuple[LeftOut, ...] = ()


class RadarSource(Protocol):
    """A place that radar scenes can be searched in and read from."""

    @property
    def name(self) -> str:
        """Short name used in summaries and provenance."""

    def search(self, area: BaseGeometry, start: datetime, end: datetime) -> RadarSearchResult:
        """Scenes with VV and VH that touch an area (EPSG:4326), acquired in [start, end], both aware.

        Raises:
            SourceError: The source can't be asked.
        """

    def read(self, scene: RadarScene, polarizations: Sequence[str], grid: Grid) -> RadarRaster:
        """Backscatter of a scene on a grid.

        Raises:
            SceneUnusableError: This scene can't be read; others may.
            SourceError: Nothing can be read.
        """
