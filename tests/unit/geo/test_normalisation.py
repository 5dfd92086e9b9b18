from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.normalisation import gain_and_offset, line_to_reference
from geo.radiometry import to_reflectance


def normalise(image, valid, reference, reference_valid):
    gain, offset = line_to_reference(image, valid, reference, reference_valid)
    return np.float32(gain) * image + np.float32(offset)


@pytest.fixture
def ground(facility_rasters):
    """(reflectance (y, x), valid) of a real scene's green band."""
    _, raster = facility_rasters[1]
    return to_reflectance(raster)[1], raster.valid


@settings(max_examples=20, deadline=None)
@given(st.floats(0.6, 1.6), st.floats(-0.08, 0.08), st.floats(0, 0.4), st.sampled_from(["bright", "dark", "any"]))
def test_gain_and_offset_are_found_with_up_to_two_fifths_changed(gain, offset, changed, kind):
    rng = np.random.default_rng(0)
    reference = rng.normal(0.2, 0.03, 4000)
    scene = (reference - offset) / gain
    site = np.arange(4000) < changed * 4000
    scene[site] = {"bright": scene[site] + 0.1, "dark": scene[site] - 0.05, "any": rng.uniform(0, 0.5, site.sum())}[
        kind
    ]
    scene = np.round((scene + rng.normal(0, 0.002, 4000)) * 255) / 255

    found_gain, found_offset = gain_and_offset(scene, reference)

    stable = found_gain * scene[~site] + found_offset - reference[~site]
    assert abs(np.median(stable)) < 0.002
    assert found_gain == pytest.approx(gain, rel=0.1)


def test_a_scene_lies_on_the_reference_after_it(ground):
    reference, valid = ground
    hazy = 0.8 * reference + 0.05
    hazy[100:200, 50:200] += 0.2

    normalised = normalise(hazy, valid, reference, valid)

    stable = valid.copy()
    stable[95:205, 45:205] = False
    assert normalised.dtype == np.float32
    assert np.abs(normalised - reference)[stable].max() < 0.003
    assert np.isnan(normalised[~valid]).all()


def test_the_reference_itself_is_left_as_it_is(ground):
    reference, valid = ground

    np.testing.assert_allclose(normalise(reference, valid, reference, valid)[valid], reference[valid], atol=1e-6)


def test_l2a_and_l1c_agree_on_stable_ground(facility_rasters):
    """2018-10-11 (L1C, 8-bit rendering) and 2020-06-02 (L2A): nine tenths of the ground is the same."""
    (_, earlier), (_, later) = facility_rasters[-2:]
    blue = earlier.bands.index("B02")  # where the atmosphere makes most difference
    reference, scene = to_reflectance(earlier)[blue], to_reflectance(later)[blue]
    valid = earlier.valid & later.valid

    before = np.median(np.abs(scene - reference)[valid])
    after = np.median(np.abs(normalise(scene, valid, reference, valid) - reference)[valid])

    assert after < 0.2 * before


def test_too_little_ground_in_common_changes_nothing(ground):
    reference, valid = ground
    little = np.zeros_like(valid)
    little[100:110, 100:110] = True

    assert normalise(2 * reference, little, reference, valid) is not None
    np.testing.assert_array_equal(normalise(2 * reference, little, reference, valid), 2 * reference)
