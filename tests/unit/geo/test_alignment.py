from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.alignment import Displacement, align


@settings(max_examples=25, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3))
def test_aligning_takes_a_shift_back(rows, columns):
    y, x = np.mgrid[:60, :70]
    image = (0.3 + 0.1 * np.sin(x / 5) * np.cos(y / 6))[None].astype(np.float32)
    moved = (0.3 + 0.1 * np.sin((x - columns) / 5) * np.cos((y - rows) / 6))[None].astype(np.float32)
    valid = np.ones((60, 70), bool)

    back, clear = align(moved, valid, Displacement((rows, columns), np.zeros((2, 2)), 1.0, 0.0))

    assert clear[4:-4, 4:-4].all()
    assert np.abs(back - image)[:, 8:-8, 8:-8].max() < 1e-3
    assert np.isnan(back[:, ~clear]).all()


def test_a_masked_pixel_spreads_to_all_that_is_made_from_it():
    valid = np.ones((40, 40), bool)
    valid[20, 20] = False
    image = np.where(valid, 0.2, np.nan)[None].astype(np.float32)

    moved, clear = align(image, valid, Displacement((0.5, 0.0), np.zeros((2, 2)), 1.0, 0.0))

    assert np.argwhere(~clear[2:-2, 2:-2]).tolist() == [[17, 18], [18, 18]]
    np.testing.assert_allclose(moved[0][clear], 0.2, atol=1e-6)
