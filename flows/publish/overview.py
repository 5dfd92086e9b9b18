"""One picture of several neighbouring facilities: before, after, and after with the changes drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from affine import Affine
from PIL import Image

from flows.change import Status
from flows.publish.evidence import SceneReader
from flows.publish.layer import attribution_of
from flows.publish.palette import LOOKS
from flows.publish.picture import captioned, common_stretch, draw_outline, panel
from flows.record import FacilityRecord, SceneRecord
from flows.track import Track
from geo.errors import InputError
from geo.scene import FloatArray

_PANEL_PX = 780
_GAP_PX = 6


def write_overview(records: Sequence[FacilityRecord], reader: SceneReader, path: Path) -> None:
    """Writes a PNG: upper row before and after, lower row after with the areas and with the rings drawn.

    Before is the first scene that each facility has, after its newest; all panels share one stretch. Withdrawn
    changes are not drawn.

    Args:
        records: Facilities of one UTM zone, near each other.
        reader: Gives their scenes.
        path: Where the picture goes.

    Raises:
        InputError: The facilities have no scene, or don't share a grid.
        SourceError: A scene can't be had any more.
    """
    if not records or not all(record.used_scenes for record in records):
        raise InputError("a picture needs facilities that have been assessed: run `facility-watch monitor` first")
    if len({(record.crs, record.gsd_m) for record in records}) > 1:
        raise InputError("these facilities lie in different UTM zones: draw a picture of each")
    before, transform = _mosaic(records, reader, [record.used_scenes[0] for record in records])
    after, _ = _mosaic(records, reader, [record.used_scenes[-1] for record in records])
    rows, columns = _seen(before, after)
    before, after = before[:, rows, columns], after[:, rows, columns]
    transform = transform @ Affine.translation(columns.start, rows.start)
    stretch = common_stretch([before, after])
    factor = max(1, round(_PANEL_PX / after.shape[2]))
    drawn = []
    tracks = [track for record in records for track in record.tracks if track.status is not Status.WITHDRAWN]
    for rings in (False, True):
        picture = panel(after, stretch, factor)
        for track in tracks:
            look = LOOKS[track.finding.kind]
            if look.is_line is rings:
                draw_outline(picture, track.finding.geometry, transform, factor, look.rgb)
        drawn.append(picture)
    sheet = _two_rows(panel(before, stretch, factor), panel(after, stretch, factor), *drawn)
    captioned([sheet], _caption(records, tracks), records[0].gsd_m / factor).save(path, optimize=True)


def _mosaic(
    records: Sequence[FacilityRecord], reader: SceneReader, scenes: Sequence[SceneRecord]
) -> tuple[FloatArray, Affine]:
    """One image of all facilities' grids, which are parts of one pixel grid; NaN where none has a clear pixel."""
    parts = [reader(record.facility.facility_id, scene.item_id) for record, scene in zip(records, scenes, strict=True)]
    gsd_m = records[0].gsd_m
    left = min(grid.transform.c for _, grid in parts)
    top = max(grid.transform.f for _, grid in parts)
    places = [
        (round((top - grid.transform.f) / gsd_m), round((grid.transform.c - left) / gsd_m), *grid.shape)
        for _, grid in parts
    ]
    rows = max(row + height for row, _, height, _ in places)
    columns = max(column + width for _, column, _, width in places)
    whole = np.full((3, rows, columns), np.nan, dtype=np.float32)
    for (rgb, _), (row, column, height, width) in zip(parts, places, strict=True):
        window = whole[:, row : row + height, column : column + width]
        np.copyto(window, rgb, where=np.isnan(window))
    return whole, Affine(gsd_m, 0.0, left, 0.0, -gsd_m, top)


def _seen(before: FloatArray, after: FloatArray) -> tuple[slice, slice]:
    """Rows and columns that hold a clear pixel on either date."""
    clear = np.asarray(np.isfinite(before).all(axis=0) | np.isfinite(after).all(axis=0))
    bounds = [np.flatnonzero(clear.any(axis=axis)) for axis in (1, 0)]
    if not all(bound.size for bound in bounds):
        raise InputError("no pixel is clear on either date: there is nothing to draw")
    rows, columns = (slice(int(bound[0]), int(bound[-1]) + 1) for bound in bounds)
    return rows, columns


def _two_rows(*panels: Image.Image) -> Image.Image:
    width, height = panels[0].size
    sheet = Image.new("RGB", (2 * width + _GAP_PX, 2 * height + _GAP_PX), (255, 255, 255))
    for number, part in enumerate(panels):
        row, column = divmod(number, 2)
        sheet.paste(part, (column * (width + _GAP_PX), row * (height + _GAP_PX)))
    return sheet


def _caption(records: Sequence[FacilityRecord], tracks: Sequence[Track]) -> list[str]:
    names = ", ".join(f"{record.facility.name} ({record.facility.facility_id})" for record in records)
    first, last = (
        ", ".join(sorted({f"{record.used_scenes[end].acquired_at:%Y-%m-%d}" for record in records})) for end in (0, -1)
    )
    kinds = dict.fromkeys(track.finding.kind for track in tracks)
    legend = "; ".join(f"{LOOKS[kind].label.lower()} ({LOOKS[kind].colour_name})" for kind in sorted(kinds))
    scenes = [record.used_scenes[end] for record in records for end in (0, -1)]
    return [
        names,
        f"Above: before ({first}) and after ({last}). Below: the scene after with areas (left) and rings (right).",
        f"Consistent with: {legend}" if legend else "No change on record.",
        attribution_of(scenes),
    ]
