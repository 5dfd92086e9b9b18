"""The footprints detector on made-up ground and on the real series of Dabancheng."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from made_up import BANDS, SIZE, a_stack, build, desert
from shapely.geometry import box

from detectors.base import ChangeType, Stage, Verdict, assess, follow, parameters_sha256
from detectors.footprints import Footprints
from geo.grid import Grid
from geo.sources.folder import FolderSource
from geo.stack import build_stack

REAL = Path(__file__).parents[3] / "flows" / "data" / "dabancheng"


def iou(geometry, wanted):
    return geometry.intersection(wanted).area / geometry.union(wanted).area


SITE = box(600_400, 4_799_300, 600_700, 4_799_500)


def test_finds_a_site_its_outline_and_its_onset():
    assessment = assess(Footprints(), a_stack(build(desert(10), 6)))
    assert assessment.verdict is Verdict.CHANGED
    (finding,) = assessment.findings
    assert finding.kind is ChangeType.BUILDING_ADDED
    assert iou(finding.geometry, SITE) > 0.8
    assert finding.area_m2 == pytest.approx(finding.geometry.area)
    assert finding.seen_in == ("scene-06", "scene-07", "scene-08", "scene-09")
    assert (finding.last_without - datetime(2020, 3, 1, tzinfo=UTC)).days == 100
    assert (finding.first_with - datetime(2020, 3, 1, tzinfo=UTC)).days == 120
    assert finding.components.persistence == 1.0
    assert 0.0 < finding.score <= 1.0


def test_an_unchanged_stack_has_no_finding():
    assessment = assess(Footprints(), a_stack(desert(12)))
    assert assessment.verdict is Verdict.UNCHANGED
    assert assessment.findings == ()


def test_a_building_that_is_gone_in_the_next_scene_was_none():
    images = desert(8)
    images[5] = build(images.copy(), 0)[5]
    told = [len(assessment.findings) for assessment in follow(Footprints(), a_stack(images))]
    assert told[-1] == 0


def test_one_scene_alone_is_not_assessable():
    assessment = assess(Footprints(), a_stack(desert(1)))
    assert assessment.verdict is Verdict.NOT_ASSESSABLE
    assert "at least 2 needed" in assessment.reason


def test_a_newest_scene_without_clear_ground_is_not_assessable():
    valid = np.ones((4, SIZE, SIZE), bool)
    valid[3] = False
    assessment = assess(Footprints(), a_stack(desert(4), valid))
    assert assessment.verdict is Verdict.NOT_ASSESSABLE
    assert "scene-03" in assessment.reason


def test_pixels_too_coarse_are_not_assessable():
    assert assess(Footprints(), a_stack(desert(3), gsd_m=30.0)).verdict is Verdict.NOT_ASSESSABLE


def test_scene_by_scene_and_all_at_once_tell_the_same():
    stack = a_stack(build(desert(9), 4))
    at_once = list(follow(Footprints(), stack))
    for index in range(len(stack)):
        assert assess(Footprints(), stack.take(slice(index + 1))) == at_once[index]
    assert list(follow(Footprints(), stack, since=6)) == at_once[6:]


def test_invalid_pixels_are_no_change_and_hide_none():
    valid = np.ones((10, SIZE, SIZE), bool)
    valid[2, 40:80, 30:80] = False
    valid[7, 45:60, 30:60] = False
    findings = assess(Footprints(), a_stack(build(desert(10), 6), valid)).findings
    assert len(findings) == 1
    assert iou(findings[0].geometry, SITE) > 0.75


@pytest.mark.parametrize("bands", [("B04",), ("B02", "B03", "B04", "B08", "B11", "B12")])
def test_any_set_of_bands_will_do(bands):
    stack = a_stack(build(desert(8, bands=len(bands)), 4), bands=bands)
    (finding,) = assess(Footprints(), stack).findings
    assert iou(finding.geometry, SITE) > 0.75


def test_a_band_that_only_some_scenes_have_is_not_compared():
    images = build(desert(8), 4)
    whole = assess(Footprints(), a_stack(images[:, :2], bands=BANDS[:2]))
    images[:6, 2] = np.nan
    part = assess(Footprints(), a_stack(images))
    assert [one.geometry.wkt for one in part.findings] == [one.geometry.wkt for one in whole.findings]


def test_an_extension_after_still_months_is_a_change_of_its_own():
    images = build(desert(16), 3)
    images = build(images, 11, columns=slice(71, 95))
    first, second = assess(Footprints(), a_stack(images)).findings
    assert first.first_with < second.first_with
    assert (second.first_with - datetime(2020, 3, 1, tzinfo=UTC)).days == 220
    assert iou(first.geometry, SITE) > 0.75
    assert iou(second.geometry, box(600_710, 4_799_300, 600_950, 4_799_500)) > 0.6


def test_works_that_go_on_are_one_change():
    images = desert(12)
    for step in range(4):
        images = build(images, 3 + step, columns=slice(40 + 12 * step, 52 + 12 * step))
    (finding,) = assess(Footprints(), a_stack(images)).findings
    assert iou(finding.geometry, box(600_400, 4_799_300, 600_880, 4_799_500)) > 0.8


def test_infill_is_no_change_of_its_own():
    images = build(desert(16), 3)
    images[11:, :, 55:62, 50:60] = 0.6
    assert len(assess(Footprints(), a_stack(images)).findings) == 1


def test_buildings_that_stood_and_go_are_removed():
    images = build(desert(12), 0)
    images[7:] = desert(12)[7:]
    (finding,) = assess(Footprints(), a_stack(images)).findings
    assert finding.kind is ChangeType.BUILDING_REMOVED
    assert iou(finding.geometry, SITE) > 0.6


def demolished(built=4, gone=10, scenes=15):
    images = build(desert(scenes), built)
    images[gone:] = desert(scenes)[gone:]
    return a_stack(images)


def test_a_building_that_is_built_and_later_gone_keeps_its_change_and_ends_it():
    stack = demolished()
    added, removed = assess(Footprints(), stack).findings
    assert (added.kind, removed.kind) == (ChangeType.BUILDING_ADDED, ChangeType.BUILDING_REMOVED)
    assert added.first_with == stack.scenes[4].acquired_at
    assert added.seen_in == tuple(f"scene-{i:02d}" for i in range(4, 10))
    assert added.gone_at == removed.first_with == stack.scenes[10].acquired_at
    assert removed.last_without == stack.scenes[9].acquired_at
    assert removed.seen_in == tuple(f"scene-{i:02d}" for i in range(10, 15))
    assert removed.gone_at is None
    for finding in (added, removed):
        assert iou(finding.geometry, SITE) > 0.75
        assert finding.area_m2 == pytest.approx(finding.geometry.area)


def test_a_removal_needs_three_clear_scenes():
    told = [[one.kind for one in assessment.findings] for assessment in follow(Footprints(), demolished())]
    assert all(ChangeType.BUILDING_REMOVED not in kinds for kinds in told[:12])
    assert told[14] == [ChangeType.BUILDING_ADDED, ChangeType.BUILDING_REMOVED]


def test_what_stood_for_less_than_a_season_never_was_a_building():
    assert assess(Footprints(), demolished(built=4, gone=7)).findings == ()


def test_a_building_that_stands_again_was_not_removed():
    stack = demolished(scenes=22)
    stack.reflectance[16:] = build(desert(22), 4)[16:]
    assert [one.kind for one in assess(Footprints(), stack).findings] == [ChangeType.BUILDING_ADDED]


def test_mirrored_ground_has_mirrored_findings():
    images = build(desert(8), 4)
    (one,) = assess(Footprints(), a_stack(images)).findings
    (other,) = assess(Footprints(), a_stack(images[..., ::-1])).findings
    assert other.area_m2 == pytest.approx(one.area_m2, rel=0.02)
    assert other.geometry.centroid.x == pytest.approx(1_201_200 - one.geometry.centroid.x, abs=10)


def test_parameters_have_a_stable_hash():
    assert parameters_sha256(Footprints()) == parameters_sha256(Footprints())


@pytest.fixture(scope="module")
def dabancheng():
    grid = Grid("EPSG:32645", Affine(10, 0, 600_910, 0, -10, 4_805_600), (270, 629), 10.0)
    source = FolderSource(REAL)
    scenes = source.search(
        grid.scene_footprint_wgs84, datetime(2017, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
    ).scenes
    stack = build_stack([(scene, source.read(scene, BANDS, grid)) for scene in scenes], grid).stack
    return list(follow(Footprints(), stack))


@pytest.mark.parametrize(
    ("site", "last_without", "first_with"),
    [
        (box(603_600, 4_803_950, 604_870, 4_804_500), "2017-03-02", "2017-06-10"),
        (box(604_880, 4_803_950, 605_780, 4_804_500), "2018-03-22", "2018-04-29"),
        (box(602_610, 4_803_480, 603_630, 4_803_840), "2018-10-11", "2020-06-02"),
    ],
    ids=["2017", "2018", "2020"],
)
def test_real_construction_is_found_with_its_onset(dabancheng, site, last_without, first_with):
    finding = max(dabancheng[-1].findings, key=lambda one: one.geometry.intersection(site).area)
    assert finding.geometry.intersection(site).area > 0.8 * site.area
    assert finding.geometry.intersection(site).area > 0.65 * finding.area_m2
    assert finding.last_without.date().isoformat() == last_without
    assert finding.first_with.date().isoformat() == first_with
    assert finding.kind is ChangeType.BUILDING_ADDED


def test_real_works_are_under_construction_until_they_are_still(dabancheng):
    """As a person reads the scenes: the extension of 2018 is roofed over between July and October."""
    july, october, _ = dabancheng[-3:]
    camp, extension = box(603_600, 4_803_950, 604_870, 4_804_500), box(604_880, 4_803_950, 605_780, 4_804_500)
    stages = [
        max(after.findings, key=lambda one: one.geometry.intersection(site).area).stage
        for after in (july, october)
        for site in (camp, extension)
    ]
    assert stages == [Stage.UNDER_CONSTRUCTION, Stage.UNDER_CONSTRUCTION, Stage.BUILT, Stage.UNDER_CONSTRUCTION]


def test_real_hills_with_snow_fields_and_ponds_are_no_construction(dabancheng):
    hills, fields = box(600_910, 4_804_950, 603_000, 4_805_600), box(604_650, 4_802_900, 605_800, 4_803_800)
    ponds = box(601_500, 4_803_200, 602_500, 4_803_450)
    for assessment in dabancheng:
        for finding in assessment.findings:
            if len(finding.seen_in) >= 3:
                for quiet in (hills, fields, ponds):
                    assert finding.geometry.intersection(quiet).area < 400.0


def yearly(bare_from, bare_to, scenes=44):
    """A wood in true colour with a patch that is bare in some scenes; 18 scenes are a year."""
    images = desert(scenes) * np.array([0.25, 0.6, 0.3], np.float32)[:, None, None]
    bare = build(desert(scenes), 0)
    images[bare_from:bare_to, :, 50:70, 40:70] = bare[bare_from:bare_to, :, 50:70, 40:70]
    return a_stack(images)


def test_in_true_colour_a_gap_in_a_wood_is_no_building_until_a_year_has_gone_by():
    told = [len(assessment.findings) for assessment in follow(Footprints(), yearly(10, 44))]
    assert told[:28] == [0] * 28
    assert told[-1] == 1


def test_in_true_colour_a_gap_in_a_wood_that_closes_is_none():
    assert all(assessment.findings == () for assessment in follow(Footprints(), yearly(10, 20)))
