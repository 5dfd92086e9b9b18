"""The demo's thirteen scenes on both loopback servers, as the folder source reads them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from affine import Affine

from geo.grid import Grid
from geo.radiometry import to_reflectance
from geo.scene import Scene, SceneRaster
from geo.sources.folder import FolderSource
from geo.sources.sentinelhub_collection import Collection, own_collection
from tests.servers.sentinelhub import SentinelHubServer
from tests.servers.stac import StacServer

FOLDER = Path(__file__).parents[2] / "flows" / "data" / "dabancheng"
WHOLE = Grid("EPSG:32645", Affine(10, 0, 600910, 0, -10, 4805600), (270, 629), 10.0)
START, END = datetime(2017, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
VISIBLE = ("B04", "B03", "B02")
# Renderings of two kinds lie in the folder, so Sentinel Hub's user would ingest them as reflectance.
COLLECTION: Collection = own_collection(
    "dabancheng", {name: name for name in VISIBLE}, 10.0, 1.0, sample_type="FLOAT32",
    attribution="Contains modified Copernicus Sentinel data",
)  # fmt: skip


def scenes() -> Iterator[tuple[Scene, SceneRaster]]:
    """Every scene of the folder with its pixels on its own grid."""
    folder = FolderSource(FOLDER)
    for scene in folder.search(WHOLE.scene_footprint_wgs84, START, END).scenes:
        yield scene, folder.read(scene, scene.bands, WHOLE)


def serve_stac(server: StacServer) -> None:
    """As items with one cloud-optimised file for each band, DN, scale and mask as in the folder."""
    for scene, raster in scenes():
        server.add_scene(
            scene.item_id,
            scene.acquired_at.isoformat(),
            dict(zip(raster.bands, raster.dn, strict=True)),
            dict.fromkeys(raster.bands, WHOLE.transform),
            mask=raster.valid,
            scale_offset=(raster.scale[0], raster.offset[0]),
            **{"s2:processing_baseline": "02.07"},
        )


def serve_sentinelhub(server: SentinelHubServer) -> None:
    """As a user's own collection of reflectance."""
    for scene, raster in scenes():
        reflectance = to_reflectance(raster)
        server.add_scene(
            scene.item_id,
            scene.acquired_at.isoformat(),
            {name: reflectance[raster.bands.index(name)] for name in VISIBLE},
            dict.fromkeys(VISIBLE, WHOLE.transform),
            collection=COLLECTION.catalog_id,
            mask=raster.valid,
        )
