"""The usual unsupervised methods, to compare with: each turns two images into one change mask.

All take float arrays (band, y, x) of the two dates and bool (y, x) of ground clear in both, and return the
change magnitude (y, x), 0 where not clear. `otsu_mask` thresholds it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.stats import chi2
from skimage.filters import threshold_otsu

from geo.scene import BoolArray, FloatArray

IRMAD_STEPS = 30
IRMAD_TOLERANCE = 1e-4
CELIK_BLOCK = 5
CELIK_COMPONENTS = 3
KMEANS_STEPS = 50


def change_vector(before: FloatArray, after: FloatArray, clear: BoolArray) -> FloatArray:
    """Length of the change vector over the standardised bands (Malila 1980)."""
    step = (after - before)[:, clear]
    step = (step - step.mean(axis=1, keepdims=True)) / np.maximum(step.std(axis=1, keepdims=True), 1e-9)
    return _placed(np.sqrt((step**2).sum(axis=0)), clear)


def irmad(before: FloatArray, after: FloatArray, clear: BoolArray) -> FloatArray:
    """Iteratively reweighted multivariate alteration detection (Nielsen 2007, doi:10.1109/TIP.2006.888195).

    Canonical correlation of the two dates; the sum of squared standardised differences of the variates is
    chi-squared on unchanged ground, whose probability weighs the pixels of the next round.

    Returns:
        Square root of that sum, float32 (y, x).
    """
    x, y = before[:, clear].astype(float), after[:, clear].astype(float)
    bands = x.shape[0]
    weight = np.ones(x.shape[1])
    past = np.zeros(bands)
    squared = np.zeros(x.shape[1])
    for _ in range(IRMAD_STEPS):
        squared, correlation = _mad(x, y, weight)
        weight = chi2.sf(squared, bands)
        if np.abs(correlation - past).max() < IRMAD_TOLERANCE:
            break
        past = correlation
    return _placed(np.sqrt(squared), clear)


def _mad(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    bands = x.shape[0]
    total = max(weight.sum(), 1e-9)
    x = x - (x * weight).sum(axis=1, keepdims=True) / total
    y = y - (y * weight).sum(axis=1, keepdims=True) / total
    both = np.vstack([x, y])
    covariance = (both * weight) @ both.T / total + 1e-10 * np.eye(2 * bands)
    xx, yy, xy = covariance[:bands, :bands], covariance[bands:, bands:], covariance[:bands, bands:]
    squared, a = eigh(xy @ np.linalg.solve(yy, xy.T), xx)
    correlation = np.sqrt(np.clip(squared, 0.0, 1.0))
    b = np.linalg.solve(yy, xy.T) @ a
    b = b / np.maximum(np.sqrt(np.einsum("ij,ik,kj->j", b, yy, b)), 1e-12)
    variance = np.maximum(2.0 * (1.0 - correlation), 1e-6)
    return (((a.T @ x - b.T @ y) ** 2) / variance[:, None]).sum(axis=0), correlation


def celik(before: FloatArray, after: FloatArray, clear: BoolArray) -> FloatArray:
    """Principal components of blocks of the difference image, in two clusters (Celik 2009).

    Source: doi:10.1109/LGRS.2009.2025059.

    Returns:
        1 in the cluster of larger mean difference, 0 elsewhere, float32 (y, x).
    """
    difference = np.where(clear, np.abs(after - before).mean(axis=0), 0.0)
    half = CELIK_BLOCK // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(difference, half, mode="reflect"), (CELIK_BLOCK,) * 2)
    vectors = windows.reshape(*difference.shape, -1)[clear]
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    projected = centred @ axes[:, -CELIK_COMPONENTS:]
    level = difference[clear]
    changed = level > np.median(level)
    for _ in range(KMEANS_STEPS):
        low, high = projected[~changed].mean(axis=0), projected[changed].mean(axis=0)
        nearer = ((projected - high) ** 2).sum(axis=1) < ((projected - low) ** 2).sum(axis=1)
        if (nearer == changed).all() or nearer.all() or not nearer.any():
            break
        changed = nearer
    if level[changed].mean() < level[~changed].mean():
        changed = ~changed
    return _placed(changed.astype(float), clear)


def otsu_mask(magnitude: FloatArray, clear: BoolArray) -> BoolArray:
    """Pixels above Otsu's threshold (1979) of the clear ground's magnitude; none where it is flat."""
    there = magnitude[clear]
    if there.size == 0 or there.min() == there.max():
        return np.zeros_like(clear)
    # A few extreme pixels would stretch the histogram until all else falls into one of its classes.
    capped = np.minimum(there, np.quantile(there, 0.995))
    threshold = threshold_otsu(capped)
    return np.asarray(clear & (magnitude > threshold))


def _placed(numbers: npt.NDArray[np.float64], clear: BoolArray) -> FloatArray:
    image = np.zeros(clear.shape, np.float32)
    image[clear] = numbers
    return image


BASELINES: dict[str, Callable[[FloatArray, FloatArray, BoolArray], FloatArray]] = {
    "CVA": change_vector,
    "IR-MAD": irmad,
    "PCA k-means": celik,
}
