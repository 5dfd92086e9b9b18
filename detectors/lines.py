"""Straight thin lines in images: how consistently the pixels along every direction form a ridge or a valley.

A wall at 10 m is narrower than a pixel. What shows is a thin line of one sign against both its flanks: the
bright patrol track, or the dark shadow. The edge of a field or a shelter belt differs from one flank only,
so the smaller of the two flank differences tells them apart (the line detector of Tupin et al. 1998,
IEEE Transactions on Geoscience and Remote Sensing 36(2), there for ratios in radar images).

Every pixel then casts a vote of at most one for its direction, and votes are averaged along that direction.
A long faint line on which all pixels agree thereby outweighs a short bright roof. The averages are sums along
digital lines, built from sums half as long (as in the fast Radon transform of Brady 1998, SIAM Journal on
Computing 27(1)), in whole numbers: per pixel and direction a handful of additions of 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from geo.scene import BoolArray, FloatArray

#: int8 (orientation, y, x): signed share of votes in 1/127, positive for bright lines, negative for dark.
Votes = npt.NDArray[np.int8]
#: uint8 (orientation, y, x): strength of lines of either sign in 1/127.
Strength = npt.NDArray[np.uint8]
VOTE = 127.0

_MOST = 32_767  # of 16 bits: a sum of votes along a line has to stay below


@dataclass(frozen=True)
class LineFilter:
    """A bank of oriented line filters.

    Attributes:
        gsd_m: Pixel size, metres.
        orientations: Number of directions over 180 degrees; direction k runs along (cos, sin) of
            k * 180 / orientations degrees, x to the right and y downward.
        flank_m: Distance from a line's centre at which its flanks are read.
        along_m: Standard deviation of the averaging along a line.
        saturation: Contrast, in units of local noise, from which a pixel's vote is full.
    """

    gsd_m: float
    orientations: int
    flank_m: float
    along_m: float
    saturation: float

    @property
    def _angles(self) -> npt.NDArray[np.float64]:
        return np.pi * np.arange(self.orientations) / self.orientations

    def ridges(self, image: FloatArray) -> FloatArray:
        """Contrast of a thin line against the nearer of its flanks, per orientation.

        Args:
            image: float32 (y, x) without gaps.

        Returns:
            float32 (orientation, y, x) in the image's unit; positive for lines brighter than both flanks,
            negative for darker ones, zero elsewhere.
        """
        reach = self.flank_m / self.gsd_m
        pad = int(np.ceil(reach)) + 1
        padded = np.pad(image, pad, mode="symmetric").astype(np.float32)
        result = np.empty((self.orientations, *image.shape), np.float32)
        one, other, low = (np.empty(image.shape, np.float32) for _ in range(3))
        for ridge, angle in zip(result, self._angles, strict=True):
            dx, dy = -np.sin(angle) * reach, np.cos(angle) * reach
            _read_beside(padded, pad, dx, dy, one, low)
            _read_beside(padded, pad, -dx, -dy, other, low)
            np.minimum(one, other, out=low)
            np.maximum(one, other, out=one)
            np.maximum(np.subtract(image, one, out=ridge), 0.0, out=ridge)
            np.minimum(np.subtract(image, low, out=low), 0.0, out=low)
            ridge += low
        return result

    def noise(self, strongest: FloatArray, block_m: float) -> FloatArray:
        """Local clutter: the median, over blocks, of the strongest contrast at each pixel.

        Args:
            strongest: float32 (y, x): greatest absolute contrast over the directions.
            block_m: Side of the blocks.

        Returns:
            float32 (y, x), never below a third of its own median.
        """
        size = max(4, round(block_m / self.gsd_m))
        rows, columns = (-(-n // size) for n in strongest.shape)
        padded = np.pad(
            strongest,
            ((0, rows * size - strongest.shape[0]), (0, columns * size - strongest.shape[1])),
            mode="symmetric",
        )
        medians = np.median(padded.reshape(rows, size, columns, size), axis=(1, 3))
        medians = np.maximum(medians, max(float(np.median(medians)) / 3.0, 1e-6))
        fine = ndimage.zoom(np.pad(medians, 1, mode="edge"), size, order=1, grid_mode=True, mode="nearest")
        return np.asarray(fine[size : size + strongest.shape[0], size : size + strongest.shape[1]], np.float32)

    def votes(self, ridges: FloatArray, noise: FloatArray) -> Votes:
        """Share of agreeing pixels along every direction.

        Args:
            ridges: From `ridges`.
            noise: float32 (y, x): contrast that clutter reaches.

        Returns:
            int8 (orientation, y, x), in 1/127.
        """
        per_vote = (VOTE / (self.saturation * noise)).astype(np.float32)
        result = np.empty(ridges.shape, np.int8)
        share = np.empty(noise.shape, np.float32)
        for index, angle in enumerate(self._angles):
            np.multiply(ridges[index], per_vote, out=share)
            np.rint(np.clip(share, -VOTE, VOTE, out=share), out=share)
            step = (np.cos(angle), np.sin(angle)) / max(abs(np.cos(angle)), abs(np.sin(angle)))
            length_m = float(np.hypot(*step)) * self.gsd_m
            long = min(_box_length(self.along_m / length_m), int(np.sqrt(_MOST / VOTE)), *noise.shape)
            short = min(_box_length(2.0 * self.gsd_m / length_m), long)
            pad = long
            padded = np.pad(share.astype(np.int16), pad)
            inner = (slice(pad, -pad), slice(pad, -pad))
            mean, near = (_summed_along(padded, length, step)[inner] for length in (long, short))
            # A line ends where the pixels there no longer agree, however long it has been.
            factor = max(1, round(1.5 * long**2 / short**2))
            ended = np.clip(near, -(_MOST // factor), _MOST // factor) * np.int16(factor)
            mean = np.maximum(np.minimum(mean, np.maximum(ended, 0)), np.minimum(ended, 0))
            result[index] = np.rint(np.multiply(mean, np.float32(1.0 / long**2), out=share), out=share)
        return result


def _read_beside(padded: FloatArray, pad: int, dx: float, dy: float, out: FloatArray, scratch: FloatArray) -> None:
    """Reads an image at an offset from each of its pixels, between the four pixels there."""
    rows, columns = out.shape
    left, top = int(np.floor(dx)), int(np.floor(dy))
    out[:] = 0.0
    for row, share_y in ((top, 1.0 - (dy - top)), (top + 1, dy - top)):
        for column, share_x in ((left, 1.0 - (dx - left)), (left + 1, dx - left)):
            if share_x * share_y > 1e-6:
                there = padded[pad + row : pad + row + rows, pad + column : pad + column + columns]
                out += np.multiply(there, np.float32(share_x * share_y), out=scratch)


def _box_length(sigma_px: float) -> int:
    """Pixels in a box whose square with itself, a triangle, has a standard deviation."""
    return max(1, round(float(np.sqrt(6.0 * sigma_px**2 + 1.0))))


def _summed_along(votes: npt.NDArray[np.int16], length: int, step: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """Sums along a digital line under a triangle of weights: forth and back, so that it is centred whatever rounding.

    Args:
        votes: int16 (y, x).
        length: Pixels in each of the two sums.
        step: Change of x and y from pixel to pixel along the line, the greater of them one.
    """
    for direction in (step, -step):
        votes = _box(votes, length, direction)
    return votes


def _box(votes: npt.NDArray[np.int16], length: int, step: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """Sums of so many pixels onward from each, by doubling."""
    total, done, size = None, 0, 1
    while size <= length:
        if length & size:
            total = votes if total is None else _added(total, votes, done * step)
            done += size
        if 2 * size <= length:
            votes = _added(votes, votes, size * step)
        size *= 2
    return votes if total is None else total


def _added(
    one: npt.NDArray[np.int16], other: npt.NDArray[np.int16], offset: npt.NDArray[np.float64]
) -> npt.NDArray[np.int16]:
    here, there = shifted_slices(one.shape, round(offset[0]), round(offset[1]))
    total = one.copy()
    total[here] += other[there]
    return total


def shifted_slices(shape: tuple[int, ...], dx: int, dy: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where an image and the same image moved overlap: pixels, and the pixels at an offset from them."""
    rows, columns = shape
    here = (slice(max(0, -dy), rows - max(0, dy)), slice(max(0, -dx), columns - max(0, dx)))
    there = (slice(max(0, dy), rows + min(0, dy)), slice(max(0, dx), columns + min(0, dx)))
    return here, there


