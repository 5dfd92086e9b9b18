"""Pictures that workers draw while they have the scenes at hand, for the next publishing to take over."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

from flows.publish.evidence import SceneReader
from flows.publish.illustrate import Illustrator
from flows.publish.layer import changes_of
from flows.publish.names import safe_name
from flows.publish.reuse import DRAWN, EarlierPictures
from flows.record import FacilityRecord
from geo.errors import StoreError


def draw(record: FacilityRecord, reader: SceneReader, outputs: Path) -> None:
    """Draws what publishing will need of a facility, into a folder beside the products; whole or not at all.

    Args:
        record: What will be published.
        reader: Gives its scenes.
        outputs: Product folder.

    Raises:
        StoreError: It can't be written.
    """
    folder = outputs / DRAWN / safe_name(record.facility.facility_id)
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    try:
        for earlier in (folder, unfinished):
            shutil.rmtree(earlier, ignore_errors=True)  # it may not be there; what can't be removed fails below
        unfinished.mkdir(parents=True)
        pictures = EarlierPictures(outputs)
        Illustrator(reader, pictures, unfinished, version("facility-watch"))(record, changes_of(record))
        pictures.write(unfinished)
        unfinished.replace(folder)
    except OSError as error:
        raise StoreError(
            f"{outputs}: pictures can't be written ({error.strerror or error}); check its rights and free space"
        ) from error


def clear(outputs: Path) -> None:
    """Removes what was drawn, once it is published."""
    shutil.rmtree(outputs / DRAWN, ignore_errors=True)  # what stays is overwritten by the next run
