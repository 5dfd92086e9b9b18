"""When a change begins, of one pixel after the other."""

import numpy as np
import pytest

from detectors.evidence import Evidence, PersistenceParameters
from detectors.persistence import _update
from detectors.pixel_history import NEVER, PixelHistory

SHAPE = (2, 2)
PARAMETERS = PersistenceParameters()
LITTLE, MUCH = (PARAMETERS.low + PARAMETERS.member) / 2, 3 * PARAMETERS.member
NOTHING = np.zeros(SHAPE, bool)


def followed(*structures):
    """Onset after scenes in which all ground has changed by so much."""
    history = PixelHistory.empty(1, SHAPE)
    history.count[:] = 4
    for index, structure in enumerate(structures):
        flat, none = np.full(SHAPE, structure, np.float32), np.zeros(SHAPE, np.float32)
        _update(history, index, ~NOTHING, Evidence(flat, flat, none, none, NOTHING), NOTHING, PARAMETERS)
        history.last_clear[:] = index
    assert (history.onset == history.onset[0, 0]).all()
    return int(history.onset[0, 0]), int(history.last_without[0, 0])


@pytest.mark.parametrize(
    ("structures", "onset"),
    [
        ((1.0, 1.0, MUCH, MUCH), (2, 1)),
        ((1.0, LITTLE, LITTLE, MUCH), (3, 2)),
        ((1.0, MUCH, LITTLE, MUCH), (1, 0)),
        ((1.0, LITTLE, LITTLE, LITTLE), (1, 0)),
    ],
    ids=["at once", "unrest before", "weaker in between", "never much"],
)
def test_a_change_begins_when_it_is_enough_to_belong_to_a_site(structures, onset):
    assert followed(*structures) == onset


def test_what_comes_back_is_none():
    assert followed(1.0, MUCH, 1.0)[0] == NEVER
