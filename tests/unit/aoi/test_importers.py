from __future__ import annotations

import json
from pathlib import Path

import geopandas
import pytest
from shapely import Point, Polygon, box
from shapely.geometry import mapping

from aoi.catalogue import Catalogue
from aoi.facility import FacilityKind
from aoi.importers import Import, ImportOptions, import_file
from aoi.importers.datum import Datum
from aoi.importers.geometry import WORLD, Region
from geo.errors import InputError

HERE = Point(88.28994, 43.38385)
SQUARE = box(88.28, 43.38, 88.29, 43.39)


def write(tmp_path: Path, text: str, name: str = "list.csv", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def geojson(tmp_path: Path, *features: object, **more: object) -> Path:
    return write(tmp_path, json.dumps({"type": "FeatureCollection", "features": features, **more}), "list.geojson")


def feature(geometry: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def problem(report: Import) -> str:
    assert report.facilities == ()
    (note,) = report.problems
    with pytest.raises(InputError, match="nothing is imported"):
        report.accepted()
    return str(note)


@pytest.mark.parametrize(
    "text",
    [
        "name,lat,lon\nA,43.38385,88.28994\n",
        "lon;name;lat\n88,28994;A;43,38385\n",
        "LONGITUDE\tTitle\tLatitude\n88.28994\tA\t43.38385\n",
        "名称,纬度,经度\nA,43.38385,88.28994\n",
        'name,coordinates\nA,"43.38385, 88.28994"\n',
        "name,geometry\nA,POINT (88.28994 43.38385)\n",
        "\ufeffname,lat,lon\r\n\r\nA,43.38385,88.28994\r\n",
    ],
)
def test_columns_of_any_order_and_name(tmp_path: Path, text: str) -> None:
    (place,) = import_file(write(tmp_path, text)).accepted()
    assert place.geometry == HERE
    assert (place.facility_id, place.name, place.kind) == ("custom-0001", "A", FacilityKind.CUSTOM)
    assert place.sources == ("list.csv",)


def test_a_chosen_mapping_beats_the_guess_and_the_rest_becomes_facts(tmp_path: Path) -> None:
    path = write(tmp_path, "name,titel,lat,lon,Gebaeude (2020),code\nA,B,43.5,88.5,12,007\n")
    report = import_file(path, ImportOptions(mapping={"name": "titel"}))
    assert report.mapping == {"name": "titel", "longitude": "lon", "latitude": "lat"}
    (place,) = report.accepted()
    assert place.name == "B"
    assert dict(place.attributes) == {"file_name": "A", "gebaeude_2020": 12, "code": "007"}


def test_another_encoding_is_declared(tmp_path: Path) -> None:
    path = write(tmp_path, "名称,纬度,经度\n甲,43.5,88.5\n", encoding="gb18030")
    with pytest.raises(InputError, match="line 1 isn't utf-8-sig text: save it as UTF-8, or name its encoding"):
        import_file(path)
    assert import_file(path, ImportOptions(encoding="gb18030")).accepted()[0].name == "甲"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "A,88.5,43.5,,",
            "line 2, column 'lat, lon': longitude 43.5000, latitude 88.5000: latitude and longitude",
        ),
        (
            "A,98.5,43.5,,",
            "line 2, column 'lat': '98.5' is no latitude, which ends at 90°; latitude and longitude",
        ),
        ("A,0,0,,", "line 2, column 'lat, lon': lies at 0°, 0°, where missing coordinates end up"),
        ("A,48.2,16.4,,", "line 2, column 'lat, lon': longitude 16.4000, latitude 48.2000 lies outside Xinjiang"),
        ("A,4.338.385,88.5,,", "line 2, column 'lat': '4.338.385' isn't a latitude: write degrees such as"),
        ("A,43.5 E,88.5,,", "line 2, column 'lat': '43.5 E' is a longitude, not a latitude: the two columns look"),
        ("A,43.5,,,", "line 2, column 'lon': no longitude: fill it in"),
        ("A,nan,88.5,,", "line 2, column 'lat': 'nan' isn't a latitude"),
        ("A,43.5,88.5,prison,", "line 2, column 'kind': kind 'prison' isn't known: give one of camp, factory_park"),
        ("A,43.5,88.5,,9", "line 2, column 'tier': '9' is no security tier: give 1 to 4, or nothing"),
        ("A,43.5,88.5", "line 2: 3 cells, but 5 columns: fill the row up"),
        ("A,43.5,88.5,,,,", "line 2: 7 cells, but 5 columns: quote cells that hold the separator"),
    ],
)
def test_an_unusable_row_is_named_with_its_remedy(tmp_path: Path, row: str, said: str) -> None:
    report = import_file(write(tmp_path, f"name,lat,lon,kind,tier\n{row}\n"))
    assert problem(report).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty: the first line names the columns"),
        ("name,lat,lon\n", "holds no place"),
        ("name,width\nA,2\n", "no column for the coordinates among name, width; name them with --map latitude=COLUMN"),
        ("lat,lat,lon\n1,2,3\n", "column 'lat' occurs twice"),
        ("lat,,lon\n1,2,3\n", "column 2 has no name"),
        ('lat,lon\n43,"88\n', "line 2: unexpected end of data; check the quotes"),
    ],
)
def test_an_unusable_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"list\.csv") as caught:
        import_file(write(tmp_path, text))
    assert said in str(caught.value)


