"""What the figures of perimeters rest on: walls are drawn as told, and limits are where they are."""

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon, box
from skimage.io import imsave

from detectors.base import ChangeType, Verdict, assess
from detectors.perimeter import Perimeter
from flows.evaluate import perimeter_real
from flows.evaluate.divided import divided
from flows.evaluate.half_metre import half_metre_changes, half_metre_grounds
from flows.evaluate.lookalikes import LOOKALIKES
from flows.evaluate.nothing import silence
from flows.evaluate.perimeter_limit import found_from, ground_noise, limit_table, seen_contrast
from flows.evaluate.perimeter_real import (
    any_off,
    corner_errors_m,
    scenes_with,
    seems_to_come,
    shuffled_line,
    square_around,
)
from flows.evaluate.perimeter_variants import outcomes, variants, variants_table
from flows.evaluate.ring_draws import Draw, Story, barracks, draw
from flows.evaluate.ring_tables import (
    detection_table,
    differing_table,
    divider_table,
    extension_table,
    removal_table,
    report_of,
)
from flows.evaluate.ring_trials import Background, trial
from flows.evaluate.rings import SimulatedWall, coverage, pixel_contrast, with_wall
from geo.errors import InputError
from geo.grid import Grid
from geo.scene import ImageStack, Scene

SIZE = 120
GRID = Grid("EPSG:32645", Affine(10, 0, 600_000, 0, -10, 4_800_000), (SIZE, SIZE), 10.0)
RING = box(600_303, 4_799_103, 600_803, 4_799_703)
NOWHERE = shapely.GeometryCollection()


@pytest.fixture(scope="module")
def plain():
    """Twelve scenes of quiet ground."""
    random = np.random.default_rng(4)
    rough = random.normal(0.2, 0.004, (1, 1, SIZE, SIZE))
    scenes = tuple(
        Scene(
            f"s{i:02d}", "made-up", datetime(2020, 4, 1, 5, tzinfo=UTC) + timedelta(30 * i), GRID.extent, 10.0, ("PAN",)
        )
        for i in range(12)
    )
    return ImageStack(
        reflectance=(rough + random.normal(0.0, 0.001, (12, 1, SIZE, SIZE))).astype(np.float32),
        valid=np.ones((12, SIZE, SIZE), bool),
        bands=("PAN",),
        scenes=scenes,
        grid=GRID,
        shift_m=np.zeros((12, 2)),
        registration_quality=np.ones(12),
        clear_fraction=np.ones(12),
    )


def test_a_shape_covers_its_area_however_it_is_blurred():
    assert coverage(RING, GRID).sum() * 100.0 == pytest.approx(RING.area, rel=0.01)
    assert coverage(shapely.Polygon(), GRID).sum() == 0.0


def test_a_wall_stands_from_its_first_scene_to_before_its_last(plain):
    drawn = with_wall(plain, SimulatedWall(RING), since=4, until=7)
    changed = [not np.array_equal(one, other) for one, other in zip(drawn.reflectance, plain.reflectance, strict=True)]
    assert changed == [4 <= index < 7 for index in range(12)]


def test_the_contrast_of_a_pixel_is_that_of_what_lies_in_it():
    narrow = SimulatedWall(RING, width_m=1.0, wall_contrast=0.1, track_m=4.0, track_contrast=0.05)
    assert pixel_contrast(narrow, 10.0) == pytest.approx(0.03)
    assert pixel_contrast(replace(narrow, width_m=6.0, track_m=8.0), 0.5) == pytest.approx(1.0 / 14.0)


def test_what_the_filter_sees_grows_with_the_wall_and_ends_in_its_shadow(plain):
    wall = SimulatedWall(RING, height_m=0.0)
    weak, strong = (seen_contrast(plain, replace(wall, track_contrast=c, wall_contrast=c), 0) for c in (0.05, 0.1))
    assert strong == pytest.approx(2.0 * weak, rel=0.02)
    assert 0.0 < weak < pixel_contrast(wall, 10.0)
    dark = seen_contrast(plain, replace(wall, height_m=6.0, track_m=0.0, wall_contrast=0.0), 0)
    assert dark > 0.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), contrast=st.sampled_from([0.01, 0.04, 0.08]), story=st.sampled_from(list(Story)))
