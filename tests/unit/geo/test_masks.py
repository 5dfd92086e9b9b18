from __future__ import annotations

import numpy as np
import pytest

from geo import masks


def sky(**patches):
    """A 60 by 60 classification of bare ground (5) with square patches: name to (class, row, column, side)."""
    classification = np.full((60, 60), 5, np.uint8)
    for kind, row, column, side in patches.values():
        classification[row : row + side, column : column + side] = kind
    return classification


@pytest.mark.parametrize("kind", [0, 1, 3, 10, 11])
def test_what_hides_the_ground_is_masked_with_a_rim(kind):
    clear = masks.clear_classes(sky(patch=(kind, 10, 20, 4)), gsd_m=10.0)

    hidden = np.zeros((60, 60), bool)
    hidden[9:15, 19:25] = True
    np.testing.assert_array_equal(~clear, hidden)


@pytest.mark.parametrize("kind", masks.CLEAR_CLASSES)
def test_ground_of_every_class_is_clear(kind):
    assert masks.clear_classes(sky(patch=(kind, 10, 20, 4)), gsd_m=10.0).all()


def test_a_sky_with_specks_of_cloud_alone_is_clear_and_with_a_cloud_it_is_not():
    roof = (8, 10, 10, 10)

    assert masks.clear_classes(sky(roof=roof), gsd_m=10.0).all()
    cloudy = masks.clear_classes(sky(roof=roof, cloud=(9, 30, 30, 25)), gsd_m=10.0)
    assert not cloudy[10:20, 10:20].any()
    assert not cloudy[30:55, 30:55].any()
    assert not masks.clear_classes(sky(roof=roof), gsd_m=30.0).all(), "the same pixels, nine times the ground"


def test_snow_by_its_index_but_not_roofs_nor_water():
    bands = ("B03", "B08", "B11")
    snow, roof, water = (0.7, 0.65, 0.1), (0.5, 0.5, 0.45), (0.15, 0.02, 0.01)
    reflectance = np.array([snow, roof, water], np.float32).T[:, None, :]

    assert masks.snow(reflectance, bands).tolist() == [[True, False, False]]
    assert not masks.snow(reflectance[:2], bands[:2]).any()


def test_white_is_without_colour():
    pixels = {"snow": (0.6, 0.61, 0.6), "roof": (0.5, 0.48, 0.45), "brick": (0.1, 0.15, 0.4), "none": (np.nan,) * 3}
    visible = np.array(list(pixels.values()), np.float32).T[:, None, :]

    assert masks.white(visible).tolist() == [[True, True, False, False]]


def everywhere(rng, share):
    """White pixels scattered over a 300 by 300 area."""
    return rng.random((300, 300)) < share


def test_white_that_comes_everywhere_is_cover_and_in_one_place_is_ground():
    rng = np.random.default_rng(0)
    before = rng.uniform(0.15, 0.25, (300, 300)).astype(np.float32)
    snowed, built = before.copy(), before.copy()
    snow = everywhere(rng, 0.02)
    snowed[snow] += 0.2
    built[100:180, 100:180] += 0.2
    colourless = np.ones((300, 300), bool)

    cover = masks.white_cover(snowed, colourless, before, gsd_m=10.0)

    assert cover[snow].all()
    assert not masks.white_cover(built, colourless, before, gsd_m=10.0).any()
    assert not masks.white_cover(snowed, ~colourless, before, gsd_m=10.0).any()
    assert not masks.white_cover(snowed, colourless, snowed, gsd_m=10.0).any(), "what was white before is ground"


def test_a_first_scene_under_cloud_is_cover_and_one_of_dark_ground_is_not():
    rng = np.random.default_rng(0)
    colourless = np.ones((300, 300), bool)
    cloud = rng.uniform(0.5, 0.8, (300, 300)).astype(np.float32)
    ground = rng.uniform(0.1, 0.3, (300, 300)).astype(np.float32)

    assert masks.white_cover(cloud, colourless, None, gsd_m=10.0).all()
    assert not masks.white_cover(ground, colourless, None, gsd_m=10.0).any()


def test_real_snow_on_the_hills_is_masked_and_no_other_scene_is(facility_rasters, facility_grid):
    from geo.stack import build_stack

    stack = build_stack(facility_rasters, facility_grid).stack
    inside = facility_rasters[0][1].valid
    lost = {scene.item_id: 1 - valid[inside].mean() for scene, valid in zip(stack.scenes, stack.valid, strict=True)}

    snowy = lost.pop("S2_L1C_2018-03-22")
    assert 0.03 < snowy < 0.2
    assert max(lost.values()) < 0.02
