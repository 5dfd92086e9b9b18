"""`python -m tests.benchmarks.preparation`: what co-registration is worth on the real scenes, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from shapely import Point
from shapely.geometry.base import BaseGeometry

from flows.cli.console import show_table
from flows.imagery import EXAMPLE_ARCHIVE
from geo.alignment import fill_gaps
from geo.grid import WGS84, Grid, grid_for, to_crs, to_wgs84
from geo.radiometry import to_reflectance
from geo.registration import Registrar
from geo.scene import BoolArray, FloatArray, Scene, SceneRaster
from geo.sources.folder import FolderSource
from geo.stack import build_stack

PLACES = {"aspi 50": (88.28993598, 43.38385), "aspi 124": (88.272503, 43.378749)}
TRUE_COLOUR = ("B02", "B03", "B04")
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))

Image = tuple[FloatArray, BoolArray]
Rasters = list[tuple[Scene, SceneRaster]]


def load(place: str, bands: tuple[str, ...] = TRUE_COLOUR) -> tuple[Grid, Rasters]:
    """3 km around a facility."""
    area = _square(PLACES[place], 1500)
    source = FolderSource(EXAMPLE_ARCHIVE)
    grid = grid_for(area)
    return grid, [(scene, source.read(scene, bands, grid)) for scene in source.search(area, *EVER).scenes]


def shifts() -> Iterator[dict[str, str]]:
    """One row per scene: the displacement against the first one."""
    stacks = {place: build_stack(load(place)[1], load(place)[0]).stack for place in PLACES}
    for time_index, scene in enumerate(next(iter(stacks.values())).scenes):
        row = {"scene": scene.item_id}
        for place, stack in stacks.items():
            east, north = stack.shift_m[time_index]
            row[f"{place}: east, north (m)"] = f"{east + 0:.1f}, {north + 0:.1f}"
            row[f"{place}: quality"] = f"{stack.registration_quality[time_index]:.2f}"
        yield row


def accuracy() -> Iterator[dict[str, str]]:
    """Error of known shifts laid on real scenes, and how far shifts around triangles of scenes fail to close."""
    for place in PLACES:
        images = {
            scene.item_id[-10:]: (to_reflectance(raster).mean(axis=0), raster.valid) for scene, raster in load(place)[1]
        }
        for before, after in (("2017-03-02", "2017-06-10"), ("2017-03-02", "2018-03-22"), ("2017-03-02", "2020-06-02")):
            yield _row(
                f"{place}: known shifts, {before} and {after}", _known_shift_errors(images[before], images[after])
            )
        yield _row(f"{place}: triangles of all thirteen scenes", _gaps(list(images.values())))


def cost() -> Iterator[dict[str, str]]:
    """Seconds to prepare 60 scenes of six bands, made from the one that has them."""
    grid, rasters = load("aspi 50", (*TRUE_COLOUR, "B08", "B11", "B12"))
    scene, raster = rasters[-1]
    rng = np.random.default_rng(0)
    series = []
    for day in range(60):
        moved = np.roll(raster.dn, rng.integers(-1, 2, 2), (1, 2)).astype(np.uint16) * 40
        moved += rng.integers(0, 60, moved.shape, dtype=np.uint16)
        one = replace(scene, item_id=f"day {day}", acquired_at=scene.acquired_at + timedelta(days=5 * day))
        series.append((one, replace(raster, dn=moved, scale=(1e-4,) * 6)))
    wall, cpu = time.perf_counter(), time.process_time()
    build_stack(series, grid)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    yield {"what": "60 scenes × 6 bands × 301²", "wall (s)": f"{wall:.1f}", "processor (s)": f"{cpu:.1f}"}


def _square(position: tuple[float, float], half_m: float) -> BaseGeometry:
    crs = "EPSG:32645"
    return to_wgs84(to_crs(Point(position), WGS84, crs).buffer(half_m, cap_style="square"), crs)


def _known_shift_errors(reference: Image, scene: Image) -> npt.NDArray[np.float64]:
    registrar = Registrar(*reference)
    image, valid = scene
    home = np.array(registrar.displacement(image, valid, 5.0).offset_px)
    errors = []
    for shift in np.random.default_rng(0).uniform(-2.5, 2.5, (20, 2)):
        moved = ndimage.shift(fill_gaps(image, valid), shift, order=5, mode="nearest")
        clear = ndimage.shift(valid.astype(float), shift, order=1) > 0.999
        found = registrar.displacement(np.where(clear, moved, np.nan).astype(np.float32), clear, 6.0)
        errors.append(np.hypot(*(found.offset_px - home - shift)))
    return np.array(errors)


def _gaps(images: list[Image]) -> npt.NDArray[np.float64]:
    shift = np.zeros((len(images), len(images), 2))
    for i, reference in enumerate(images):
        registrar = Registrar(*reference)
        for j, other in enumerate(images):
            shift[i, j] = registrar.displacement(*other, 4.0).offset_px
    triangles = permutations(range(len(images)), 3)
    return np.array([np.hypot(*(shift[i, j] + shift[j, k] - shift[i, k])) for i, j, k in triangles])


def _row(what: str, errors: npt.NDArray[np.float64]) -> dict[str, str]:
    measures = {"rms": np.sqrt(np.mean(errors**2)), "95 %": np.quantile(errors, 0.95), "largest": errors.max()}
    return {"what": what, **{f"{name} (px)": f"{size:.3f}" for name, size in measures.items()}}


if __name__ == "__main__":
    show_table(list(shifts()), title="Displacement of the Dabancheng scenes against the first")
    show_table(list(accuracy()), title="Accuracy of co-registration")
    show_table(list(cost()), title="Preparation")