def test_draws_keep_to_what_was_asked(plain, seed, contrast, story):
    taken = box(600_000, 4_798_800, 601_200, 4_799_200)
    plan = draw(plain, contrast, taken, np.random.default_rng(seed), story)
    if plan is None:  # no room beside the ring, or too little time
        assert story is Story.EXTENDED
        return
    assert abs(pixel_contrast(plan.wall, 10.0)) == pytest.approx(contrast)
    assert 0.5 <= plan.wall.width_m <= 6.0
    assert plan.wall.ring.distance(taken) > 0.0
    assert plan.wall.ring.within(GRID.extent.buffer(-149.0))
    assert 4 <= len(plan.wall.ring.exterior.coords) - 1 <= 7
    assert 3 <= plan.since <= plan.changed - 4 <= len(plain) - 4
    assert (plan.changed == len(plain)) is (story is Story.STAYS)
    assert all(roof.within(plan.wall.ring) for roof in plan.roofs)
    assert (plan.grown is not None) is (story is Story.EXTENDED)
    if plan.grown is not None:
        assert plan.grown.area > 1.3 * plan.wall.ring.area
        assert plan.wall.ring.difference(plan.grown).area == pytest.approx(0.0, abs=1.0)
        assert plan.grown.distance(taken) > 0.0
        assert plan.grown.within(GRID.extent.buffer(-149.0))
        assert (plain.scenes[plan.changed].acquired_at - plain.scenes[plan.since].acquired_at).days >= 120
    if plan.road is not None:
        assert plan.road.distance(plan.wall.ring) == pytest.approx(0.0, abs=1e-6)
        assert plan.road.difference(plan.wall.ring).area > 300.0


def test_a_ring_that_is_extended_is_drawn_as_it_was_and_then_as_it_is(plain):
    draws = (draw(plain, 0.08, NOWHERE, np.random.default_rng(seed), Story.EXTENDED) for seed in range(50))
    plan = replace(next(each for each in draws if each is not None), roofs=(), road=None)
    drawn = plan.into(plain, np.random.default_rng(0))
    fresh = coverage(plan.grown.difference(plan.wall.ring.buffer(30.0)), GRID) > 0.9
    change = np.abs(drawn.reflectance - plain.reflectance).max(axis=1)[:, fresh].max(axis=1)
    assert (change[: plan.changed] < 1e-4).all()
    assert (change[plan.changed :] > 1e-3).all()
    assert plan.shows(plan.wall.ring, plan.since, extends=False)
    assert plan.shows(plan.grown, plan.changed, extends=True)
    assert not plan.shows(plan.grown, plan.changed - 1, extends=True)
    assert not plan.shows(box(600_000, 4_799_000, 600_100, 4_799_100), plan.changed, extends=False)
    assert not replace(plan, grown=None).shows(plan.grown, plan.changed, extends=True)


def test_sides_that_a_ring_keeps_when_it_is_extended_look_as_they_did(plain):
    min_x, min_y, *_ = GRID.bounds
    ring = box(min_x + 300, min_y + 300, min_x + 600, min_y + 600)
    grown = box(min_x + 300, min_y + 300, min_x + 900, min_y + 600, ccw=False)  # its sides are in another order
    wall = SimulatedWall(ring, height_m=0.0, uneven=(0.4, 1.8, 1.2, 0.6))  # from the lower right corner on
    plan = Draw(wall, (), 0.0, 3, len(plain), 7, Story.EXTENDED, grown)
    change = plan.into(plain, np.random.default_rng(0)).reflectance - plain.reflectance
    north, west, east, further_east = (
        [abs(change[scene, 0][coverage(line.buffer(15.0), GRID) > 0.6]).mean() for scene in (6, 7)]
        for line in (
            LineString([(min_x + 350, min_y + 600), (min_x + 550, min_y + 600)]),
            LineString([(min_x + 300, min_y + 350), (min_x + 300, min_y + 550)]),
            LineString([(min_x + 600, min_y + 350), (min_x + 600, min_y + 550)]),
            LineString([(min_x + 900, min_y + 350), (min_x + 900, min_y + 550)]),
        )
    )
    assert north[1] == pytest.approx(north[0], rel=0.2)
    assert west[1] == pytest.approx(west[0], rel=0.2)
    assert north[0] > 1.3 * west[0]
    assert east[0] > 10.0 * east[1]
    assert further_east[1] > 10.0 * further_east[0]


def test_corners_are_where_an_outline_turns():
    found, true = box(0, 0, 400, 300), Polygon([(0, 20), (0, 300), (200, 303), (400, 300), (400, 20)])
    assert sorted(corner_errors_m(found, true)) == pytest.approx([0.0, 0.0, 20.0, 20.0])


