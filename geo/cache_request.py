"""What is asked of a source, as the names of the cache's files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from affine import Affine

from geo.grid import Grid
from geo.scene import Scene

SEARCH = ".search.json"
_AREA_KEY = re.compile(
    r"EPSG(?P<epsg>\d+)_(?P<gsd_m>[\d.e-]+)m_(?P<x>[\d.e+-]+)_(?P<y>[\d.e+-]+)_(?P<columns>\d+)x(?P<rows>\d+)"
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a source: the same request always finds the same file.

    Attributes:
        source: The source's name.
        settings: What the source's verdict on a scene depends on; its pixels don't.
        scene: Which scene.
        bands: Which bands.
        grid: On which pixels.
    """

    source: str
    settings: Mapping[str, Any]
    scene: Scene
    bands: tuple[str, ...]
    grid: Grid

    def document(self) -> dict[str, Any]:
        """The request as JSON: what the file's name is made from, and its provenance."""
        scene = self.scene
        return {
            "source": self.source,
            "item_id": scene.item_id,
            "collection": scene.collection,
            "acquired_at": scene.acquired_at.isoformat(),
            "processing_baseline": scene.processing_baseline,
            "assets": {name: scene.assets[name] for name in self.bands if name in scene.assets},
            "scale_offset": {name: list(scene.scale_offset[name]) for name in self.bands if name in scene.scale_offset},
            "bands": list(self.bands),
            "grid": _grid_document(self.grid),
        }

    @property
    def stem(self) -> str:
        """Path of the raster's file without suffix: area, scene, and a hash of what its pixels depend on."""
        return self._stem(self.document())

    @property
    def verdict_stem(self) -> str:
        """Path of the verdict's file without suffix: another choice of scenes is another verdict."""
        return self._stem({**self.document(), "settings": dict(self.settings)})

    def _stem(self, document: Mapping[str, Any]) -> str:
        item_id = re.sub(r"[^\w.-]+", "_", self.scene.item_id)[:120]
        return f"{area_key(self.grid)}/{item_id}.{digest(document)[:16]}"


def area_key(grid: Grid) -> str:
    """Which area a file is of, as the name of its folder: CRS, pixel size, upper-left corner and size in pixels.

    >>> area_key(Grid("EPSG:32645", Affine(10.0, 0.0, 600000.0, 0.0, -10.0, 4800000.0), (300, 350), 10.0))
    'EPSG32645_10m_600000_4800000_350x300'
    """
    x, y, (rows, columns) = grid.transform.c, grid.transform.f, grid.shape
    return f"{grid.crs.replace(':', '')}_{grid.gsd_m:.12g}m_{x:.12g}_{y:.12g}_{columns}x{rows}"


def area_of(key: str) -> Grid | None:
    """The grid that a folder's name tells; None where it is another folder."""
    told = _AREA_KEY.fullmatch(key)
    if told is None:
        return None
    gsd_m, x, y = (float(told[name]) for name in ("gsd_m", "x", "y"))
    transform = Affine(gsd_m, 0.0, x, 0.0, -gsd_m, y)
    return Grid(f"EPSG:{told['epsg']}", transform, (int(told["rows"]), int(told["columns"])), gsd_m)


def search_path(source: str, settings: Mapping[str, Any], area_wkb: bytes) -> str:
    """Where the answer to searches of an area is kept."""
    area = hashlib.sha256(area_wkb).hexdigest()[:12]
    return f"{area}/{digest({'source': source, 'settings': dict(settings)})[:16]}{SEARCH}"


def _grid_document(grid: Grid) -> dict[str, Any]:
    return {"crs": grid.crs, "transform": list(grid.transform)[:6], "shape": list(grid.shape)}


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON object, whatever the order of its members."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
