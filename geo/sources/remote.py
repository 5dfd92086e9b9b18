"""Rasters on a server, opened as if they lay on the disk and fetched no further than they are read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import rasterio
from rasterio.abc import MultiByteRangeResourceContainer
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from geo.errors import SceneUnusableError, SourceError
from geo.sources.http import RefusedError, Reply, Request
from geo.sources.signing import Signer, unsigned
from geo.sources.transport import Transport

# A cloud-optimised GeoTIFF of a Sentinel-2 tile keeps all its directories in the first 8 kB.
HEADER_BYTES = 16_384
_GONE = {404, 410}
_CLOSED = {401, 403}
_GAP_BYTES = 1024  # blocks of a COG lie a few bytes apart: one request for both
_NAME = "remote.tif"


class RemoteFile:
    """The fetched parts of one file.

    Args:
        url: Its address, without signature.
        transport: Fetches.
        sign: Makes the address one that opens, anew for every request.
    """

    def __init__(self, url: str, transport: Transport, sign: Signer = unsigned) -> None:
        self.url = url
        self.size = 0
        self.fault: SourceError | None = None
        self._transport = transport
        self._sign = sign
        self._parts: list[tuple[int, bytes]] = []

    @property
    def address(self) -> str:
        """The address as a message may show it."""
        return Request(self.url).address

    def fetch_header(self) -> None:
        """Fetch the first bytes, which describe the whole file, and learn its size."""
        (reply,) = self._fetch([(0, HEADER_BYTES)])
        total = re.fullmatch(r"bytes \d+-\d+/(\d+)", reply.headers.get("content-range", ""))
        if total is None:
            raise SourceError(f"{reply.address} doesn't tell its size (Content-Range): use another server")
        self.size = int(total[1])

    def read_many(self, starts: Sequence[int], lengths: Sequence[int]) -> list[bytes]:
        """Several stretches, up to the end of the file; what lies side by side is fetched together."""
        ranges = [(start, min(start + length, self.size)) for start, length in zip(starts, lengths, strict=True)]
        missing = [wanted for wanted in ranges if wanted[0] < wanted[1] and self._held(*wanted) is None]
        if missing:
            self._fetch(_joined(missing))
        held = [self._held(start, end) if start < end else b"" for start, end in ranges]
        whole = [part for part in held if part is not None]
        if len(whole) < len(held):
            raise SourceError(f"{self.address} sent fewer bytes than were asked for: run again later")
        return whole

    def _fetch(self, ranges: Sequence[tuple[int, int]]) -> list[Reply]:
        requests = [Request(self._sign(self.url), byte_range=wanted) for wanted in ranges]
        try:
            replies = self._transport.fetch_all(requests)
        except RefusedError as error:
            raise self._explained(error) from error
        self._parts += [(start, reply.body) for (start, _), reply in zip(ranges, replies, strict=True)]
        return replies

    def _explained(self, error: RefusedError) -> SourceError:
        address = self.address
        if error.status in _GONE:
            return SceneUnusableError(f"{address} is no longer there: search again")
        if error.status in _CLOSED:
            return SourceError(f"{address} opens only with a signature or keys ({error.status}): see 'Get imagery'")
        return error

    def _held(self, start: int, end: int) -> bytes | None:
        for offset, part in self._parts:
            if offset <= start and end <= offset + len(part):
                return part[start - offset : end - offset]
        return None


@contextmanager
def opened(file: RemoteFile) -> Iterator[DatasetReader]:
    """A remote raster as an open dataset; its header must be fetched.

    Raises:
        SceneUnusableError: It is no raster, or a broken one.
        SourceError: Some part of it can't be fetched.
    """
    try:
        with (
            # GDAL's own threads don't know of the opener: JPEG 2000 would come as zeros, without an error.
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_NUM_THREADS="1"),
            rasterio.open(_NAME, opener=_Container(file)) as dataset,
        ):
            yield dataset
    except RasterioError as error:
        if file.fault is not None:
            raise file.fault from error
        raise SceneUnusableError(f"{file.address} is a broken or no raster file") from error
    if file.fault is not None:
        raise file.fault  # GDAL may take a block that it couldn't get for an empty one


def _joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start - joined[-1][1] <= _GAP_BYTES:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


class _Cursor:
    """A file object over a remote file, as rasterio's opener wants it: GDAL asks for all touched blocks at once."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self._at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing to close: the file outlives its cursors."""

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        (data,) = self._tried([self._at], [self._file.size - self._at if size < 0 else size])
        self._at += len(data)
        return data

    def get_byte_ranges(self, offsets: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        if any(offset + size > self._file.size for offset, size in zip(offsets, sizes, strict=True)):
            self._file.fault = SceneUnusableError(f"{self._file.address} is a broken raster file: it is cut short")
            return [bytes(size) for size in sizes]
        return [part.ljust(size, b"\0") for part, size in zip(self._tried(offsets, sizes), sizes, strict=True)]

    def _tried(self, offsets: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        """What could be fetched: GDAL can't be told why not, so the reason waits in `fault` for `opened` to raise."""
        try:
            return self._file.read_many(offsets, sizes)
        except SourceError as error:
            self._file.fault = self._file.fault or error
            return [b""] * len(sizes)


class _Container(MultiByteRangeResourceContainer):  # type: ignore[misc]  # rasterio ships no types
    """A directory with one file in it, so that GDAL looks for no companions."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file

    def open(self, path: str, mode: str = "r", **_: object) -> _Cursor:
        return _Cursor(self._file)

    def isfile(self, path: str) -> bool:
        return path == _NAME

    def isdir(self, path: str) -> bool:
        return False

    def ls(self, path: str) -> list[str]:
        return []

    def mtime(self, path: str) -> int:
        return 0

    def size(self, path: str) -> int:
        return self._file.size

    def rm(self, path: str) -> None:
        raise NotImplementedError
