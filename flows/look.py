"""What there is to do for a facility: everything, a little, or nothing.

Only the time since the newest scene on record is searched, with an overlap for scenes that come late or are processed
anew, and only what isn't on record yet is read. Where that shows no clear ground, no detector is run: the record gains
the scene and its reason. Where it does, the facility becomes a job. The clock plays no part in it.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from flows.fetch import seen_from, whole_series
from flows.method import Method, Window
from flows.record import FacilityRecord, Outcome, SceneRecord
from flows.subject import Job, Subject
from flows.watch import left_out_record, no_usable_scene, scene_order
from geo.errors import SceneNotClearError, SceneUnusableError
from geo.observations import observe, require_usable
from geo.scene import LeftOut, Scene, SceneRaster
from geo.sources.base import ImagerySource, SearchResult

_MOST_HELD_BYTES = 64 * 2**20  # of pixels that go along with a job; beyond that, reading them once more is cheaper


def look(source: ImagerySource, subject: Subject, overlap: timedelta | None) -> Job | FacilityRecord:
    """A job where there is something to follow, else the record as it stands now.

    Args:
        source: Where scenes are searched.
        subject: What is watched.
        overlap: How far before the newest scene on record is searched again; None searches the whole window.

    Raises:
        SourceError: The source can't be asked.
    """
    earlier, window = subject.earlier, subject.window
    if earlier is None or not _stands(earlier, subject):
        return whole_series(source, subject)
    start = _search_from(earlier, window, overlap)
    seen = seen_from(source, subject)
    found = seen.search(subject.facility.area_of_interest, start, window.end)
    news = _compare(earlier.scenes, found, start)
    read: dict[str, SceneRaster] = {}
    added = None if news is None else _unclear(seen, subject, news, read)
    if news is None or added is None:
        is_all = start == window.start
        whole = Job(subject, found.scenes, found.left_out) if is_all else whole_series(source, subject)
        return replace(whole, rasters=read)
    scenes = tuple(sorted((*news.known, *added), key=scene_order))
    reason = earlier.reason if earlier.used_scenes else no_usable_scene(scenes)
    return replace(
        earlier,
        facility=subject.facility,
        window_start=window.start,
        window_end=window.end,
        scenes=scenes,
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class _News:
    """What a search shows against the record.

    Attributes:
        known: Scenes on record that stay as they are.
        left_out: Scenes that the search left out, as records.
        unread: Scenes that nobody has read yet.
    """

    known: tuple[SceneRecord, ...]
    left_out: tuple[SceneRecord, ...]
    unread: tuple[Scene, ...]


def _stands(earlier: FacilityRecord, subject: Subject) -> bool:
    """Whether the record was made over the same ground, time, imagery and method, by a run that went well."""
    return (
        earlier.outcome is not Outcome.FAILED
        and earlier.source == subject.specification
        and earlier.area == subject.area
        and earlier.window_start == subject.window.start
        and earlier.parameters_sha256 == subject.parameters_sha256
    )


def _search_from(earlier: FacilityRecord, window: Window, overlap: timedelta | None) -> datetime:
    dated = [scene.acquired_at for scene in earlier.scenes if scene.acquired_at is not None]
    if overlap is None or not dated:
        return window.start
    failed = [scene.acquired_at for scene in earlier.scenes if scene.retry and scene.acquired_at is not None]
    return max(window.start, min((max(dated) - overlap, *failed)))


def _compare(scenes: Sequence[SceneRecord], found: SearchResult, start: datetime) -> _News | None:
    """What is new; None where a scene that was read is there no more, so that the series is another one."""
    before = [scene for scene in scenes if scene.acquired_at is not None and scene.acquired_at < start]
    since = {scene.item_id: scene for scene in scenes if scene.acquired_at is None or scene.acquired_at >= start}
    here = {scene.item_id for scene in found.scenes}
    if any(not scene.unread and scene.item_id not in here for scene in since.values()):
        return None
    read = {item_id for item_id, scene in since.items() if not scene.unread}
    return _News(
        known=(*before, *(scene for scene in since.values() if not scene.unread)),
        left_out=tuple(left_out_record(scene, unread=True) for scene in found.left_out),
        unread=tuple(scene for scene in found.scenes if scene.item_id not in read),
    )


def _unclear(
    source: ImagerySource, subject: Subject, news: _News, read: MutableMapping[str, SceneRaster]
) -> tuple[SceneRecord, ...] | None:
    """Records of what was left out, where none of the unread scenes can be used; None where one can.

    What was read is kept, so that nobody has to do so again.
    """
    added = list(news.left_out)
    if any(_shares_acquisition(scene, news.known, subject.method) for scene in news.unread):
        return None
    for scene in news.unread:
        reason = _why_unusable(source, scene, subject, read)
        if reason is None:
            return None
        added.append(reason)
    return tuple(added)


def _bytes(raster: SceneRaster) -> int:
    classes = 0 if raster.classification is None else raster.classification.nbytes
    return int(raster.dn.nbytes + raster.valid.nbytes + classes)


def _why_unusable(
    source: ImagerySource, scene: Scene, subject: Subject, read: MutableMapping[str, SceneRaster]
) -> SceneRecord | None:
    """The record of a scene that alone tells it can't be used, as the preparation would say it; None for others."""
    method, grid = subject.method, subject.grid
    try:
        raster = source.read(scene, method.bands, grid)
    except SceneUnusableError as error:
        failed = not isinstance(error, SceneNotClearError)
        return left_out_record(LeftOut(scene.item_id, scene.acquired_at, str(error)), unread=failed, retry=failed)
    if sum(_bytes(one) for one in (*read.values(), raster)) <= _MOST_HELD_BYTES:
        read[scene.item_id] = raster
    try:
        require_usable(observe(scene, raster, grid.gsd_m), method.preparation.min_clear_fraction)
    except SceneUnusableError as error:
        return left_out_record(LeftOut(scene.item_id, scene.acquired_at, str(error)))
    return None


def _shares_acquisition(scene: Scene, known: Sequence[SceneRecord], method: Method) -> bool:
    """Whether a scene shows the moment of one on record: which of the two is used is for the preparation to say."""
    near = method.preparation.same_acquisition
    undated = datetime.min.replace(tzinfo=UTC)
    return any(abs((other.acquired_at or undated) - scene.acquired_at) <= near for other in known)
