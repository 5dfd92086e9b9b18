"""Opens the imagery source that a user names."""

from __future__ import annotations

from pathlib import Path

from geo.errors import InputError
from geo.sources.base import ImagerySource

EXAMPLE_ARCHIVE = Path(__file__).parent / "data" / "dabancheng"


def open_source(specification: str) -> ImagerySource:
    """The source that a specification such as `folder:PATH` names.

    Args:
        specification: `folder:PATH`, a directory of GeoTIFFs, or `example`, the packaged scenes of Dabancheng.

    Raises:
        InputError: It names no source, or one that can't be opened.
    """
    kind, _, rest = specification.partition(":")
    if kind == "example" and not rest:
        kind, rest = "folder", str(EXAMPLE_ARCHIVE)
    if kind == "folder" and rest:
        from geo.sources.folder import FolderSource

        folder = FolderSource(Path(rest))
        folder.require_scenes()
        return folder
    raise InputError(f"--source {specification!r} isn't known: give folder:PATH or example")
