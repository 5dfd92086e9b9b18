"""The picture of neighbouring facilities before and after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from records import dabancheng

from flows.publish.overview import write_overview
from geo.errors import InputError
from geo.grid import Grid
from geo.scene import FloatArray

GRID = Grid("EPSG:32645", Affine(10, 0, 600000, 0, -10, 4806000), (60, 80), 10.0)


def reader(facility_id: str, item_id: str) -> tuple[FloatArray, Grid]:
    rgb = np.full((3, 60, 80), 0.2, dtype=np.float32)
    rgb[:, 20:40, 20:40] = 0.4
    rgb[:, :10] = np.nan
    return rgb, GRID


def test_four_panels_without_the_ground_that_nobody_saw(tmp_path: Path) -> None:
    write_overview([dabancheng()], reader, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        factor = round(780 / 80)
        assert picture.width == 2 * 80 * factor + 6
        assert picture.height > 2 * 50 * factor
        assert (128, 128, 128) not in {picture.getpixel((5, y)) for y in range(0, 50 * factor, 7)}


def test_a_facility_that_was_never_assessed_has_no_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="monitor"):
        write_overview([replace(dabancheng(), scenes=())], reader, tmp_path / "picture.png")
    assert not (tmp_path / "picture.png").exists()
