"""What is asked of a source, as the names of the cache's files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from geo.grid import Grid
from geo.scene import Scene

SEARCH = ".search.json"


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
    """Which area a file is of: a hash of its permanent grid."""
    return digest(_grid_document(grid))[:12]


def search_path(source: str, settings: Mapping[str, Any], area_wkb: bytes) -> str:
    """Where the answer to searches of an area is kept."""
    area = hashlib.sha256(area_wkb).hexdigest()[:12]
    return f"{area}/{digest({'source': source, 'settings': dict(settings)})[:16]}{SEARCH}"


def _grid_document(grid: Grid) -> dict[str, Any]:
    return {"crs": grid.crs, "transform": list(grid.transform)[:6], "shape": list(grid.shape)}


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON object, whatever the order of its members."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
