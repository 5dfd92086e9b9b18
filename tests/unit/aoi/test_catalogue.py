from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from shapely import Point, Polygon

import aoi
from aoi.catalogue import Catalogue, load_catalogue
from aoi.facility import Facility, FacilityKind
from aoi.facts import fact_meanings, parse_fact
from geo.errors import InputError
from geo.grid import WGS84, to_crs

SOURCES = Path(aoi.__file__).parent / "SOURCES.md"


@pytest.fixture(scope="module")
def builtin() -> Catalogue:
    return Catalogue.builtin()


def test_all_380_camps_are_there_under_aspis_numbers(builtin: Catalogue) -> None:
    assert len(builtin.facilities) == len(builtin.active) == 380
    assert {place.kind for place in builtin.facilities} == {FacilityKind.CAMP}
    assert all(place.facility_id == f"aspi-{place.attributes['aspi_number']:04d}" for place in builtin.facilities)


def test_facts_are_as_aspi_gives_them(builtin: Catalogue) -> None:
    dabancheng = builtin.get("aspi-0050")
    assert dabancheng.name == "Dabancheng Facility #1"
    assert (dabancheng.prefecture, dabancheng.county, dabancheng.security_tier) == ("Urumqi", "Dabancheng", 3)
    assert [dabancheng.attributes.get(f"buildings_{year}") for year in (2017, 2018, 2019, 2020)] == [None, 40, 68, 92]
    assert dabancheng.sources == ("aspi-v1",)
    assert "security_features_changed_when" not in dabancheng.attributes


def test_every_fact_has_a_meaning_and_a_source(builtin: Catalogue) -> None:
    used = {name for place in builtin.facilities for name in place.attributes}
    assert used == set(fact_meanings())
    documented = SOURCES.read_text(encoding="utf-8")
    assert all(f"## {meaning.source}" in documented for meaning in fact_meanings().values())


def test_sizes_follow_building_counts(builtin: Catalogue) -> None:
    grid = builtin.get("aspi-0050").grid()
    assert min(grid.shape) >= 400
    sides = [min(place.grid().shape) for place in builtin.facilities]
    assert min(sides) >= 300
    assert sum(side >= 400 for side in sides) < 80


def test_the_extension_of_dabancheng_is_watched(builtin: Catalogue) -> None:
    dabancheng = builtin.get("aspi-0050")
    point = to_crs(dabancheng.point, WGS84, dabancheng.utm_crs)
    assert dabancheng.grid().extent.contains(Point(point.x + 1300.0, point.y))


def test_osm_facts_stay_with_the_facilities_that_have_a_perimeter(builtin: Catalogue) -> None:
    matched = [place for place in builtin.facilities if place.geometry.geom_type != "Point"]
    inside = [place for place in matched if place.attributes["osm_match"] == "inside"]
    assert (len(matched), len(inside)) == (120, 118)
    assert all("osm-perimeters" in place.sources for place in matched)
    assert all(place.geometry.buffer(1e-6).covers(place.point) for place in inside)
    assert not any("osm_id" in place.attributes for place in builtin.facilities if place not in matched)


def test_neighbours_are_those_whose_areas_overlap(builtin: Catalogue) -> None:
    first, second = builtin.get("aspi-0050"), builtin.get("aspi-0124")
    assert builtin.near(first) == (second,)
    assert builtin.near(second) == (first,)
    lonely = builtin.get("aspi-0001")
    assert builtin.near(lonely) == ()
    assert builtin.near(lonely, distance_m=30_000.0)
    overlapping = {
        other.facility_id
        for other in builtin.active
        if other != first and other.area_of_interest.intersects(first.area_of_interest)
    }
    assert overlapping == {"aspi-0124"}


def test_retired_places_are_known_but_not_watched(builtin: Catalogue) -> None:
    retired = replace(builtin.get("aspi-0124"), retired=True)
    catalogue = Catalogue((builtin.get("aspi-0050"), retired))
    assert catalogue.get("aspi-0124") is retired
    assert [place.facility_id for place in catalogue.active] == ["aspi-0050"]
    assert catalogue.near(builtin.get("aspi-0050")) == ()


def test_an_unknown_id_names_the_nearest(builtin: Catalogue) -> None:
    with pytest.raises(InputError, match="'aspi-50' isn't in the catalogue: did you mean aspi-0050"):
        builtin.get("aspi-50")
    with pytest.raises(InputError, match="facility-watch catalogue list"):
        builtin.get("zzzz")


def test_selection_keeps_the_order_asked_for(builtin: Catalogue) -> None:
    chosen = builtin.select(["aspi-0124", "aspi-0050", "aspi-0124"])
    assert [place.facility_id for place in chosen] == ["aspi-0124", "aspi-0050"]


GOOD = Facility("a", "A", FacilityKind.CUSTOM, Point(88.0, 43.0), 1000.0)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (replace(GOOD, facility_id="2020-01"), "starts with a letter"),
        (replace(GOOD, facility_id="a/../b"), "starts with a letter"),
        (replace(GOOD, facility_id="a" * 65), "starts with a letter"),
        (replace(GOOD, geometry=Point()), "no usable geometry"),
        (replace(GOOD, geometry=Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])), "crosses itself"),
        (replace(GOOD, buffer_m=0.0), "buffer of 0.0 m"),
        (replace(GOOD, security_tier=5), "security tier 5"),
    ],
)
def test_a_catalogue_takes_no_unusable_place(bad: Facility, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Catalogue((bad,))


def test_ids_are_unique() -> None:
    with pytest.raises(InputError, match="id a occurs more than once"):
        Catalogue((GOOD, GOOD))


def test_a_missing_catalogue_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.gpkg isn't a file"):
        load_catalogue(tmp_path / "none.gpkg")


@pytest.mark.parametrize("text", ["007", "3.10", "1e5", "19-Jun", "0x1", "１２", "1,5", "12345678901234567890"])
def test_what_a_number_would_change_stays_text(text: str) -> None:
    assert parse_fact(text) == text
