from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from shapely import box

from geo.grid import grid_for
from geo.preparation import Preparation, PreparationParameters
from geo.scene import SceneRaster
from geo.sources.folder import FolderSource
from geo.stack import build_stack

EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def test_the_real_series_is_prepared_whole(facility_rasters, facility_grid):
    prepared = build_stack(facility_rasters, facility_grid)
    stack = prepared.stack

    assert prepared.left_out == ()
    assert stack.reflectance.shape == (13, 3, 301, 301)
    assert stack.reflectance.dtype == np.float32
    assert stack.bands == ("B02", "B03", "B04")
    assert stack.reference_index == 0
    assert stack.shift_m[0].tolist() == [0.0, 0.0]
    assert (np.hypot(*stack.shift_m.T) < 12).all()
    assert (stack.registration_quality > 0.6).all()
    np.testing.assert_array_equal(np.isnan(stack.reflectance).any(axis=1), ~stack.valid)
    np.testing.assert_allclose(stack.clear_fraction, stack.valid.mean(axis=(1, 2)))


def test_registration_takes_relief_out_of_differences(facility_rasters, facility_grid):
    """Two August scenes 0.9 pixels apart: what their shift leaves on the hills, which nobody touched, is halved."""
    stack = build_stack(facility_rasters[:5], facility_grid).stack
    unregistered = build_stack(facility_rasters[:5], facility_grid, PreparationParameters(resample_above_px=1e9)).stack
    hills = np.s_[20:95, 10:290]

    def noise(of):
        difference = of.band("B03")[4][hills] - of.band("B03")[3][hills]
        clear = of.valid[4][hills] & of.valid[3][hills]
        return difference[clear].std()

    assert np.hypot(*(stack.shift_m[4] - stack.shift_m[3])) == pytest.approx(9.0, abs=1.0)
    assert noise(stack) < 0.5 * noise(unregistered)


def test_the_sign_of_the_shift_is_where_the_ground_lies(facility_rasters, facility_grid):
    (first, raster), (second, _) = facility_rasters[1:3]
    moved = replace(raster, dn=np.roll(raster.dn, (1, 2), (1, 2)), valid=np.roll(raster.valid, (1, 2), (0, 1)))

    stack = build_stack([(first, raster), (second, moved)], facility_grid).stack

    np.testing.assert_allclose(stack.shift_m[1], [20.0, -10.0], atol=0.5)  # two columns east, one row south


@settings(max_examples=6, deadline=None)
@given(count=st.integers(2, 12), seed=st.integers(0, 100))
def test_later_scenes_never_change_earlier_ones(facility_rasters, facility_grid, count, seed):
    rasters = [facility_rasters[i] for i in np.random.default_rng(seed).permutation(13)]
    whole = build_stack(rasters, facility_grid).stack
    part = build_stack(sorted(rasters, key=lambda pair: pair[0].acquired_at)[:count], facility_grid).stack

    assert part.scenes == whole.scenes[:count]
    np.testing.assert_array_equal(part.reflectance, whole.reflectance[:count])
    np.testing.assert_array_equal(part.valid, whole.valid[:count])
    np.testing.assert_array_equal(part.shift_m, whole.shift_m[:count])
    np.testing.assert_array_equal(part.registration_quality, whole.registration_quality[:count])


def hidden(raster: SceneRaster, rows: int) -> SceneRaster:
    """The raster with its upper rows not valid."""
    valid = raster.valid.copy()
    valid[:rows] = False
    return replace(raster, valid=valid)


def test_a_scene_with_too_little_clear_ground_says_how_much(facility_rasters, facility_grid):
    scene, raster = facility_rasters[3]

    prepared = build_stack([*facility_rasters[:3], (scene, hidden(raster, 250))], facility_grid)

    assert len(prepared.stack) == 3
    (left_out,) = prepared.left_out
    assert left_out.item_id == scene.item_id
    assert left_out.acquired_at == scene.acquired_at
    assert left_out.reason == "12 % of the area clear, at least 50 % needed"


def test_the_reference_is_the_first_clear_scene(facility_rasters, facility_grid):
    (scene, raster), *others = facility_rasters[:4]

    prepared = build_stack([(scene, hidden(raster, 250)), *others], facility_grid)

    assert prepared.stack.scenes[0] == others[0][0]
    assert [left_out.item_id for left_out in prepared.left_out] == [scene.item_id]


def test_one_scene_is_a_stack_of_one_and_none_is_none(facility_rasters, facility_grid):
    assert len(build_stack(facility_rasters[:1], facility_grid).stack) == 1
    assert build_stack([], facility_grid).stack is None
    scene, raster = facility_rasters[0]
    empty = build_stack([(scene, hidden(raster, 301))], facility_grid)
    assert empty.stack is None
    assert empty.left_out[0].reason.startswith("0 % of the area clear")


def all_cloud(raster: SceneRaster, seed: int, level: float) -> SceneRaster:
    """A sky of smooth cloud, brighter than any ground, that no mask knows of."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, raster.valid.shape), 6)
    sky = level + 0.1 * noise / noise.std()
    return replace(raster, dn=np.repeat(sky[None].astype(np.float32), 3, axis=0), scale=(1.0,) * 3)


@pytest.mark.parametrize("level", [0.3, 0.7])
def test_a_cloud_that_no_mask_knows_never_becomes_the_reference(facility_rasters, facility_grid, level):
    """Bright cloud is white cover; grey cloud isn't, but no other scene can be registered to it."""
    (scene, raster), *others = facility_rasters[:5]

    prepared = build_stack([(scene, all_cloud(raster, 0, level)), *others], facility_grid)

    assert prepared.stack.scenes == tuple(other for other, _ in others)
    assert [left_out.item_id for left_out in prepared.left_out] == [scene.item_id]


