import numpy as np
import pytest
from affine import Affine
from shapely import box

from detectors.extents import Edges, ExtentParameters, outline, site_extent, strips
from geo.grid import Grid

PLAIN = ExtentParameters()


def blocks(*parts):
    mask = np.zeros((80, 80), bool)
    for rows, columns in parts:
        mask[slice(*rows), slice(*columns)] = True
    return mask


def test_gaps_under_fifty_metres_are_closed_and_wider_ones_stay():
    mask = site_extent(blocks(((20, 40), (10, 24)), ((20, 40), (28, 42)), ((20, 40), (54, 70))), 10.0, PLAIN)
    assert mask[30, 25:27].all()
    assert not mask[30, 46:50].any()


def test_yards_inside_belong_to_the_site():
    ring = blocks(((10, 60), (10, 60)))
    ring[18:52, 18:52] = False
    assert site_extent(ring, 10.0, PLAIN)[35, 35]


def test_roads_are_no_sites():
    assert not site_extent(blocks(((40, 43), (5, 75))), 10.0, PLAIN).any()


def edges(bleed_m, covered=None):
    shape = (80, 80)
    return Edges(np.full(shape, bleed_m, np.float32), np.zeros(shape, bool) if covered is None else covered)


def test_a_small_building_stays_one():
    assert site_extent(blocks(((40, 44), (40, 44))), 10.0, PLAIN, edges(30.0)).any()


def test_what_has_bled_is_taken_off():
    mask = site_extent(blocks(((20, 50), (20, 50))), 10.0, PLAIN, edges(20.0))
    assert 25**2 <= mask.sum() <= 26**2


def test_nothing_bleeds_into_ground_that_stays_covered():
    wood = np.ones((80, 80), bool)
    wood[:, :35] = False
    mask = site_extent(blocks(((20, 50), (20, 50))), 10.0, PLAIN, edges(20.0, wood))
    assert mask[35, 49]
    assert not mask[35, 21]


def test_an_outline_is_straight_and_in_metres():
    grid = Grid("EPSG:32645", Affine(10, 0, 600_000, 0, -10, 4_800_000), (80, 80), 10.0)
    shape = outline(blocks(((10, 30), (20, 60))), grid, ExtentParameters())
    assert shape.equals(box(600_200, 4_799_700, 600_600, 4_799_900))
    assert shape.area == pytest.approx(80_000)


def test_strips_are_long_and_nowhere_wide():
    road, barracks, hall = ((40, 43), (5, 75)), ((10, 13), (5, 15)), ((55, 75), (10, 60))
    mask = blocks(road, barracks, hall)
    assert (strips(mask, 10.0, PLAIN) == blocks(road)).all()


def test_a_ring_of_buildings_is_no_strip():
    ring = blocks(((10, 20), (10, 20)))
    ring[13:17, 13:17] = False
    assert not strips(ring, 10.0, ExtentParameters(compact_m=50.0)).any()
