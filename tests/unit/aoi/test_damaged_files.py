"""Files damaged at random: each is imported or refused with a sentence, nothing else happens."""

from __future__ import annotations

import random
import shutil
import zipfile
from pathlib import Path

import geopandas
import pytest

from aoi.catalogue import Catalogue
from aoi.exporters import export_catalogue
from aoi.importers import ImportOptions, import_file
from geo.errors import InputError

FRAGMENTS = [
    b"NaN",
    b"-1e400",
    b"null",
    b"[",
    b"{",
    b'"',
    b"\x00",
    b"\xff",
    b",",
    b";",
    b"<",
    b"&",
    b"\xed\xa0\x80",
    b"\n",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    places = Catalogue.builtin().facilities[:12]
    for ending in ("geojson", "csv", "kml", "gpkg"):
        export_catalogue(places, folder / f"list.{ending}")
    with zipfile.ZipFile(folder / "list.kmz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "list.kml", "doc.kml")
    outlines = geopandas.read_file(folder / "list.gpkg", layer="facility_outlines")
    outlines[["name", "geometry"]].to_file(folder / "list.shp")
    return folder


def damaged(text: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice([1, 2, 5, 20])):
        spot = chance.randrange(max(1, len(text)))
        kind = chance.random()
        if kind < 0.4:
            text = text[:spot] + bytes([chance.randrange(256)]) + text[spot + 1 :]
        elif kind < 0.6:
            text = text[:spot] + text[spot + chance.choice([1, 5, 50, 500]) :]
        elif kind < 0.9:
            text = text[:spot] + chance.choice(FRAGMENTS) + text[spot + chance.choice([0, 1, 5]) :]
        else:
            text = text[:spot]
    return text


@pytest.mark.parametrize("ending", ["geojson", "csv", "kml", "kmz", "gpkg", "shp"])
def test_a_damaged_file_is_imported_or_refused(whole: Path, tmp_path: Path, ending: str) -> None:
    chance = random.Random(ending)
    for name in whole.iterdir():
        shutil.copy(name, tmp_path)
    path, text = tmp_path / f"list.{ending}", (whole / f"list.{ending}").read_bytes()
    refused = 0
    for _ in range(60):
        path.write_bytes(damaged(text, chance))
        try:
            import_file(path, ImportOptions(repair=chance.random() < 0.5)).accepted()
        except InputError:
            refused += 1
    assert refused >= 10


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"type": "FeatureCollection", "features": [' + '{"a":' * 100_000, "[]" * 10]
)
def test_json_nested_too_deeply_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deep.geojson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"deep\.geojson"):
        import_file(path)
