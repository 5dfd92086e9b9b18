"""From changed pixels to the ground that works take, outlined as a person would outline a building site."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.features import shapes
from shapely import simplify, unary_union
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from detectors.components import boxes, greatest, labelled, sizes, spread_out
from detectors.morphology import bounds, closed, distance_squared, opened
from geo.compiled import compiled
from geo.grid import Grid
from geo.scene import BoolArray, FloatArray

# A small site loses no more than this share of its half width to the correction for bled evidence.
KEPT_DEPTH = 0.35

# Ground this near to what has changed decides on its outline, m: further away nothing can have bled.
MARGIN_M = 120.0


@dataclass(frozen=True, slots=True)
class Edges:
    """What is known of where evidence ends.

    Attributes:
        bleed_m: float32 (y, x), how far the evidence of each place reaches beyond it, m.
        covered: bool (y, x), ground that can't have been taken, so that nothing bled into it.
    """

    bleed_m: FloatArray
    covered: BoolArray

    def __getitem__(self, part: tuple[slice, slice]) -> Edges:
        """The same of a part of the ground."""
        return Edges(self.bleed_m[part], self.covered[part])


@dataclass(frozen=True, slots=True)
class Labelled:
    """A mask and its components.

    Attributes:
        mask: bool (y, x).
        labels: int32 (y, x), as `labelled` tells them.
        sizes: int (label,), pixels of each; 0 of the ground.
    """

    mask: BoolArray
    labels: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, mask: BoolArray) -> Labelled:
        """The components of a mask."""
        labels, count = labelled(mask)
        return cls(mask, labels, sizes(labels, count))

    @property
    def boxes(self) -> list[tuple[slice, slice]]:
        """Around each component."""
        return boxes(self.labels, self.sizes.size - 1)

    def cut_to(self, mask: BoolArray) -> Labelled:
        """The components of what is left of the mask."""
        return self if np.array_equal(mask, self.mask) else Labelled.of(mask)

    def fitting(self, length: float) -> BoolArray:
        """Components that fit in a square of a given side, pixels."""
        fits = [False]
        for box in self.boxes:
            fits.append(max(part.stop - part.start for part in box) <= length)
        return spread_out(np.array(fits), self.labels)


@dataclass(frozen=True, slots=True)
class ExtentParameters:
    """How a site is outlined, m.

    Attributes:
        gap_m: Gaps narrower than this belong to the site.
        narrowest_m: What is narrower than this and longer than `compact_m` is a track, a ditch or a wall, and no
            site.
        compact_m: What is shorter than this may be a single building, however narrow.
        tail_share: What is narrower than this share of a site's side (the root of its area) is no part of it
            but a road that leads to it.
        surroundings_m: Standard deviation of the Gaussian that the strength of a place is averaged with, to tell how
            far its evidence reaches.
        straighten_m: How far an outline may move to become straight: two pixels of 10 m.
    """

    gap_m: float = 50.0
    narrowest_m: float = 60.0
    compact_m: float = 120.0
    tail_share: float = 0.12
    surroundings_m: float = 30.0
    straighten_m: float = 20.0


def site_extent(
    changed: BoolArray, gsd_m: float, parameters: ExtentParameters, edges: Edges | None = None
) -> BoolArray:
    """The ground that changed pixels enclose: gaps closed, holes filled, narrow strips and bled edges taken off.

    Args:
        changed: bool (y, x).
        gsd_m: Pixel size, m.
        parameters: Sizes.
        edges: How far evidence reaches; not beyond its cause if None.
    """
    site = np.zeros(changed.shape, bool)
    if changed.any():
        box = bounds(changed, int(np.ceil(MARGIN_M / gsd_m)))
        site[box] = _extent(changed[box], gsd_m, parameters, None if edges is None else edges[box])
    return site


def _extent(changed: BoolArray, gsd_m: float, parameters: ExtentParameters, edges: Edges | None) -> BoolArray:
    whole = closed(changed, parameters.gap_m / 2 / gsd_m) | changed
    sites = Labelled.of(whole)
    wide = opened(whole, parameters.narrowest_m / 2 / gsd_m) | sites.fitting(parameters.compact_m / gsd_m)
    if parameters.tail_share * np.sqrt(sites.sizes.max()) * gsd_m > parameters.narrowest_m:
        wide = _without_tails(sites.cut_to(wide), gsd_m, parameters)
    return wide if edges is None else _without_bleed(sites.cut_to(wide), edges, gsd_m)


def strips(mask: BoolArray, gsd_m: float, parameters: ExtentParameters) -> BoolArray:
    """Parts of a mask, bool (y, x), that are nowhere as wide as a site and longer than a single building.

    Roads and ditches are; gaps are closed first, so that a ring of buildings is none.
    """
    parts = Labelled.of(closed(mask, parameters.gap_m / 2 / gsd_m) | mask)
    wide = np.zeros(parts.sizes.size, bool)
    wide[parts.labels[opened(parts.mask, parameters.narrowest_m / 2 / gsd_m)]] = True
    strip = ~spread_out(wide, parts.labels) & ~parts.fitting(parameters.compact_m / gsd_m)
    return np.asarray(mask & strip)


def _without_tails(sites: Labelled, gsd_m: float, parameters: ExtentParameters) -> BoolArray:
    """Sites without the roads that lead to them: what is narrow beside the site that it hangs on goes."""
    width = parameters.tail_share * np.sqrt(sites.sizes)
    kept = sites.mask.copy()
    around = sites.boxes
    for label in np.flatnonzero(width * gsd_m > parameters.narrowest_m):
        box = around[label - 1]
        site = sites.labels[box] == label
        kept[box] &= ~site | opened(np.pad(site, 1), width[label] / 2)[1:-1, 1:-1]
    return kept


def _without_bleed(sites: Labelled, edges: Edges, gsd_m: float) -> BoolArray:
    """Erosion by what has bled, but of no component all: a small building stays one."""
    outside = ~sites.mask & ~edges.covered
    if sites.sizes.size == 1 or not outside.any():
        return sites.mask
    bleed = edges.bleed_m / np.float32(gsd_m)
    count = sites.sizes.size - 1
    furthest = float(greatest(bleed, sites.labels, count).max()) / KEPT_DEPTH
    squared = distance_squared(outside, int(furthest) + 1)
    kept = np.float32(KEPT_DEPTH) * np.sqrt(greatest(squared, sites.labels, count))
    deep = np.zeros(sites.mask.shape, bool)
    _mark_deep(squared, bleed, kept, sites.labels, deep)
    return deep


@compiled
def _mark_deep(
    squared: FloatArray, bleed: FloatArray, kept: FloatArray, labels: npt.NDArray[np.int32], deep: BoolArray
) -> None:
    """Pixels of components whose depth is more than evidence bleeds there, or than what each keeps (label,); pixels."""
    for row in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[row, x]
            if label:
                deep[row, x] = np.sqrt(squared[row, x]) > min(bleed[row, x], kept[label])


def outline(mask: BoolArray, grid: Grid, parameters: ExtentParameters) -> BaseGeometry:
    """A mask as a Polygon or MultiPolygon in the grid's CRS, staircases of pixels drawn straight.

    Lines are simplified after Douglas and Peucker (1973) by `straighten_m` at most, so that a wall at an
    angle to the grid is one line.
    """
    rows, columns = bounds(mask, 0)
    transform = grid.transform @ Affine.translation(columns.start, rows.start)
    here = mask[rows, columns]
    return _outlined(here.tobytes(), here.shape, transform, parameters.straighten_m)


@lru_cache(maxsize=256)  # most sites are drawn as after the scene before
def _outlined(mask: bytes, size: tuple[int, int], transform: Affine, straighten_m: float) -> BaseGeometry:
    here = np.frombuffer(mask, bool).reshape(size)
    parts = [
        shape(geometry) for geometry, _ in shapes(here.astype(np.uint8), mask=here, connectivity=4, transform=transform)
    ]
    straight = simplify(unary_union(parts), straighten_m, preserve_topology=True)
    return straight if straight.is_valid else straight.buffer(0)
