"""`catalogue`: the watched places, to look at and to check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli import catalogue_files
from flows.cli.console import output, say, show_table

if TYPE_CHECKING:
    from aoi.facility import Facility

catalogue_app = typer.Typer(help="The watched places: look, check, import, export, compare.", no_args_is_help=True)

Chosen = Annotated[
    Path | None, typer.Option("--catalogue", "-c", help="A catalogue file instead of the packaged table.")
]


@catalogue_app.command("list")
def list_places(
    catalogue: Chosen = None,
    prefecture: Annotated[str, typer.Option(help="Only this prefecture.")] = "",
    tier: Annotated[int | None, typer.Option(min=1, max=4, help="Only this security tier.")] = None,
    kind: Annotated[str, typer.Option(help="Only this kind, such as camp or factory_park.")] = "",
    retired: Annotated[bool, typer.Option("--retired", help="Retired places too.")] = False,
) -> None:
    """List the places, one a line."""
    from aoi.catalogue import load_catalogue
    from aoi.facility import FacilityKind
    from geo.errors import InputError

    if kind and kind not in list(FacilityKind):
        raise InputError(f"--kind {kind}: no such kind; choose of {', '.join(FacilityKind)}")
    known = load_catalogue(catalogue)
    places = known.facilities if retired else known.active
    prefectures = {place.prefecture.casefold(): place.prefecture for place in known.facilities}
    if prefecture and prefecture.casefold() not in prefectures:
        names = ", ".join(sorted(name for name in prefectures.values() if name))
        raise InputError(f"--prefecture {prefecture}: no such prefecture; choose of {names}")
    chosen = [
        place
        for place in places
        if (not prefecture or place.prefecture.casefold() == prefecture.casefold())
        and (tier is None or place.security_tier == tier)
        and (not kind or place.kind == kind)
    ]
    show_table([_line(place) for place in chosen])
    say(f"{len(chosen)} of {len(known.facilities)} places")


@catalogue_app.command()
def show(facility_id: Annotated[str, typer.Argument(help="Such as aspi-0050.")], catalogue: Chosen = None) -> None:
    """Show all that is known of one place: each fact, its meaning and its source."""
    from aoi.catalogue import load_catalogue
    from aoi.facts import fact_meanings

    known = load_catalogue(catalogue)
    place = known.get(facility_id)
    grid = place.grid()
    rows, columns = grid.shape
    neighbours = ", ".join(other.facility_id for other in known.near(place))
    facts: list[tuple[str, object, str, str]] = [
        *((name, cell, "", "") for name, cell in _line(place).items()),
        ("sources", "; ".join(place.sources), "see aoi/SOURCES.md", ""),
        ("retired", "yes" if place.retired else "no", "", ""),
        ("buffer_m", f"{place.buffer_m:.0f}", "watched around the point or perimeter", "this project"),
        ("grid", f"{grid.crs}, {columns}×{rows} pixels of 10 m", "permanent", "this project"),
        ("neighbours", neighbours or "none", "places whose area of interest overlaps", "this project"),
    ]
    meanings = fact_meanings()
    for name, fact in place.attributes.items():
        meaning = meanings.get(name)
        unit = f" {meaning.unit}" if meaning and meaning.unit not in ("", "0/1") else ""
        facts.append((name, f"{fact}{unit}", meaning.meaning if meaning else "", meaning.source if meaning else ""))
    names = ("fact", "is", "meaning", "source")
    show_table([dict(zip(names, fact, strict=True)) for fact in facts], title=place.name)


@catalogue_app.command()
def summary(catalogue: Chosen = None) -> None:
    """Count the active places by prefecture and security tier."""
    from aoi.catalogue import load_catalogue

    places = load_catalogue(catalogue).active
    counts = Counter(place.prefecture for place in places)
    rows = [
        _summary_line(name or "none given", [place for place in places if place.prefecture == name])
        for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    show_table([*rows, _summary_line("all", places)])


@catalogue_app.command()
def validate(
    file: Annotated[Path | None, typer.Argument(help="A catalogue file; the packaged table without it.")] = None,
) -> None:
    """Check a catalogue file row by row without importing it; exit code 2 if a row can't be used."""
    from aoi.catalogue import Catalogue, load_catalogue
    from aoi.importers import ImportOptions, import_file
    from aoi.importers.geometry import WORLD

    if file is None:
        known = load_catalogue(None)
    else:
        report = import_file(file, ImportOptions(region=WORLD))
        known = Catalogue(report.accepted())
        catalogue_files.show_notes("note", report.notes)
    retired = len(known.facilities) - len(known.active)
    output.print(f"{len(known.facilities)} places are usable, {retired} of them retired", markup=False)


@catalogue_app.command("map")
def draw_map(
    file: Annotated[Path, typer.Argument(help="Picture to write: .png, .pdf or .svg.")], catalogue: Chosen = None
) -> None:
    """Draw the overview map: every place by kind, tier and prefecture."""
    from aoi.catalogue import load_catalogue
    from aoi.overview import draw_overview

    draw_overview(load_catalogue(catalogue).facilities, file)
    output.print(str(file), markup=False)


@catalogue_app.command("watch-areas")
def show_watch_areas(
    catalogue: Chosen = None,
    search_areas: Annotated[bool, typer.Option("--search-areas", help="With factory park search areas.")] = False,
    areas: Annotated[bool, typer.Option("--list", help="List the areas too.")] = False,
) -> None:
    """Count what is fetched as one, and how much ground that saves."""
    from aoi.catalogue import load_catalogue
    from aoi.parks import search_areas as look_for
    from aoi.watch_areas import saving, watch_areas

    places = load_catalogue(catalogue).active
    if search_areas:
        places = (*places, *look_for(places)[0])
    found = watch_areas(places)
    if areas:
        show_table(
            [
                {
                    "crs": area.crs,
                    "tile": " ".join(area.tiles),
                    "km2": f"{area.area_m2 / 1e6:.1f}",
                    "places": " ".join(area.facility_ids),
                }
                for area in found
            ]
        )
        return
    total = saving(places, found)
    figures = {
        "places": f"{total.places}",
        "watch areas": f"{total.areas}",
        "watched, km²": f"{total.watched_m2 / 1e6:.0f}",
        "bought apart, km²": f"{total.apart_m2 / 1e6:.0f}",
        "bought as watch areas, km²": f"{total.together_m2 / 1e6:.0f}",
        "saved, km²": f"{total.saved_m2 / 1e6:.0f} ({total.saved_m2 / total.apart_m2:.0%})",
        "still bought twice, km²": f"{total.still_twice_m2 / 1e6:.1f}",
    }
    show_table([{"figure": name, "is": figure} for name, figure in figures.items()])


def _line(place: Facility) -> dict[str, object]:
    return {
        "facility_id": place.facility_id,
        "name": place.name,
        "kind": str(place.kind),
        "prefecture": place.prefecture,
        "county": place.county,
        "security_tier": place.security_tier or "",
        "longitude": f"{place.point.x:.5f}",
        "latitude": f"{place.point.y:.5f}",
        "outline": "no" if place.geometry.geom_type == "Point" else "yes",
    }


def _summary_line(name: str, places: Iterable[Facility]) -> dict[str, object]:
    places = list(places)
    tiers = Counter(place.security_tier for place in places)
    return {
        "prefecture": name,
        **{f"tier {tier}": tiers[tier] for tier in (1, 2, 3, 4)},
        "no tier": tiers[None],
        "places": len(places),
        "with outline": sum(place.geometry.geom_type != "Point" for place in places),
    }


catalogue_files.add_to(catalogue_app)
