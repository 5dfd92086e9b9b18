"""The perimeter detector on drawn rings, on look-alikes and on the real series of Dabancheng and Romania."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from shapely.geometry import Point, box

from detectors.base import ChangeType, Verdict, assess, follow
from detectors.perimeter import Perimeter
from flows.plain import Packer, Unpacker
from geo.grid import Grid, grid_for, to_crs, to_wgs84, utm_zone
from geo.scene import ImageStack, Scene
from geo.sources.folder import FolderSource
from geo.stack import build_stack

EMBEDDED = Path(__file__).parents[3] / "flows" / "data"
SHARED = Path(__file__).parents[4] / "shared" / "data"
TRUTH = Path(__file__).parents[2] / "data" / "dabancheng_perimeters.geojson"
START = datetime(2020, 3, 1, tzinfo=UTC)
SIZE = 140


def a_stack(images, valid=None, days=30):
    """A stack of made-up scenes of one band, float (time, y, x)."""
    images = np.asarray(images, np.float32)
    valid = np.ones(images.shape, bool) if valid is None else valid
    grid = Grid("EPSG:32645", Affine(10, 0, 600_000, 0, -10, 4_800_000), images.shape[1:], 10.0)
    scenes = tuple(
        Scene(f"scene-{i:02d}", "made-up", START + timedelta(days=days * i), grid.extent, 10.0, ("PAN",))
        for i in range(len(images))
    )
    return ImageStack(
        reflectance=np.where(valid, images, np.nan)[:, None].astype(np.float32),
        valid=valid,
        bands=("PAN",),
        scenes=scenes,
        grid=grid,
        shift_m=np.zeros((len(images), 2)),
        registration_quality=np.ones(len(images)),
        clear_fraction=valid.mean(axis=(1, 2)),
    )


def ground(times, seed=0, noise=0.002):
    """Rough ground that stays, under noise that doesn't."""
    random = np.random.default_rng(seed)
    rough = random.normal(0.0, 0.007, (SIZE, SIZE))
    rough = (rough + np.roll(rough, 1, 0) + np.roll(rough, 1, 1)) / 3
    return 0.2 + rough + random.normal(0.0, noise, (times, SIZE, SIZE))


def wall(image, rows, columns, contrast=0.05):
    """A one-pixel track along a rectangle, and the shadow inside it."""
    for line in (rows[0], rows[1]):
        image[line, columns[0] : columns[1] + 1] += contrast
    for line in (columns[0], columns[1]):
        image[rows[0] : rows[1] + 1, line] += contrast
    return image


def rectangle(rows, columns):
    """The centre line of `wall` on the ground."""
    left, right = (600_005 + 10 * column for column in columns)
    top, bottom = (4_799_995 - 10 * row for row in rows)
    return box(left, bottom, right, top)


def iou(one, other):
    return one.intersection(other).area / one.union(other).area


ROWS, COLUMNS = (45, 85), (40, 100)


@pytest.fixture(scope="module")
def walled():
    images = ground(8)
    for image in images[4:]:
        wall(image, ROWS, COLUMNS)
    return a_stack(images)


def test_finds_an_empty_ring_with_its_outline_onset_and_sides(walled):
    assessment = assess(Perimeter(), walled)
    assert assessment.verdict is Verdict.CHANGED
    (finding,) = assessment.findings
    assert finding.kind is ChangeType.PERIMETER_ADDED
    assert iou(finding.geometry, rectangle(ROWS, COLUMNS)) > 0.93
    assert finding.area_m2 == pytest.approx(600 * 400, rel=0.08)
    assert finding.length_m == pytest.approx(2000, rel=0.05)
    assert (finding.last_without - START).days == 90
    assert (finding.first_with - START).days == 120
    assert finding.seen_in == ("scene-04", "scene-05", "scene-06", "scene-07")
    assert sum(side.geometry.length for side in finding.sides) == pytest.approx(finding.length_m)
    assert min(side.strength for side in finding.sides) > 0.7


@pytest.mark.parametrize(("top", "found"), [(12, 1), (6, 0)])
def test_a_ring_near_the_edge_may_go_on_beyond_and_is_left_out(top, found):
    images = ground(8)
    for image in images[4:]:
        wall(image, (top, top + 40), COLUMNS)
    assert len(assess(Perimeter(), a_stack(images)).findings) == found


