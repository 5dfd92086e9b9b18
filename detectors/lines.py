"""Straight thin lines in images: how consistently the pixels along every direction form a ridge or a valley.

A wall at 10 m is narrower than a pixel. What shows is a thin line of one sign against both its flanks: the
bright patrol track, or the dark shadow. The edge of a field or a shelter belt differs from one flank only,
so the smaller of the two flank differences tells them apart (the line detector of Tupin et al. 1998,
IEEE Transactions on Geoscience and Remote Sensing 36(2), there for ratios in radar images).

Every pixel then casts a vote of at most one for its direction, and votes are averaged along that direction.
A long faint line on which all pixels agree thereby outweighs a short bright roof.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from detectors.directional import Taps, agreed, block_medians, nearer_flank, spread_blocks
from geo.scene import BoolArray, FloatArray

#: int8 (orientation, y, x): signed share of votes in 1/127, positive for bright lines, negative for dark.
Votes = npt.NDArray[np.int8]
VOTE = 127.0

#: Rows and columns of an image.
Window = tuple[slice, slice]
WHOLE: Window = (slice(None), slice(None))

_CORE_PX = (0.8, 0.4)  # what of a line's own neighbourhood is its centre: along and across it
_RINGING = 0.05  # overshoot beside a step after resampling, as a share of the step
_NEARBY_PX = 2.0  # over which votes have to agree for a line not to have ended


@dataclass(frozen=True)
class LineFilter:
    """A bank of oriented line filters for images of one shape.

    Attributes:
        shape: (rows, columns).
        gsd_m: Pixel size, metres.
        orientations: Number of directions over 180 degrees; direction k runs along (cos, sin) of
            k * 180 / orientations degrees, x to the right and y downward.
        flank_m: Distance from a line's centre at which its flanks are read.
        along_m: Standard deviation of the averaging along a line.
        saturation: Contrast, in units of local noise, from which a pixel's vote is full.
    """

    shape: tuple[int, int]
    gsd_m: float
    orientations: int
    flank_m: float
    along_m: float
    saturation: float

    def ridges(self, image: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Contrast of a thin line against the nearer of its flanks, per orientation, and the greatest over them.

        Args:
            image: float32 (y, x) without gaps, or a part of one.

        Returns:
            float32 (orientation, y, x), in the image's unit; positive for lines brighter than both flanks,
            negative for darker ones, zero elsewhere. The greatest is without sign, float32 (y, x).
        """
        rows, columns = image.shape
        result, greatest = np.empty((self.orientations, rows, columns), np.float32), np.zeros(image.shape, np.float32)
        reach = max(flank.reach for _, *flanks in self._profiles for flank in flanks)
        pad = reach + max(core.reach for core, *_ in self._profiles)
        padded = np.ascontiguousarray(np.pad(image, pad, mode="symmetric"), np.float32)
        smoothed = np.empty((rows + 2 * reach, columns + 2 * reach), np.float32)
        inner = smoothed[reach : reach + rows, reach : reach + columns]
        one, other = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
        for ridge, (core, left, right) in zip(result, self._profiles, strict=True):
            core.over(padded, pad - reach, smoothed)
            left.over(smoothed, reach, one)
            right.over(smoothed, reach, other)
            nearer_flank(inner, one, other, _RINGING, ridge, greatest)
        return result, greatest

    def noise(self, strongest: FloatArray, clear: BoolArray, block_m: float) -> FloatArray:
        """Local clutter: the median, over blocks, of the strongest contrast at each pixel.

        Args:
            strongest: float32 (y, x): greatest absolute contrast over the directions.
            clear: bool (y, x): pixels in which contrast tells of the ground.
            block_m: Side of the blocks.

        Returns:
            float32 (block, block), never below a third of its own median; NaN where less than a quarter is clear.
        """
        medians = block_medians(np.where(clear, strongest, np.float32(np.nan)), self.block_px(block_m), 0.25)
        enough = np.isfinite(medians)
        if enough.any():
            medians = np.maximum(medians, max(float(np.median(medians[enough])) / 3.0, 1e-6))
        return medians

    def spread(self, of_block: FloatArray, block_m: float, window: Window = WHOLE) -> FloatArray:
        """A figure of blocks at each pixel of a window, float32 (y, x), linear between the middles of blocks.

        Where it is NaN, their median stands for it.
        """
        (top, bottom, _), (left, right, _) = (part.indices(n) for part, n in zip(window, self.shape, strict=True))
        return spread_blocks(of_block, self.block_px(block_m), (top, left), (bottom - top, right - left), 1.0)

    def block_px(self, block_m: float) -> int:
        """Side of the blocks over which noise is measured, pixels."""
        return max(4, round(block_m / self.gsd_m))

    def votes(self, ridges: FloatArray, noise: FloatArray, window: Window = WHOLE) -> Votes:
        """Share of agreeing pixels along every direction.

        Args:
            ridges: From `ridges`.
            noise: float32 (y, x): contrast that clutter reaches.
            window: The part of the image that these are of.

        Returns:
            int8 (orientation, y, x), in 1/127.
        """
        per_vote = 1.0 / (np.float32(self.saturation) * noise)
        result = np.empty(ridges.shape, np.int8)
        pad = max(taps.reach for pair in self._along for taps in pair)
        rows, columns = noise.shape
        padded = np.zeros((rows + 2 * pad, columns + 2 * pad), np.float32)
        cast = padded[pad : pad + rows, pad : pad + columns]
        mean, near = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
        for out, ridge, (long, short), inside in zip(result, ridges, self._along, self._inside, strict=True):
            np.clip(np.multiply(ridge, per_vote, out=cast), -1.0, 1.0, out=cast)
            np.multiply(long.over(padded, pad, mean), inside[window], out=mean)
            agreed(mean, short.over(padded, pad, near), VOTE, out)
        return result

    @cached_property
    def reach(self) -> int:
        """Pixels around a place that decide which votes it gets."""
        return self.ridge_reach + max(taps.reach for pair in self._along for taps in pair)

    @cached_property
    def ridge_reach(self) -> int:
        """Pixels around a place that decide which contrast it has."""
        return 2 * max(taps.reach for profile in self._profiles for taps in profile)

    @cached_property
    def _directions(self) -> npt.NDArray[np.float64]:
        angle = np.pi * np.arange(self.orientations) / self.orientations
        return np.column_stack([np.cos(angle), np.sin(angle)])

    @cached_property
    def _profiles(self) -> list[tuple[Taps, Taps, Taps]]:
        """Per direction, the centre of a line and its flanks to either side."""
        x, y = (grid.ravel() for grid in np.meshgrid(np.arange(-2.0, 3.0), np.arange(-2.0, 3.0)))
        profiles = []
        for cos, sin in self._directions:
            weight = _gauss(x * cos + y * sin, _CORE_PX[0]) * _gauss(y * cos - x * sin, _CORE_PX[1])
            weight[weight < 0.01 * weight.max()] = 0.0
            flank = np.array([[-sin, cos]]) * self.flank_m / self.gsd_m
            core = Taps.at(np.column_stack([x, y]), weight / weight.sum())
            profiles.append((core, Taps.at(flank, np.ones(1)), Taps.at(-flank, np.ones(1))))
        return profiles

    @cached_property
    def _along(self) -> list[tuple[Taps, Taps]]:
        """Per direction, averages along a line, long and short."""
        most = min(self.shape) - 1

        def average(direction: npt.NDArray[np.float64], sigma: float) -> Taps:
            return _line(direction, min(2.0 * sigma, most), sigma)

        long = self.along_m / self.gsd_m
        return [(average(direction, long), average(direction, _NEARBY_PX)) for direction in self._directions]

    @cached_property
    def _inside(self) -> list[FloatArray]:
        """Per direction, by how much averages near the edge of the image are raised, as beyond it nothing votes."""
        pad = max(long.reach for long, _ in self._along)
        ones = np.pad(np.ones(self.shape, np.float32), pad)
        shares = (long.over(ones, pad, np.empty(self.shape, np.float32)) for long, _ in self._along)
        return [np.asarray(1.0 / np.maximum(share, 0.25), np.float32) for share in shares]


