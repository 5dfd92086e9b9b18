"""Straight segments in oriented line strength, each as long as it is seen, those that are seen furthest first.

An endless line is told by all that lies on it, so that short sides lose to long roads; a segment is told by itself.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from detectors.line_strength import FULL, Strength
from detectors.side_support import Points
from geo.compiled import compiled

_GAP = 2.5  # pixels of surplus that may be lost again within a segment: a gate, a crossing
_NEAR_TURNS = 2  # orientation steps within which a segment beside another is the same line seen twice
_LEAST_OWN = 0.5  # of what a segment shows, that no other has taken
_STRAIGHT = math.cos(math.radians(15.0))  # what a refined segment may turn

Numbers = npt.NDArray[np.int64]


def straight_segments(
    strength: Strength, support: tuple[float, float], chance: float, least_px: float, most: int
) -> tuple[Points, Points]:
    """Stretches of straight lines that show more than chance gives, each pixel counted for one of them.

    In every direction of the filters the stretches of greatest sum along each row of pixels are taken (Bentley 1984,
    Communications of the ACM 27(9)), the greatest first, and laid on their pixels by total least squares.

    Args:
        strength: uint8 (orientation, y, x).
        support: Strengths, 0 to 1, at which a line begins to be seen and is fully seen.
        chance: Share of a line that may seem seen by chance.
        least_px: Seen pixels beyond chance that a segment has at least.
        most: Segments at most.

    Returns:
        Starts and ends, float64 (segment, 2): x and y in pixel coordinates, 0 at the centre of the first pixel.
    """
    limits = FULL * support[0], FULL * support[1], chance
    worth, layer, ends = _stretches(strength, *limits, least_px, _GAP)
    order = np.argsort(-worth, kind="stable")
    chosen = np.empty((most, 4))
    count = _apart(strength, *limits, least_px, worth, layer, ends, order, chosen)
    return chosen[:count, :2], chosen[:count, 2:]


@compiled
def _seen(strength: float, weakest: float, full: float) -> float:
    return min(max((strength - weakest) / (full - weakest), 0.0), 1.0)


@compiled
def _stretches(
    strength: Strength, weakest: float, full: float, chance: float, least: float, gap: float
) -> tuple[Points, Numbers, Points]:
    """Sum of every stretch, pixels, its direction, and its ends (x, y, x, y)."""
    count = len(strength)
    # An empty list has no type for numba; a comprehension over nothing has.
    found = [(0.0, 0, 0.0, 0.0, 0.0, 0.0) for _ in range(0)]
    for layer in range(count):
        cos, sin = math.cos(math.pi * layer / count), math.sin(math.pi * layer / count)
        flat = abs(cos) >= abs(sin)  # a pixel of each column is read, or of each row
        image = strength[layer] if flat else strength[layer].T
        slope, step = (sin / cos, 1.0 / abs(cos)) if flat else (cos / sin, 1.0 / abs(sin))
        width, length = image.shape
        worth = np.empty(length)
        of_strength = np.array([step * (_seen(float(value), weakest, full) - chance) for value in range(256)])
        across = np.array([int(np.rint(slope * along)) for along in range(length)])
        reach = slope * (length - 1)
        begin, end = math.floor(min(0.0, -reach)), math.ceil(width - 1 + max(0.0, -reach)) + 1
        most = _greatest_sums(strength[layer], of_strength, across, flat, begin, end)
        for offset in range(begin, end):
            if most[offset - begin] < least:
                continue
            for along in range(length):
                row = offset + across[along]
                worth[along] = of_strength[image[row, along]] if 0 <= row < width else of_strength[0]
            for total, first, last in _runs(worth, least, gap):
                one, other = offset + slope * first, offset + slope * last
                if flat:
                    found.append((total, layer, float(first), one, float(last), other))
                else:
                    found.append((total, layer, one, float(first), other, float(last)))
    sums, layers, ends = np.empty(len(found)), np.empty(len(found), np.int64), np.empty((len(found), 4))
    for index, (total, layer, x0, y0, x1, y1) in enumerate(found):
        sums[index], layers[index] = total, layer
        ends[index, 0], ends[index, 1], ends[index, 2], ends[index, 3] = x0, y0, x1, y1
    return sums, layers, ends


@compiled
def _greatest_sums(
    image: npt.NDArray[np.uint8], of_strength: Points, across: Numbers, flat: bool, begin: int, end: int
) -> Points:
    """All that speaks for a line at each offset: few have enough of it for a stretch."""
    rows, columns = image.shape
    most = np.zeros(end - begin)
    for y in range(rows):
        for x in range(columns):
            worth = of_strength[image[y, x]]
            if worth > 0.0:
                most[(y - across[x] if flat else x - across[y]) - begin] += worth
    return most


@compiled
def _runs(worth: Points, least: float, gap: float) -> list[tuple[float, int, int]]:
    """Sum, first and last place of runs with a large sum, none of which loses more than a gap within."""
    found = [(0.0, 0, 0) for _ in range(0)]
    total = greatest = 0.0
    first = last = 0
    for place in range(len(worth) + 1):
        ended = place == len(worth)
        if not ended:
            if total == 0.0:
                if worth[place] <= 0.0:
                    continue
                first = place
            total += worth[place]
            if total > greatest:
                greatest, last = total, place
        if ended or total <= 0.0 or total < greatest - gap:
            if greatest >= least:
                found.append((greatest, first, last))
            total = greatest = 0.0
    return found


@compiled
def _apart(
    strength: Strength,
    weakest: float,
    full: float,
    chance: float,
    least: float,
    worth: Points,
    layers: Numbers,
    ends: Points,
    order: Numbers,
    chosen: Points,
) -> int:
    """Takes stretches in an order, less what those before have taken; fills in their ends and returns their number."""
    count, rows, columns = strength.shape
    taken_by = np.full((rows, columns), -1, np.int64)  # direction of the segment that has taken a pixel
    found = 0
    for index in order:
        if found == len(chosen):
            break
        layer, (x0, y0, x1, y1) = layers[index], ends[index]
        length = math.hypot(x1 - x0, y1 - y0)
        steps = max(2, math.ceil(length))
        left = 0.0
        for number in range(steps):
            share = (number + 0.5) / steps
            x, y = int(np.rint(x0 + share * (x1 - x0))), int(np.rint(y0 + share * (y1 - y0)))
            if 0 <= x < columns and 0 <= y < rows:
                turn = abs(taken_by[y, x] - layer)
                taken = taken_by[y, x] >= 0 and min(turn, count - turn) <= _NEAR_TURNS
                seen = 0.0 if taken else _seen(strength[layer, y, x], weakest, full)
                left += (seen - chance) * length / steps
        if left < max(least, _LEAST_OWN * worth[index]):
            continue
        laid = _laid(strength, weakest, full, layer, x0, y0, x1, y1)
        for corner in range(4):
            chosen[found, corner] = laid[corner]
        found += 1
        x0, y0, x1, y1 = laid
        right, down = (y0 - y1) / max(length, 1e-9), (x1 - x0) / max(length, 1e-9)
        for number in range(steps + 1):
            share = number / steps
            for beside in (-1, 0, 1):
                x = int(np.rint(x0 + share * (x1 - x0) + beside * right))
                y = int(np.rint(y0 + share * (y1 - y0) + beside * down))
                if 0 <= x < columns and 0 <= y < rows:
                    taken_by[y, x] = layer
    return found


@compiled
def _laid(
    strength: Strength, weakest: float, full: float, layer: int, x0: float, y0: float, x1: float, y1: float
) -> tuple[float, float, float, float]:
    """A segment laid on what is seen within two pixels of it."""
    count, rows, columns = strength.shape
    length = max(math.hypot(x1 - x0, y1 - y0), 1e-9)
    cos, sin = (x1 - x0) / length, (y1 - y0) / length
    steps = max(2, math.ceil(length))
    total = sum_x = sum_y = sum_xx = sum_xy = sum_yy = 0.0
    for number in range(steps + 1):
        for beside in (-2, -1, 0, 1, 2):
            x = int(np.rint(x0 + number / steps * (x1 - x0) - beside * sin))
            y = int(np.rint(y0 + number / steps * (y1 - y0) + beside * cos))
            if 0 <= x < columns and 0 <= y < rows:
                strongest = max(strength[layer - 1, y, x], strength[layer, y, x], strength[(layer + 1) % count, y, x])
                weight = _seen(strongest, weakest, full) ** 2
                total += weight
                sum_x += weight * (x - x0)
                sum_y += weight * (y - y0)
                sum_xx += weight * (x - x0) ** 2
                sum_xy += weight * (x - x0) * (y - y0)
                sum_yy += weight * (y - y0) ** 2
    if total == 0.0:
        return x0, y0, x1, y1
    dx, dy = sum_x / total, sum_y / total
    angle = 0.5 * math.atan2(2.0 * (sum_xy / total - dx * dy), sum_xx / total - dx**2 - sum_yy / total + dy**2)
    along_x, along_y = math.cos(angle), math.sin(angle)
    if along_x * cos + along_y * sin < 0.0:
        along_x, along_y = -along_x, -along_y
    if along_x * cos + along_y * sin < _STRAIGHT:
        along_x, along_y = cos, sin
    back = -dx * along_x - dy * along_y  # from the middle of what is seen to the foot of the start
    ahead = back + length
    middle_x, middle_y = x0 + dx, y0 + dy
    return (
        middle_x + back * along_x,
        middle_y + back * along_y,
        middle_x + ahead * along_x,
        middle_y + ahead * along_y,
    )