def test_pixels_that_are_finer_than_a_wall_with_its_track_are_averaged():
    def laid(images, gsd_m):
        grid = Grid("EPSG:32645", Affine(gsd_m, 0, 600_000, 0, -gsd_m, 4_800_000), images.shape[1:], gsd_m)
        stack = a_stack(images)
        return replace(stack, grid=grid, scenes=tuple(replace(scene, gsd_m=gsd_m) for scene in stack.scenes))

    images = np.tile(ground(6), (1, 2, 2))
    for image in images[3:]:
        wall(image, (90, 190), (80, 200))
    (coarse,) = assess(Perimeter(), laid(images, 2.5)).findings
    (fine,) = assess(Perimeter(), laid(np.kron(images, np.ones((1, 5, 5))), 0.5)).findings
    assert iou(fine.geometry, box(600_201.25, 4_799_523.75, 600_501.25, 4_799_773.75)) > 0.93
    assert iou(fine.geometry, coarse.geometry) > 0.99
    assert fine.seen_in == coarse.seen_in


def test_one_newest_scene_is_enough_for_a_first_sighting(walled):
    (finding,) = assess(Perimeter(), walled.take(slice(5))).findings
    assert finding.seen_in == ("scene-04",)


def test_an_assessment_depends_on_its_scenes_and_the_ones_before_alone(walled):
    followed = list(follow(Perimeter(), walled))
    for last in (3, 4, 6):
        assert assess(Perimeter(), walled.take(slice(last + 1))) == followed[last]


def test_swapping_dates_swaps_added_and_removed(walled):
    backwards = a_stack(walled.reflectance[::-1, 0], days=75)
    (finding,) = assess(Perimeter(), backwards).findings
    assert finding.kind is ChangeType.PERIMETER_REMOVED
    assert iou(finding.geometry, rectangle(ROWS, COLUMNS)) > 0.9
    assert finding.seen_in == ("scene-04", "scene-05", "scene-06", "scene-07")


def test_an_extension_is_one_and_not_a_new_ring():
    images = ground(12)
    for image in images[3:]:
        wall(image, ROWS, (20, 60))
    for image in images[8:]:
        wall(image, ROWS, (60, 110))
    added, extended = assess(Perimeter(), a_stack(images)).findings
    assert (added.kind, extended.kind) == (ChangeType.PERIMETER_ADDED, ChangeType.PERIMETER_EXTENDED)
    assert iou(added.geometry, rectangle(ROWS, (20, 60))) > 0.9
    assert iou(extended.geometry, rectangle(ROWS, (20, 110))) > 0.9
    assert (extended.first_with - START).days == 240


def test_a_ring_that_goes_is_removed_and_told_when():
    images = ground(10)
    for image in images[3:7]:
        wall(image, ROWS, COLUMNS)
    added, removed = assess(Perimeter(), a_stack(images)).findings
    assert added.kind is ChangeType.PERIMETER_ADDED
    assert (added.gone_at - START).days == 210
    assert removed.kind is ChangeType.PERIMETER_REMOVED
    assert removed.seen_in == ("scene-07", "scene-08", "scene-09")


def test_a_ring_that_is_opened_is_told_with_what_is_left_of_it():
    images = ground(12)
    for image in images[3:]:
        wall(image, ROWS, COLUMNS)
    for image in images[8:]:
        image[ROWS[0] + 1 : ROWS[1], COLUMNS[1]] -= 0.05
    followed = list(follow(Perimeter(), a_stack(images)))
    assert [len(each.findings) for each in followed[8:]] == [1, 1, 2, 2]  # three scenes show that it is open
    added, opened = followed[-1].findings
    assert (added.kind, opened.kind) == (ChangeType.PERIMETER_ADDED, ChangeType.PERIMETER_REMOVED)
    assert (added.gone_at - START).days == (opened.first_with - START).days == 240
    assert iou(opened.geometry, rectangle(ROWS, COLUMNS)) > 0.9
    assert sorted(side.strength > 0.8 for side in opened.sides) == [False, True, True, True]
    assert min(side.strength for side in added.sides) > 0.8  # while it stood


