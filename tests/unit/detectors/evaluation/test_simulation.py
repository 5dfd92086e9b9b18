from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from affine import Affine

from detectors.evaluation.metrics import burnt
from detectors.evaluation.simulation import draw_site, with_site
from geo.grid import Grid
from geo.scene import ImageStack, Scene


@pytest.fixture
def stack():
    grid = Grid("EPSG:32645", Affine(10, 0, 600_000, 0, -10, 4_800_000), (80, 80), 10.0)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    bands = ("B02", "B03", "B04")
    scenes = tuple(
        Scene(f"scene-{i}", "made-up", start + timedelta(days=10 * i), grid.extent, 10.0, bands) for i in range(8)
    )
    return ImageStack(
        np.full((8, 3, 80, 80), 0.2, np.float32),
        np.ones((8, 80, 80), bool),
        bands,
        scenes,
        grid,
        np.zeros((8, 2)),
        np.ones(8),
        np.ones(8),
    )


@pytest.mark.parametrize("area_m2", [300.0, 10_000.0])
def test_a_site_has_the_size_asked_for_and_leaves_scenes_before_it_alone(stack, area_m2):
    random = np.random.default_rng(4)
    site = draw_site(random, stack.grid, area_m2, len(stack))
    assert site.building.area == pytest.approx(area_m2)
    assert stack.grid.extent.contains(site.extent)
    drawn = with_site(stack, site, random)
    assert np.array_equal(drawn.reflectance[: site.first], stack.reflectance[: site.first])
    changed = np.abs(drawn.reflectance[-1] - stack.reflectance[-1]).max(axis=0) > 0.005
    assert changed[burnt([site.building], stack.grid)].all()
    assert not changed[~burnt([site.extent.buffer(40)], stack.grid)].any()


def test_the_same_seed_draws_the_same_site(stack):
    one, other = (draw_site(np.random.default_rng(9), stack.grid, 1000.0, 8) for _ in range(2))
    assert one == other


def test_what_is_left_of_a_stripped_wood_is_soil(stack):
    wood = np.array([0.02, 0.04, 0.03, 0.30], np.float32)[:, None, None]
    forest = replace(
        stack,
        reflectance=np.broadcast_to(wood, (8, 4, 80, 80)).astype(np.float32),
        bands=("B02", "B03", "B04", "B08"),
    )
    random = np.random.default_rng(4)
    drawn = draw_site(random, stack.grid, 3000.0, 8)
    site = replace(drawn, roof="concrete", extent=drawn.building.buffer(60))
    stripped = burnt([drawn.building.buffer(40)], stack.grid) & ~burnt([drawn.building.buffer(20)], stack.grid)
    red, infrared = with_site(forest, site, random).reflectance[-1][2:, stripped]
    assert np.median((infrared - red) / (infrared + red)) < 0.4