def luminance(reflectance: FloatArray, valid: BoolArray, background: FloatArray | None) -> FloatArray:
    """Mean over bands, with gaps filled so that their rims are no lines.

    Args:
        reflectance: float32 (band, y, x).
        valid: bool (y, x).
        background: float32 (y, x) to fill gaps from, such as the last clear view; None for the median.

    Returns:
        float32 (y, x).
    """
    held = reflectance[np.isfinite(reflectance).any(axis=(1, 2))]
    mean = held.mean(axis=0) if len(held) else np.zeros(valid.shape, np.float32)
    usable = valid & np.isfinite(mean) & (len(held) > 0)
    if usable.all():
        return np.asarray(mean, np.float32)
    if background is None:
        fill: FloatArray | np.floating = np.float32(np.median(mean[usable]) if usable.any() else 0.0)
    else:
        # The background is lifted to this scene's level, or the rim of a cloud would be an edge.
        fill = background + np.float32(np.median((mean - background)[usable]) if usable.any() else 0.0)
    return np.where(usable, mean, fill).astype(np.float32)


def widened(strength: Strength) -> Strength:
    """Strength that a line reaches within one pixel and one orientation step: room for misregistration."""
    around: Strength = np.maximum(strength, np.concatenate([strength[-1:], strength[:-1]]))
    np.maximum(around, np.concatenate([strength[1:], strength[:1]]), out=around)
    for axis in (1, 2):
        inner = np.moveaxis(around, axis, 0)
        beside = np.moveaxis(around.copy(), axis, 0)
        np.maximum(beside[1:], inner[:-1], out=beside[1:])
        np.maximum(beside[:-1], inner[1:], out=beside[:-1])
        around = np.moveaxis(beside, 0, axis)
    return around
