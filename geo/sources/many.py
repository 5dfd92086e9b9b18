"""Many scenes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from geo.errors import SceneUnusableError
from geo.grid import Grid
from geo.scene import Scene, SceneRaster
from geo.sources.base import ImagerySource


def read_many(
    source: ImagerySource, scenes: Sequence[Scene], bands: Sequence[str], grid: Grid, at_once: int = 8
) -> Iterator[tuple[Scene, SceneRaster | SceneUnusableError]]:
    """Read scenes in threads; in the order given, each with its raster or the reason why it can't be used.

    A remote source waits for its server most of the time, so reading eight scenes at once takes little longer than one;
    the source's own pace and bounds hold over all of them.

    Args:
        source: One that may be shared by threads.
        scenes: What to read.
        bands: Which bands.
        grid: On which pixels.
        at_once: How many scenes, at most, are being read.

    Raises:
        SourceError: Nothing more can be read: what hasn't begun is not begun.
    """

    def outcome(scene: Scene) -> SceneRaster | SceneUnusableError:
        try:
            return source.read(scene, bands, grid)
        except SceneUnusableError as error:
            return error

    pool = ThreadPoolExecutor(at_once, thread_name_prefix="scene")
    try:
        yield from zip(scenes, pool.map(outcome, scenes), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)
