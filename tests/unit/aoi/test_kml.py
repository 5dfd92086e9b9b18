from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from shapely import MultiPolygon, Point, box

from aoi.importers import import_file, kml
from geo.errors import InputError

PLACE = "<Placemark><name>A</name><Point><coordinates>88.28994,43.38385,0</coordinates></Point></Placemark>"


def document(*marks: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    return f'{head}<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{"".join(marks)}</Document></kml>'


def write(tmp_path: Path, text: str, name: str = "list.kml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def archive(tmp_path: Path, **members: str) -> Path:
    path = tmp_path / "list.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in members.items():
            target.writestr(name.replace("__", "."), text)
    return path


def ring(x: float, y: float) -> str:
    corners = " ".join(f"{a:.7f},{b:.7f},0" for a, b in box(x, y, x + 0.01, y + 0.01).exterior.coords)
    return f"<outerBoundaryIs><LinearRing><coordinates>\n{corners}\n</coordinates></LinearRing></outerBoundaryIs>"


def test_placemarks_in_nested_folders(tmp_path: Path) -> None:
    inner = f"<Folder><name>x</name><Folder>{PLACE}</Folder></Folder>"
    (place,) = import_file(write(tmp_path, document(inner))).accepted()
    assert (place.name, place.geometry) == ("A", Point(88.28994, 43.38385))


def test_extended_data_and_schema_data_become_fields(tmp_path: Path) -> None:
    data = (
        '<ExtendedData><Data name="tier"><value>3</value></Data>'
        '<SchemaData schemaUrl="#s"><SimpleData name="County">Dabancheng</SimpleData></SchemaData></ExtendedData>'
    )
    (place,) = import_file(write(tmp_path, document(PLACE.replace("<Point>", f"{data}<Point>")))).accepted()
    assert (place.security_tier, place.county) == (3, "Dabancheng")


def test_polygons_holes_and_several_parts(tmp_path: Path) -> None:
    hole = ring(0, 0).replace("outerBoundaryIs", "innerBoundaryIs")
    parts = f"<Polygon>{ring(88.2, 43.3)}</Polygon><Polygon>{ring(88.3, 43.3)}</Polygon>"
    text = document(f"<Placemark><name>B</name><MultiGeometry>{parts}</MultiGeometry></Placemark>")
    (place,) = import_file(write(tmp_path, text)).accepted()
    assert isinstance(place.geometry, MultiPolygon)
    assert hole not in text


def test_kmz_reads_doc_kml_first(tmp_path: Path) -> None:
    path = archive(tmp_path, doc__kml=document(PLACE), other__kml="rubbish", icon__png="x")
    assert import_file(path).accepted()[0].name == "A"


def test_external_entities_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    head = f'<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    path = write(tmp_path, document(PLACE.replace(">A<", ">&x;<"), head=head))
    with pytest.raises(InputError, match="declares a document type or entities"):
        import_file(path)


def test_entities_that_grow_are_refused(tmp_path: Path) -> None:
    lol = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 9))
    head = f'<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY l0 "lol">{lol}]>'
    with pytest.raises(InputError, match="declares a document type or entities"):
        import_file(write(tmp_path, document(PLACE.replace(">A<", ">&l8;<"), head=head)))


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kml, "MAX_BYTES", 1_000_000)
    path = archive(tmp_path, doc__kml=document(PLACE) + " " * 5_000_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match="is larger than 1 MB unpacked"):
        import_file(path)


@pytest.mark.parametrize("name", ["../evil.kml", "/etc/evil.kml", "a/../../evil.kml", "..\\evil.kml", "C:\\evil.kml"])
def test_a_path_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "list.kmz"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("doc.kml", document(PLACE))
        target.writestr(name, "x")
    with pytest.raises(InputError, match="points out of the archive"):
        import_file(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["list.kmz"]


@pytest.mark.parametrize(
    ("members", "said"),
    [({"a__txt": "x"}, "holds no .kml"), ({"a__kml": "x", "b__kml": "y"}, "holds 2 KML files and no doc.kml")],
)
def test_an_archive_without_a_main_document_is_named(tmp_path: Path, members: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        import_file(archive(tmp_path, **members))


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    whole = archive(tmp_path, doc__kml=document(PLACE * 100)).read_bytes()
    for damaged in (b"no zip", whole[: len(whole) // 2], whole.replace(whole[60:80], b"\xff" * 20)):
        (tmp_path / "list.kmz").write_bytes(damaged)
        with pytest.raises(InputError, match="isn't a readable KMZ"):
            import_file(tmp_path / "list.kmz")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<kml><Document>", "isn't well-formed KML"),
        ("<gpx/>", "isn't KML, its root is <gpx>"),
        ("", "isn't well-formed"),
    ],
)
def test_broken_kml_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        import_file(write(tmp_path, text))


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ("", "placemark 1, column 'geometry': no single point or polygon"),
        ("<Point><coordinates>88.2;43.3</coordinates></Point>", "placemark 1, column 'coordinates'"),
        ("<LineString><coordinates>88,43 88.1,43</coordinates></LineString>", "placemark 1, column 'geometry': a line"),
        ("<Polygon/>", "placemark 1, column 'geometry': a polygon without an outer ring"),
    ],
)
def test_an_unusable_placemark_is_named(tmp_path: Path, inner: str, said: str) -> None:
    report = import_file(write(tmp_path, document(f"<Placemark>{inner}</Placemark>")))
    assert [str(note)[: len(said)] for note in report.problems] == [said]


def test_network_links_are_not_followed(tmp_path: Path) -> None:
    link = "<NetworkLink><Link><href>file:///etc/passwd</href></Link></NetworkLink>"
    assert len(import_file(write(tmp_path, document(link, PLACE))).accepted()) == 1
