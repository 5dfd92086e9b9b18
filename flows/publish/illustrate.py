"""The pictures of one facility: evidence of its changes, its animated series, its growth chart."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flows.change import Change
from flows.publish.evidence import Evidence, SceneReader, make_evidence
from flows.publish.gather import Illustrated
from flows.publish.growth import write_growth
from flows.publish.reuse import (
    EarlierPictures,
    drawing_version,
    evidence_from,
    facts_of,
    files_of,
    recipe_of_change,
    recipe_of_series,
)
from flows.publish.series import strip_path, write_series
from flows.record import FacilityRecord


class Illustrator:
    """Writes pictures, and asks for a facility's scenes only where one of its pictures isn't there yet."""

    def __init__(
        self, reader: SceneReader | None, earlier: EarlierPictures, folder: Path, software_version: str
    ) -> None:
        self._reader = reader
        self._earlier = earlier
        self._folder = folder
        self._drawing = drawing_version(software_version)

    def __call__(self, record: FacilityRecord, changes: tuple[Change, ...]) -> Illustrated:
        """Writes the pictures of one facility and tells where they are."""
        evidence: dict[str, Evidence] = {}
        series = None
        if self._reader is not None:
            read = cache(self._reader)  # each scene is read once, however many changes it is evidence of
            for change in changes:
                made = self._evidence(change, record, read)
                if made is not None:
                    evidence[change.change_id] = made
            series = self._series(record, read)
        filled = tuple(
            evidence[change.change_id].change if change.change_id in evidence else change for change in changes
        )
        return Illustrated(filled, evidence, series, write_growth(record, filled, self._folder))

    def _evidence(self, change: Change, record: FacilityRecord, read: SceneReader) -> Evidence | None:
        key, recipe = f"change {change.change_id}", recipe_of_change(change, record, self._drawing)
        facts = self._earlier.take(key, recipe, self._folder)
        if facts is not None:
            return evidence_from(facts, change)
        made = make_evidence(change, read, self._folder)
        if made is not None:
            self._earlier.note(key, recipe, files_of(made), facts_of(made))
        return made

    def _series(self, record: FacilityRecord, read: SceneReader) -> str | None:
        key, recipe = f"series {record.facility.facility_id}", recipe_of_series(record, self._drawing)
        path = self._earlier.take(key, recipe, self._folder)
        if path is not None:
            return str(path)
        made = write_series(record, read, self._folder)
        if made is not None:
            self._earlier.note(key, recipe, [made, strip_path(made)], made)
        return made
