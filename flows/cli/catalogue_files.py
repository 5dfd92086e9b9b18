"""`catalogue import`, `export`, `diff`, `parks` and `build`: lists that come in, go out and are compared."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import messages, output, say, show_table

if TYPE_CHECKING:
    from aoi.catalogue import Catalogue
    from aoi.changes import Difference
    from aoi.importers import RowNote
    from aoi.importers.geometry import Region

_Base = Annotated[
    Path | None, typer.Option("--catalogue", "-c", help="The catalogue to start from; the packaged table without it.")
]
_Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Catalogue to write: .geojson, .gpkg, .csv or .kml; else a dry run.")
]


class DatumChoice(StrEnum):
    """What a file's longitudes and latitudes refer to."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


class MoveChoice(StrEnum):
    """What to do with a facility whose pixel grid would change."""

    KEEP = "keep"
    REPLACE = "replace"


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command("import")(import_list)
    app.command("export")(export)
    app.command("diff")(diff)
    app.command("parks")(parks)
    app.command("build")(build)


def import_list(
    file: Annotated[Path, typer.Argument(help="CSV, GeoJSON, GeoPackage, Shapefile, KML or KMZ.")],
    out: _Out = None,
    catalogue: _Base = None,
    only: Annotated[bool, typer.Option("--only", help="Only this list, not joined to a catalogue.")] = False,
    column: Annotated[
        list[str] | None, typer.Option("--map", help="FIELD=COLUMN where the guess is wrong; FIELD= to leave it out.")
    ] = None,
    datum: Annotated[DatumChoice, typer.Option(help="gcj02 for Chinese maps, bd09 for Baidu.")] = DatumChoice.WGS84,
    region: Annotated[
        str, typer.Option(help="Where all places lie: xinjiang, world or MIN_LON,MIN_LAT,MAX_LON,MAX_LAT.")
    ] = "xinjiang",
    kind: Annotated[str, typer.Option(help="Kind of places whose row doesn't say.")] = "custom",
    buffer_m: Annotated[float, typer.Option(min=1.0, max=20_000.0, help="Watched around each place, m.")] = 1000.0,
    prefix: Annotated[str, typer.Option(help="Of ids that are made.")] = "custom",
    layer: Annotated[str | None, typer.Option(help="Of a GeoPackage.")] = None,
    encoding: Annotated[str, typer.Option(help="Of a CSV.")] = "utf-8-sig",
    repair: Annotated[bool, typer.Option("--repair", help="Repair outlines that cross themselves.")] = False,
    skip_invalid: Annotated[bool, typer.Option("--skip-invalid", help="Leave unusable rows out.")] = False,
    moved: Annotated[MoveChoice | None, typer.Option(help="What to do with places that moved.")] = None,
    retire_missing: Annotated[
        bool, typer.Option("--retire-missing", help="Retire places of the catalogue that the list lacks.")
    ] = False,
) -> None:
    """Read a list of places, check it row by row, and join it to the catalogue."""
    from aoi.catalogue import Catalogue, load_catalogue
    from aoi.changes import OnMove, compare, join
    from aoi.facility import FacilityKind
    from aoi.importers import ImportOptions, import_file
    from aoi.importers.datum import Datum
    from geo.errors import InputError

    if kind not in list(FacilityKind):
        raise InputError(f"--kind {kind}: no such kind; choose of {', '.join(FacilityKind)}")
    options = ImportOptions(
        mapping=_mapping(column or []),
        datum=Datum(datum),
        region=_region(region),
        kind=FacilityKind(kind),
        buffer_m=buffer_m,
        id_prefix=prefix,
        layer=layer,
        encoding=encoding,
        repair=repair,
    )
    base = Catalogue(()) if only else load_catalogue(catalogue)
    report = import_file(file, options, base)
    show_table([{"field": field, "column": name} for field, name in report.mapping.items()], title="Columns")
    places = report.accepted(skip_invalid)
    show_notes("left out", report.problems)
    show_notes("note", report.notes)
    joined = join(base, places, OnMove(moved) if moved else None, retire_missing)
    _show_differences(compare(base, joined))
    if report.problems:
        say(f"{len(report.problems)} rows were left out")
    _write(joined, out)


def export(
    file: Annotated[Path, typer.Argument(help="To write: .geojson, .gpkg, .csv or .kml.")], catalogue: _Base = None
) -> None:
    """Write the catalogue for others; what goes out comes in again unchanged."""
    from aoi.catalogue import load_catalogue

    _write(load_catalogue(catalogue), file)


