from __future__ import annotations

import math
from pathlib import Path

import pytest
from shapely import Point, box

from aoi.catalogue import Catalogue
from aoi.facility import Facility, FacilityKind
from aoi.parks import nearby_parks, read_parks, search_areas
from geo.errors import InputError
from geo.grid import WGS84, to_crs

# Around (88.00, 43.00); 0.01° of latitude are 1.1 km, of longitude 0.8 km.
NODES = {
    1: (88.010, 43.000), 2: (88.020, 43.000), 3: (88.020, 43.010), 4: (88.010, 43.010),
    5: (88.012, 43.002), 6: (88.014, 43.002), 7: (88.014, 43.004), 8: (88.012, 43.004),
    11: (88.100, 43.000), 12: (88.110, 43.000), 13: (88.110, 43.010), 14: (88.100, 43.010),
    21: (87.970, 43.000), 22: (87.980, 43.000), 23: (87.980, 43.010), 24: (87.970, 43.010),
    31: (87.973, 43.003), 32: (87.976, 43.003), 33: (87.976, 43.006), 34: (87.973, 43.006),
    41: (88.000, 43.015), 42: (88.004, 43.015), 43: (88.004, 43.018), 44: (88.000, 43.018),
    51: (87.990, 42.985), 52: (87.996, 42.985), 53: (87.996, 42.990), 54: (87.990, 42.990),
}  # fmt: skip
WAYS = {
    100: ([1, 2, 3, 4, 1], {"landuse": "industrial", "name": "Estate"}),
    101: ([5, 6, 7, 8, 5], {"building": "warehouse"}),
    102: ([11, 12, 13, 14, 11], {"landuse": "industrial", "name": "Far"}),
    103: ([21, 22, 23, 24, 21], {}),
    104: ([31, 32, 33, 34, 31], {}),
    105: ([41, 42, 43, 44, 41], {"man_made": "works"}),
    106: ([51, 52, 53, 54, 51], {"landuse": "residential"}),
}


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small OpenStreetMap file: an estate with a hall on it, works, a relation with a hole, homes, a far estate."""

    def tags(pairs: dict[str, str]) -> str:
        return "".join(f'<tag k="{key}" v="{value}"/>' for key, value in pairs.items())

    nodes = "".join(f'<node id="{key}" version="1" lon="{x}" lat="{y}"/>' for key, (x, y) in NODES.items())
    ways = "".join(
        f'<way id="{key}" version="1">{"".join(f"""<nd ref="{node}"/>""" for node in refs)}{tags(pairs)}</way>'
        for key, (refs, pairs) in WAYS.items()
    )
    relation = (
        '<relation id="200" version="1"><member type="way" ref="103" role="outer"/>'
        '<member type="way" ref="104" role="inner"/>'
        f"{tags({'type': 'multipolygon', 'landuse': 'industrial', 'name': 'Ring'})}</relation>"
    )
    path = tmp_path_factory.mktemp("osm") / "small.osm"
    path.write_text(f'<osm version="0.6" generator="test">{nodes}{ways}{relation}</osm>', encoding="utf-8")
    return path


def camp(facility_id: str = "c", lon: float = 88.0, lat: float = 43.0, **facts: float) -> Facility:
    return Facility(
        facility_id, f"Camp {facility_id}", FacilityKind.CAMP, Point(lon, lat), 1000.0, "Urumqi", attributes=facts
    )


def test_industry_is_read_and_homes_are_not(extract: Path) -> None:
    parks = {park.osm_id: park for park in read_parks(extract)}
    assert {key: (park.name, park.tag) for key, park in parks.items()} == {
        "way/100": ("Estate", "landuse=industrial"),
        "way/101": ("", "building=warehouse"),
        "way/102": ("Far", "landuse=industrial"),
        "way/105": ("", "man_made=works"),
        "relation/200": ("Ring", "landuse=industrial"),
    }
    assert parks["way/100"].geometry.equals(box(88.01, 43.0, 88.02, 43.01))
    ring = box(87.97, 43.0, 87.98, 43.01).difference(box(87.973, 43.003, 87.976, 43.006))
    assert parks["relation/200"].geometry.equals(ring)


def test_a_pbf_is_read_like_the_xml(extract: Path) -> None:
    # data/small.osm.pbf is the same small file, converted with pyosmium.
    def parks(path: Path) -> list[tuple[str, str, str, str]]:
        return sorted((park.osm_id, park.name, park.tag, park.geometry.wkt) for park in read_parks(path))

    assert parks(Path(__file__).parent / "data" / "small.osm.pbf") == parks(extract)


def test_parks_within_reach_are_paired_and_inner_ones_left_to_the_larger(extract: Path) -> None:
    camps = [camp(), camp("d", lon=88.03), camp("r", lon=88.0)]
    parks = nearby_parks(read_parks(extract), camps, within_m=2000.0)
    pairs = {park.facility_id: park.attributes["near_facilities"] for park in parks}
    assert pairs == {"park-w100": "c; d; r", "park-w105": "c; r", "park-r200": "c; r"}
    estate = next(park for park in parks if park.facility_id == "park-w100")
    assert (estate.kind, estate.name, estate.prefecture) == (FacilityKind.FACTORY_PARK, "Estate", "Urumqi")
    assert estate.attributes["nearest_facility_distance_m"] == pytest.approx(815, abs=3)
    assert estate.sources == ("osm-parks",)
    Catalogue((*camps, *parks))


def test_the_distance_decides(extract: Path) -> None:
    parks = read_parks(extract)
    assert nearby_parks(parks, [camp()], within_m=800.0) == ()
    assert [park.facility_id for park in nearby_parks(parks, [camp()], within_m=830.0)] == ["park-w100"]
    assert len(nearby_parks(parks, [camp()], within_m=9000.0)) == 4


@pytest.mark.parametrize(("name", "text"), [("a.txt", "x"), ("a.osm", "no xml"), ("none.osm.pbf", None)])
def test_what_is_no_extract_is_named(tmp_path: Path, name: str, text: str | None) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=name):
        read_parks(tmp_path / name)


def test_a_search_area_reaches_out_to_the_distance_and_a_margin() -> None:
    (area,), covered = search_areas([camp(distance_industrial_park_km=3.0)])
    assert covered == ()
    assert (area.facility_id, area.kind) == ("search-c", FacilityKind.FACTORY_PARK_SEARCH_AREA)
    assert area.attributes["near_facilities"] == "c"
    disc = to_crs(area.geometry, WGS84, area.utm_crs)
    assert math.sqrt(disc.area / math.pi) == pytest.approx(3000.0, rel=0.01)
    watched = to_crs(area.area_of_interest, WGS84, area.utm_crs)
    assert math.sqrt(watched.area / math.pi) == pytest.approx(3500.0, rel=0.01)
    assert watched.centroid.distance(to_crs(Point(88.0, 43.0), WGS84, area.utm_crs)) < 1.0


def test_no_search_area_where_the_camp_itself_watches_all_of_it() -> None:
    assert search_areas([camp(distance_industrial_park_km=0.2)]) == ((), ("c",))
    assert search_areas([camp(factories_adjacent=4)])[1] == ()
    assert search_areas([camp(factories_adjacent=0)]) == ((), ())
    assert search_areas([camp()]) == ((), ())


def test_no_search_area_where_a_park_is_drawn(extract: Path) -> None:
    camps = [camp(distance_industrial_park_km=3.0), camp("far", lon=89.0, distance_industrial_park_km=3.0)]
    parks = nearby_parks(read_parks(extract), camps, within_m=2000.0)
    areas, _ = search_areas(camps, parks)
    assert [area.facility_id for area in areas] == ["search-far"]


def test_the_packaged_catalogue_gives_search_areas_for_all_that_say_so() -> None:
    builtin = Catalogue.builtin()
    areas, covered = search_areas(builtin.active)
    telling = [
        place.facility_id
        for place in builtin.active
        if "distance_industrial_park_km" in place.attributes or place.attributes.get("factories_adjacent", 0) != 0
    ]
    assert sorted([str(area.attributes["near_facilities"]) for area in areas] + list(covered)) == sorted(telling)
    assert len(telling) == 241
    Catalogue((*builtin.facilities, *areas))
