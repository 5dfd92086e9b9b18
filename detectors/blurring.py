"""Gaussian means of images, the most of what a scene costs, in single precision."""

from __future__ import annotations

from functools import cache

import numpy as np

from geo.compiled import compiled
from geo.scene import FloatArray

# Standard deviations at which a Gaussian is cut off.
TRUNCATE = 3.0

# Weight below which the ground around a pixel isn't known at all.
LEAST_WEIGHT = 1e-3


def gaussian(image: FloatArray, sigma: float) -> FloatArray:
    """Gaussian mean of an image, float32 (y, x); the image is mirrored at its edges.

    The same as `scipy.ndimage.gaussian_filter` with `truncate=3`, in single precision.
    """
    blurred: FloatArray = np.empty(image.shape, np.float32)
    _blur(np.ascontiguousarray(image, np.float32), taps(sigma), blurred)
    return blurred


@cache
def taps(sigma: float) -> FloatArray:
    """One half of a normalised Gaussian, from its middle outwards, float32 (an odd number: two are read at a time)."""
    reach = int(TRUNCATE * sigma + 0.5)
    distance = np.arange(reach + 1)
    bell = np.exp(-0.5 * (distance / sigma) ** 2) if sigma > 0 else np.ones(1)
    return np.append(bell / (2.0 * bell.sum() - bell[0]), [0.0] * (reach % 2)).astype(np.float32)


@compiled
def _mirrored(index: int, size: int) -> int:
    """Where an index beyond the edge of an image is read."""
    while index < 0 or index >= size:
        index = -1 - index if index < 0 else 2 * size - 1 - index
    return index


@compiled
def _blur_row(image: FloatArray, row: int, bell: FloatArray, buffer: FloatArray, into: FloatArray) -> None:
    """One row of a blurred image: down the columns into a buffer with room for the mirrored ends, then along it."""
    rows, columns = image.shape
    reach = bell.size - 1
    middle = buffer[reach : reach + columns]
    here = image[row]
    for x in range(columns):
        middle[x] = bell[0] * here[x]
    for step in range(1, bell.size, 2):
        near, far = bell[step], bell[step + 1]
        above, below = image[_mirrored(row - step, rows)], image[_mirrored(row + step, rows)]
        higher, lower = image[_mirrored(row - step - 1, rows)], image[_mirrored(row + step + 1, rows)]
        for x in range(columns):
            middle[x] += near * (above[x] + below[x]) + far * (higher[x] + lower[x])
    for x in range(reach):
        buffer[reach - 1 - x] = middle[_mirrored(-1 - x, columns)]
        buffer[reach + columns + x] = middle[_mirrored(columns + x, columns)]
    for x in range(columns):
        into[x] = bell[0] * middle[x]
    for step in range(1, bell.size, 2):
        near, far = bell[step], bell[step + 1]
        left, right = buffer[reach - step :], buffer[reach + step :]
        further_left, further_right = buffer[reach - step - 1 :], buffer[reach + step + 1 :]
        for x in range(columns):
            into[x] += near * (left[x] + right[x]) + far * (further_left[x] + further_right[x])


@compiled
def _blur(image: FloatArray, bell: FloatArray, blurred: FloatArray) -> None:
    buffer = np.empty(image.shape[1] + 2 * bell.size, np.float32)
    for row in range(image.shape[0]):
        _blur_row(image, row, bell, buffer, blurred[row])


@compiled
def weighted_means(images: FloatArray, weight: FloatArray, bell: FloatArray, means: FloatArray) -> None:
    """Weighted Gaussian mean of images (band, y, x) (normalised convolution: Knutsson and Westin 1993).

    Args:
        images: float32 (band, y, x).
        weight: float32 (y, x), at least 0.
        bell: As `taps` gives them.
        means: float32 (band, y, x), where the result goes.
    """
    bands, rows, columns = images.shape
    total = np.empty((rows, columns), np.float32)
    _blur(weight, bell, total)
    for row in range(rows):
        for x in range(columns):
            total[row, x] = np.float32(1.0) / max(total[row, x], np.float32(LEAST_WEIGHT))
    product = np.empty((rows, columns), np.float32)
    for band in range(bands):
        for row in range(rows):
            for x in range(columns):
                product[row, x] = images[band, row, x] * weight[row, x]
        _blur(product, bell, means[band])
        for row in range(rows):
            for x in range(columns):
                means[band, row, x] *= total[row, x]


@compiled
def local_spread(images: FloatArray, weight: FloatArray, bell: FloatArray, spread: FloatArray) -> None:
    """Weighted local standard deviation, mean over bands; arguments as of `weighted_means`, spread (y, x).

    `images` is 0 where `weight` is, which is 0 or 1.
    """
    bands, rows, columns = images.shape
    total = np.empty((rows, columns), np.float32)
    _blur(weight, bell, total)
    for row in range(rows):
        for x in range(columns):
            total[row, x] = np.float32(1.0) / max(total[row, x], np.float32(LEAST_WEIGHT))
            spread[row, x] = 0.0
    squares = np.empty((rows, columns), np.float32)
    buffer = np.empty(columns + 2 * bell.size, np.float32)
    mean = np.empty(columns, np.float32)
    square = np.empty(columns, np.float32)
    share = np.float32(1.0) / np.float32(max(bands, 1))
    for band in range(bands):
        image = images[band]
        for row in range(rows):
            for x in range(columns):
                squares[row, x] = image[row, x] * image[row, x]
        for row in range(rows):
            _blur_row(image, row, bell, buffer, mean)
            _blur_row(squares, row, bell, buffer, square)
            for x in range(columns):
                at = mean[x] * total[row, x]
                spread[row, x] += share * np.sqrt(max(square[x] * total[row, x] - at * at, np.float32(0.0)))