def _gauss(distance: npt.NDArray[np.float64], sigma: float) -> npt.NDArray[np.float64]:
    return np.asarray(np.exp(-0.5 * (distance / sigma) ** 2))


def _line(direction: npt.NDArray[np.float64], reach: float, sigma: float) -> Taps:
    """A normalised Gaussian along a line, read where it crosses columns, or rows where it is steep."""
    step = direction / np.abs(direction).max()
    number = np.arange(-np.floor(reach / np.hypot(*step)), np.floor(reach / np.hypot(*step)) + 1.0)
    weight = _gauss(number * np.hypot(*step), sigma)
    return Taps.at(number[:, None] * step, weight / weight.sum())


def luminance(reflectance: FloatArray, valid: BoolArray, background: FloatArray | None) -> FloatArray:
    """Mean over bands, with gaps filled so that their rims are no lines.

    Args:
        reflectance: float32 (band, y, x).
        valid: bool (y, x).
        background: float32 (y, x) to fill gaps from, such as the last clear view; None for the median.

    Returns:
        float32 (y, x).
    """
    known = np.isfinite(reflectance)
    if known.all():
        mean, usable = reflectance.mean(axis=0), valid
    else:
        count = known.sum(axis=0)
        mean = np.where(known, reflectance, 0.0).sum(axis=0) / np.maximum(count, 1)
        usable = valid & (count > 0)
    if usable.all():
        return np.asarray(mean, np.float32)
    if background is None:
        fill: FloatArray | np.floating = np.float32(np.median(mean[usable]) if usable.any() else 0.0)
    else:
        # The background is lifted to this scene's level, or the rim of a cloud would be an edge.
        fill = background + np.float32(np.median((mean - background)[usable]) if usable.any() else 0.0)
    return np.where(usable, mean, fill).astype(np.float32)