def test_where_there_is_no_room_nothing_is_drawn(plain):
    random = np.random.default_rng(0)
    assert draw(plain, 0.04, GRID.extent, random) is None
    assert draw(plain.take(range(5)), 0.04, NOWHERE, random) is None


def test_barracks_stand_in_rows_within_the_wall():
    roofs = list(barracks(RING, np.random.default_rng(0)))
    assert len(roofs) > 20
    assert all(roof.area == pytest.approx(900.0) for roof in roofs)
    assert shapely.union_all(roofs).area == pytest.approx(900.0 * len(roofs))


def test_a_strong_ring_on_quiet_ground_is_found_and_told_in_the_tables(plain):
    done = trial(Background("plain", plain, NOWHERE), 0.12, np.random.default_rng(2), SIZE)
    assert done.visible
    assert done.found
    assert done.iou > 0.7
    assert abs(done.onset_error) <= 1
    assert done.assessable
    ((confidence, right),) = done.told
    assert right
    assert confidence == done.standing.confidence > 0.5
    assert report_of(done) == "still stands"
    (row,) = zip(*(column.cells for column in detection_table([done]).columns), strict=True)
    assert (*row[:2], *row[3:6]) == ("plain", "0.120", "1", "100%", "100%")
    assert limit_table([done]).row_count == 1


def test_rings_are_counted_by_how_far_lines_differ_all_over(plain):
    done = trial(Background("plain", plain, NOWHERE), 0.12, np.random.default_rng(2), SIZE)
    assert done.differing < 0.1
    some = [done, replace(done, differing=0.25), replace(done, differing=0.25, visible=False)]
    some.append(replace(done, differing=0.25, standing=None))
    rows = list(zip(*(column.cells for column in differing_table(some).columns), strict=True))
    assert rows == [("0 to 0.1", "1", "1", "1", "1"), ("0.2 to 0.3", "3", "2", "2", "1")]


def test_a_silent_series_tells_how_much_of_it_was_assessed(plain):
    heard = next(silence(plain, 0, detector=Perimeter()))
    assert (heard.first, heard.assessed, heard.scenes) == (0, 11, 12)  # the first has nothing to be compared with


def test_in_shuffled_scenes_a_wall_is_looked_for_where_the_order_puts_it(plain, monkeypatch):
    """Told as soon as it seems to come in the order that it is shown in, it is nowhere off."""
    wall = gpd.GeoDataFrame({"last_without": ["2020-08-01"], "first_with": ["2020-09-01"]}, geometry=[RING])
    finding = SimpleNamespace(geometry=RING, kind=ChangeType.PERIMETER_ADDED, seen_in="abc")
    shown = dict(zip([scene.item_id for scene in plain.scenes], next(scenes_with(wall.iloc[0], plain)), strict=True))

    def told(_, stack):
        come = seems_to_come(np.array([shown[scene.item_id] for scene in stack.scenes]))
        for scene in range(len(stack)):
            here = come is not None and scene >= come
            yield SimpleNamespace(findings=[finding] if here else [])

    monkeypatch.setattr(perimeter_real, "follow", told)
    line = shuffled_line(plain, wall, seed=3, orders=20)
    assert re.match(r"shuffled: 20 orders, [1-9]\d* with .* in 0 of them off", line)
    monkeypatch.setattr(perimeter_real, "shares_ground", lambda *_: False)
    assert not re.search(" in 0 of them off", shuffled_line(plain, wall, seed=3, orders=20))


def test_a_ring_is_held_against_what_is_found_in_altered_series(plain):
    stack = with_wall(plain, SimulatedWall(RING, track_contrast=0.1, wall_contrast=0.1), since=4)
    drawn = gpd.GeoDataFrame(
        {"ring": ["a", "b"], "kind": ["perimeter_added"] * 2}, geometry=[RING, box(0, 0, 100, 100)], crs=GRID.crs
    )
    altered = list(variants(stack, drawn[:1], 0))
    assert [each.what for each in altered[:4]] == ["as it is", "PAN times 1.05", "noise 1", "noise 2"]
    assert [len(each.stack) for each in altered] == [12, 12, 12, 12, 11, 11]
    assert all({0, 11} <= {int(s.item_id[1:]) for s in each.stack.scenes} for each in altered)
    found, lost = outcomes(altered[0], drawn)
    assert found.iou > 0.8
    assert found.as_drawn
    assert (lost.iou, lost.as_drawn) == (0.0, False)
    rows = list(zip(*(column.cells for column in variants_table([found, found, lost], "x").columns), strict=True))
    assert [(row[0], row[1], row[4]) for row in rows] == [("a", "2", "2 of 2"), ("b", "1", "0 of 1")]


