"""The `catalogue` commands as their user runs them."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aoi.catalogue import Catalogue, load_catalogue
from flows.cli.catalogue import catalogue_app
from geo.errors import InputError

SLOW_IMPORTS = ("geopandas", "pandas", "rasterio", "matplotlib", "prefect", "shapely", "pyogrio")


def run(*arguments: str | Path) -> str:
    """Standard output; an error is raised as the command raises it."""
    result = CliRunner().invoke(catalogue_app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_help_needs_no_slow_library() -> None:
    code = f"import sys, flows.cli.catalogue; print([name for name in {SLOW_IMPORTS!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_list_is_tab_separated_into_a_pipe() -> None:
    found = rows(run("list", "--prefecture", "urumqi", "--tier", "3"))
    assert found[0].keys() >= {"facility_id", "name", "kind", "security_tier", "longitude", "latitude"}
    assert {row["prefecture"] for row in found} == {"Urumqi"}
    assert {row["security_tier"] for row in found} == {"3"}
    assert len(rows(run("list"))) == 380


@pytest.mark.parametrize("option", [("--kind", "prison"), ("--prefecture", "Vienna")])
def test_an_unknown_choice_names_the_known_ones(option: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="choose of"):
        run("list", *option)


def test_show_names_meaning_and_source() -> None:
    facts = {row["fact"]: row for row in rows(run("show", "aspi-0050"))}
    assert facts["buildings_2020"]["is"] == "92"
    assert facts["buildings_2020"]["source"] == "aspi-v1"
    assert facts["distance_county_centre_km"]["is"] == "3.89 km"
    assert facts["grid"]["is"] == "EPSG:32645, 401×401 pixels of 10 m"
    assert facts["neighbours"]["is"] == "aspi-0124"


def test_summary_adds_up() -> None:
    table = rows(run("summary"))
    everything = table.pop()
    assert everything["prefecture"] == "all"
    for column in ("tier 1", "tier 2", "tier 3", "tier 4", "places", "with outline"):
        assert sum(int(row[column]) for row in table) == int(everything[column])
    assert (everything["places"], everything["with outline"]) == ("380", "120")


def test_validate_counts_or_names(tmp_path: Path) -> None:
    assert run("validate").startswith("380 places are usable, 0 of them retired")
    good = write(tmp_path / "good.csv", "id,lat,lon,retired\na,43,88,yes\nb,44,88,no\n")
    assert run("validate", good).startswith("2 places are usable, 1 of them retired")
    bad = write(tmp_path / "bad.csv", "id,lat,lon\na,43,88\nb,0,0\n")
    with pytest.raises(InputError, match="line 3, column 'lat, lon': lies at 0°, 0°"):
        run("validate", bad)


def test_import_shows_the_mapping_and_joins_the_packaged_table(tmp_path: Path) -> None:
    source = write(tmp_path / "mine.csv", "Ort;Breite;Laenge\nMine;43,5;88,5\n")
    out = tmp_path / "catalogue.gpkg"
    text = run(
        "import", source, "--map", "latitude=Breite", "--map", "longitude=Laenge", "--map", "name=Ort", "-o", out
    )
    assert "latitude\tBreite" in text
    assert "custom-0001\tadded\tMine" in text
    assert len(load_catalogue(out).facilities) == 381
    assert "custom-0001\tadded\tMine" in run("diff", "packaged", out)


def test_import_without_out_writes_nothing(tmp_path: Path) -> None:
    source = write(tmp_path / "mine.csv", "lat,lon\n43.5,88.5\n")
    run("import", source)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.csv"]


def test_a_partly_good_file_writes_nothing_unless_told_to(tmp_path: Path) -> None:
    source, out = write(tmp_path / "mine.csv", "id,lat,lon\na,43.5,88.5\nb,0,0\n"), tmp_path / "out.geojson"
    with pytest.raises(InputError, match="nothing is imported"):
        run("import", source, "--only", "-o", out)
    assert not out.exists()
    run("import", source, "--only", "--skip-invalid", "-o", out)
    assert [place.facility_id for place in load_catalogue(out).facilities] == ["a"]


def test_a_moved_place_needs_a_decision(tmp_path: Path) -> None:
    source = write(tmp_path / "moved.csv", "id,name,lat,lon\naspi-0050,Dabancheng,43.40,88.29\n")
    out = tmp_path / "out.geojson"
    with pytest.raises(InputError, match=r"aspi-0050: .*--moved keep"):
        run("import", source, "-o", out)
    run("import", source, "--moved", "replace", "-o", out)
    catalogue = load_catalogue(out)
    assert catalogue.get("aspi-0050").retired
    assert catalogue.get("aspi-0050.2").point.y == pytest.approx(43.40)


def test_options_reach_the_import(tmp_path: Path) -> None:
    source = write(tmp_path / "gcj.csv", "lat,lon\n43.385424982,88.292785875\n")
    out = tmp_path / "out.geojson"
    run(
        "import",
        source,
        "--only",
        "--datum",
        "gcj02",
        "--buffer-m",
        "700",
        "--prefix",
        "x",
        "--kind",
        "camp",
        "-o",
        out,
    )
    (place,) = load_catalogue(out).facilities
    assert (place.facility_id, place.buffer_m, str(place.kind)) == ("x-0001", 700.0, "camp")
    assert (place.point.x, place.point.y) == pytest.approx((88.28994, 43.38385), abs=1e-6)


@pytest.mark.parametrize("region", ["vienna", "1,2,3", "97,34,73,50", "a,b,c,d"])
def test_a_region_that_is_none_is_named(tmp_path: Path, region: str) -> None:
    source = write(tmp_path / "mine.csv", "lat,lon\n43.5,88.5\n")
    with pytest.raises(InputError, match=f"--region {region}"):
        run("import", source, "--region", region)


def test_a_mapping_without_equals_sign_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="write FIELD=COLUMN"):
        run("import", write(tmp_path / "mine.csv", "lat,lon\n43.5,88.5\n"), "--map", "lat")


@pytest.mark.parametrize("ending", ["geojson", "gpkg", "csv", "kml"])
def test_export_and_diff(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"catalogue.{ending}"
    assert run("export", out).strip() == str(out)
    assert run("diff", "packaged", out) == ""
    assert load_catalogue(out) == Catalogue.builtin()


def test_parks_without_an_extract_gives_search_areas(tmp_path: Path) -> None:
    out = tmp_path / "out.geojson"
    text = run("parks", "-o", out)
    assert "search areas where no park is drawn\t106" in text
    assert "facilities whose own area covers the search\t135" in text
    assert len(load_catalogue(out).facilities) == 380 + 106


def test_watch_areas_say_what_is_saved() -> None:
    figures = {row["figure"]: row["is"] for row in rows(run("watch-areas"))}
    assert figures["places"] == "380"
    assert int(figures["bought as watch areas, km²"]) < int(figures["bought apart, km²"])
    assert figures["still bought twice, km²"] == "0.0"
    listed = rows(run("watch-areas", "--list"))
    assert len(listed) == int(figures["watch areas"])
    assert sum(len(row["places"].split()) for row in listed) == 380


def test_map_is_drawn(tmp_path: Path) -> None:
    out = tmp_path / "map.png"
    assert run("map", out).strip() == str(out)
    assert out.read_bytes().startswith(b"\x89PNG")
