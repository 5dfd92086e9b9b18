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
def derivatives(image: FloatArray, smooth: FloatArray, derive: FloatArray) -> ComplexArray:
    """Derivatives of the smoothed image (y, x), x + iy; mirrored at the edges, and exactly 0 where it is flat.

    Args:
        image: float32 (y, x).
        smooth: float32 (reach + 1,): weights of a pixel and of its neighbours on either side.
        derive: Likewise, of the differences between its neighbours.
    """
    rows, columns = image.shape
    smoothed, derived = _along_rows(image, smooth, derive)
    gradient = np.empty(image.shape, np.complex64)
    right, down = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for row in range(rows):
        for column in range(columns):
            right[column], down[column] = smooth[0] * derived[row, column], np.float32(0.0)
        for k in range(1, smooth.size):
            above, below = _mirrored(row - k, rows), _mirrored(row + k, rows)
            for column in range(columns):
                right[column] += smooth[k] * (derived[below, column] + derived[above, column])
                down[column] += derive[k] * (smoothed[below, column] - smoothed[above, column])
        for column in range(columns):
            gradient[row, column] = complex(right[column], down[column])
    return gradient


@compiled
def _along_rows(image: FloatArray, smooth: FloatArray, derive: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The image smoothed and derived along its rows."""
    rows, columns = image.shape
    reach = smooth.size - 1
    smoothed, derived = np.empty_like(image), np.empty_like(image)
    line = np.empty(columns + 2 * reach, np.float32)
    for row in range(rows):
        line[reach : reach + columns] = image[row]
        for k in range(reach):
            line[reach - 1 - k], line[reach + columns + k] = image[row, k], image[row, columns - 1 - k]
        even, odd = smoothed[row], derived[row]
        for column in range(columns):
            even[column], odd[column] = smooth[0] * line[reach + column], np.float32(0.0)
        for k in range(1, reach + 1):
            for column in range(columns):
                before, after = line[reach + column - k], line[reach + column + k]
                even[column] += smooth[k] * (after + before)
                odd[column] += derive[k] * (after - before)
    return smoothed, derived


@compiled
def _mirrored(index: int, size: int) -> int:
    return -index - 1 if index < 0 else 2 * size - index - 1 if index >= size else index


@compiled
def tapered(image: ComplexArray, taper: FloatArray, step: int) -> tuple[ComplexArray, BoolArray]:
    """Blocks of an image (y, x) every so many pixels, times a taper (block, block).

    Returns:
        (complex64 (number, block, block), row by row; bool (number,): whether there is anything in it).
    """
    size = len(taper)
    down, right = max((image.shape[0] - size) // step + 1, 0), max((image.shape[1] - size) // step + 1, 0)
    blocks = np.empty((down * right, size, size), np.complex64)
    filled = np.zeros(down * right, np.bool_)
    for number in range(down * right):
        top, left = number // right * step, number % right * step
        for row in range(size):
            line, target, weight = image[top + row, left : left + size], blocks[number, row], taper[row]
            total = np.float32(0.0)
            for k in range(size):
                target[k] = line[k] * weight[k]
                total += abs(target[k].real) + abs(target[k].imag)
            filled[number] |= total > 0
    return blocks, filled


@compiled
def whitened(first: ComplexArray, second: ComplexArray, usable: npt.NDArray[np.intp]) -> ComplexArray:
    """Cross spectrum of some blocks (number, y, x), a quarter of the way to phase correlation, of unit sum.

    Cross-correlation is blunt and phase correlation follows noise where ground is plain. One block, one vote: high
    contrast, as of a building site, mustn't count for more ground than it covers.
    """
    size = first.shape[1]
    cross = np.empty((usable.size, size, size), np.complex64)
    real, imaginary, root = (
        np.empty(size * size, np.float32),
        np.empty(size * size, np.float32),
        np.empty(size * size, np.float32),
    )
    for number in range(usable.size):
        before, after, target = first[usable[number]].ravel(), second[usable[number]].ravel(), cross[number].ravel()
        for k in range(real.size):
            a, b = before[k], after[k]
            real[k] = a.real * b.real + a.imag * b.imag
            imaginary[k] = a.real * b.imag - a.imag * b.real
        for k in range(real.size):
            power = real[k] * real[k] + imaginary[k] * imaginary[k]
            root[k] = np.sqrt(np.sqrt(np.sqrt(power if power > _TINY else _TINY)))
        total = np.float32(0.0)
        for k in range(real.size):
            total += root[k] * root[k] * root[k]
        for k in range(real.size):
            share = np.float32(1.0) / (root[k] * total)
            target[k] = complex(real[k] * share, imaginary[k] * share)
    return cross


@compiled
def refine(cross: ComplexArray) -> tuple[Array, Array]:
    """Sub-pixel peaks of every block's correlation, by Newton's method on its Fourier series.

    Returns:
        ((block, 2) displacement, NaN where there is no peak within two pixels; (block,) how sharp the peak is).
    """
    size = cross.shape[-1]
    k = 2 * np.pi * np.array([i if i < (size + 1) // 2 else i - size for i in range(size)]) / size
    real, imaginary = np.empty((size, size), np.float32), np.empty((size, size), np.float32)
    shifts = np.full((len(cross), 2), np.nan)
    sharpness = np.ones(len(cross))
    for block in range(len(cross)):
        for i in range(size):
            for j in range(size):
                real[j, i], imaginary[j, i] = cross[block, i, j].real, cross[block, i, j].imag
        y = x = 0.0
        is_top = False
        for _ in range(_NEWTON_STEPS):
            bend_yy, bend_yx, bend_xx, slope_y, slope_x = _moments(real, imaginary, k, y, x)
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
def _moments(
    real: FloatArray, imaginary: FloatArray, k: Array, y: float, x: float
) -> tuple[float, float, float, float, float]:
    """Second derivatives of a block's correlation at (y, x) by yy, yx and xx, first ones by y and x.

    Args:
        real: Of its cross spectrum, float32 (frequency along x, frequency along y), so that sums over x run side by
            side for all of y.
        imaginary: Likewise.
        k: Frequencies, radians per pixel.
        y: Where, pixels.
        x: Where, pixels.
    """
    size = k.size
    phase_x, phase_y = _phases(x, size), _phases(y, size)
    sums = np.zeros((6, size), np.float32)  # the spectrum times k to the power of 0, 1 and 2; real and imaginary part
    for j in range(size):
        cosine, sine = np.float32(phase_x[j].real), np.float32(phase_x[j].imag)
        once, twice = np.float32(k[j]), np.float32(k[j] * k[j])
        for i in range(size):
            a = real[j, i] * cosine - imaginary[j, i] * sine
            b = real[j, i] * sine + imaginary[j, i] * cosine
            sums[0, i] += a
            sums[1, i] += b
            sums[2, i] += once * a
            sums[3, i] += once * b
            sums[4, i] += twice * a
            sums[5, i] += twice * b
    bend_yy = bend_yx = bend_xx = slope_y = slope_x = 0.0
    for i in range(size):
        zeroth = phase_y[i] * complex(sums[0, i], sums[1, i])
        first = phase_y[i] * complex(sums[2, i], sums[3, i])
        second = phase_y[i] * complex(sums[4, i], sums[5, i])
        bend_yy -= k[i] * k[i] * zeroth.real
        bend_yx -= k[i] * first.real
        bend_xx -= second.real
        slope_y -= k[i] * zeroth.imag
        slope_x -= first.imag
    return bend_yy, bend_yx, bend_xx, slope_y, slope_x


@compiled
def _phases(shift: float, size: int) -> npt.NDArray[np.complex128]:
    """How a displacement turns each frequency of a spectrum, as powers of how it turns the first."""
    phases = np.empty(size, np.complex128)
    first = np.exp(2j * np.pi * shift / size)
    turned = complex(1.0, 0.0)
    for i in range((size + 1) // 2):
        phases[i] = turned
        if i:
            phases[size - i] = turned.conjugate()
        turned *= first
    if size % 2 == 0:
        phases[size // 2] = turned.conjugate()
    return phases