def test_a_square_is_moved_as_far_as_there_is_room(plain):
    near = gpd.GeoDataFrame(geometry=[RING], crs=GRID.crs)
    assert square_around(plain, near, (5, 0)).grid == plain.grid


@pytest.mark.parametrize("kind", [None, ChangeType.PERIMETER_REMOVED])
def test_a_removal_is_told_by_its_end_or_as_a_change_of_its_own(plain, kind):
    done = trial(Background("plain", plain, NOWHERE), 0.12, np.random.default_rng(2), SIZE)
    moment = plain.scenes[-1].acquired_at
    gone = replace(done.standing, kind=kind) if kind else replace(done.standing, gone_at=moment)
    told = replace(done, afterwards=(gone,), drawn=replace(done.drawn, story=Story.REMOVED))
    assert report_of(told) == "removed"
    assert report_of(replace(told, afterwards=())) == "nothing"
    rows = list(zip(*(column.cells for column in removal_table([told]).columns), strict=True))
    assert rows[1][:5] == ("all goes", "1", "1", "1", "0")


def test_an_extension_is_told_where_it_is_one(plain):
    done = trial(Background("plain", plain, NOWHERE), 0.12, np.random.default_rng(2), SIZE)
    grown = shapely.affinity.scale(done.drawn.wall.ring, 1.3, 1.3)
    extended = replace(done.standing, kind=ChangeType.PERIMETER_EXTENDED, geometry=grown)
    told = replace(done, drawn=replace(done.drawn, story=Story.EXTENDED, grown=grown), late=1)
    for afterwards, row in (
        ((done.standing, extended), ("1", "1", "1", "1.00", "+1")),
        ((done.standing,), ("1", "1", "0", "", "+1")),
    ):
        table = extension_table([replace(told, afterwards=afterwards), done])
        assert next(zip(*(column.cells for column in table.columns), strict=True)) == row


def test_fences_in_rings_are_counted_apart_from_lines_that_nobody_drew(plain):
    done = list(divided([Background("plain", plain, NOWHERE)], 4, 0, [0.08], SIZE))
    assert [each.fenced for each in done] == [False, True, False, True]
    assert not any(each.found for each in done if not each.fenced)
    assert not done[0].built
    assert done[0].false == 0
    rows = list(zip(*(column.cells for column in divider_table(done).columns), strict=True))
    assert sum(int(row[4]) for row in rows) == 4


@dataclass(frozen=True)
class _Told:
    seen_contrast: float
    found: bool
    noise: float = 0.001
    visible: bool = True
    assessable: bool = True


def test_the_limit_is_where_half_are_found():
    random = np.random.default_rng(1)
    ratios = np.exp(random.uniform(math.log(0.5), math.log(50.0), 4000))
    chance = 1.0 / (1.0 + (6.0 / ratios) ** 4)
    told = [_Told(ratio * 0.001, bool(random.random() < share)) for ratio, share in zip(ratios, chance, strict=True)]
    assert found_from(told) == pytest.approx(6.0, rel=0.1)
    assert found_from(told, 0.9) == pytest.approx(6.0 * 9.0**0.25, rel=0.1)


def test_where_nothing_is_found_there_is_no_limit():
    assert found_from([_Told(0.01, False), _Told(0.1, False)]) == math.inf


def test_noise_is_that_of_the_quietest_scene(plain):
    loud = plain.reflectance.copy()
    loud[1:] += np.random.default_rng(0).normal(0.0, 0.05, loud[1:].shape).astype(np.float32)
    assert ground_noise(replace(plain, reflectance=loud)) == pytest.approx(ground_noise(plain.take([0])), rel=0.05)


@pytest.mark.parametrize("name", [name for name in LOOKALIKES if name not in ("nothing", "fields that change")])
def test_look_alikes_appear_after_some_scenes(plain, name):
    drawn = LOOKALIKES[name](plain, np.random.default_rng(2))
    assert np.array_equal(drawn.reflectance[:3], plain.reflectance[:3])
    assert np.abs(drawn.reflectance[-1] - plain.reflectance[-1]).max() > 0.02


