"""Line strength: how far a place is seen as part of a line in each direction, whichever the line's sign.

It is kept in bytes. A search goes through whole images of it in sixteen directions many times over, and what that costs
is mostly the memory that passes through the processor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from detectors.lines import VOTE, Votes
from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

#: uint8 (orientation, y, x): share of agreeing votes, in 1/254.
Strength = npt.NDArray[np.uint8]
FULL = 2.0 * VOTE

_OLD_VOTE = 256  # an average over many scenes is kept in 1/256 of a vote


def pooled_strength(votes: Sequence[Votes], clear: Sequence[BoolArray]) -> Strength:
    """Line strength of several scenes together.

    Votes are averaged with their sign over the scenes that are clear at a place: a wall stays, while shadow, season and
    cloud rims move.

    Args:
        votes: int8 (orientation, y, x) of each scene.
        clear: bool (y, x) of each.
    """
    strength = np.empty(votes[0].shape, np.uint8)
    if len(votes) == 1:
        _of_votes(votes[0], clear[0], strength)
        return strength
    number = np.sum(clear, axis=0, dtype=np.int16)
    share = np.float32(FULL / VOTE) / np.maximum(number, 1).astype(np.float32)
    total = np.empty(number.shape, np.int16)
    for k, out in enumerate(strength):  # direction by direction: the total stays in the processor's cache
        total[:] = 0
        for one, known in zip(votes, clear, strict=True):
            _add_votes(one[k], known, total)
        _as_strength(total, share, out)
    return strength


def averaged_strength(mean: npt.NDArray[np.int16]) -> Strength:
    """Line strength of an average of votes (orientation, y, x) in 1/256, as `add_to_mean` keeps it."""
    per_unit = round(_OLD_VOTE * VOTE / FULL)
    return np.asarray((np.abs(mean) + per_unit // 2) // per_unit, np.uint8)


@compiled
def add_to_mean(votes: Votes, clear: BoolArray, number: npt.NDArray[np.int16], mean: npt.NDArray[np.int16]) -> None:
    """Moves a mean (orientation, y, x), in 1/256 of a vote, towards clear pixels' votes, one of a number (y, x)."""
    count, rows, columns = votes.shape
    share = np.zeros((rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            if clear[y, x]:
                share[y, x] = np.float32(1.0) / np.float32(number[y, x])
    for k in range(count):
        for y in range(rows):
            for x in range(columns):
                old = np.float32(mean[k, y, x])
                mean[k, y, x] = np.int16(np.rint(old + (np.float32(_OLD_VOTE) * votes[k, y, x] - old) * share[y, x]))


def widened(strength: Strength) -> Strength:
    """Greatest of each place's neighbours within a pixel and an orientation step: room for misregistration."""
    around = np.empty_like(strength)
    for k, wide in enumerate(around):
        turned = np.maximum(strength[k - 1], strength[(k + 1) % len(strength)])
        np.maximum(turned, strength[k], out=turned)
        tall = turned.copy()
        np.maximum(tall[1:], turned[:-1], out=tall[1:])
        np.maximum(tall[:-1], turned[1:], out=tall[:-1])
        wide[:] = tall
        np.maximum(wide[:, 1:], tall[:, :-1], out=wide[:, 1:])
        np.maximum(wide[:, :-1], tall[:, 1:], out=wide[:, :-1])
    return around


def beside(strength: Strength) -> Strength:
    """Strength that a line reaches within one pixel across its direction: what a side drawn there may claim.

    A line that runs a pixel beside a side holds it nearly as well, by nine tenths. Reading it once per pixel replaces
    three readings for each of the many sides that a search tries.
    """
    count, rows, columns = strength.shape
    widest = strength.copy()
    for index, (own, wide) in enumerate(zip(strength, widest, strict=True)):
        angle = index * np.pi / count
        dx, dy = round(-np.sin(angle)), round(np.cos(angle))
        here = (slice(max(0, -dy), rows - max(0, dy)), slice(max(0, -dx), columns - max(0, dx)))
        there = (slice(max(0, dy), rows + min(0, dy)), slice(max(0, dx), columns + min(0, dx)))
        less = own - own // 10
        for one, other in ((here, there), (there, here)):
            np.maximum(wide[one], less[other], out=wide[one])
    return widest


def gained(now: Strength, before: Strength, clear: BoolArray) -> tuple[Strength, npt.NDArray[np.uint8]]:
    """By how much lines exceed those before at each clear pixel, and the greatest of it over the orientations (y, x).

    Args:
        now: Line strength.
        before: What counts as having been there; see `widened`.
        clear: bool (y, x).
    """
    gain, strongest = np.empty_like(now), np.zeros(clear.shape, np.uint8)
    for here, then, more in zip(now, before, gain, strict=True):
        np.maximum(here, then, out=more)
        np.subtract(more, then, out=more)
        np.multiply(more, clear, out=more)
        np.maximum(strongest, more, out=strongest)
    return gain, strongest


@compiled
def _of_votes(votes: Votes, clear: BoolArray, out: Strength) -> None:
    count, rows, columns = votes.shape
    for k in range(count):
        for y in range(rows):
            for x in range(columns):
                out[k, y, x] = np.uint8(2 * abs(votes[k, y, x])) if clear[y, x] else np.uint8(0)


@compiled
def _add_votes(votes: Votes, clear: BoolArray, total: npt.NDArray[np.int16]) -> None:
    """Adds the votes of clear pixels to a total; all (y, x)."""
    rows, columns = total.shape
    for y in range(rows):
        for x in range(columns):
            total[y, x] += votes[y, x] * clear[y, x]


@compiled
def _as_strength(total: npt.NDArray[np.int16], share: FloatArray, out: npt.NDArray[np.uint8]) -> None:
    """Sums of votes without their sign, times the share of one of them, as whole numbers; all (y, x)."""
    rows, columns = total.shape
    for y in range(rows):
        for x in range(columns):
            out[y, x] = np.uint8(np.float32(abs(total[y, x])) * share[y, x] + np.float32(0.5))