def test_a_cloud_in_the_series_is_left_out_by_name(facility_rasters, facility_grid):
    (first, second, (scene, raster)) = facility_rasters[:3]

    prepared = build_stack([first, second, (scene, all_cloud(raster, 0, 0.3))], facility_grid)

    assert len(prepared.stack) == 2
    (left_out,) = prepared.left_out
    assert left_out.item_id == scene.item_id
    assert f"can't be registered to the reference {first[0].item_id}" in left_out.reason


def test_scenes_that_match_nothing_leave_one_and_say_so(facility_rasters, facility_grid):
    rasters = [(scene, all_cloud(raster, k, 0.25)) for k, (scene, raster) in enumerate(facility_rasters[:8])]

    prepared = build_stack(rasters, facility_grid)

    assert len(prepared.stack) == 1
    assert len(prepared.left_out) == 7
    assert {left_out.reason for left_out in prepared.left_out} == {"no other scene can be registered to it"}


def test_one_acquisition_counts_once_and_the_newest_processing_is_used(facility_rasters, facility_grid):
    (first, raster), (second, other) = facility_rasters[:2]
    old = replace(second, item_id="old", processing_baseline="02.05")
    new = replace(
        second, item_id="new", processing_baseline="05.00", acquired_at=second.acquired_at + timedelta(seconds=9)
    )
    clouded = replace(new, item_id="clouded", processing_baseline="05.10")

    rasters = [(first, raster), (old, other), (new, other), (clouded, hidden(other, 250))]
    prepared = build_stack(rasters, facility_grid)

    assert [scene.item_id for scene in prepared.stack.scenes] == [first.item_id, "new"]
    assert {left_out.item_id: left_out.reason for left_out in prepared.left_out} == {
        "old": "same acquisition as new, which is used in its place",
        "clouded": "same acquisition as new, which is used in its place",
    }


def test_other_sensors_of_the_same_hour_count(facility_rasters, facility_grid):
    (first, raster), (second, other) = facility_rasters[:2]
    twin = replace(second, item_id="twin", collection="another-sensor")

    assert len(build_stack([(first, raster), (second, other), (twin, other)], facility_grid).stack) == 3


def test_numbers_that_are_no_reflectance_say_so(facility_rasters, facility_grid):
    first, second, (scene, raster) = facility_rasters[:3]

    prepared = build_stack([first, second, (scene, replace(raster, scale=(1.0, 1.0, 1.0)))], facility_grid)

    assert len(prepared.stack) == 2
    assert "set the scale of its bands" in prepared.left_out[0].reason


def test_a_band_that_a_scene_lacks_is_nan_and_costs_no_ground(dabancheng, facility_area, facility_grid):
    source = FolderSource(dabancheng)
    scenes = source.search(facility_area, *EVER).scenes
    rasters = [(scene, source.read(scene, ("B04", "B11"), facility_grid)) for scene in (scenes[0], scenes[-1])]

    stack = build_stack(rasters, facility_grid).stack

    assert stack.bands == ("B04", "B11")
    assert np.isnan(stack.band("B11")[0]).all()
    assert stack.valid[0].mean() > 0.85
    assert np.isfinite(stack.band("B11")[1][stack.valid[1]]).all()


def test_one_panchromatic_band_is_enough(facility_rasters, facility_grid):
    rasters = [
        (scene, replace(raster, dn=raster.dn[:1], scale=raster.scale[:1], offset=raster.offset[:1], bands=("PAN",)))
        for scene, raster in facility_rasters[:4]
    ]

    stack = build_stack(rasters, facility_grid).stack

    assert stack.bands == ("PAN",)
    assert (stack.registration_quality > 0.6).all()


def test_a_forest_of_140_dates_is_sorted_by_its_classification(shared_data):
    """Clouds on most dates, two seasons, another CRS than the grid's: what is kept is clear and registered."""
    source = FolderSource(shared_data / "romania")
    scenes = source.search(box(-180, -80, 180, 84), *EVER).scenes
    grid = grid_for(scenes[0].scene_footprint.buffer(-0.0006))
    rasters = [(scene, source.read(scene, ("B02", "B03", "B04", "B08"), grid)) for scene in scenes]

    prepared = build_stack(rasters, grid)

    assert len(prepared.stack) + len(prepared.left_out) == 140
    assert len(prepared.stack) > 70
    assert (prepared.stack.clear_fraction >= 0.5).all()
    brightest = np.nanmedian(prepared.stack.band("B02"), axis=(1, 2)).max()
    assert brightest < 0.1, "forest is dark in blue; cloud and snow are not"


def test_a_scene_made_once_more_is_what_it_was(facility_rasters, facility_grid):
    preparation = Preparation(facility_grid)
    ordered = sorted(facility_rasters, key=lambda pair: pair[0].acquired_at)
    scenes = [one for pair in ordered for one in preparation.add(*pair)] + preparation.finish()
    rasters = {scene.item_id: raster for scene, raster in ordered}
    assert len(scenes) > 2
    for one in scenes:
        again = preparation.again(one.scene, rasters[one.scene.item_id], one.bands)
        np.testing.assert_array_equal(again.reflectance, one.reflectance)
        np.testing.assert_array_equal(again.valid, one.valid)
        part = preparation.again(one.scene, rasters[one.scene.item_id], one.bands[:1])
        np.testing.assert_array_equal(part.pick(one.bands[:1]), one.pick(one.bands[:1]))