def test_fields_differ_from_scene_to_scene(plain):
    drawn = LOOKALIKES["fields that change"](plain, np.random.default_rng(2))
    change = drawn.reflectance - plain.reflectance
    assert all(np.ptp(each) > 0.03 for each in change)


def test_series_at_half_a_metre_are_looks_at_one_ground(tmp_path):
    (tmp_path / "A").mkdir()
    picture = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    imsave(tmp_path / "A" / "one.png", picture)
    (ground,) = half_metre_grounds(tmp_path, seed=0)
    assert ground.stack.reflectance.shape == (8, 3, 200, 200)
    assert ground.stack.grid.gsd_m == 0.5
    middle = np.median(ground.stack.reflectance[:, :, 80:120, 80:120], axis=0)
    truth = np.moveaxis(picture, -1, 0) / 255.0 * 0.5
    assert np.corrcoef(middle.ravel(), truth.ravel())[0, 1] > 0.9


def test_pairs_at_half_a_metre_are_looks_at_one_ground_and_then_at_the_other(tmp_path):
    pictures = {
        name: np.random.default_rng(seed).integers(0, 255, (40, 40, 3), np.uint8) for seed, name in enumerate("AB")
    }
    for name, picture in pictures.items():
        (tmp_path / name).mkdir()
        imsave(tmp_path / name / "one.png", picture)
    (stack,) = half_metre_changes(tmp_path, seed=0)
    for scenes, name in ((slice(4), "A"), (slice(4, 8), "B")):
        middle = np.median(stack.reflectance[scenes, :, 80:120, 80:120], axis=0)
        assert np.corrcoef(middle.ravel(), np.moveaxis(pictures[name], -1, 0).ravel())[0, 1] > 0.8


def test_a_folder_without_images_is_refused(tmp_path):
    for grounds in (half_metre_grounds, half_metre_changes):
        with pytest.raises(InputError, match="has no images"):
            list(grounds(tmp_path, seed=0))


def test_a_pair_of_which_one_is_missing_is_refused(tmp_path):
    (tmp_path / "A").mkdir()
    imsave(tmp_path / "A" / "one.png", np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))
    with pytest.raises(InputError, match="is missing"):
        list(half_metre_changes(tmp_path, seed=0))


def test_an_area_too_coarse_is_told_as_not_assessable(plain):
    coarse = replace(plain, grid=replace(GRID, gsd_m=20.0))
    assert assess(Perimeter(), coarse).verdict is Verdict.NOT_ASSESSABLE


def scenes(shown):
    """Which scenes show something, written as ones."""
    return np.array([one == "1" for one in shown])


@pytest.mark.parametrize(
    ("shown", "comes"),
    [
        ("0001111111", 5),
        ("0111000000", 3),  # after the fourth scene nobody can know
        ("0011011", 6),  # four of five are enough
        ("001101", None),  # three of four are not
        ("0101010101", None),
        ("1110001110", None),
        ("1111111111", None),
        ("0000000011", None),
    ],
)
def test_a_wall_seems_to_come_in_some_orders_of_the_scenes(shown, comes):
    assert seems_to_come(scenes(shown)) == comes


@pytest.mark.parametrize(
    ("confirmed", "off"),
    [
        ([[], [], [], [], []], False),
        ([[], [], [], [], [box(0, 0, 10, 10)]], False),
        ([[], [], [box(0, 0, 10, 10)], [], []], True),  # before it could
        ([[], [], [], [], [box(0, 0, 10, 10), box(20, 0, 30, 10)]], True),
        ([[], [], [], [], [box(40, 0, 50, 10)]], True),  # a wall that comes and goes
    ],
)
def test_what_is_confirmed_where_a_wall_seems_to_come_is_no_mistake(confirmed, off):
    walls = [(box(1, 1, 10, 10), scenes("00111")), (box(40, 0, 50, 10), scenes("01010"))]
    assert any_off(confirmed, walls) is off


def test_a_wall_that_is_being_built_may_be_there_or_not():
    days = [datetime(2017, 3, day, tzinfo=UTC) for day in (1, 5, 9)]
    stack = SimpleNamespace(scenes=[SimpleNamespace(acquired_at=day) for day in days])
    wall = SimpleNamespace(last_without="2017-03-01", first_with="2017-03-09T00:00:00")
    assert [shown.tolist() for shown in scenes_with(wall, stack)] == [[False, False, True], [False, True, True]]