def diff(
    old: Annotated[Path, typer.Argument(help="A catalogue file, or `packaged`.")],
    new: Annotated[Path, typer.Argument(help="A catalogue file, or `packaged`.")],
) -> None:
    """Compare two catalogues: added, missing, retired, moved, redrawn, renamed, reclassified, facts."""
    from aoi.catalogue import load_catalogue
    from aoi.changes import compare

    before, after = (load_catalogue(None if str(path) == "packaged" else path) for path in (old, new))
    _show_differences(compare(before, after))


def parks(
    extract: Annotated[
        Path | None, typer.Argument(help="OpenStreetMap extract, .osm or .osm.pbf; without it search areas only.")
    ] = None,
    out: _Out = None,
    catalogue: _Base = None,
    within_km: Annotated[float, typer.Option(min=0.0, max=50.0, help="Farthest from a facility, km.")] = 3.0,
) -> None:
    """Add factory parks from OpenStreetMap, and search areas where none is drawn, to the catalogue."""
    from aoi.catalogue import load_catalogue
    from aoi.changes import join
    from aoi.parks import nearby_parks, read_parks, search_areas

    base = load_catalogue(catalogue)
    drawn = nearby_parks(read_parks(extract), base.active, within_km * 1000.0) if extract else ()
    searched, covered = search_areas(base.active, drawn)
    figures = {
        f"factory parks within {within_km:g} km": len(drawn),
        "search areas where no park is drawn": len(searched),
        "facilities whose own area covers the search": len(covered),
    }
    show_table([{"figure": name, "is": figure} for name, figure in figures.items()])
    _write(join(base, (*drawn, *searched)), out)


def build(
    aspi: Annotated[Path, typer.Argument(help="ASPI's camp dataset v1 as CSV with plain column names.")],
    perimeters: Annotated[Path, typer.Argument(help="Perimeters from OpenStreetMap as GeoJSON.")],
    folder: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("aoi/data"),
) -> None:
    """Make the packaged table again from its published sources; the same sources give the same bytes."""
    from collections import Counter

    from aoi.build import build_catalogue

    matches = build_catalogue(aspi, perimeters, folder)
    counts = Counter(str(match.verdict) for match in matches)
    show_table([{"perimeters": verdict, "number": number} for verdict, number in counts.items()])
    say(f"{folder / 'osm_matching.csv'} lists the doubtful ones with the reason")


def show_notes(word: str, notes: Sequence[RowNote]) -> None:
    """Names rows on standard error: what was done with them."""
    for note in notes:
        messages.print(f"{word}: {note}", markup=False, soft_wrap=True)


def _show_differences(rows: Sequence[Difference]) -> None:
    show_table([{"facility_id": row.facility_id, "change": str(row.what), "detail": row.detail} for row in rows])
    if not rows:
        say("no difference")


def _write(catalogue: Catalogue, out: Path | None) -> None:
    from aoi.exporters import export_catalogue

    if out is None:
        say("nothing is written: give --out FILE")
        return
    export_catalogue(catalogue.facilities, out)
    output.print(str(out), markup=False)


def _mapping(pairs: Sequence[str]) -> dict[str, str]:
    from geo.errors import InputError

    wrong = next((pair for pair in pairs if "=" not in pair), None)
    if wrong is not None:
        raise InputError(f"--map {wrong}: write FIELD=COLUMN, such as --map latitude=Breite")
    return {field.strip(): name.strip() for field, _, name in (pair.partition("=") for pair in pairs)}


def _region(text: str) -> Region:
    from aoi.importers.geometry import WORLD, XINJIANG, Region
    from geo.errors import InputError

    named = {"xinjiang": XINJIANG, "world": WORLD}
    if text.casefold() in named:
        return named[text.casefold()]
    try:
        min_x, min_y, max_x, max_y = (float(edge) for edge in text.split(","))
    except ValueError as error:
        raise InputError(f"--region {text}: give xinjiang, world or MIN_LON,MIN_LAT,MAX_LON,MAX_LAT") from error
    if not (-180.0 <= min_x < max_x <= 180.0 and -90.0 <= min_y < max_y <= 90.0):
        raise InputError(f"--region {text}: the minima come first, longitude before latitude, in degrees")
    return Region(f"the region {text}", (min_x, min_y, max_x, max_y))
