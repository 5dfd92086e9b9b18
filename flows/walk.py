"""Goes through the series of a facility scene by scene; the pixels of one are forgotten before the next is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from flows.checkpoint import Checkpoint
from flows.fetch import Fetched
from flows.following import Following
from flows.record import FacilityRecord, SceneRecord
from flows.shown import Shown
from flows.stages import stage
from flows.subject import Subject
from geo.preparation import Preparation
from geo.scene import PreparedScene


@dataclass(slots=True)
class Walk:
    """A series as far as one has come.

    Attributes:
        subject: The facility.
        known: The record that the series begins with; None where it is followed anew.
        preparation: What makes its scenes comparable.
        followed: What each detector made of them.
        used: Their records.
        shown: Those that were gone through, in true colour.
        begun_after: Acquisition of the newest scene that was read before the walk began; None where none was.
    """

    subject: Subject
    known: FacilityRecord | None
    preparation: Preparation
    followed: tuple[Following, ...]
    used: list[SceneRecord]
    shown: Shown = field(default_factory=Shown)
    begun_after: datetime | None = None
    _is_late: bool = False

    @classmethod
    def anew(cls, subject: Subject, known: FacilityRecord | None) -> Walk:
        """From the first scene; the ones that the known record has are assessed no more."""
        followed = tuple(Following(subject, detector, known) for detector in subject.method.detectors)
        return cls(subject, known, Preparation(subject.grid, subject.method.preparation), followed, [])

    @classmethod
    def resumed(cls, subject: Subject, known: FacilityRecord, checkpoint: Checkpoint) -> Walk:
        """From the checkpoint after the known record's newest scene."""
        walk = cls.anew(subject, known)
        walk.preparation.state = checkpoint.preparation
        for one in walk.followed:
            one.follower.state = checkpoint.followers[one.detector.name]
        walk.used = list(known.used_scenes)
        walk.begun_after = max(scene.acquired_at for scene in known.read_scenes if scene.acquired_at)
        return walk

    def go(self, fetched: Fetched) -> bool:
        """Follows the scenes; False where they turn out not to go on from the known record, or from where it began."""
        before = self.known.used_scenes if self.known else ()
        for scene, record in self._prepared(fetched):
            place = len(self.used)
            if place < len(before) and record != before[place]:
                return False
            self.used.append(record)
            self.shown.add(place, scene)
            with stage("detect"):
                for one in self.followed:
                    one.add(scene, assess=place >= len(before))
        return len(self.used) >= len(before) and not self._is_late

    @property
    def checkpoint(self) -> Checkpoint | None:
        """What another walk may go on from; None while the next scene may still change what is used."""
        if self.preparation.state.reference is None:
            return None
        states = {one.detector.name: one.follower.state for one in self.followed}
        return Checkpoint(self.preparation.state, states)

    def _prepared(self, fetched: Fetched) -> Iterator[tuple[PreparedScene, SceneRecord]]:
        """The scenes that are used, as they are settled, with their records."""
        hashes: dict[str, str] = {}
        apart = self.preparation.parameters.same_acquisition
        for scene, raster in fetched.rasters:
            if self.begun_after is not None and scene.acquired_at <= self.begun_after + apart:
                self._is_late = True  # it belongs between scenes that were followed already
                return
            with stage("prepare"):
                hashes[scene.item_id] = raster.sha256
                settled = self.preparation.add(scene, raster)
            for one in settled:
                yield one, _record(one, hashes[one.scene.item_id])
        with stage("prepare"):
            settled = self.preparation.finish()
        for one in settled:
            yield one, _record(one, hashes[one.scene.item_id])


def _record(prepared: PreparedScene, pixels_sha256: str) -> SceneRecord:
    scene = prepared.scene
    return SceneRecord(
        item_id=scene.item_id,
        acquired_at=scene.acquired_at,
        used=True,
        collection=scene.collection,
        processing_baseline=scene.processing_baseline,
        gsd_m=scene.gsd_m,
        clear_fraction=prepared.clear_fraction,
        shift_x_m=float(prepared.shift_m[0]),
        shift_y_m=float(prepared.shift_m[1]),
        registration_quality=prepared.registration_quality,
        attribution=scene.attribution,
        pixels_sha256=pixels_sha256,
    )
