"""When each pixel changed for good: a fold over scenes that keeps what is needed and nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.bits import packed, unpacked
from detectors.evidence import Evidence, PersistenceParameters, evidence_of
from detectors.features import SceneFeatures
from detectors.pixel_history import NEVER, PixelHistory
from detectors.settled import MEMORY
from detectors.stages import StageParameters, watch
from geo.compiled import compiled
from geo.scene import BoolArray, FloatArray

Counts = npt.NDArray[np.int16]


def fold(
    history: PixelHistory,
    scene: SceneFeatures,
    day: float,
    gsd_m: float,
    parameters: PersistenceParameters,
    stages: StageParameters,
) -> None:
    """Take in the next scene, acquired on a day."""
    index = len(history.hits)
    clear = scene.clear
    known = clear & (history.count > 0)
    hit = np.zeros_like(clear)
    if known.any():
        evidence = evidence_of(history, scene, known, day, gsd_m, parameters)
        hit = _update(history, index, known, evidence, scene.unbuilt, parameters)
    history.hits = np.vstack([history.hits, packed(hit)])
    history.clear = np.vstack([history.clear, packed(clear)])
    if not scene.infrared:
        history.seasons.keep(index, day, scene)
    history.remember(scene, clear & ~history.standing)
    share = np.where(clear & (history.last_clear != NEVER), np.float32(1.0 / MEMORY), clear.astype(np.float32))
    history.covered += share * (scene.unbuilt - history.covered)
    watch(history, scene, index, gsd_m, stages)
    history.last_clear[clear] = index


def _update(
    history: PixelHistory,
    index: int,
    known: BoolArray,
    evidence: Evidence,
    unbuilt: BoolArray,
    parameters: PersistenceParameters,
) -> BoolArray:
    """Begin, carry on and end changes; returns which pixels show one."""
    hit, fallen, over = np.zeros_like(known), np.zeros_like(known), np.zeros_like(known)
    _carry_on(
        known & ~unbuilt & ~evidence.recurs & (evidence.structure >= parameters.low),
        known,
        (evidence.strength, evidence.structure, evidence.gain, evidence.greening),
        (history.strength, history.structure, history.gain, history.unrest, history.looks),
        (history.onset, history.last_without, history.last_clear, history.seen, history.balance, history.fading),
        index,
        (parameters.member, parameters.greening, parameters.faded, parameters.excursion_cap),
        (parameters.patience, parameters.fading_scenes),
        (hit, fallen, over),
    )
    if over.any():
        _unshow(history, over, hit)
    history.end(fallen)
    return hit


@compiled
def _carry_on(
    differs: BoolArray,
    known: BoolArray,
    evidence: tuple[FloatArray, ...],
    means: tuple[FloatArray, ...],
    counts: tuple[Counts, ...],
    index: int,
    levels: tuple[float, ...],
    scenes: tuple[int, int],
    told: tuple[BoolArray, BoolArray, BoolArray],
) -> None:
    """One scene's evidence into each known pixel's change; attributes of the tuples as `_update` names them.

    A change that was too weak to belong to a site and now does begins now, not with some earlier unrest. One that
    falls or has faded for so long that it is over isn't ended here but told.
    """
    strength, structure, gain, greening = evidence
    mean_strength, mean_structure, mean_gain, unrest, looks = means
    onset, last_without, last_clear, seen, balance, fading = counts
    member, greened, faded, excursion = (
        np.float32(levels[0]), np.float32(levels[1]), np.float32(levels[2]), np.float32(levels[3])
    )  # fmt: skip
    hit, fallen, over = told
    for row in range(known.shape[0]):
        for x in range(known.shape[1]):
            if not known[row, x]:
                continue
            now = structure[row, x]
            was = onset[row, x] != NEVER
            shows = differs[row, x] and (was or greening[row, x] < greened)
            if shows and (not was or mean_structure[row, x] < member <= now):
                onset[row, x], last_without[row, x] = index, last_clear[row, x]
                seen[row, x] = balance[row, x] = fading[row, x] = 0
                mean_strength[row, x] = mean_structure[row, x] = mean_gain[row, x] = np.float32(0.0)
            if shows:
                seen[row, x] += 1
                looked = np.float32(seen[row, x])
                balance[row, x] = min(balance[row, x] + 1, scenes[0])
                mean_strength[row, x] += (strength[row, x] - mean_strength[row, x]) / looked
                mean_structure[row, x] += (now - mean_structure[row, x]) / looked
                mean_gain[row, x] += (gain[row, x] - mean_gain[row, x]) / looked
            elif was:
                balance[row, x] -= 1
                fallen[row, x] = balance[row, x] <= 0
            if was:
                fading[row, x] = fading[row, x] + 1 if strength[row, x] < faded * mean_strength[row, x] else 0
                over[row, x] = fading[row, x] >= scenes[1]
                fallen[row, x] |= over[row, x]
            hit[row, x] = shows
            if fallen[row, x] or not (was or shows):
                unrest[row, x] += min(now * now, excursion)
                looks[row, x] += np.float32(1.0)
            if fallen[row, x]:
                unrest[row, x] += excursion


def _unshow(history: PixelHistory, over: BoolArray, hit: BoolArray) -> None:
    """No scene since a change began to fade shows it any more."""
    left = np.where(over, history.fading - 1, 0)
    hit[over] = False
    for index in range(len(history.hits) - 1, -1, -1):
        if not (left > 0).any():
            break
        shown, clear = (unpacked(bits[index], over.shape) for bits in (history.hits, history.clear))
        history.hits[index] = packed(shown & (left <= 0))
        left -= clear & (left > 0)
