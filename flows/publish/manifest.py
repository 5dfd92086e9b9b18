"""What a product folder holds, by hash, and whether it still does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from geo.errors import InputError

MANIFEST = "manifest.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Verified:
    """How a product folder compares with its manifest.

    Attributes:
        intact: Files that are as they were published.
        altered: Files with other content.
        missing: Files that are gone.
    """

    intact: tuple[str, ...]
    altered: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether every file is as it was published."""
        return not self.altered and not self.missing


def write_manifest(
    folder: Path,
    files: Iterable[str],
    run: Mapping[str, Any],
    software_version: str,
    scenes: Iterable[Mapping[str, Any]],
) -> None:
    """Writes `manifest.json`: sha256 and size of every product, what the run was asked for, the scenes used.

    No time of writing is in it, so that the same ledger gives the same manifest.

    Args:
        folder: Where the products are.
        files: Their paths in it, with forward slashes.
        run: `run_id` and `parameters` of the newest run.
        software_version: Version of facility-watch.
        scenes: The scenes that the products rest on.
    """
    entries = [
        {"path": name, "sha256": sha256_of(folder / name), "size_bytes": (folder / name).stat().st_size}
        for name in sorted(files)
    ]
    manifest = {
        "manifest_version": _FORMAT,
        "software": {"name": "facility-watch", "version": software_version},
        "run": dict(run),
        "files": entries,
        "scenes": list(scenes),
    }
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8", newline="\n")


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a product folder; None where there is none.

    Raises:
        InputError: It can't be read as one.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        _ = [(entry["path"], entry["sha256"]) for entry in manifest["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: isn't a manifest of facility-watch; publish the folder again") from error
    return dict(manifest)


def earlier_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of what stands in a folder that is about to be published anew; a damaged one counts as none."""
    try:
        return read_manifest(folder)
    except InputError:
        return None


def listed_files(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Paths of the products that a manifest lists, those alone that stay inside the folder."""
    return tuple(entry["path"] for entry in manifest["files"] if _stays_inside(str(entry["path"])))


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def verify(folder: Path) -> Verified:
    """Compares a product folder with its manifest.

    Raises:
        InputError: There is no manifest, or it is unreadable or names files outside the folder.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError(f"{folder}: has no {MANIFEST}; give the folder that `facility-watch publish` wrote")
    outside = [entry["path"] for entry in manifest["files"] if not _stays_inside(str(entry["path"]))]
    if outside:
        raise InputError(f"{folder / MANIFEST}: names {outside[0]!r}, which is outside the folder; don't trust it")
    intact, altered, missing = [], [], []
    for entry in manifest["files"]:
        path = folder / entry["path"]
        if not path.is_file():
            missing.append(entry["path"])
        elif sha256_of(path) == entry["sha256"]:
            intact.append(entry["path"])
        else:
            altered.append(entry["path"])
    return Verified(tuple(intact), tuple(altered), tuple(missing))


def sha256_of(path: Path) -> str:
    """Hash of a file's content, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
