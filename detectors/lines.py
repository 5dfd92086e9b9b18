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
from scipy import fft, ndimage

from geo.scene import BoolArray, FloatArray

#: int8 (orientation, y, x): signed share of votes in 1/127, positive for bright lines, negative for dark.
Votes = npt.NDArray[np.int8]
VOTE = 127.0
#: float64 (point, 2): x and y in pixel coordinates, 0 at the centre of the first pixel.
Points = npt.NDArray[np.float64]

_BESIDE = np.float32(0.9)  # a line that runs a pixel beside a side holds it nearly as well


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

    @cached_property
    def _padded(self) -> tuple[int, int]:
        return (fft.next_fast_len(self.shape[0] + 2 * self._pad), fft.next_fast_len(self.shape[1] + 2 * self._pad))

    @property
    def _pad(self) -> int:
        return min(int(np.ceil(2 * self.along_m / self.gsd_m)), min(self.shape))

    @cached_property
    def _transfer(self) -> tuple[npt.NDArray[np.complex64], FloatArray, FloatArray]:
        """Per orientation, the transfer functions of both flank differences in one, and of two averages."""
        fy = fft.fftfreq(self._padded[0])[:, None] / self.gsd_m
        fx = fft.fftfreq(self._padded[1])[None, :] / self.gsd_m
        angle = np.pi * np.arange(self.orientations)[:, None, None] / self.orientations
        f_along = fx * np.cos(angle) + fy * np.sin(angle)
        f_across = fy * np.cos(angle) - fx * np.sin(angle)
        core = self._gauss(f_along, 0.8 * self.gsd_m) * self._gauss(f_across, 0.4 * self.gsd_m)
        step = 2j * np.pi * f_across * self.flank_m
        flanks = core * ((1 - np.exp(-step)) + 1j * (1 - np.exp(step)))
        average = self._gauss(f_along, self.along_m) * self._gauss(f_across, 0.4 * self.gsd_m)
        nearby = self._gauss(f_along, 2.0 * self.gsd_m) * self._gauss(f_across, 0.4 * self.gsd_m)
        return flanks.astype(np.complex64), average.astype(np.float32), nearby.astype(np.float32)

    @staticmethod
    def _gauss(frequency: npt.NDArray[np.float64], sigma_m: float) -> npt.NDArray[np.float64]:
        return np.asarray(np.exp(-2.0 * np.pi**2 * (frequency * sigma_m) ** 2))

    def ridges(self, image: FloatArray) -> FloatArray:
        """Contrast of a thin line against the nearer of its flanks, per orientation.

        Args:
            image: float32 (y, x) without gaps.

        Returns:
            float32 (orientation, y, x) on the padded grid, in the image's unit; positive for lines brighter
            than both flanks, negative for darker ones, zero elsewhere.
        """
        spectrum = fft.fft2(self._pad_image(image))
        result = np.empty((self.orientations, *self._padded), np.float32)
        for index, transfer in enumerate(self._transfer[0]):
            differences = fft.ifft2(spectrum * transfer, overwrite_x=True)
            one, other = differences.real, differences.imag
            low, high = np.minimum(one, other), np.maximum(one, other)
            result[index] = np.maximum(low, 0.0) + np.minimum(high, 0.0)
        return result

    def noise(self, ridges: FloatArray, block_m: float) -> FloatArray:
        """Local clutter: the median, over blocks, of the strongest contrast at each pixel.

        Args:
            ridges: From `ridges`.
            block_m: Side of the blocks.

        Returns:
            float32 (y, x) on the padded grid, never below a third of its own median.
        """
        strongest = np.abs(ridges).max(axis=0)
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
            noise: float32 (y, x) on the padded grid: contrast that clutter reaches.

        Returns:
            int8 (orientation, y, x) on the image's own grid, in 1/127.
        """
        full = self.saturation * noise
        result = np.empty((self.orientations, *self.shape), np.int8)
        _, average, nearby = self._transfer
        for index in range(self.orientations):
            spectrum = fft.rfft2(np.clip(ridges[index] / full, -1.0, 1.0))
            mean, near = (
                self.cropped(fft.irfft2(spectrum * each[index][:, : spectrum.shape[1]], s=self._padded))
                for each in (average, nearby)
            )
            # A line ends where the pixels there no longer agree, however long it has been.
            ended = 1.5 * np.abs(near) * (np.sign(near) == np.sign(mean))
            result[index] = np.rint(VOTE * np.sign(mean) * np.minimum(np.abs(mean), ended))
        return result

    def cropped(self, padded: FloatArray) -> FloatArray:
        """An array (…, y, x) on the padded grid, cut to the image's own grid."""
        return padded[..., self._pad : self._pad + self.shape[0], self._pad : self._pad + self.shape[1]]

    def _pad_image(self, image: FloatArray) -> FloatArray:
        pad = self._pad
        after = (self._padded[0] - self.shape[0] - pad, self._padded[1] - self.shape[1] - pad)
        if max(after) > min(self.shape):
            return np.pad(image, ((pad, after[0]), (pad, after[1])), mode="edge")
        return np.pad(image, ((pad, after[0]), (pad, after[1])), mode="symmetric")


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
    count = known.sum(axis=0)
    mean = np.where(known, reflectance, 0.0).sum(axis=0) / np.maximum(count, 1)
    usable = valid & (count > 0)
    if background is None:
        fill: FloatArray | np.floating = np.float32(np.median(mean[usable]) if usable.any() else 0.0)
    else:
        # The background is lifted to this scene's level, or the rim of a cloud would be an edge.
        fill = background + np.float32(np.median((mean - background)[usable]) if usable.any() else 0.0)
    return np.where(usable, mean, fill).astype(np.float32)


