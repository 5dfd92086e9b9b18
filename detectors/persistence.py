"""When each pixel changed for good: a fold over scenes that keeps what is needed and nothing else."""

from __future__ import annotations

import numpy as np

from detectors.evidence import Evidence, PersistenceParameters, evidence_of
from detectors.features import SceneFeatures
from detectors.pixel_history import NEVER, PixelHistory
from geo.scene import BoolArray


def fold(
    history: PixelHistory, scene: SceneFeatures, day: float, gsd_m: float, parameters: PersistenceParameters
) -> None:
    """Take in the next scene, acquired on a day."""
    index = len(history.hits)
    clear = scene.clear
    known = clear & (history.count > 0)
    hit = np.zeros_like(clear)
    if known.any():
        evidence = evidence_of(history, scene, known, day, gsd_m, parameters)
        hit = _update(history, index, known, evidence, scene.unbuilt, parameters)
    history.hits.append(hit)
    history.clear.append(clear)
    if not scene.infrared:
        history.seasons.keep(index, day, scene)
    history.remember(scene, clear & ~history.standing)
    share = np.where(
        clear & (history.last_clear != NEVER), np.float32(1.0 / parameters.memory), clear.astype(np.float32)
    )
    history.covered += share * (scene.unbuilt - history.covered)
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
    missed = known & ~differs & was
    history.onset[new] = index
    history.fading[new] = 0
    history.last_without[new] = history.last_clear[new]
    history.seen[new] = history.balance[new] = 0
    history.strength[new] = history.gain[new] = 0.0
    history.seen[hit] += 1
    history.balance[hit] = np.minimum(history.balance[hit] + 1, parameters.patience)
    history.balance[missed] -= 1
    history.strength[hit] += (evidence.strength[hit] - history.strength[hit]) / history.seen[hit]
    history.gain[hit] += (evidence.gain[hit] - history.gain[hit]) / history.seen[hit]
    fallen = missed & (history.balance <= 0) | _fade(history, index, known & was, hit, evidence, parameters)
    history.end(fallen)
    calm = known & ~history.standing
    history.unrest[calm] += np.minimum(evidence.structure[calm] ** 2, parameters.excursion_cap)
    history.unrest[fallen] += parameters.excursion_cap
    history.looks[calm] += 1
    return hit


def _fade(
    history: PixelHistory,
    index: int,
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
    left = np.where(over, history.fading, np.int16(0))
    for shown, clear in zip(reversed([*history.hits, hit]), reversed([*history.clear, stood]), strict=True):
        if not left.any():
            break
        shown[left > 0] = False
        left[clear & (left > 0)] -= 1
    return np.asarray(over)
