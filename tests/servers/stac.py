"""A small STAC API with the manners of Earth Search, and the ranged cloud-optimised GeoTIFFs behind it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.io import MemoryFile
from rasterio.warp import transform_geom
from shapely import box
from shapely.geometry import mapping, shape

from tests.servers.loopback import Answer, LoopbackServer, Received, part_of

DATA = Path(__file__).parents[1] / "data" / "stac"
_TEMPLATE = "earth_search_S2B_33TWN_20220226_0_L2A.json"
ASSET_KEYS = {
    "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge1", "B06": "rededge2",
    "B07": "rededge3", "B08": "nir", "B8A": "nir08", "B09": "nir09", "B11": "swir16", "B12": "swir22", "SCL": "scl",
}  # fmt: skip


def real_item(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DATA / name).read_text())
    return document


def cog(
    pixels: npt.NDArray[Any],
    transform: Affine,
    crs: str = "EPSG:32645",
    blocksize: int = 256,
    mask: npt.NDArray[np.bool_] | None = None,
) -> bytes:
    """One band as the bytes of a cloud-optimised GeoTIFF, as the archives write them; nodata is 0 without a mask."""
    with MemoryFile() as memory:
        with memory.open(
            driver="COG", width=pixels.shape[1], height=pixels.shape[0], count=1, dtype=pixels.dtype, crs=crs,
            transform=transform, nodata=0 if mask is None else None, blocksize=blocksize, compress="deflate",
            predictor=2,
        ) as dataset:  # fmt: skip
            dataset.write(pixels, 1)
            if mask is not None:
                dataset.write_mask(mask)
        return bytes(memory.read())


class StacServer(LoopbackServer):
    """Search with paging, and files with ranges."""

    def __init__(self, latency_s: float = 0.0, page_size: int = 100) -> None:
        super().__init__(self._handle, latency_s)
        self.items: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.page_size = page_size

    def add_scene(
        self,
        item_id: str,
        acquired_at: str,
        bands: Mapping[str, npt.NDArray[Any]],
        transforms: Mapping[str, Affine],
        crs: str = "EPSG:32645",
        mask: npt.NDArray[np.bool_] | None = None,
        scale_offset: tuple[float, float] | None = None,
        **properties: Any,
    ) -> dict[str, Any]:
        """Serve a scene: a real item with other assets, place, time and whatever else is given."""
        item = copy.deepcopy(real_item(_TEMPLATE))
        item["id"] = item_id
        template = item.pop("assets")
        item["assets"] = {}
        for name, pixels in bands.items():
            key = ASSET_KEYS[name]
            path = f"/files/{item_id}/{name}.tif"
            self.files[path] = cog(pixels, transforms[name], crs, mask=mask)
            asset = copy.deepcopy(template[key])
            if scale_offset is not None:
                asset["raster:bands"][0] |= {"scale": scale_offset[0], "offset": scale_offset[1]}
            asset |= {"href": f"{self.url}{path}", "proj:transform": list(transforms[name])[:6]}
            item["assets"][key] = asset
        first = next(iter(bands))
        bounds = rasterio.transform.array_bounds(*bands[first].shape, transforms[first])
        item["geometry"] = transform_geom(crs, "EPSG:4326", mapping(box(*bounds)))
        item["properties"] |= {
            "datetime": acquired_at,
            "eo:cloud_cover": 3.0,
            "proj:epsg": int(crs.removeprefix("EPSG:")),
            "grid:code": "MGRS-45TXH",
            **properties,
        }
        self.items.append(item)
        return item

    def _handle(self, got: Received) -> Answer:
        if got.path == "/v1/search" and got.method == "POST":
            return self._search(got.json)
        if got.path in self.files:
            return part_of(self.files[got.path], got)
        return Answer.of_json({"code": "NotFound", "description": "no such file"}, 404)

    def _search(self, query: dict[str, Any]) -> Answer:
        found = [item for item in self.items if _matches(item, query)]
        found.sort(key=lambda item: item["properties"]["datetime"], reverse=True)
        first = int(query.get("next", 0))
        size = min(int(query.get("limit", 10)), self.page_size)
        page = found[first : first + size]
        links = [{"rel": "root", "type": "application/json", "href": f"{self.url}/v1"}]
        if first + size < len(found):
            # As Earth Search does it: the whole query again in the body, not merged.
            body = {**query, "next": str(first + size)}
            links.insert(
                0, {"rel": "next", "method": "POST", "href": f"{self.url}/v1/search", "merge": False, "body": body}
            )
        page_of = {"limit": size, "matched": len(found), "returned": len(page)}
        return Answer.of_json(
            {"type": "FeatureCollection", "context": page_of, "features": page, "links": links},
            content_type="application/geo+json",
        )


def _matches(item: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    start, end = (datetime.fromisoformat(moment) for moment in query["datetime"].split("/"))
    return (
        item["collection"] in query["collections"]
        and start <= datetime.fromisoformat(item["properties"]["datetime"]) <= end
        and shape(item["geometry"]).intersects(shape(query["intersects"]))
    )


def reflectance_pixels(shape_: tuple[int, int], seed: int) -> npt.NDArray[np.uint16]:
    """DN of ground that doesn't compress to nothing."""
    return np.random.default_rng(seed).integers(1000, 4000, shape_, dtype=np.uint16)
