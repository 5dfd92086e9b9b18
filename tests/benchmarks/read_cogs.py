"""Which way to read cloud-optimised GeoTIFFs: requests, bytes and seconds of a 3 km area, 6 bands and SCL, 40 scenes.

    PYTHONPATH=. python tests/benchmarks/read_cogs.py
    PYTHONPATH=. python tests/benchmarks/read_cogs.py --readers source vsicurl obstore odc

The last two need obstore with async-geotiff, and odc-stac.

The server runs in a process of its own. The least possible is the compressed size of the blocks that the area touches.
All readers have 32 requests in flight at most and fetch 16 kB of header; `source` is the project's own (it also
resamples to the grid), the others only read the window.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window
from scipy.ndimage import gaussian_filter, zoom
from shapely import box

from geo.grid import Grid
from geo.scene import Scene
from geo.sources.look import Choice
from geo.sources.ratelimit import RateLimiter
from geo.sources.stac import StacSource
from geo.sources.transport import Transport
from tests.servers.loopback import Answer, LoopbackServer, Received, part_of

SCENES = 40
GSD_M = {"B02": 10, "B03": 10, "B04": 10, "B08": 10, "B11": 20, "B12": 20, "SCL": 20}
CORNER = (600000.0, 4800000.0)
GRID = Grid("EPSG:32645", Affine(10, 0, 629000, 0, -10, 4771000), (300, 300), 10.0)
IN_FLIGHT = 32


def kind_of(band: str) -> str:
    """Files are the same for all scenes and for all bands of a kind."""
    return "SCL" if band == "SCL" else str(GSD_M[band])


def write_tiles(folder: Path, blocksize: int) -> dict[str, Path]:
    """A Sentinel-2 tile of ground that compresses about as the real thing does (1.3 to 1.5 bytes a pixel)."""
    rng = np.random.default_rng(1)
    relief = gaussian_filter(rng.normal(size=(1098, 1098)), 2) * 8000 + 2500
    paths = {}
    for kind, side, gsd_m in (("10", 10980, 10), ("20", 5490, 20), ("SCL", 5490, 20)):
        ground = zoom(relief, side / 1098, order=1)
        if kind == "SCL":
            pixels = np.where(ground > 3500, 4, 5).astype(np.uint8)
        else:
            pixels = np.clip(ground + rng.normal(0, 40, (side, side)), 1, 12000).astype(np.uint16)
        paths[kind] = folder / f"{kind}-{blocksize}.tif"
        with rasterio.open(
            paths[kind], "w", driver="COG", width=side, height=side, count=1, dtype=pixels.dtype, crs=GRID.crs,
            transform=Affine(gsd_m, 0, CORNER[0], 0, -gsd_m, CORNER[1]), nodata=0, blocksize=blocksize,
            compress="deflate", predictor=2,
        ) as dataset:  # fmt: skip
            dataset.write(pixels, 1)
    return paths


def window_of(gsd_m: float) -> Window:
    """The grid's pixels in a tile."""
    column, row = ((GRID.transform.c - CORNER[0]) / gsd_m, (CORNER[1] - GRID.transform.f) / gsd_m)
    side = GRID.shape[0] * GRID.gsd_m / gsd_m
    return Window(round(column), round(row), round(side), round(side))


