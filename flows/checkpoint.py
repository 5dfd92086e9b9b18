"""What a facility's next run goes on from, as one file.

A checkpoint is a memo of a pure function: with it a run reads, prepares and assesses the new scenes alone, without it
all of them, and the record is the same. So it is bound to everything that it depends on, and what doesn't fit is as
good as lost.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from flows.plain import Array, Packer, Unpacker
from flows.record import FacilityRecord
from geo.code import code_sha256
from geo.preparation_state import PreparationState

_FORMAT = "facility-watch checkpoint 2"
_LENGTH_BYTES = 8
_SAMPLE_BYTES, _WORTHWHILE = 8192, 0.3  # less than so much of it has to be left for compression to pay
_HASH_BYTES = hashlib.sha256().digest_size
_LIBRARIES = ("facility-watch", "numpy", "scipy", "numba", "shapely", "scikit-image", "rasterio")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is remembered after the newest scene that is used.

    Attributes:
        preparation: What the next one is compared with.
        followers: The state of each detector's follower, by its name.
    """

    preparation: PreparationState
    followers: dict[str, Any]


def key_of(record: FacilityRecord) -> str:
    """Names all that the checkpoint of a record depends on: code, libraries, method, grid, scenes with their pixels."""
    parts = {
        "format": _FORMAT,
        "code": code_sha256("detectors", "geo"),
        "libraries": _versions(),
        "method": record.parameters_sha256,
        "source": record.source,
        "area": str(record.area),
        "scenes": [(scene.item_id, scene.pixels_sha256) for scene in record.used_scenes],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def _versions() -> list[str]:
    """Looked up once: it takes longer than reading a checkpoint."""
    return [version(name) for name in _LIBRARIES]


def encode(checkpoint: Checkpoint, key: str) -> list[bytes]:
    """The bytes of a file, in pieces: its length, a JSON header, arrays as the header says, and a hash of all that."""
    packer = Packer()
    state = packer.pack(checkpoint)
    coded = [_coded(array) for array in packer.arrays]
    about = [[array.dtype.str, array.shape, how] for array, (how, _) in zip(packer.arrays, coded, strict=True)]
    header = json.dumps({"key": key, "arrays": about, "bytes": [len(data) for _, data in coded], "state": state})
    pieces = [len(header).to_bytes(_LENGTH_BYTES, "big"), header.encode("ascii"), *(data for _, data in coded)]
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return [*pieces, digest.digest()]


def decode(data: bytes, key: str) -> Checkpoint | None:
    """The checkpoint in a file; None where a bit of it isn't as it was written, or where it has another key."""
    body = memoryview(data)[:-_HASH_BYTES]
    if len(data) < _LENGTH_BYTES + _HASH_BYTES or hashlib.sha256(body).digest() != data[-_HASH_BYTES:]:
        return None
    begin = _LENGTH_BYTES + int.from_bytes(body[:_LENGTH_BYTES], "big")
    header = json.loads(bytes(body[_LENGTH_BYTES:begin]))
    if header["key"] != key:
        return None
    arrays = list(_arrays(body[begin:], header))
    try:
        found = Unpacker(arrays).unpack(header["state"])
    except ValueError:  # of code that isn't here
        return None
    return found if isinstance(found, Checkpoint) else None


def _coded(array: Array) -> tuple[str, bytes]:
    """How an array is stored, and its bytes: small where that costs next to nothing."""
    bits = array.view(f"u{array.itemsize}") if array.dtype.kind == "f" else array  # 0 isn't -0
    if bits.size and (bits == bits.flat[0]).all():
        return "same", array.flat[0].tobytes()
    if array.dtype == bool:
        return "bits", zlib.compress(np.packbits(array).tobytes(), 1)
    data = np.ascontiguousarray(array).tobytes()
    if len(zlib.compress(data[:_SAMPLE_BYTES], 1)) < _WORTHWHILE * _SAMPLE_BYTES:
        return "deflated", zlib.compress(data, 1)
    return "plain", data


def _arrays(payload: memoryview, header: dict[str, Any]) -> Iterator[Array]:
    begin = 0
    for (kind, shape, how), length in zip(header["arrays"], header["bytes"], strict=True):
        data = payload[begin : begin + length]
        begin += length
        yield _array(data, np.dtype(kind), tuple(shape), how)


def _array(data: memoryview, dtype: np.dtype[Any], shape: tuple[int, ...], how: str) -> Array:
    if how == "same":
        return np.full(shape, np.frombuffer(data, dtype)[0])
    if how == "bits":
        bits = np.frombuffer(zlib.decompress(data), np.uint8)
        return np.unpackbits(bits, count=math.prod(shape)).reshape(shape).astype(bool)
    content = zlib.decompress(data) if how == "deflated" else data
    return np.frombuffer(content, dtype).reshape(shape).copy()  # to be written to
