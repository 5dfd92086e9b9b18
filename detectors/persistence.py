"""When each pixel changed for good: a fold over scenes that keeps what is needed and nothing else."""

from __future__ import annotations

import numpy as np

from detectors.bits import packed, unpacked
from detectors.evidence import Evidence, PersistenceParameters, evidence_of
from detectors.features import SceneFeatures
from detectors.pixel_history import NEVER, PixelHistory
from detectors.settled import MEMORY
from detectors.stages import StageParameters, watch
from geo.scene import BoolArray


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
    was = history.standing
    differs = known & (evidence.structure >= parameters.low) & ~unbuilt & ~evidence.recurs
    new = differs & ~was & (evidence.greening < parameters.greening)
    hit = new | (differs & was)
    new |= _risen(history, hit & was, evidence, parameters)
    missed = known & ~differs & was
    history.onset[new] = index
    history.fading[new] = 0
    history.last_without[new] = history.last_clear[new]
    history.seen[new] = history.balance[new] = 0
    history.strength[new] = history.structure[new] = history.gain[new] = 0.0
    shown = np.nonzero(hit)
    history.seen[shown] += 1
    history.balance[shown] = np.minimum(history.balance[shown] + 1, parameters.patience)
    history.balance -= missed
    history.strength[shown] += (evidence.strength[shown] - history.strength[shown]) / history.seen[shown]
    history.structure[shown] += (evidence.structure[shown] - history.structure[shown]) / history.seen[shown]
    history.gain[shown] += (evidence.gain[shown] - history.gain[shown]) / history.seen[shown]
    fallen = missed & (history.balance <= 0) | _fade(history, known & was, hit, evidence, parameters)
    history.end(fallen)
    calm = known & ~history.standing
    excursion = np.minimum(evidence.structure**2, parameters.excursion_cap)
    np.add(history.unrest, excursion, out=history.unrest, where=calm)
    history.unrest[fallen] += parameters.excursion_cap
    history.looks += calm
    return hit


def _risen(history: PixelHistory, hit: BoolArray, evidence: Evidence, parameters: PersistenceParameters) -> BoolArray:
    """Changes that were too weak to belong to a site and now do: they begin now, not with some earlier unrest."""
    return np.asarray(hit & (history.structure < parameters.member) & (evidence.structure >= parameters.member))


def _fade(
    history: PixelHistory,
    stood: BoolArray,
    hit: BoolArray,
    evidence: Evidence,
    parameters: PersistenceParameters,
) -> BoolArray:
    """Which standing changes have faded for so long that they are over; the scenes since then show none."""
    faded = stood & (evidence.strength < parameters.faded * history.strength)
    history.fading[stood & ~faded] = 0
    history.fading[faded] += 1
    over = faded & (history.fading >= parameters.fading_scenes)
    if over.any():
        _unshow(history, over, hit)
    return np.asarray(over)


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
