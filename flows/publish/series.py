"""The animated series of a facility: its clear scenes one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from flows.publish.evidence import SceneReader
from flows.publish.layer import attribution_of
from flows.publish.names import safe_name
from flows.publish.picture import Stretch, captioned, common_stretch, panel
from flows.publish.table import clean_text
from flows.record import FacilityRecord, SceneRecord
from geo.errors import SourceError
from geo.grid import Grid
from geo.scene import FloatArray

_Any = TypeVar("_Any")
_Frame = tuple[SceneRecord, FloatArray, Grid]

_MOST_FRAMES = 24
_WIDTH_PX = 560
_COLOURS = 64
_FRAME_MS = 900
_LAST_FRAME_MS = 2500
_STRIP_FRAMES = 6
_STRIP_FRAME_PX = 200


def write_series(record: FacilityRecord, reader: SceneReader, folder: Path) -> str | None:
    """Writes `evidence/<facility>/series.gif`: at most 24 clear scenes, evenly chosen.

    Of a long series every second, fourth or eighth scene is shown, so that most new scenes leave it as it is. All
    frames share one stretch; each says its date, and nothing is drawn on the image. Beside it goes `series.png`, six of
    the frames in a row for what can't move.

    Args:
        record: Whose scenes.
        reader: Gives them.
        folder: Product folder.

    Returns:
        Relative path, or None where fewer than two scenes can be had.
    """
    frames = _read(record, frames_of(record), reader)
    if len(frames) < 2:
        return None
    stretch = common_stretch([rgb for _, rgb, _ in frames])
    notice = attribution_of([scene for scene, _, _ in frames])
    name = record.facility.facility_id
    pictures = []
    for scene, rgb, grid in frames:
        factor = max(1, round(_WIDTH_PX / rgb.shape[2]))
        date = f"{scene.acquired_at:%Y-%m-%d}" if scene.acquired_at else "date unknown"
        lines = [f"{date}   {name}", f"Reflectance {stretch}, the same in all frames", notice]
        caption = [clean_text(line) for line in lines if line]
        pictures.append(captioned([panel(rgb, stretch, factor)], caption, grid.gsd_m / factor))
    path = f"evidence/{safe_name(name)}/series.gif"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    _write_gif(pictures, folder / path)
    _write_strip(evenly(frames, _STRIP_FRAMES), stretch, folder / strip_path(path))
    return path


def frames_of(record: FacilityRecord) -> tuple[SceneRecord, ...]:
    """The scenes that the animated series of a facility shows."""
    scenes, step = record.used_scenes, 1
    while len(scenes) > step * _MOST_FRAMES:
        step *= 2
    return scenes[::step]


def strip_path(series: str) -> str:
    """Where the still pictures of a series are."""
    return series.removesuffix(".gif") + ".png"


def evenly(scenes: Sequence[_Any], most: int) -> list[_Any]:
    """At most so many of the scenes, evenly spaced in order, first and last kept."""
    if len(scenes) <= most:
        return list(scenes)
    return [scenes[round(place)] for place in np.linspace(0, len(scenes) - 1, most)]


def _write_strip(frames: Sequence[_Frame], stretch: Stretch, path: Path) -> None:
    """Each frame with its date and scale below, cut to the ground that any of them shows and shrunk to fit."""
    gap = 8
    rows, columns = _shown([rgb for _, rgb, _ in frames])
    pictures = []
    for scene, rgb, grid in frames:
        bare = panel(rgb[:, rows, columns], stretch, 1)
        enlarged = bare.resize(
            (_STRIP_FRAME_PX, round(bare.height * _STRIP_FRAME_PX / bare.width)), Image.Resampling.BOX
        )
        date = f"{scene.acquired_at:%Y-%m-%d}" if scene.acquired_at else "date unknown"
        pictures.append(captioned([enlarged], [date], grid.gsd_m * bare.width / _STRIP_FRAME_PX))
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    strip = Image.new("RGB", (width, max(picture.height for picture in pictures)), (255, 255, 255))
    for number, picture in enumerate(pictures):
        strip.paste(picture, (number * (_STRIP_FRAME_PX + gap), 0))
    strip.save(path, "PNG", compress_level=4)


def _shown(frames: Sequence[FloatArray]) -> tuple[slice, slice]:
    """Rows and columns in which any frame has a clear pixel; all of them where none has."""
    clear = np.any([np.isfinite(rgb).all(axis=0) for rgb in frames], axis=0)
    bounds = [np.flatnonzero(clear.any(axis=axis)) for axis in (1, 0)]
    rows, columns = (slice(int(b[0]), int(b[-1]) + 1) if b.size else slice(None) for b in bounds)
    return rows, columns


def _read(record: FacilityRecord, scenes: Sequence[SceneRecord], reader: SceneReader) -> list[_Frame]:
    frames = []
    for scene in scenes:
        try:
            rgb, grid = reader(record.facility.facility_id, scene.item_id)
        except SourceError:
            continue
        frames.append((scene, rgb, grid))
    return frames


def _write_gif(pictures: Sequence[Image.Image], path: Path) -> None:
    """One palette for all frames, so that colours don't flicker from date to date.

    It is chosen from every eighth pixel of every eighth line, by an octree: vivid roofs keep
    their colours better than by a median cut, and it is far quicker.
    """
    samples = [
        picture.resize((picture.width // 8, picture.height // 8), Image.Resampling.NEAREST) for picture in pictures
    ]
    sheet = Image.new("RGB", (samples[0].width, sum(sample.height for sample in samples)))
    top = 0
    for sample in samples:
        sheet.paste(sample, (0, top))
        top += sample.height
    palette = sheet.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    durations = [_FRAME_MS] * (len(frames) - 1) + [_LAST_FRAME_MS]
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, disposal=1)
