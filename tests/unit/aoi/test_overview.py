from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from shapely import Point

from aoi.catalogue import Catalogue
from aoi.facility import Facility, FacilityKind
from aoi.overview import TIERS, draw_overview
from geo.errors import InputError


def pixels_of(path: Path, colour: str) -> int:
    picture = imread(path)[..., :3]
    return int((np.abs(picture - np.array(to_rgb(colour))) < 0.02).all(axis=-1).sum())


def test_every_tier_is_drawn_in_its_colour(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    draw_overview(Catalogue.builtin().facilities, path)
    height, width, _ = imread(path).shape
    assert (width, height) == (1920, 1560)
    assert all(pixels_of(path, TIERS[tier]) > 2000 for tier in (1, 2, 3, 4))


def test_a_tier_that_no_place_has_is_not_drawn(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    places = [place for place in Catalogue.builtin().facilities if place.security_tier != 1]
    draw_overview(places, path)
    assert pixels_of(path, TIERS[1]) == 0


def test_any_place_can_be_drawn(tmp_path: Path) -> None:
    one = Facility("a", "A", FacilityKind.FACTORY_PARK, Point(88, 43), 1000.0)
    draw_overview([one, replace(one, facility_id="b", retired=True)], tmp_path / "map.svg")
    text = (tmp_path / "map.svg").read_text(encoding="utf-8")
    assert "factory park (2)" in text or "<path" in text


@pytest.mark.parametrize(
    ("places", "name", "said"),
    [
        ((), "map.png", "no place to draw"),
        (Catalogue.builtin().facilities[:1], "map.doc", r"end the name in \.png"),
        (Catalogue.builtin().facilities[:1], "nowhere/map.png", "can't be written"),
    ],
)
def test_what_cannot_be_drawn_is_named(tmp_path: Path, places: tuple[Facility, ...], name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        draw_overview(places, tmp_path / name)