def test_a_ring_that_is_hidden_for_a_while_has_not_gone():
    images = ground(16)
    for image in (*images[3:8], *images[10:]):
        wall(image, ROWS, COLUMNS)
    followed = list(follow(Perimeter(), a_stack(images)))
    assert ChangeType.PERIMETER_REMOVED in {finding.kind for finding in followed[9].findings}
    (finding,) = followed[15].findings
    assert finding.kind is ChangeType.PERIMETER_ADDED
    assert finding.gone_at is None
    assert len(finding.seen_in) == 11


def test_what_no_scene_before_shows_is_not_assessable(walled):
    valid = np.ones(walled.valid.shape, bool)
    valid[0, 10:] = False
    assessment = assess(Perimeter(), a_stack(walled.reflectance[:, 0], valid).take([0, 5]))
    assert assessment.verdict is Verdict.NOT_ASSESSABLE
    assert "before" in assessment.reason


def test_gone_on_with_after_any_scene_it_tells_the_same(walled):
    whole = list(follow(Perimeter(), walled))
    follower = Perimeter().start(walled.grid)
    for scene, expected in zip(walled, whole, strict=True):
        resumed, packer = Perimeter().start(walled.grid), Packer()
        packed = packer.pack(follower.state)
        resumed.state = Unpacker(packer.arrays).unpack(packed)
        resumed.add(scene)
        assert resumed.assess() == expected
        follower = resumed


