"""Where checkpoints lie: one file for a facility, in any place that fsspec reaches."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

from fsspec.core import url_to_fs

from flows.checkpoint import Checkpoint, decode, encode, key_of
from flows.publish.names import safe_name
from flows.record import FacilityRecord
from geo.errors import StoreError

_SUFFIX, _PARTIAL = ".checkpoint", ".partial-"


@dataclass(frozen=True, slots=True)
class Entry:
    """One checkpoint.

    Attributes:
        path: Within the store.
        size_bytes: Its size.
    """

    path: str
    size_bytes: int


class Checkpoints:
    """Files that are written beside their place and renamed, so that a reader finds all of one or nothing.

    Args:
        url: A folder, or an fsspec address such as `s3://bucket/folder`.

    Raises:
        StoreError: The address can't be used.
    """

    def __init__(self, url: str) -> None:
        try:
            self._fs, root = url_to_fs(url)
            self._root = str(root).rstrip("/")
        except (ValueError, ImportError) as error:
            raise StoreError(
                f"the checkpoints at {url} can't be opened ({error}): give a folder or an fsspec address"
            ) from error
        self.url = url

    def load(self, record: FacilityRecord) -> Checkpoint | None:
        """The checkpoint after a facility's record; None where there is none that fits.

        Raises:
            StoreError: The place can't be read.
        """
        try:
            data = self._fs.cat_file(self._place(record))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"a checkpoint at {self.url} can't be read ({error}): check the place") from error
        return decode(data, key_of(record))

    def save(self, record: FacilityRecord, checkpoint: Checkpoint) -> None:
        """Stores the checkpoint of a facility in place of the one before.

        Raises:
            StoreError: The place can't be written.
        """
        place = self._place(record)
        partial = f"{place}{_PARTIAL}{uuid.uuid4().hex}"
        try:
            self._fs.makedirs(self._root, exist_ok=True)
            with self._fs.open(partial, "wb") as file:
                for piece in encode(checkpoint, key_of(record)):
                    file.write(piece)
            self._fs.mv(partial, place)
        except OSError as error:
            raise StoreError(
                f"the checkpoints at {self.url} can't be written ({error}): free space or name another place in "
                "FACILITY_WATCH_CHECKPOINTS"
            ) from error

    def entries(self) -> list[Entry]:
        """All checkpoints, and what runs that were killed left of some."""
        try:
            found = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return []
        named = {str(info["name"]).rpartition("/")[2]: int(info["size"]) for info in found}
        return [Entry(name, size) for name, size in sorted(named.items()) if _SUFFIX in name]

    def clear(self) -> list[Entry]:
        """Removes all of them: the next run follows every series anew."""
        removed = self.entries()
        for entry in removed:
            self._fs.rm_file(f"{self._root}/{entry.path}")
        return removed

    def _place(self, record: FacilityRecord) -> str:
        # Two sources of one facility (the example beside an archive, say) don't overwrite each other's.
        source = hashlib.sha256(record.source.encode()).hexdigest()[:8]
        return f"{self._root}/{safe_name(record.facility.facility_id)}-{source}{_SUFFIX}"
