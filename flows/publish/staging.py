"""Products are written beside the old ones and take their place by rename, so that no reader meets half a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.publish.manifest import MANIFEST, earlier_manifest, listed_files
from geo.errors import StoreError

_STAGING = ".publishing"
_COMPLETE = ".published"


@contextmanager
def staged(outputs: Path) -> Iterator[Path]:
    """A folder to write products into; when the block ends without an error they take the place of the old ones.

    Until then the old products stay as they are. Files that the old manifest lists and that were not written again are
    removed; nothing else in the folder is touched. A swap that is cut short is finished by `finish_interrupted`.

    Raises:
        StoreError: The folder can't be written to.
    """
    folder = outputs / _STAGING
    try:
        shutil.rmtree(folder, ignore_errors=True)  # it may not be there; what stays fails in the next line
        folder.mkdir(parents=True)
        yield folder
        folder.rename(outputs / _COMPLETE)
        finish_interrupted(outputs)
    except OSError as error:
        raise _unwritable(outputs, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # an error of its own must not hide the one that led here


def finish_interrupted(outputs: Path) -> None:
    """Brings complete products into place, also those whose swap was cut short in an earlier process.

    The manifest is swapped last: until then it describes the old products, and `verify` says so.

    Raises:
        StoreError: The folder can't be written to.
    """
    complete = outputs / _COMPLETE
    if not complete.is_dir():
        return
    try:
        _swap(complete, outputs)
        shutil.rmtree(complete)
    except OSError as error:
        raise _unwritable(outputs, error) from error


def _unwritable(outputs: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{outputs}: products can't be written ({error.strerror or error}); check its rights and free space"
    )


def files_in(folder: Path) -> list[str]:
    """Paths of all files under a folder, relative, with forward slashes, ascending."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _swap(folder: Path, outputs: Path) -> None:
    """Moves files into place. May be called again on what is left of a swap that was cut short."""
    for name in files_in(folder):
        if name != MANIFEST:
            _move(folder / name, outputs / name)
    for name in _obsolete(folder, outputs):
        (outputs / name).unlink(missing_ok=True)
        _drop_empty(outputs / name, outputs)
    if (folder / MANIFEST).exists():
        _move(folder / MANIFEST, outputs / MANIFEST)


def _move(new: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not _same(new, target):
        new.replace(target)


def _obsolete(folder: Path, outputs: Path) -> list[str]:
    """Files that the old manifest lists and the new one doesn't; none where either is missing."""
    old, new = earlier_manifest(outputs), earlier_manifest(folder)
    return sorted(set(listed_files(old)) - set(listed_files(new))) if old and new else []


def _same(new: Path, old: Path) -> bool:
    """Whether a file stands already, so that its time of modification keeps meaning for those who synchronise it."""
    return old.is_file() and old.stat().st_size == new.stat().st_size and old.read_bytes() == new.read_bytes()


def _drop_empty(path: Path, outputs: Path) -> None:
    for parent in path.parents:
        if parent == outputs or any(parent.iterdir()):
            return
        parent.rmdir()