def fields(times):
    """Fields whose brightness changes: steps, no lines."""
    images = ground(times)
    for image in images[times // 2 :]:
        image[40:70, 30:60] += 0.08
        image[40:70, 60:100] -= 0.05
        image[70:100, 30:80] += 0.04
    return images


def parallel_roads(times):
    images = ground(times)
    for image in images[times // 2 :]:
        image[40] += 0.05
        image[90] += 0.05
    return images


@pytest.mark.parametrize("look_alike", [ground, fields, parallel_roads])
def test_look_alikes_are_no_perimeter(look_alike):
    assessment = assess(Perimeter(), a_stack(look_alike(8)))
    assert assessment.findings == ()
    assert assessment.verdict is Verdict.UNCHANGED


def test_cloud_over_the_newest_scene_is_not_assessable_and_keeps_what_is_known(walled):
    valid = np.ones(walled.valid.shape, bool)
    valid[7, :100] = False
    assessment = assess(Perimeter(), a_stack(walled.reflectance[:, 0], valid))
    assert assessment.verdict is Verdict.NOT_ASSESSABLE
    assert "clear" in assessment.reason
    assert len(assessment.findings) == 1


def test_clutter_that_would_hide_a_wall_is_not_assessable():
    images = 0.2 + np.random.default_rng(1).normal(0.0, 0.1, (4, SIZE, SIZE))
    assessment = assess(Perimeter(), a_stack(images))
    assert assessment.verdict is Verdict.NOT_ASSESSABLE
    assert "contrast" in assessment.reason


@pytest.mark.parametrize(("differing", "verdict"), [(0.25, Verdict.UNCHANGED), (0.35, Verdict.NOT_ASSESSABLE)])
def test_where_lines_differ_all_over_a_wall_stands_out_up_to_a_point(differing, verdict):
    follower = Perimeter().start(a_stack(ground(4)).grid)
    for scene in a_stack(ground(4)):
        follower.add(scene)
    assert follower.assess().verdict is Verdict.UNCHANGED
    follower.state.differing = differing
    assert follower.assess().verdict is verdict


def test_how_far_lines_differ_all_over_is_told_of_the_newest_scene():
    images = ground(6)
    images[4] += np.kron(np.random.default_rng(2).normal(0.0, 0.05, (SIZE // 4, SIZE // 4)), np.ones((4, 4)))
    follower = Perimeter().start(a_stack(images).grid)
    differing = []
    for scene in a_stack(images):
        follower.add(scene)
        differing.append(follower.state.differing)
    limits = follower.watch.parameters
    assert differing[4] > limits.most_change > max(differing[3], differing[5])


def test_clutter_that_stays_hides_no_wall():
    rough = np.random.default_rng(1).normal(0.0, 0.1, (SIZE, SIZE))
    images = rough + ground(8)
    for image in images[4:]:
        wall(image, ROWS, COLUMNS)
    assessment = assess(Perimeter(), a_stack(images))
    (finding,) = assessment.findings
    assert assessment.verdict is Verdict.CHANGED
    assert iou(finding.geometry, rectangle(ROWS, COLUMNS)) > 0.93
    assert finding.seen_in == ("scene-04", "scene-05", "scene-06", "scene-07")


def test_a_wall_that_stood_from_the_start_is_not_new_after_two_scenes_of_one_pass():
    rough = np.random.default_rng(1).normal(0.0, 0.1, (SIZE, SIZE))
    stack = a_stack([wall(image, ROWS, COLUMNS, contrast=0.11) for image in rough + ground(8)])
    begun = stack.scenes[0].acquired_at
    days = (0, 0.01, 30, 60, 90, 120, 150, 180)
    dated = (
        replace(scene, acquired_at=begun + timedelta(days=day)) for scene, day in zip(stack.scenes, days, strict=True)
    )
    followed = list(follow(Perimeter(), replace(stack, scenes=tuple(dated))))
    assert len(followed) == 8
    assert all(assessment.findings == () for assessment in followed)


def test_ground_that_has_changed_for_good_shows_a_wall_again():
    images = ground(14)
    images[4:] += np.random.default_rng(7).normal(0.0, 0.012, (SIZE, SIZE))
    images[4:] -= images[:1] - images[:4].mean()
    for image in images[9:]:
        wall(image, ROWS, COLUMNS)
    (finding,) = assess(Perimeter(), a_stack(images)).findings
    assert iou(finding.geometry, rectangle(ROWS, COLUMNS)) > 0.9
    assert finding.seen_in[0] == "scene-09"


def test_coarse_pixels_are_not_assessable(walled):
    grid = Grid("EPSG:32645", Affine(20, 0, 600_000, 0, -20, 4_800_000), (SIZE, SIZE), 20.0)
    assessment = assess(Perimeter(), replace(walled, grid=grid))
    assert assessment.verdict is Verdict.NOT_ASSESSABLE


def real_stack(folder, longitude, latitude, half_m, every=1):
    """Scenes of a folder over a square around a position."""
    held = EMBEDDED if (EMBEDDED / folder).is_dir() else SHARED
    if not (held / folder).is_dir():
        pytest.skip(f"../shared/data/{folder} isn't here: real scenes are read from there")
    zone = utm_zone(longitude, latitude)
    centre = to_crs(Point(longitude, latitude), "EPSG:4326", zone)
    area = to_wgs84(centre.buffer(half_m, cap_style="square"), zone)
    source, grid = FolderSource(held / folder), grid_for(area)
    found = source.search(area, datetime(2015, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)).scenes
    wanted = {"B02", "B03", "B04", "SCL"}
    read = [(scene, source.read(scene, tuple(b for b in scene.bands if b in wanted), grid)) for scene in found[::every]]
    return build_stack(read, grid).stack


@pytest.fixture(scope="module")
def truth():
    return gpd.read_file(TRUTH).set_index("ring").to_crs("EPSG:32645")


def test_dabancheng_ring_and_its_extension(truth):
    stack = real_stack("dabancheng", 88.28993598, 43.38385, 1500)
    followed = list(follow(Perimeter(), stack))
    confirmed = [f for f in followed[-1].findings if len(f.seen_in) >= 3]
    added, extended = confirmed
    assert (added.kind, extended.kind) == (ChangeType.PERIMETER_ADDED, ChangeType.PERIMETER_EXTENDED)
    assert iou(added.geometry, truth.geometry["facility_1_2017"]) >= 0.85
    assert iou(extended.geometry, truth.geometry["facility_1_2018"]) >= 0.85
    assert added.last_without == stack.scenes[0].acquired_at
    assert added.first_with <= datetime(2017, 8, 30, tzinfo=UTC)
    assert extended.last_without >= datetime(2018, 3, 1, tzinfo=UTC)
    assert extended.first_with <= datetime(2018, 10, 12, tzinfo=UTC)
    assert followed[0].findings == ()


def test_dabancheng_second_facility_rests_on_one_scene(truth):
    stack = real_stack("dabancheng", 88.272503, 43.378749, 1500)
    newest = stack.scenes[-1].item_id
    first = [f for f in assess(Perimeter(), stack).findings if f.seen_in == (newest,)]
    assert max(iou(f.geometry, truth.geometry["facility_2_2020"]) for f in first) >= 0.7


def test_romanian_forest_has_no_perimeter_change():
    stack = real_stack("romania", 22.1522, 45.2048, 490, every=3)
    findings = [f for a in follow(Perimeter(), stack) for f in a.findings]
    assert findings == []
