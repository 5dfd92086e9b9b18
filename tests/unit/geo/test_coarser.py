"""Scenes in larger pixels."""

from datetime import UTC, datetime

import numpy as np
import pytest
from affine import Affine

from geo.coarser import averaged, coarser_grid
from geo.grid import Grid
from geo.scene import PreparedScene, Scene

FINE = Grid("EPSG:32645", Affine(0.5, 0.0, 600_000.0, 0.0, -0.5, 4_800_000.0), (11, 9), 0.5)


def a_scene(reflectance, valid):
    scene = Scene("one", "made-up", datetime(2020, 1, 1, tzinfo=UTC), FINE.extent, 0.5, ("PAN",))
    shown = np.where(valid, reflectance, np.nan)[None].astype(np.float32)
    return PreparedScene(scene, shown, valid, ("PAN",), FINE, np.zeros(2), 1.0, float(valid.mean()))


def test_pixels_are_means_of_what_is_valid():
    values = np.arange(99.0).reshape(11, 9)
    valid = np.ones((11, 9), bool)
    valid[0, :2] = valid[4:6, 4:6] = False
    valid[2, 0] = valid[2, 1] = valid[3, 0] = False
    coarse = averaged(a_scene(values, valid), coarser_grid(FINE, 2))
    assert coarse.grid.shape == (5, 4)
    assert coarse.grid.bounds == pytest.approx((600_000, 4_799_995, 600_004, 4_800_000))
    assert coarse.reflectance[0, 0, 0] == pytest.approx(values[1, :2].mean())
    assert coarse.reflectance[0, 3, 3] == pytest.approx(values[6:8, 6:8].mean())
    assert np.isnan(coarse.reflectance[0, 2, 2])
    assert not coarse.valid[1, 0]  # one of four is too little
    assert coarse.valid.sum() == 18


def test_the_same_grid_gives_the_same_scene():
    scene = a_scene(np.ones((11, 9)), np.ones((11, 9), bool))
    assert averaged(scene, coarser_grid(FINE, 1)) is scene
