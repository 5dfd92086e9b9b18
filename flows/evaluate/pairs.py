"""On half-metre pairs with masks of new buildings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.features import shapes
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from skimage.io import imread

from detectors.baselines import BASELINES, otsu_mask
from detectors.evaluation.metrics import Agreement, area_agreement, object_agreement
from detectors.objects import new_buildings
from geo.errors import InputError
from geo.scene import BoolArray, FloatArray

GSD_M = 0.5
LEAST_OBJECT_M2 = 20.0


@dataclass(frozen=True, slots=True)
class PairScore:
    """One method over all pairs: agreement in pixels and in objects."""

    method: str
    pixels: Agreement
    objects: Agreement


def score_pairs(folder: Path) -> list[PairScore]:
    """Our object detector and the baselines over `A` (before), `B` (after) and `label` of a folder.

    Raises:
        InputError: The folder holds no pairs.
    """
    tally: dict[str, list[tuple[Agreement, Agreement]]] = {}
    for before, after, truth in _pairs(folder):
        for method, found in _methods(before, after):
            nowhere = np.zeros_like(truth)
            pair = area_agreement(found, truth, nowhere), object_agreement(_objects(found), _objects(truth))
            tally.setdefault(method, []).append(pair)
    if not tally:
        raise InputError(f"{folder} holds no pairs: give a folder with A, B and label")
    return [
        PairScore(method, _total([pixels for pixels, _ in pairs]), _total([objects for _, objects in pairs]))
        for method, pairs in tally.items()
    ]


def _methods(before: FloatArray, after: FloatArray) -> Iterator[tuple[str, BoolArray]]:
    clear = np.ones(before.shape[1:], bool)
    yield "objects", np.asarray(new_buildings(before, after, clear, GSD_M) > 0)
    for name, method in BASELINES.items():
        yield name, otsu_mask(method(before, after, clear), clear)


def _pairs(folder: Path) -> Iterator[tuple[FloatArray, FloatArray, BoolArray]]:
    for path in sorted((folder / "A").glob("*.png")):
        yield (
            _read(path)[:3] / np.float32(255),
            _read(folder / "B" / path.name)[:3] / np.float32(255),
            np.asarray(_read(folder / "label" / path.name)[0] > 127),
        )


def _read(path: Path) -> FloatArray:
    """Pixels (band, y, x) of a PNG, which has no place on the map."""
    pixels = imread(path)
    return np.asarray(np.moveaxis(np.atleast_3d(pixels), -1, 0), np.float32)


def _objects(mask: BoolArray) -> list[BaseGeometry]:
    outlines = (shape(geometry) for geometry, _ in shapes(mask.astype(np.uint8), mask=mask))
    return [one for one in outlines if one.area * GSD_M**2 >= LEAST_OBJECT_M2]


def _total(parts: list[Agreement]) -> Agreement:
    return Agreement(
        sum(one.true_positive for one in parts),
        sum(one.false_positive for one in parts),
        sum(one.false_negative for one in parts),
    )
