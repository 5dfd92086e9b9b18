from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from affine import Affine
from shapely import box

from detectors.base import ChangeType, Verdict, assess, follow, parameters_sha256
from detectors.footprints import Footprints
from detectors.object_watch import Objects
from detectors.registry import choose
from geo.grid import Grid
from geo.scene import ImageStack, Scene

SIZE = 200
ROOF = box(600_055, 4_799_930, 600_075, 4_799_950)


def a_stack(gsd_m=0.5, built=2, scenes=5, bands=("B02", "B03", "B04")):
    """Soil with a pattern of its own that stays, and a roof of 20 by 20 m from one scene on."""
    random = np.random.default_rng(1)
    soil = np.array([0.11, 0.18, 0.225])[:, None, None] + random.normal(0, 0.015, (1, SIZE, SIZE))
    reflectance = np.stack([soil + random.normal(0, 0.002, soil.shape) for _ in range(scenes)]).astype(np.float32)
    reflectance[built:, :, 100:140, 110:150] = 0.3
    grid = Grid("EPSG:32645", Affine(gsd_m, 0, 600_000, 0, -gsd_m, 4_800_000), (SIZE, SIZE), gsd_m)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    return ImageStack(
        reflectance[:, : len(bands)],
        np.ones((scenes, SIZE, SIZE), bool),
        bands,
        tuple(
            Scene(f"scene-{i}", "made-up", start + timedelta(days=30 * i), grid.extent, gsd_m, bands)
            for i in range(scenes)
        ),
        grid,
        np.zeros((scenes, 2)),
        np.ones(scenes),
        np.ones(scenes),
    )


@dataclass(frozen=True)
class Bright:
    """A segmenter for which what is bright in blue is a building; it is given red, green, blue."""

    sha256: str = "f" * 64

    def __call__(self, reflectance):
        return (reflectance[2] > 0.25).astype(np.float32)


@pytest.mark.parametrize("segmenter", [None, Bright()], ids=["by colour and shape", "by a segmenter"])
def test_a_new_roof_is_an_object_with_its_onset(segmenter):
    stack = a_stack()
    (finding,) = assess(Objects(segmenter=segmenter), stack).findings
    assert finding.kind is ChangeType.BUILDING_ADDED
    assert finding.geometry.intersection(ROOF).area / finding.geometry.union(ROOF).area > 0.8
    assert finding.last_without == stack.scenes[1].acquired_at
    assert finding.first_with == stack.scenes[2].acquired_at
    assert finding.seen_in == ("scene-2", "scene-3", "scene-4")
    assert finding.components.persistence == 1.0


@pytest.mark.parametrize("segmenter", [None, Bright()])
def test_what_stood_in_the_first_scene_is_not_new(segmenter):
    assessment = assess(Objects(segmenter=segmenter), a_stack(built=0))
    assert assessment.verdict is Verdict.UNCHANGED


def test_scene_by_scene_and_all_at_once_tell_the_same():
    stack = a_stack()
    stack.valid[3, 90:120] = False
    at_once = list(follow(Objects(), stack))
    assert [assess(Objects(), stack.take(slice(i + 1))) for i in range(len(stack))] == at_once


def test_ground_first_seen_with_the_roof_on_it_tells_nothing():
    stack = a_stack()
    stack.valid[:2, 90:150, 100:160] = False
    assert assess(Objects(), stack).verdict is Verdict.UNCHANGED


@pytest.mark.parametrize("bands", [("B02", "B03", "B04"), ("B02", "B03")])
def test_coarse_pixels_and_missing_bands_are_not_assessable(bands):
    coarse = bands == ("B02", "B03", "B04")
    assessment = assess(Objects(), a_stack(gsd_m=10.0 if coarse else 0.5, bands=bands))
    assert assessment.verdict is Verdict.NOT_ASSESSABLE
    assert ("10 m" if coarse else "B04") in assessment.reason


def test_footprints_do_not_speak_of_half_metre_pixels():
    assessment = assess(Footprints(), a_stack())
    assert assessment.verdict is Verdict.NOT_ASSESSABLE
    assert "at least 1 m" in assessment.reason


def test_half_metre_detectors_are_chosen_for_fine_pixels_alone():
    assert [one.name for one in choose()] == ["footprints", "perimeter"]
    assert [one.name for one in choose(gsd_m=20.0)] == ["footprints", "perimeter"]
    assert "objects" in [one.name for one in choose(gsd_m=0.5)]
    assert [one.name for one in choose(["objects"])] == ["objects"]


def test_another_segmenter_is_another_method():
    hashes = {parameters_sha256(choose(["objects"], 0.5, one)[0]) for one in (None, Bright(), Bright("e" * 64))}
    assert len(hashes) == 3
