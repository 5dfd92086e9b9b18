"""The inner loops of co-registration: see `geo.registration`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

_NEWTON_STEPS = 5
_SETTLED = 1e-5
_TINY = np.finfo(np.float32).tiny

ComplexArray = npt.NDArray[np.complex64]
Array = npt.NDArray[np.float64]


@compiled
def eroded(mask: BoolArray, times: int) -> BoolArray:
    """A mask without the pixels that have a neighbour outside of it, so many times; beyond the edge is outside."""
    rows, columns = mask.shape
    for _ in range(times):
        inner = np.zeros(mask.shape, np.bool_)
        for row in range(1, rows - 1):
            above, line, below = mask[row - 1], mask[row], mask[row + 1]
            for k in range(1, columns - 1):
                inner[row, k] = above[k] & below[k] & line[k] & line[k - 1] & line[k + 1]
        mask = inner
    return mask


@compiled
def cap(gradient: ComplexArray, inside: BoolArray) -> None:
    """Makes a gradient (y, x) 0 outside, and nowhere longer than three times its median."""
    strength = np.empty(gradient.shape, np.float32)
    held = np.empty(gradient.size, np.float32)
    count = 0
    for row in range(gradient.shape[0]):
        for column in range(gradient.shape[1]):
            if not inside[row, column]:
                gradient[row, column] = 0
            here = gradient[row, column]
            strength[row, column] = np.sqrt(here.real * here.real + here.imag * here.imag)
            if inside[row, column]:
                held[count] = strength[row, column]
                count += 1
    if count:
        longest = np.float32(3 * np.partition(held[:count], count // 2)[count // 2])
        for row in range(gradient.shape[0]):
            for column in range(gradient.shape[1]):
                if strength[row, column] > longest:
                    gradient[row, column] *= longest / strength[row, column]


@compiled
def derivatives(image: FloatArray, smooth: FloatArray, derive: FloatArray) -> ComplexArray:
    """Derivatives of the smoothed image (y, x), x + iy; mirrored at the edges, and exactly 0 where it is flat.

    Args:
        image: float32 (y, x).
        smooth: float32 (reach + 1,): weights of a pixel and of its neighbours on either side.
        derive: Likewise, of the differences between its neighbours.
    """
    rows, columns = image.shape
    smoothed, derived = np.empty_like(image), np.empty_like(image)
    for row in range(rows):
        line = image[row]
        for column in range(columns):
            even, odd = smooth[0] * line[column], np.float32(0.0)
            for k in range(1, smooth.size):
                before, after = line[_mirrored(column - k, columns)], line[_mirrored(column + k, columns)]
                even += smooth[k] * (after + before)
                odd += derive[k] * (after - before)
            smoothed[row, column], derived[row, column] = even, odd
    gradient = np.empty(image.shape, np.complex64)
    for row in range(rows):
        right, down = smooth[0] * derived[row], np.zeros(columns, np.float32)
        for k in range(1, smooth.size):
            above, below = _mirrored(row - k, rows), _mirrored(row + k, rows)
            right += smooth[k] * (derived[below] + derived[above])
            down += derive[k] * (smoothed[below] - smoothed[above])
        for column in range(columns):
            gradient[row, column] = complex(right[column], down[column])
    return gradient


@compiled
def _mirrored(index: int, size: int) -> int:
    return -index - 1 if index < 0 else 2 * size - index - 1 if index >= size else index


@compiled
def whitened(first: ComplexArray, second: ComplexArray) -> ComplexArray:
    """Cross spectrum of every block (block, frequency), a quarter of the way to phase correlation, of unit sum.

    Cross-correlation is blunt and phase correlation follows noise where ground is plain. One block, one vote: high
    contrast, as of a building site, mustn't count for more ground than it covers.
    """
    cross = np.empty_like(first)
    for block in range(len(first)):
        total = np.float32(0.0)
        for k in range(first.shape[1]):
            a, b = first[block, k], second[block, k]
            real = a.real * b.real + a.imag * b.imag
            imaginary = a.real * b.imag - a.imag * b.real
            root = np.sqrt(np.sqrt(np.sqrt(max(real * real + imaginary * imaginary, _TINY))))
            cross[block, k] = complex(real / root, imaginary / root)
            total += root * root * root
        cross[block] /= total
    return cross


@compiled
def refine(cross: ComplexArray) -> tuple[Array, Array]:
    """Sub-pixel peaks of every block's correlation, by Newton's method on its Fourier series.

    Returns:
        ((block, 2) displacement, NaN where there is no peak within two pixels; (block,) how sharp the peak is).
    """
    size = cross.shape[-1]
    k = 2 * np.pi * np.array([i if i < (size + 1) // 2 else i - size for i in range(size)]) / size
    shifts = np.full((len(cross), 2), np.nan)
    sharpness = np.ones(len(cross))
    for block in range(len(cross)):
        y = x = 0.0
        is_top = False
        for _ in range(_NEWTON_STEPS):
            bend_yy, bend_yx, bend_xx, slope_y, slope_x = _moments(cross[block], k, y, x)
            determinant = bend_yy * bend_xx - bend_yx * bend_yx
            is_top = bend_yy < 0 and determinant > 0
            if not is_top:
                break
            step_y = -(bend_xx * slope_y - bend_yx * slope_x) / determinant
            step_x = -(bend_yy * slope_x - bend_yx * slope_y) / determinant
            y += min(max(step_y, -0.5), 0.5)
            x += min(max(step_x, -0.5), 0.5)
            sharpness[block] = np.sqrt(determinant)
            if max(abs(step_y), abs(step_x)) < _SETTLED:
                break
        if is_top and max(abs(y), abs(x)) <= 2:
            shifts[block] = y, x
    return shifts, sharpness


@compiled
def _moments(cross: ComplexArray, k: Array, y: float, x: float) -> tuple[float, float, float, float, float]:
    """Second derivatives of a block's correlation at (y, x) by yy, yx and xx, first ones by y and x."""
    phase_x = np.exp(1j * x * k).astype(np.complex64)
    once, twice = k.astype(np.float32), (k * k).astype(np.float32)
    bend_yy = bend_yx = bend_xx = slope_y = slope_x = 0.0
    for i in range(k.size):
        zeroth = first = second = np.complex64(0.0)
        for j in range(k.size):
            turned = cross[i, j] * phase_x[j]
            zeroth += turned
            first += once[j] * turned
            second += twice[j] * turned
        phase = np.exp(1j * y * k[i])
        bend_yy -= k[i] * k[i] * (phase * zeroth).real
        bend_yx -= k[i] * (phase * first).real
        bend_xx -= (phase * second).real
        slope_y -= k[i] * (phase * zeroth).imag
        slope_x -= (phase * first).imag
    return bend_yy, bend_yx, bend_xx, slope_y, slope_x
