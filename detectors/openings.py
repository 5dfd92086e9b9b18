"""Rings that were opened: a stretch of the outline went at once, and the rest stayed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.perimeter_parameters import OpeningParameters
from geo.scene import BoolArray, FloatArray


def opened_stretch(
    seen: FloatArray, lengths: npt.NDArray[np.float64], gsd_m: float, parameters: OpeningParameters
) -> BoolArray | None:
    """The first stretch of an outline to go: several scenes in a row show it, and hardly any later one does.

    Lines fade as soil settles, so that a stretch has to go from one clear scene to the next, and the rest of the
    outline has to be seen as before in the scenes around it; what becomes of it later doesn't matter.

    Args:
        seen: float32 (scene, piece), 0 to 1: how well each piece is seen, in order around the ring; NaN where not
            clear.
        lengths: float64 (piece,), pixels.
        gsd_m: Pixel size, metres.
        parameters: What an opening is.

    Returns:
        bool (piece,); None where nothing was opened.
    """
    many = parameters.scenes
    least_px = parameters.least_m / gsd_m
    gone = _gone(seen, parameters)
    for first in many + np.flatnonzero(gone[many : len(seen) - many + 1] @ lengths >= least_px):
        before, after = seen[:first], seen[first:]
        stood = _last(before, many) >= parameters.shown
        stretch = _longest_stretch(stood & gone[first], lengths)
        if lengths[stretch].sum() < max(least_px, parameters.least_share * lengths[stood].sum()):
            continue
        hidden = _means(after[:, stretch], lengths[stretch]) <= parameters.hidden
        stays = _stays(before[:, ~stretch], after[:, ~stretch], lengths[~stretch], parameters)
        if hidden[:many].all() and hidden.mean() >= parameters.least_hidden and stays:
            return stretch
    return None


def _gone(seen: FloatArray, parameters: OpeningParameters) -> BoolArray:
    """Pieces that the scenes from each on hardly show, bool (scene, piece)."""
    known = np.isfinite(seen)
    clear, total = (part[::-1].cumsum(axis=0)[::-1] for part in (known, np.where(known, seen, 0.0).astype(np.float64)))
    return np.asarray((total <= parameters.hidden * clear) & (clear >= parameters.scenes))


def _last(seen: FloatArray, many: int) -> FloatArray:
    """The least that the last clear scenes show of each piece, float32 (piece,); 0 where fewer are clear."""
    least = seen[-many:].min(axis=0)
    for piece in np.flatnonzero(np.isnan(least)):
        clear = seen[np.isfinite(seen[:, piece]), piece][-many:]
        least[piece] = clear.min() if len(clear) == many else 0.0
    return np.asarray(least)


def _stays(
    before: FloatArray, after: FloatArray, lengths: npt.NDArray[np.float64], parameters: OpeningParameters
) -> bool:
    """Whether the rest of an outline is seen in the next clear scenes about as well as in the last ones."""
    last, following = _means(before, lengths)[-parameters.scenes :], _means(after, lengths)[: parameters.scenes]
    if not len(last) or not len(following):
        return False
    return bool(following.mean() >= parameters.least_staying * last.mean())


def _longest_stretch(went: BoolArray, lengths: npt.NDArray[np.float64]) -> BoolArray:
    """The longest run of pieces in order around the ring, bool (piece,); none where all or none of them went."""
    longest = np.zeros(len(went), bool)
    if went.all() or not went.any():
        return longest
    start = int(np.flatnonzero(~went)[0])
    turned = np.roll(went, -start)  # begins with a piece that stayed: no run goes over the end
    edges = np.flatnonzero(np.diff(np.concatenate([[False], turned, [False]]).astype(np.int8)))
    runs = [(np.arange(one, end) + start) % len(went) for one, end in edges.reshape(-1, 2)]
    longest[max(runs, key=lambda run: float(lengths[run].sum()))] = True
    return longest


def _means(seen: FloatArray, lengths: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How well pieces are seen in each scene in which any of them is clear, float64 (clear scene,)."""
    weight = np.where(np.isfinite(seen), lengths, 0.0)
    known = weight.sum(axis=1)
    total = (np.nan_to_num(seen) * weight).sum(axis=1)
    return np.asarray(total[known > 0.0] / known[known > 0.0])
