"""A small Sentinel Hub: token, catalogue and Process API, with the manners of the real ones."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.io import MemoryFile
from rasterio.warp import transform_geom
from shapely import box
from shapely.geometry import mapping, shape

from geo.sources.sentinelhub_session import Deployment
from tests.servers.loopback import Answer, LoopbackServer, Received
from tests.servers.stac import real_item

CLIENT_ID, CLIENT_SECRET = "loopback-client-7f3a", "loopback-secret-91c4e2"
_LARGEST_PX = 2500


@dataclass
class Archived:
    """A scene as the service keeps it: DN as delivered, offset of baseline 04.00 included."""

    bands: Mapping[str, npt.NDArray[Any]]
    transforms: Mapping[str, Affine]
    crs: str
    acquired_at: datetime
    added_dn: int
    mask: npt.NDArray[np.bool_] | None = None


class SentinelHubServer(LoopbackServer):
    """Signs in, searches, and cuts out by nearest neighbour whatever an evalscript asks for."""

    def __init__(self, latency_s: float = 0.0, page_size: int = 100) -> None:
        super().__init__(self._handle, latency_s)
        self.features: list[dict[str, Any]] = []
        self.archive: dict[str, list[Archived]] = {}
        self.page_size = page_size
        self.tokens: set[str] = set()
        self.spent = 0.0
        self._serial = itertools.count(1)

    @property
    def deployment(self) -> Deployment:
        return Deployment("loopback", self.url, f"{self.url}/auth/token", "https://example.org/account", 1e6)

    def add_scene(
        self,
        item_id: str,
        acquired_at: str,
        bands: Mapping[str, npt.NDArray[Any]],
        transforms: Mapping[str, Affine],
        crs: str = "EPSG:32645",
        collection: str = "sentinel-2-l2a",
        added_dn: int = 0,
        mask: npt.NDArray[np.bool_] | None = None,
        **properties: Any,
    ) -> None:
        feature = copy.deepcopy(real_item("sentinelhub_feature_N0500.json"))
        first = next(iter(bands))
        bounds = rasterio.transform.array_bounds(*bands[first].shape, transforms[first])
        feature |= {
            "id": item_id,
            "collection": collection,
            "geometry": transform_geom(crs, "EPSG:4326", mapping(box(*bounds))),
        }
        feature["properties"] |= {
            "datetime": acquired_at,
            "proj:epsg": int(crs[5:]),
            "eo:cloud_cover": 3.0,
            **properties,
        }
        self.features.append(feature)
        moment = datetime.fromisoformat(acquired_at)
        self.archive.setdefault(collection, []).append(Archived(bands, transforms, crs, moment, added_dn, mask))

    def revoke_tokens(self) -> None:
        self.tokens.clear()

    def _handle(self, got: Received) -> Answer:
        if got.path == "/auth/token":
            return self._sign_in(got)
        if got.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Answer.of_json({"error": {"status": 401, "reason": "Unauthorized", "message": "Unauthorized"}}, 401)
        if got.path == "/api/v1/catalog/1.0.0/search":
            return self._search(got.json)
        if got.path == "/api/v1/process":
            return self._process(got.json)
        return Answer.of_json({"error": {"status": 404, "reason": "Not Found", "message": "no such service"}}, 404)

    def _sign_in(self, got: Received) -> Answer:
        form = {name: texts[0] for name, texts in parse_qs(got.body.decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return Answer.of_json({"error": "invalid_client", "error_description": "Invalid client credentials"}, 401)
        token = f"loopback-token-{next(self._serial)}"
        self.tokens.add(token)
        return Answer.of_json({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _search(self, query: dict[str, Any]) -> Answer:
        start, end = (datetime.fromisoformat(moment) for moment in query["datetime"].split("/"))
        area = shape(query["intersects"])
        found = [
            feature
            for feature in self.features
            if feature["collection"] in query["collections"]
            and start <= datetime.fromisoformat(feature["properties"]["datetime"]) <= end
            and shape(feature["geometry"]).intersects(area)
        ]
        first, size = int(query.get("next", 0)), min(query.get("limit", 10), self.page_size)
        context: dict[str, Any] = {"limit": size, "returned": len(found[first : first + size])}
        if first + size < len(found):
            context["next"] = first + size
        document = {
            "type": "FeatureCollection",
            "features": found[first : first + size],
            "links": [],
            "context": context,
        }
        return Answer.of_json(document, content_type="application/geo+json")

    def _process(self, body: dict[str, Any]) -> Answer:
        asked = _asked(body)
        if max(asked.shape) > _LARGEST_PX:
            message = f"The image width and height must be at most {_LARGEST_PX}"
            return Answer.of_json({"error": {"status": 400, "reason": "Bad Request", "message": message}}, 400)
        pixels = np.zeros((len(asked.names) + 1, *asked.shape), asked.dtype)
        for scene in self.archive.get(asked.collection, []):
            if asked.start <= scene.acquired_at <= asked.end:
                _paint(pixels, scene, asked)
        size = max(np.prod(asked.shape) / 512**2, 0.01)
        units = max(size * len(asked.names) / 3 * (2 if asked.dtype == np.float32 else 1), 0.005)
        self.spent += units
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff", width=asked.shape[1], height=asked.shape[0], count=len(pixels),
                dtype=pixels.dtype, compress="deflate", crs=asked.crs, transform=asked.transform,
            ) as dataset:  # fmt: skip
                dataset.write(pixels)
            tiff = bytes(memory.read())
        return Answer(tiff, headers={"Content-Type": "image/tiff", "x-processingunits-spent": str(units)})


@dataclass(frozen=True)
class _Asked:
    collection: str
    names: list[str]
    dtype: np.dtype[Any]
    start: datetime
    end: datetime
    crs: str
    transform: Affine
    shape: tuple[int, int]
    harmonized: bool


def _asked(body: dict[str, Any]) -> _Asked:
    (data,) = body["input"]["data"]
    bounds = body["input"]["bounds"]
    rows, columns = body["output"]["height"], body["output"]["width"]
    (names,) = re.findall(r"bands: \[([^\]]*)\]", body["evalscript"])
    (returned,) = re.findall(r"return \[([^\]]*)\]", body["evalscript"])
    (sample_type,) = re.findall(r'sampleType: "(\w+)"', body["evalscript"])
    listed = json.loads(f"[{names}]")
    assert listed[-1] == "dataMask"
    assert returned == ", ".join(f"sample.{name}" for name in listed)
    assert data["dataFilter"]["timeRange"]["from"].endswith("Z")
    return _Asked(
        collection=data["type"],
        names=listed[:-1],
        dtype=np.dtype(sample_type.lower()),
        start=datetime.fromisoformat(data["dataFilter"]["timeRange"]["from"]),
        end=datetime.fromisoformat(data["dataFilter"]["timeRange"]["to"]),
        crs=f"EPSG:{bounds['properties']['crs'].rsplit('/', 1)[1]}",
        transform=rasterio.transform.from_bounds(*bounds["bbox"], columns, rows),
        shape=(rows, columns),
        harmonized=data.get("processing", {}).get("harmonizeValues", True),
    )


def _paint(pixels: npt.NDArray[Any], scene: Archived, asked: _Asked) -> None:
    """Nearest neighbour, as the service does it by default; only within the archive's own UTM zone."""
    assert scene.crs == asked.crs
    rows, columns = np.indices(asked.shape)
    x, y = asked.transform @ (columns.ravel() + 0.5, rows.ravel() + 0.5)
    for index, name in enumerate(asked.names):
        stored = scene.bands.get(name)
        if stored is None:
            continue
        column, row = (np.floor(axis).astype(int) for axis in ~scene.transforms[name] @ (x, y))
        inside = (row >= 0) & (row < stored.shape[0]) & (column >= 0) & (column < stored.shape[1])
        if scene.mask is not None:
            inside[inside] &= scene.mask[row[inside], column[inside]]
        numbers = stored[row[inside], column[inside]].astype(np.float64)
        if scene.added_dn and asked.harmonized and name != "SCL":
            numbers = np.maximum(numbers - scene.added_dn, 0)
        pixels[index].ravel()[inside] = numbers
        pixels[-1].ravel()[inside] = 1
