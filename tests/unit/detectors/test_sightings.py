import numpy as np

from detectors.bits import no_bits, packed, shares, unpacked
from detectors.pixel_history import PixelHistory
from detectors.sightings import sightings_of


def marks(*pixels, shape=(5, 7)):
    mask = np.zeros(shape, bool)
    mask.ravel()[list(pixels)] = True
    return mask


def test_masks_come_back_as_they_were():
    mask = np.random.default_rng(0).random((13, 9)) < 0.5
    assert (unpacked(packed(mask), mask.shape) == mask).all()


def test_shares_of_each_scene():
    bits = np.vstack([no_bits((5, 7)), packed(marks(0, 1, 30)), packed(marks(34))])
    assert shares(bits, np.array([0, 30, 34])).tolist() == [2 / 3, 1 / 3]
    assert shares(bits, np.array([], np.intp)).tolist() == [0.0, 0.0]


def test_a_scene_shows_what_had_begun_by_then_if_enough_of_it_is_clear():
    history = PixelHistory.empty(1, (5, 7))
    history.onset[marks(0, 1)] = 1
    history.onset[marks(2, 3)] = 3
    whole = marks(*range(35))
    history.clear = np.vstack([packed(one) for one in (whole, whole, marks(5), whole)])
    history.hits = np.vstack([packed(one) for one in (marks(), marks(0, 1), marks(0, 1), marks(0, 1))])
    sightings = sightings_of(history, marks(0, 1, 2, 3), shown_share=0.6, clear_share=0.5)
    assert sightings.clear.tolist() == [1.0, 1.0, 0.0, 1.0]
    assert sightings.enough.tolist() == [False, True, False, True]
    assert sightings.shown.tolist() == [False, True, False, False]