def least_bytes(paths: dict[str, Path], blocksize: int) -> int:
    """Compressed size of the touched blocks of all bands and scenes."""
    total = 0
    for band, gsd_m in GSD_M.items():
        window = window_of(gsd_m)
        columns = range(window.col_off // blocksize, (window.col_off + window.width - 1) // blocksize + 1)
        rows = range(window.row_off // blocksize, (window.row_off + window.height - 1) // blocksize + 1)
        with rasterio.open(paths[kind_of(band)]) as dataset:
            total += sum(
                int(dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", dm="TIFF", bidx=1))
                for column in columns
                for row in rows
            )
    return total * SCENES


def serve(paths: dict[str, Path], latency_s: float, pipe: Connection) -> None:
    """Serve `/scene/band.tif` until told to stop, then tell what was asked."""
    files = {kind: path.read_bytes() for kind, path in paths.items()}

    def answer(got: Received) -> Answer:
        data = files[kind_of(got.path.rpartition("/")[2].removesuffix(".tif"))]
        return part_of(data, got) if got.method == "GET" else Answer(headers={"Content-Length": str(len(data))})

    with LoopbackServer(answer, latency_s) as server:
        pipe.send(server.url)
        pipe.recv()
        pipe.send((len(server.requests), server.sent_bytes))


def addresses(url: str) -> list[tuple[str, str]]:
    return [(f"{url}/{scene}/{band}.tif", band) for scene in range(SCENES) for band in GSD_M]


def read_source(url: str) -> None:
    start = datetime(2022, 1, 1, tzinfo=UTC)
    scenes = [
        Scene(f"S2_{day}", "sentinel-2-l2a", start + timedelta(days=day), box(0, 0, 1, 1), 10.0, tuple(GSD_M),
              assets={band: f"{url}/{day}/{band}.tif" for band in GSD_M},
              scale_offset={band: (1e-4, 0.0) for band in GSD_M if band != "SCL"})
        for day in range(SCENES)
    ]  # fmt: skip
    bands = [band for band in GSD_M if band != "SCL"]
    with Transport(limiter=RateLimiter(1e6), concurrency=IN_FLIGHT) as transport, ThreadPoolExecutor(8) as pool:
        source = StacSource(transport, choice=Choice())
        assert all(raster.valid.all() for raster in pool.map(lambda scene: source.read(scene, bands, GRID), scenes))


def read_vsicurl(url: str) -> None:
    options = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_INGESTED_BYTES_AT_OPEN": 16384,
        "CPL_VSIL_CURL_CHUNK_SIZE": 16384,
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
        "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    }

    def one(entry: tuple[str, str]) -> None:
        with rasterio.Env(**options), rasterio.open(f"/vsicurl/{entry[0]}") as dataset:
            dataset.read(1, window=window_of(GSD_M[entry[1]]))

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(one, addresses(url)))


def read_obstore(url: str) -> None:
    from async_geotiff import GeoTIFF
    from async_geotiff import Window as TiffWindow
    from obstore.store import HTTPStore

    store = HTTPStore.from_url(url, client_options={"allow_http": True})

    async def one(slots: asyncio.Semaphore, address: str, band: str) -> None:
        window = window_of(GSD_M[band])
        async with slots:
            file = await GeoTIFF.open(address.removeprefix(f"{url}/"), store=store, prefetch=16384)
            await file.read(window=TiffWindow(window.col_off, window.row_off, window.width, window.height))

    async def everything() -> None:
        slots = asyncio.Semaphore(IN_FLIGHT)
        await asyncio.gather(*(one(slots, address, band) for address, band in addresses(url)))

    asyncio.run(everything())


def read_odc(url: str) -> None:
    import odc.stac
    import pystac
    from odc.geo.geobox import GeoBox

    items = []
    for day in range(SCENES):
        moment = datetime(2022, 1, 1, tzinfo=UTC) + timedelta(days=day)
        outline = GRID.scene_footprint_wgs84.buffer(0.1)
        item = pystac.Item(f"S2_{day}", outline.__geo_interface__, list(outline.bounds), moment, {"proj:epsg": 32645})
        item.stac_extensions = ["https://stac-extensions.github.io/projection/v1.1.0/schema.json"]
        for band, gsd_m in GSD_M.items():
            side = 109800 // gsd_m
            fields = {
                "proj:shape": [side, side],
                "proj:transform": [gsd_m, 0, CORNER[0], 0, -gsd_m, CORNER[1]],
                "raster:bands": [{"data_type": "uint8" if band == "SCL" else "uint16", "nodata": 0}],
            }
            href, kind = f"{url}/{day}/{band}.tif", "image/tiff; application=geotiff; profile=cloud-optimized"
            item.add_asset(band, pystac.Asset(href, media_type=kind, roles=["data"], extra_fields=fields))
        items.append(item)
    odc.stac.configure_rio(cloud_defaults=True)
    odc.stac.load(items, geobox=GeoBox(GRID.shape, GRID.transform, GRID.crs), pool=IN_FLIGHT)


READERS: dict[str, Callable[[str], None]] = {
    "source": read_source,
    "vsicurl": read_vsicurl,
    "obstore": read_obstore,
    "odc": read_odc,
}


def measure(reader: str, paths: dict[str, Path], blocksize: int, latency_ms: int) -> str:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=partial(serve, paths, latency_ms / 1000, theirs))
    server.start()
    url = ours.recv()
    begun = time.perf_counter()
    READERS[reader](url)
    seconds = time.perf_counter() - begun
    ours.send("stop")
    requests, fetched = ours.recv()
    server.join()
    share = fetched / least_bytes(paths, blocksize)
    return (
        f"{reader:<8} {blocksize:>5} px {latency_ms:>4} ms {requests:>6} requests {fetched / 1e6:>8.1f} MB "
        f"{share:>6.3f} of the least {seconds:>6.2f} s\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", nargs="+", choices=READERS, default=["source", "vsicurl"])
    parser.add_argument("--blocks", nargs="+", type=int, default=[512, 1024])
    parser.add_argument("--latencies-ms", nargs="+", type=int, default=[0, 50])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for blocksize in asked.blocks:
            paths = write_tiles(Path(folder), blocksize)
            for latency_ms in asked.latencies_ms:
                for reader in asked.readers:
                    sys.stdout.write(measure(reader, paths, blocksize, latency_ms))
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