@pytest.mark.parametrize("mapping", [{"lat": "x"}, {"latitude": "x"}])
def test_a_mapping_that_does_not_exist_is_named(tmp_path: Path, mapping: dict[str, str]) -> None:
    with pytest.raises(InputError, match="--map"):
        import_file(write(tmp_path, "lat,lon\n43,88\n"), ImportOptions(mapping=mapping))


def test_a_partly_good_file_imports_nothing_unless_told_to(tmp_path: Path) -> None:
    report = import_file(write(tmp_path, "id,lat,lon\na,43.5,88.5\nb,0,0\nc,43.6,88.5\n"))
    with pytest.raises(InputError, match="1 row can't be used, so nothing is imported"):
        report.accepted()
    assert [place.facility_id for place in report.accepted(skip_invalid=True)] == ["a", "c"]
    assert [note.where for note in report.problems] == ["line 3"]


def test_ids_are_kept_made_and_kept_apart(tmp_path: Path) -> None:
    text = "id,lat,lon\nx-1,43.1,88\n,43.2,88\n2020-01,43.3,88\nx-1,43.4,88\na/../b,43.5,88\ncustom-0007,43.6,88\n"
    report = import_file(write(tmp_path, text))
    ids = [place.facility_id for place in report.accepted(skip_invalid=True)]
    assert ids == ["custom-0007", "custom-0008", "custom-2020-01", "x-1"]
    assert [str(note) for note in report.notes] == [
        "line 4: id '2020-01' became custom-2020-01: an id starts with a letter"
    ]
    assert [str(note)[:44] for note in report.problems] == [
        "line 5: id 'x-1' stands at line 2 already: g",
        "line 6: id 'a/../b' isn't usable: start with",
    ]


def test_made_ids_go_on_after_those_of_the_catalogue(tmp_path: Path) -> None:
    known = Catalogue(import_file(write(tmp_path, "lat,lon\n43.1,88\n43.2,88\n")).accepted())
    (place,) = import_file(write(tmp_path, "lat,lon\n43.3,88\n"), known=known).accepted()
    assert place.facility_id == "custom-0003"


def test_a_place_put_twice_needs_an_id(tmp_path: Path) -> None:
    # 0.0004° of latitude are 44 m, 0.0005° are 56 m.
    report = import_file(write(tmp_path, "lat,lon\n43.5,88.5\n43.5004,88.5\n43.5009,88.5\n"))
    assert [str(note) for note in report.problems] == [
        "line 3: lies within 50 m of custom-0001 (line 2): give it that id, an id of its own, or leave it out",
    ]
    named = import_file(write(tmp_path, "id,lat,lon\na,43.5,88.5\nb,43.5004,88.5\n"))
    assert len(named.accepted()) == 2
    assert [note.where for note in named.notes] == ["line 3"]


def test_a_place_that_the_catalogue_has_is_named(tmp_path: Path) -> None:
    report = import_file(write(tmp_path, "lat,lon\n43.38386,88.28994\n"), known=Catalogue.builtin())
    assert "within 50 m of aspi-0050" in problem(report)


def test_coordinates_that_look_displaced_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "lat,lon\n43.385424982,88.292785875\n43.9,88.9\n")
    report = import_file(path, known=Catalogue.builtin())
    assert [str(note) for note in report.notes] == [
        "line 2: would lie on aspi-0050 if it were GCJ-02: if it is from a Chinese map, give --datum gcj02"
    ]
    assert len(report.accepted()) == 2
    declared = import_file(path, ImportOptions(datum=Datum.GCJ02), known=Catalogue.builtin())
    assert ["aspi-0050" in str(note) for note in declared.problems] == [True]


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        (None, "feature 1, column 'geometry': no geometry: give it a point or a polygon"),
        (mapping(Point(88.5, 43.5).buffer(0.2)), "feature 1, column 'geometry': covers "),
        ({"type": "LineString", "coordinates": [[88, 43], [88.1, 43]]}, "feature 1, column 'geometry': a LineString"),
        ({"type": "Point", "coordinates": []}, "feature 1, column 'geometry': an empty geometry"),
        ({"type": "Polygon", "coordinates": [[[88, 43]]]}, "feature 1, column 'geometry': a Polygon that isn't valid"),
        ({"type": "Blob", "coordinates": []}, "feature 1, column 'geometry': a Blob that isn't valid GeoJSON"),
        (
            {"type": "Polygon", "coordinates": [[[88, 43], [88.01, 43.01], [88.01, 43], [88, 43.01], [88, 43]]]},
            "feature 1, column 'geometry': the outline crosses itself",
        ),
    ],
)
def test_an_unusable_geometry_is_named(tmp_path: Path, geometry: object, said: str) -> None:
    assert problem(import_file(geojson(tmp_path, feature(geometry, name="A")))).startswith(said)


