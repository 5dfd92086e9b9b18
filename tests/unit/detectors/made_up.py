"""Made-up ground and buildings on it."""

from datetime import UTC, datetime, timedelta

import numpy as np
from affine import Affine

from geo.grid import Grid
from geo.scene import ImageStack, Scene

BANDS = ("B02", "B03", "B04")
SIZE = 120


def a_stack(reflectance, valid=None, gsd_m=10.0, days=20, bands=BANDS):
    """A stack of made-up scenes, float (time, band, y, x)."""
    reflectance = np.asarray(reflectance, np.float32)
    times, _, rows, columns = reflectance.shape
    valid = np.ones((times, rows, columns), bool) if valid is None else valid
    grid = Grid("EPSG:32645", Affine(gsd_m, 0, 600_000, 0, -gsd_m, 4_800_000), (rows, columns), gsd_m)
    start = datetime(2020, 3, 1, tzinfo=UTC)
    scenes = tuple(
        Scene(f"scene-{i:02d}", "made-up", start + timedelta(days=days * i), grid.extent, gsd_m, bands)
        for i in range(times)
    )
    return ImageStack(
        reflectance=np.where(valid[:, None], reflectance, np.nan).astype(np.float32),
        valid=valid,
        bands=bands,
        scenes=scenes,
        grid=grid,
        shift_m=np.zeros((times, 2)),
        registration_quality=np.ones(times),
        clear_fraction=valid.mean(axis=(1, 2)),
    )


def desert(times, seed=0, noise=0.003, bands=3, size=SIZE):
    """Rough ground that stays, under noise that doesn't."""
    random = np.random.default_rng(seed)
    rough = random.normal(0.0, 0.01, (bands, size, size))
    ground = 0.2 + 0.5 * (rough + np.roll(rough, 1, 1) + np.roll(rough, 1, 2)) / 3
    return (ground + random.normal(0.0, noise, (times, bands, size, size))).astype(np.float32)


def build(images, first, rows=slice(50, 70), columns=slice(40, 70)):
    """Rows of bright roofs with dark shadows from scene `first` on."""
    for image in images[first:]:
        image[:, rows, columns] = 0.22
        for row in range(rows.start, rows.stop, 4):
            image[:, row : row + 2, columns.start + 1 : columns.stop - 1] = 0.45
            image[:, row + 2, columns.start + 1 : columns.stop - 1] = 0.08
    return images
