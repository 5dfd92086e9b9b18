"""Products are written beside the old ones and take their place by rename, so that no reader meets half a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.publish.manifest import MANIFEST, earlier_manifest, listed_files
from geo.errors import StoreError

_STAGING = ".publishing"


@contextmanager
def staged(outputs: Path) -> Iterator[Path]:
    """A folder to write products into; when the block ends without an error they take the place of the old ones.

    Until then the old products stay as they are. The manifest is swapped last: where a swap was cut short, it still
    describes the old products, and `verify` says so. Files that the old manifest lists and that were not written again
    are removed; nothing else in the folder is touched.

    Raises:
        StoreError: The folder can't be written to.
    """
    folder = outputs / _STAGING
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        yield folder
        _swap(folder, outputs)
    except OSError as error:
        raise StoreError(
            f"{outputs}: products can't be written ({error.strerror or error}); check its rights and free space"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def files_in(folder: Path) -> list[str]:
    """Paths of all files under a folder, relative, with forward slashes, ascending."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _swap(folder: Path, outputs: Path) -> None:
    written = files_in(folder)
    obsolete = set(_earlier(outputs)) - set(written)
    for name in sorted(written, key=lambda name: (name == MANIFEST, name)):
        target = outputs / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _same(folder / name, target):
            (folder / name).replace(target)
    for name in sorted(obsolete):
        (outputs / name).unlink(missing_ok=True)
        _drop_empty(outputs / name, outputs)


def _earlier(outputs: Path) -> tuple[str, ...]:
    manifest = earlier_manifest(outputs)
    return listed_files(manifest) if manifest else ()


def _same(new: Path, old: Path) -> bool:
    """Whether a file stands already, so that its time of modification keeps meaning for those who synchronise it."""
    return old.is_file() and old.stat().st_size == new.stat().st_size and old.read_bytes() == new.read_bytes()


def _drop_empty(path: Path, outputs: Path) -> None:
    for parent in path.parents:
        if parent == outputs or any(parent.iterdir()):
            return
        parent.rmdir()
