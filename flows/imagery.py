"""Opens the imagery source that a user names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows.settings import Settings
from geo.cache import SceneCache
from geo.errors import InputError
from geo.sources.base import ImagerySource
from geo.sources.meter import Meter
from geo.sources.transport import Transport

EXAMPLE_ARCHIVE = Path(__file__).parent / "data" / "dabancheng"

_REMOTE = ("stac", "sentinelhub", "byoc")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a run may spend; None for no bound.

    Attributes:
        max_bytes: Bytes received.
        max_processing_units: Sentinel Hub processing units.
    """

    max_bytes: int | None = None
    max_processing_units: float | None = None


@contextmanager
def opened(specification: str, bounds: Bounds = Bounds(), profile: str | None = None) -> Iterator[ImagerySource]:
    """The source that a specification names, for as long as the block lasts. What it fetches goes into the cache.

    Args:
        specification: `folder:PATH`, `example`, `stac:NAME|URL`, `sentinelhub:DEPLOYMENT` or `byoc:FILE.toml`.
        bounds: What may be spent.
        profile: Profile of sentinelhub's configuration.

    Raises:
        InputError: It names no source, or one that can't be opened.
    """
    if not _is_remote(specification):
        yield _open_local(specification)
        return
    from geo.sources.opening import open_remote  # half a second that folders can do without

    with Transport(Meter(bounds.max_bytes, bounds.max_processing_units)) as transport:
        yield open_remote(specification, transport, cache=open_cache(), profile=profile)


def open_held(specification: str) -> ImagerySource:
    """The source that a specification names, asking nobody: a remote one answers from the cache alone.

    Raises:
        InputError: It names no source, or a folder that can't be opened.
    """
    if not _is_remote(specification):
        return _open_local(specification)
    from geo.sources.opening import open_remote

    return open_remote(specification, Transport(Meter()), cache=open_cache(), offline=True)


def open_cache() -> SceneCache:
    """The scene cache that the settings name.

    Raises:
        StoreError: Its address can't be used.
    """
    settings = Settings()
    return SceneCache(settings.cache or str(settings.state_dir / "cache"))


def _is_remote(specification: str) -> bool:
    return specification.partition(":")[0] in _REMOTE


def _open_local(specification: str) -> ImagerySource:
    kind, _, rest = specification.partition(":")
    if kind == "example" and not rest:
        kind, rest = "folder", str(EXAMPLE_ARCHIVE)
    if kind == "folder" and rest:
        from geo.sources.folder import FolderSource

        root = Path(rest).absolute()
        name = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        folder = FolderSource(Path(rest), Settings().state_dir / "folders" / f"{name}.json")
        folder.require_scenes()
        return folder
    raise InputError(
        f"--source {specification!r} isn't known: give folder:PATH, stac:NAME, sentinelhub:DEPLOYMENT, byoc:FILE.toml "
        "or example"
    )
