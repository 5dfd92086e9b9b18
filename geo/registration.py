"""Sub-pixel co-registration of a scene to the reference scene.

Displacements are measured in overlapping blocks by phase correlation (Kuglin & Hines 1975) of image gradients (gradient
correlation: Argyriou & Vlachos 2003), and one smooth displacement is fitted to the blocks by iteratively
reweighted least squares, so that ground that has changed is outvoted by ground that hasn't. The
displacement is a translation, as between Sentinel-2 acquisitions, or an affine one where the blocks
support it by the Bayesian information criterion, as between products of different terrain correction.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import fft

from geo.alignment import Displacement, fill_gaps
from geo.errors import SceneUnusableError
from geo.registration_fit import FEWEST_BLOCKS, fit
from geo.registration_kernels import derivatives, eroded, refine, tapered, whitened
from geo.scene import BoolArray, FloatArray

_BLOCK = 64  # pixels, smaller on a small area; the displacement that can be found is a quarter of it
_SMALLEST_BLOCK = 24


def _gaussian_kernels(sigma_px: float, reach: int) -> tuple[FloatArray, FloatArray]:
    """Weights of a Gaussian and of its derivative, from its centre outward."""
    offset = np.arange(reach + 1)
    smooth = np.exp(-0.5 * (offset / sigma_px) ** 2)
    smooth /= 2 * smooth.sum() - smooth[0]
    return smooth.astype(np.float32), (offset / sigma_px**2 * smooth).astype(np.float32)


_KERNELS = _gaussian_kernels(0.7, 3)

ComplexArray = npt.NDArray[np.complex64]
Array = npt.NDArray[np.float64]


class Registrar:
    """Measures displacements against one reference image, whose transforms it keeps."""

    def __init__(self, brightness: FloatArray, valid: BoolArray) -> None:
        """Prepare the reference.

        Args:
            brightness: float (y, x) reflectance of one band or a mean of several; NaN where not valid.
            valid: bool (y, x).

        Raises:
            SceneUnusableError: It has too little structure for anything to be registered to, or is too small.
        """
        self.shape = valid.shape
        self.block = max(min(_BLOCK, min(self.shape) // 6 * 2), _SMALLEST_BLOCK)
        if min(self.shape) < self.block:
            raise SceneUnusableError(
                f"an area of {min(self.shape)} pixels across is too small to register scenes to it"
            )
        self._spectra, self._structured = self._transform(_gradient(brightness, valid))
        if np.count_nonzero(self._structured) < FEWEST_BLOCKS:
            raise SceneUnusableError("too little clear ground with structure for other scenes to be registered to")

    def displacement(self, brightness: FloatArray, valid: BoolArray, max_shift_px: float) -> Displacement:
        """Where a scene lies against the reference.

        Args:
            brightness: float (y, x), made as the reference's was; NaN where not valid.
            valid: bool (y, x).
            max_shift_px: A larger displacement isn't believed.

        Raises:
            SceneUnusableError: No displacement can be told, or an implausible one.
        """
        gradient = _gradient(brightness, valid)
        cross, usable = self._cross_spectra(gradient)
        whole = self._consensus(cross, max_shift_px)
        if whole.any():
            # Blocks cut where the ground is now hold the same ground, so that their tapers don't pull toward zero.
            cross, usable = self._cross_spectra(_rolled(gradient, whole))
        shifts, sharpness = refine(cross)
        return fit(shifts + whole, sharpness, self._centres[usable], max_shift_px)

    @cached_property
    def _taper(self) -> FloatArray:
        edge = np.sin(np.pi * (np.arange(self.block) + 0.5) / self.block) ** 2
        return np.outer(edge, edge).astype(np.float32)

    @cached_property
    def _centres(self) -> Array:
        """(row, column) of each block's centre from the area's centre, pixels, float (block, 2)."""
        step = self.block // 2
        rows, columns = (np.arange(0, size - self.block + 1, step) + self.block / 2 - size / 2 for size in self.shape)
        return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)

    def _cross_spectra(self, gradient: ComplexArray) -> tuple[ComplexArray, npt.NDArray[np.intp]]:
        """(whitened cross spectrum of every block that both images have, each of unit sum; which blocks)."""
        spectra, structured = self._transform(gradient)
        usable = np.flatnonzero(self._structured & structured)
        if usable.size < FEWEST_BLOCKS:
            raise SceneUnusableError("too little clear ground in common")
        return whitened(self._spectra, spectra, usable), usable

    def _transform(self, gradient: ComplexArray) -> tuple[ComplexArray, BoolArray]:
        """(spectrum of every block's gradients, whether it has any (block,))."""
        blocks, structured = tapered(gradient, self._taper, self.block // 2)
        return fft.fft2(blocks, overwrite_x=True), structured

    def _consensus(self, cross: ComplexArray, max_shift_px: float) -> npt.NDArray[np.intp]:
        """(row, column) whole-pixel displacement that all blocks together show best."""
        reach = min(int(np.ceil(max_shift_px)) + 1, self.block // 4)
        total = fft.ifft2(cross.sum(axis=0)).real
        near = np.arange(-reach, reach + 1)
        peak = np.unravel_index(np.argmax(total[np.ix_(near, near)]), (near.size, near.size))
        found: npt.NDArray[np.intp] = np.array(peak) - reach
        return found


def _gradient(brightness: FloatArray, valid: BoolArray) -> ComplexArray:
    """Brightness gradient as one complex number, x + iy.

    Strong edges are capped, so that a roof or a snow field doesn't speak for its whole block.
    """
    gradient = derivatives(fill_gaps(brightness, valid), *_KERNELS)
    inside = eroded(valid, 3)
    gradient[~inside] = 0
    strength = np.abs(gradient)
    held = strength[inside]
    if held.size:
        longest = 3 * np.partition(held, held.size // 2)[held.size // 2]
        strong = strength > longest
        gradient[strong] *= longest / strength[strong]
    return gradient


def _rolled(gradient: ComplexArray, whole: npt.NDArray[np.intp]) -> ComplexArray:
    """An image moved back by whole pixels, with nothing where it came from outside."""
    moved = np.zeros_like(gradient)
    here = tuple(slice(max(-step, 0), size - max(step, 0)) for step, size in zip(whole, gradient.shape, strict=True))
    there = tuple(slice(max(step, 0), size - max(-step, 0)) for step, size in zip(whole, gradient.shape, strict=True))
    moved[here] = gradient[there]
    return moved
