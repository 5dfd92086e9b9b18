"""Small dull buildings that stand alone, and what is none."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import a_stack, desert

from detectors.base import assess, follow
from detectors.footprints import FootprintParameters, Footprints
from detectors.lone import LoneParameters

SCENES, FIRST = 10, 4


def dull(images, first, rows, columns, step=0.03):
    """A roof that is little brighter than the ground from scene `first` on."""
    images[first:, :, rows, columns] += step
    return images


def without():
    """The detector without an eye for lone buildings."""
    return Footprints(FootprintParameters(lone=LoneParameters(core=np.inf)))


def lone(images):
    """How many findings there are only because of them."""
    stack = a_stack(images)
    return len(assess(Footprints(), stack).findings) - len(assess(without(), stack).findings)


def test_a_small_dull_building_is_found_by_how_it_lasts():
    images = dull(desert(SCENES), FIRST, slice(60, 64), slice(50, 54))
    assert lone(images) == 1
    told = [len(assessment.findings) for assessment in follow(Footprints(), a_stack(images))]
    assert told[: FIRST + 2] == [0] * (FIRST + 2)
    assert told[-1] == 1


def test_it_is_as_salient_as_a_core_by_what_is_asked_of_it():
    """From three quarters of a core on, and no less sure for being told by its shape."""
    images = dull(desert(SCENES), FIRST, slice(60, 64), slice(50, 54))
    (found,) = assess(Footprints(), a_stack(images)).findings
    parameters = FootprintParameters()
    weaker = replace(parameters, works=replace(parameters.works, core=0.75 * parameters.works.core))
    (as_a_core,) = assess(Footprints(weaker), a_stack(images)).findings
    assert found.salience is not None
    assert found.salience >= parameters.works.core
    assert found.geometry.equals(as_a_core.geometry)
    assert found.confidence is not None
    assert found.confidence > 0.5


def test_a_track_is_none_nor_any_other_site():
    stack = a_stack(dull(desert(SCENES), FIRST, slice(60, 62), slice(10, 110)))
    assert assess(Footprints(), stack).findings == ()


def test_what_grows_is_none():
    images = desert(SCENES)
    for number in range(FIRST, SCENES):
        dull(images, number, slice(60, 64), slice(50, 52 + number))
    assert lone(images) == 0


def test_what_others_stand_around_is_none():
    images = desert(SCENES)
    for row in range(50, 75, 6):
        for column in range(40, 65, 6):
            dull(images, FIRST, slice(row, row + 3), slice(column, column + 3))
    assert lone(images) <= 0


def test_what_a_single_scene_shows_around_it_says_nothing():
    images = dull(desert(SCENES), FIRST, slice(60, 64), slice(50, 54))
    for row, column in ((52, 50), (70, 50), (60, 42), (60, 60)):
        dull(images, SCENES - 1, slice(row, row + 4), slice(column, column + 4))
    assert lone(images) == 1


@pytest.mark.parametrize("away", [4, 5, 6])
def test_a_track_beside_it_does_not_take_it_along(away):
    images = dull(desert(SCENES), FIRST, slice(60, 64), slice(50, 54))
    dull(images, SCENES - 1, slice(64 + away, 66 + away), slice(10, 110))
    assert lone(images) == 1


@pytest.mark.parametrize("rows", [slice(2, 6), slice(114, 118)])
def test_at_the_edge_of_the_image_nobody_knows_what_is_around(rows):
    assert lone(dull(desert(SCENES), FIRST, rows, slice(50, 54))) == 0


@pytest.mark.parametrize("seed", range(3))
def test_ground_that_stays_has_none(seed):
    assert lone(desert(SCENES, seed)) == 0
