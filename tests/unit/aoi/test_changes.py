from __future__ import annotations

from dataclasses import replace

import pytest
from shapely import Point, box

from aoi.catalogue import Catalogue
from aoi.changes import Difference, OnMove, What, compare, join
from aoi.facility import Facility, FacilityKind
from geo.errors import InputError

A = Facility("a", "Camp A", FacilityKind.CAMP, Point(88.0, 43.0), 1000.0, "Urumqi", security_tier=2)
B = Facility("b", "Camp B", FacilityKind.CAMP, Point(88.5, 43.0), 1000.0, "Urumqi", attributes={"buildings_2020": 3})
OLD = Catalogue((A, B))


def found(*new: Facility) -> list[tuple[str, What]]:
    return [(difference.facility_id, difference.what) for difference in compare(OLD, Catalogue(new))]


def test_equal_catalogues_have_no_difference() -> None:
    assert compare(OLD, Catalogue((B, A))) == ()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"retired": True}, What.RETIRED),
        ({"geometry": Point(88.01, 43.0)}, What.MOVED),
        ({"buffer_m": 1500.0}, What.MOVED),
        ({"name": "Camp A1"}, What.RENAMED),
        ({"security_tier": 4}, What.RECLASSIFIED),
        ({"kind": FacilityKind.CUSTOM}, What.RECLASSIFIED),
        ({"county": "Dabancheng"}, What.RECLASSIFIED),
        ({"attributes": {"factories_within": 2}}, What.FACTS),
        ({"sources": ("elsewhere",)}, What.FACTS),
    ],
)
def test_each_kind_of_change_has_its_word(change: dict[str, object], what: What) -> None:
    assert found(replace(A, **change), B) == [("a", what)]


def test_added_missing_and_reinstated() -> None:
    assert found(A) == [("b", What.MISSING)]
    assert found(A, B, replace(A, facility_id="c")) == [("c", What.ADDED)]
    retired = Catalogue((replace(A, retired=True), B))
    assert compare(retired, OLD) == (Difference("a", What.REINSTATED, "Camp A"),)


def test_details_say_from_what_to_what() -> None:
    (renamed,) = compare(OLD, Catalogue((replace(A, name="Camp Z"), B)))
    assert renamed.detail == "Camp A → Camp Z"
    (moved,) = compare(OLD, Catalogue((replace(A, geometry=Point(88.01, 43.0)), B)))
    assert moved.detail.startswith("815 m; 20")
    (fact,) = compare(OLD, Catalogue((A, replace(B, attributes={"buildings_2020": 5}))))
    assert fact.detail == "buildings_2020 3 → 5"


def test_an_outline_redrawn_on_the_same_grid_is_not_moved() -> None:
    outline = replace(A, geometry=box(88.0, 43.0, 88.01, 43.01))
    dented = replace(A, geometry=box(88.0, 43.0, 88.01, 43.01).difference(box(88.004, 43.004, 88.006, 43.006)))
    (difference,) = compare(Catalogue((outline,)), Catalogue((dented,)))
    assert difference.what is What.REDRAWN


def test_a_list_updates_and_adds_by_id() -> None:
    new = replace(A, facility_id="c", name="Camp C", geometry=Point(89.0, 43.0))
    joined = join(OLD, [new, replace(A, name="Camp A1")])
    assert [(place.facility_id, place.name) for place in joined.facilities] == [
        ("a", "Camp A1"),
        ("b", "Camp B"),
        ("c", "Camp C"),
    ]


def test_a_moved_place_asks_for_a_decision() -> None:
    moved = replace(A, geometry=Point(88.01, 43.0), name="Camp A1")
    with pytest.raises(InputError, match=r"1 facilities .*a: 815 m.*--moved keep .* or --moved replace"):
        join(OLD, [moved])


def test_keep_takes_everything_but_the_place() -> None:
    moved = replace(A, geometry=Point(88.01, 43.0), name="Camp A1")
    joined = join(OLD, [moved], OnMove.KEEP)
    assert joined.get("a") == replace(A, name="Camp A1")
    assert len(joined.facilities) == 2


def test_replace_retires_the_old_place_and_watches_the_new_one() -> None:
    moved = replace(A, geometry=Point(88.01, 43.0))
    joined = join(OLD, [moved], OnMove.REPLACE)
    assert joined.get("a") == replace(A, retired=True)
    assert joined.get("a.2") == replace(moved, facility_id="a.2")
    again = join(joined, [replace(joined.get("a.2"), geometry=Point(88.02, 43.0))], OnMove.REPLACE)
    assert [place.facility_id for place in again.active] == ["a.2.2", "b"]


def test_what_the_list_lacks_stays_unless_it_is_retired() -> None:
    assert join(OLD, [A]) == OLD
    joined = join(OLD, [A], retire_missing=True)
    assert joined.get("b") == replace(B, retired=True)
    assert joined.get("a") == A
