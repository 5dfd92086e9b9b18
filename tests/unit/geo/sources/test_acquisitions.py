"""One acquisition, one scene."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from shapely import box, union_all

from geo.scene import Scene
from geo.sources.acquisitions import Product, one_per_acquisition

AREA = box(88.0, 43.0, 88.1, 43.1)
TILE = AREA.buffer(0.1)
MORNING = datetime(2021, 1, 25, 5, 7, 20, tzinfo=UTC)


def product(item_id, *, after_s=0.0, ground=TILE, baseline="05.00", platform="sentinel-2a", tile="A",
            crs="EPSG:32645", processed_at="") -> Product:  # fmt: skip
    moment = MORNING + timedelta(seconds=after_s)
    scene = Scene(item_id, "sentinel-2-l2a", moment, ground, 10.0, ("B02",), processing_baseline=baseline)
    return Product(scene, platform, tile, crs, processed_at)


def chosen(*products, joined=False):
    scenes, left_out = one_per_acquisition(products, AREA, "EPSG:32645", joined=joined)
    return [scene.item_id for scene in scenes], {one.item_id: one.reason for one in left_out}


def test_newer_baseline_wins_as_a_number():
    kept, reasons = chosen(
        product("a", baseline="02.14"), product("b", baseline="10.00"), product("c", baseline="05.09")
    )
    assert kept == ["b"]
    assert reasons["a"] == "the same acquisition as b, which was processed with baseline 10.00 and not 02.14"


def test_later_processing_wins_at_the_same_baseline():
    kept, reasons = chosen(product("a", processed_at="20230626T022158"), product("b", processed_at="20230626T022157"))
    assert (kept, reasons) == (["a"], {"b": "the same acquisition as a, which was processed later"})


def test_the_tile_that_shows_all_of_the_area_wins_over_a_newer_one():
    half = box(88.0, 43.0, 88.05, 43.1)
    kept, reasons = chosen(product("whole", tile="A", baseline="04.00"), product("half", tile="B", ground=half))
    assert kept == ["whole"]
    assert "half" in reasons


def test_the_tile_of_the_areas_own_zone_wins():
    kept, reasons = chosen(product("z46", tile="B", crs="EPSG:32646"), product("z45", after_s=14))
    assert kept == ["z45"]
    assert reasons["z46"] == "the same acquisition as z45, which shows it in a neighbouring tile"


def test_a_datatake_cut_in_two_keeps_both_pieces():
    west, east = box(87.9, 42.9, 88.05, 43.2), box(88.05, 42.9, 88.2, 43.2)
    assert chosen(product("west", ground=west), product("east", ground=east))[0] == ["east", "west"]
    scenes, _ = one_per_acquisition(
        [product("west", ground=west), product("east", ground=east)], AREA, "EPSG:32645", joined=True
    )
    assert len(scenes) == 1
    assert scenes[0].scene_footprint.equals(union_all([west, east]))


def test_other_satellites_and_other_overpasses_stay():
    kept, reasons = chosen(product("a"), product("b", platform="sentinel-2b"), product("c", after_s=6000))
    assert (sorted(kept), reasons) == (["a", "b", "c"], {})


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 2)), max_size=12, unique=True), st.randoms()
)
def test_every_product_is_kept_or_left_out_whatever_the_order(entries, random):
    products = [
        product(f"{day}-{baseline}-{tile}", after_s=86400 * day + tile, baseline=f"0{baseline}.00", tile=str(tile))
        for day, baseline, tile in entries
    ]
    shuffled = random.sample(products, len(products))
    kept, reasons = chosen(*shuffled)
    assert (kept, reasons) == chosen(*products)
    assert sorted([*kept, *reasons]) == sorted(one.scene.item_id for one in products)
    assert len(kept) == len({day for day, _, _ in entries})


def test_an_entry_that_came_twice_is_one():
    assert chosen(product("a"), product("a")) == (["a"], {})
