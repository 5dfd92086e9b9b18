"""A scene raster as one GeoTIFF that carries its own hash and provenance."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from rasterio.io import MemoryFile
from rasterio.windows import Window

from geo.bands import SCENE_CLASSIFICATION
from geo.grid import Grid
from geo.scene import SceneRaster

_NAMESPACE, _RECORD = "FACILITY_WATCH", "RECORD"
_VALID = "VALID"
# Of a wide area mostly a part is wanted; a narrow one is smaller and faster in strips.
_WIDE_PX = 768
_TILED = {"tiled": True, "blockxsize": 256, "blockysize": 256}
# After the TIFF, where no reader of TIFFs looks: so that a damaged file is known before it is parsed.
_MARK = b"sha256:"
_TRAILER_BYTES = len(_MARK) + hashlib.sha256().digest_size


def encode(raster: SceneRaster, grid: Grid, provenance: Mapping[str, Any]) -> bytes:
    """Bytes of a GeoTIFF: the bands as stored, then SCL if there is one, then validity (0 or 1).

    Args:
        raster: What to keep.
        grid: Where it is.
        provenance: JSON, kept beside the pixels.
    """
    classified = raster.classification is not None
    names = [*raster.bands, *([SCENE_CLASSIFICATION] if classified else []), _VALID]
    record = {
        "bands": list(raster.bands),
        "scale": list(raster.scale),
        "offset": list(raster.offset),
        "classified": classified,
        "provenance": dict(provenance),
    }
    rows, columns = grid.shape
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=columns, height=rows, count=len(names), dtype=raster.dn.dtype, crs=grid.crs,
            transform=grid.transform, compress="deflate", predictor=3 if raster.dn.dtype.kind == "f" else 2,
            **(_TILED if columns > _WIDE_PX else {}),
        ) as dataset:  # fmt: skip
            for index, plane in enumerate(_planes(raster), start=1):
                dataset.write(plane, index)
            dataset.descriptions = names
            dataset.scales = (*raster.scale, *[1.0] * (len(names) - len(raster.bands)))
            dataset.offsets = (*raster.offset, *[0.0] * (len(names) - len(raster.bands)))
            dataset.update_tags(ns=_NAMESPACE, **{_RECORD: json.dumps(record)})
        data = bytes(memory.read())
    return data + _MARK + hashlib.sha256(data).digest()


def decode(data: bytes, part: Window | None = None) -> SceneRaster | None:
    """The raster, or a part of it; None where a bit of the file isn't as it was written."""
    body, trailer = data[:-_TRAILER_BYTES], data[-_TRAILER_BYTES:]
    if trailer != _MARK + hashlib.sha256(body).digest():
        return None
    with MemoryFile(body) as memory, memory.open() as dataset:
        record = json.loads(dataset.tags(ns=_NAMESPACE)[_RECORD])
        stored = dataset.read(window=part)
    count = len(record["bands"])
    return SceneRaster(
        dn=stored[:count],
        scale=tuple(record["scale"]),
        offset=tuple(record["offset"]),
        valid=stored[-1] > 0,
        classification=stored[count].astype(np.uint8) if record["classified"] else None,
        bands=tuple(record["bands"]),
    )


def provenance(data: bytes) -> dict[str, Any]:
    """What was asked for, of whom and when, of a file that `decode` accepts."""
    with MemoryFile(data) as memory, memory.open() as dataset:
        record: dict[str, Any] = json.loads(dataset.tags(ns=_NAMESPACE)[_RECORD])["provenance"]
        return record


def _planes(raster: SceneRaster) -> list[np.ndarray]:
    extra = [] if raster.classification is None else [raster.classification]
    return [plane.astype(raster.dn.dtype) for plane in (*raster.dn, *extra, raster.valid)]