def test_the_antimeridian_is_named_everywhere(tmp_path: Path) -> None:
    across = {"type": "Polygon", "coordinates": [[[179.9, 60], [-179.9, 60], [-179.9, 60.1], [179.9, 60]]]}
    report = import_file(geojson(tmp_path, feature(across)), ImportOptions(region=WORLD))
    assert "reaches across the antimeridian: cut it there" in problem(report)


def test_a_crossing_outline_is_repaired_when_told_to_and_said_so(tmp_path: Path) -> None:
    bow = {"type": "Polygon", "coordinates": [[[88, 43], [88.01, 43.01], [88.01, 43], [88, 43.01], [88, 43]]]}
    report = import_file(geojson(tmp_path, feature(bow)), ImportOptions(repair=True))
    (place,) = report.accepted()
    assert place.geometry.is_valid
    assert place.geometry.area == pytest.approx(0.01 * 0.01 / 2.0, rel=1e-3)
    assert "crossed itself; repaired to" in str(report.notes[0])


def test_a_declared_region_replaces_xinjiang(tmp_path: Path) -> None:
    path = write(tmp_path, "lat,lon\n48.2,16.4\n")
    assert len(import_file(path, ImportOptions(region=WORLD)).accepted()) == 1
    vienna = Region("Vienna", (16.2, 48.1, 16.6, 48.4))
    assert len(import_file(path, ImportOptions(region=vienna)).accepted()) == 1


def test_geojson_with_an_old_crs_member_is_reprojected(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32645"}}
    path = geojson(tmp_path, feature({"type": "Point", "coordinates": [604483.0, 4804254.0]}), crs=crs)
    (place,) = import_file(path).accepted()
    assert place.geometry.distance(HERE) < 2e-4
    crs["properties"] = {"name": "nonsense"}
    with pytest.raises(InputError, match="coordinate system 'nonsense' isn't known"):
        import_file(geojson(tmp_path, feature(mapping(HERE)), crs=crs))


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "line 1 column 2 isn't JSON"), ("[]", "isn't a GeoJSON"), ('{"type": "Topology"}', "isn't a GeoJSON")],
)
def test_broken_geojson_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        import_file(write(tmp_path, text, "list.geojson"))


def frame(crs: str | None = "EPSG:4326", geometry: list[object] | None = None) -> geopandas.GeoDataFrame:
    places = geometry or [SQUARE, HERE]
    names = [f"N{number}" for number in range(len(places))]
    return geopandas.GeoDataFrame({"name": names, "tier": [2] * len(places)}, geometry=places, crs=crs)


def test_shapefile_in_any_crs(tmp_path: Path) -> None:
    path = tmp_path / "list.shp"
    frame(geometry=[SQUARE]).to_crs("EPSG:32645").to_file(path)
    (place,) = import_file(path).accepted()
    assert place.geometry.symmetric_difference(SQUARE).area < 1e-9
    assert (place.name, place.security_tier) == ("N0", 2)


def test_shapefile_without_projection_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.shp"
    frame(geometry=[SQUARE]).to_file(path)
    path.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match=r"its \.prj file is missing"):
        import_file(path)


def test_shapefile_without_its_other_files_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.shp"
    frame(geometry=[SQUARE]).to_file(path)
    path.with_suffix(".shp").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"list\.shp can't be read"):
        import_file(path)


def test_geopackage_layers(tmp_path: Path) -> None:
    path = tmp_path / "list.gpkg"
    frame(geometry=[SQUARE]).to_file(path, layer="outlines")
    frame(geometry=[Point(88.5, 43.5)]).to_file(path, layer="points")
    assert len(import_file(path).accepted()) == 2
    assert len(import_file(path, ImportOptions(layer="points")).accepted()) == 1
    with pytest.raises(InputError, match="no layer 'camps' with geometry, but outlines, points"):
        import_file(path, ImportOptions(layer="camps"))
    frame(geometry=[Point(88.6, 43.5)]).to_crs("EPSG:32645").to_file(path, layer="metric")
    with pytest.raises(InputError, match="choose one with --layer"):
        import_file(path)


def test_a_geopackage_row_without_geometry_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.gpkg"
    frame(geometry=[HERE, None]).to_file(path, layer="points")
    report = import_file(path)
    assert [str(note) for note in report.problems] == [
        "feature 2, column 'geometry': no geometry: draw it, or delete the row"
    ]


def test_a_file_that_is_no_geopackage_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"list\.gpkg can't be read"):
        import_file(write(tmp_path, "hello", "list.gpkg"))


def test_multipolygons_and_holes_stay(tmp_path: Path) -> None:
    ring = Polygon(SQUARE.exterior.coords, [box(88.283, 43.383, 88.286, 43.386).exterior.coords])
    (place,) = import_file(geojson(tmp_path, feature(mapping(ring)))).accepted()
    assert place.geometry.equals(ring)
    assert len(place.geometry.interiors) == 1


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.xlsx can't be read; give one of \.csv"):
        import_file(write(tmp_path, "", "list.xlsx"))