def widened(strength: FloatArray) -> FloatArray:
    """Strength that a line reaches within one pixel and one orientation step: room for misregistration.

    Args:
        strength: float32 (orientation, y, x), not negative.
    """
    around = np.maximum(strength, np.maximum(np.roll(strength, 1, axis=0), np.roll(strength, -1, axis=0)))
    for axis in (1, 2):
        inner = np.moveaxis(around, axis, 0)
        beside = inner.copy()
        np.maximum(beside[1:], inner[:-1], out=beside[1:])
        np.maximum(beside[:-1], inner[1:], out=beside[:-1])
        around = np.moveaxis(beside, 0, axis)
    return around


def beside(strength: FloatArray) -> FloatArray:
    """Strength that a line reaches within one pixel across its direction: what a side drawn there may claim.

    Reading it once per pixel replaces three readings for each of the many sides that a search tries.

    Args:
        strength: float32 (orientation, y, x), not negative.
    """
    count, rows, columns = strength.shape
    widest = strength.copy()
    for index in range(count):
        angle = index * np.pi / count
        dx, dy = round(-np.sin(angle)), round(np.cos(angle))
        here = (slice(max(0, -dy), rows - max(0, dy)), slice(max(0, -dx), columns - max(0, dx)))
        there = (slice(max(0, dy), rows + min(0, dy)), slice(max(0, dx), columns + min(0, dx)))
        for one, other in ((here, there), (there, here)):
            np.maximum(widest[index][one], _BESIDE * strength[index][other], out=widest[index][one])
    return widest


def walk(starts: Points, ends: Points) -> tuple[Points, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Points along straight segments, in the middle of steps of at most one pixel.

    Args:
        starts: float64 (segment, 2): x and y in pixel coordinates.
        ends: float64 (segment, 2).

    Returns:
        Points, float64 (step, 2); the index of each step's segment, int64 (step,); steps per segment, int64 (segment,).
    """
    delta = ends - starts
    count = np.maximum(2, np.ceil(np.hypot(delta[:, 0], delta[:, 1]))).astype(np.int64)
    segment = np.repeat(np.arange(len(count)), count)
    position = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count)
    share = (position + 0.5) / count[segment]
    return starts[segment] + delta[segment] * share[:, None], segment, count


def direction_of(starts: Points, ends: Points, orientations: int) -> npt.NDArray[np.int64]:
    """Index of the filter direction that each segment runs along, int64 (segment,)."""
    delta = ends - starts
    turned = np.rint(np.arctan2(delta[:, 1], delta[:, 0]) / np.pi * orientations).astype(np.int64)
    return np.asarray(turned % orientations)


def line_support(
    strength: FloatArray | Votes, starts: Points, ends: Points, reach_px: int = 1
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Strength of lines along straight segments, read at steps of at most one pixel.

    Args:
        strength: float32 (orientation, y, x), not negative, or votes, whose sign doesn't count.
        starts: float64 (segment, 2): x and y in pixel coordinates, 0 at the centre of the first pixel.
        ends: float64 (segment, 2).
        reach_px: How far beside the segment a line may run; 0 where `beside` has been applied.

    Returns:
        Strength at each step, float32 (step,), and the index of the step's segment, int64 (step,).
    """
    count, rows, columns = strength.shape
    points, segment, _ = walk(starts, ends)
    orientation = direction_of(starts, ends, count)[segment]
    angle = orientation * np.pi / count
    flat = strength.reshape(-1)
    best = np.zeros(len(segment), np.float32)
    for offset in range(-reach_px, reach_px + 1):
        moved = points if offset == 0 else points + offset * np.column_stack([-np.sin(angle), np.cos(angle)])
        nearest = np.rint(moved).astype(np.int64)
        x, y = np.clip(nearest[:, 0], 0, columns - 1), np.clip(nearest[:, 1], 0, rows - 1)
        read = np.abs(flat.take((orientation * rows + y) * columns + x).astype(np.float32))
        best = np.maximum(best, read * (_BESIDE if offset else np.float32(1.0)))
    return best, segment
