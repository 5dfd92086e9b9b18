"""Series at half a metre, made of single images: the ground stays, what differs between looks is drawn by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from scipy import ndimage
from skimage.io import imread

from flows.evaluate.ring_trials import Background
from geo.errors import InputError
from geo.grid import Grid
from geo.scene import FloatArray, ImageStack, Scene

GSD_M = 0.5
_BRIGHTEST = 0.5  # reflectance of white, which an 8-bit picture doesn't tell
_SCENES, _DAYS = 8, 60
_TILES = 5
_BANDS = ("B04", "B03", "B02")
_BEGIN = datetime(2019, 4, 1, 11, tzinfo=UTC)


def half_metre_grounds(folder: Path, seed: int) -> Iterator[Background]:
    """A series for each image in `A` of a folder of half-metre pairs.

    An image is mirrored at its edges to five times its length, for a ring needs room around it: 256 px are 128 m.

    Raises:
        InputError: The folder has no images.
    """
    for number, path in enumerate(_images(folder)):
        looks = [_ground(path)] * _SCENES
        yield Background(path.stem, _series(looks, _random(seed, number)), shapely.GeometryCollection())


def half_metre_changes(folder: Path, seed: int) -> Iterator[ImageStack]:
    """A series for each pair: the ground as in `A`, then as in `B`, in another light and from another angle.

    Raises:
        InputError: The folder has no images, or one of `A` is missing in `B`.
    """
    for number, path in enumerate(_images(folder)):
        other = folder / "B" / path.name
        if not other.exists():
            raise InputError(f"{other} is missing: every image in A needs one of its name in B")
        before, after = (_ground(each) for each in (path, other))
        if before.shape != after.shape:
            raise InputError(f"{other} isn't of the size of {path}: both images of a pair show the same ground")
        half = _SCENES // 2
        yield _series([before] * half + [after] * (_SCENES - half), _random(seed, number))


def _images(folder: Path) -> list[Path]:
    images = sorted((folder / "A").glob("*.png"))
    if not images:
        raise InputError(f"{folder} has no images: give a folder with A and B, PNG at half a metre")
    return images


def _random(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, number])


def _ground(path: Path) -> FloatArray:
    """Reflectance of an image mirrored around, float32 (band, y, x)."""
    picture = np.moveaxis(imread(path)[..., :3], -1, 0).astype(np.float32) / 255.0 * _BRIGHTEST
    around = [(_TILES // 2 * length,) * 2 for length in picture.shape[1:]]
    return np.pad(picture, [(0, 0), *around], "symmetric")


def _series(grounds: Sequence[FloatArray], random: np.random.Generator) -> ImageStack:
    """A look at each ground, all of one size: brightness, noise and a fraction of a pixel differ."""
    shape = (grounds[0].shape[1], grounds[0].shape[2])
    grid = Grid("EPSG:32614", Affine(GSD_M, 0.0, 600_000.0, 0.0, -GSD_M, 3_400_000.0), shape, GSD_M)
    scenes = tuple(
        Scene(f"look-{index}", "made-up", _BEGIN + timedelta(days=_DAYS * index), grid.extent, GSD_M, _BANDS)
        for index in range(len(grounds))
    )
    looks = [
        ndimage.shift(ground, (0.0, *random.normal(0.0, 0.3, 2)), order=1, mode="nearest") * random.normal(1.0, 0.05)
        + random.normal(0.0, 0.005, ground.shape)
        for ground in grounds
    ]
    valid = np.ones((len(grounds), *shape), bool)
    return ImageStack(
        reflectance=np.asarray(looks, np.float32),
        valid=valid,
        bands=_BANDS,
        scenes=scenes,
        grid=grid,
        shift_m=np.zeros((len(grounds), 2)),
        registration_quality=np.ones(len(grounds)),
        clear_fraction=np.ones(len(grounds)),
    )
