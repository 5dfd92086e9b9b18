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
