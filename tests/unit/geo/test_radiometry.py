from __future__ import annotations

import numpy as np
import pytest

from geo.errors import SceneUnusableError
from geo.radiometry import sentinel2_offset, to_reflectance
from geo.scene import SceneRaster


def raster(dn, scale, offset, valid):
    return SceneRaster(np.asarray(dn), scale, offset, np.asarray(valid), None, ("B04", "B03")[: len(scale)])


def test_scale_and_offset_are_applied_once_per_band():
    dn = np.array([[[1000, 2000]], [[1000, 11000]]], np.uint16)

    reflectance = to_reflectance(raster(dn, (1e-4, 1e-4), (0.0, -0.1), [[True, True]]))

    assert reflectance.dtype == np.float32
    np.testing.assert_allclose(reflectance, [[[0.1, 0.2]], [[0.0, 1.0]]], atol=1e-6)


def test_what_is_not_valid_is_nan():
    reflectance = to_reflectance(raster(np.ones((2, 1, 2), np.uint8), (1.0, 1.0), (0.0, 0.0), [[True, False]]))

    assert np.isnan(reflectance).tolist() == [[[False, True]], [[False, True]]]


@pytest.mark.parametrize(
    ("baseline", "applied", "expected"),
    [
        (None, None, 0.0),
        ("02.08", None, 0.0),
        ("03.01", False, 0.0),
        ("04.00", False, -0.1),
        ("05.09", False, -0.1),
        ("N0510", True, 0.0),
        ("10.00", False, -0.1),
    ],
)
def test_offset_follows_the_metadata(baseline, applied, expected):
    assert sentinel2_offset(baseline, applied) == pytest.approx(expected)


@pytest.mark.parametrize("baseline", ["04.00", "05.00", "new"])
def test_an_offset_that_nothing_decides_is_refused(baseline):
    with pytest.raises(SceneUnusableError, match=baseline):
        sentinel2_offset(baseline, None)
