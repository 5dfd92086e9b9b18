from types import SimpleNamespace

import numpy as np
import pytest

import flows.shown
from flows.shown import Shown
from geo.scene import PreparedScene

SHAPE = (4, 5)
SCENE_BYTES = 3 * SHAPE[0] * SHAPE[1] * 4


def prepared(number, bands=("B02", "B03", "B04", "B08")):
    planes = np.arange(len(bands), dtype=np.float32)[:, None, None] + np.full(SHAPE, number, np.float32)
    return PreparedScene(
        scene=SimpleNamespace(item_id=f"scene-{number}"),
        reflectance=planes,
        valid=np.ones(SHAPE, bool),
        bands=bands,
        grid=SimpleNamespace(shape=SHAPE),
        shift_m=np.zeros(2),
        registration_quality=1.0,
        clear_fraction=1.0,
    )


def test_true_colour_is_held_red_first():
    shown = Shown()
    shown.add(0, prepared(0))
    np.testing.assert_array_equal(shown.by_item()["scene-0"][:, 0, 0], [2.0, 1.0, 0.0])


def test_a_scene_without_colour_is_not_held():
    shown = Shown()
    shown.add(0, prepared(0, bands=("B02", "B08")))
    assert shown.by_item() == {}


@pytest.mark.parametrize(("room", "held"), [(20, range(20)), (10, range(0, 20, 2)), (6, range(0, 20, 4)), (0, [0])])
def test_where_there_are_too_many_every_second_is_let_go(monkeypatch, room, held):
    monkeypatch.setattr(flows.shown, "_MOST_HELD_BYTES", room * SCENE_BYTES)
    shown = Shown()
    for number in range(20):
        shown.add(number, prepared(number))
    assert list(shown.by_item()) == [f"scene-{number}" for number in held]
