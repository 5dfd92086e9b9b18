"""`catalogue`: the watched places, and how to look at them, add to them and take them elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import output, say, show_table

catalogue_app = typer.Typer(help="The watched places: look, check, import, export, compare.", no_args_is_help=True)

_Catalogue = Annotated[
    Path | None, typer.Option("--catalogue", "-c", help="A catalogue file instead of the packaged one.")
]


@catalogue_app.command("list")
def list_(
    catalogue: _Catalogue = None,
    prefecture: Annotated[str, typer.Option(help="Only this prefecture.")] = "",
    tier: Annotated[int | None, typer.Option(min=1, max=4, help="Only this security tier.")] = None,
    kind: Annotated[str, typer.Option(help="Only this kind.")] = "",
    retired: Annotated[bool, typer.Option(help="Retired ones too.")] = False,
) -> None:
    """List the places, one a line."""
    from aoi.catalogue import load_catalogue

    known = load_catalogue(catalogue)
    chosen = [
        place
        for place in (known.facilities if retired else known.active)
        if (not prefecture or place.prefecture.casefold() == prefecture.casefold())
        and (tier is None or place.security_tier == tier)
        and (not kind or place.kind == kind)
    ]
    say(f"{len(chosen)} of {len(known.facilities)} places")
    show_table(
        [
            {
                "facility_id": place.facility_id,
                "name": place.name,
                "kind": str(place.kind),
                "prefecture": place.prefecture,
                "county": place.county,
                "security_tier": place.security_tier or "",
                "longitude": f"{place.point.x:.5f}",
                "latitude": f"{place.point.y:.5f}",
                "outline": "point" if place.geometry.geom_type == "Point" else "perimeter",
            }
            for place in chosen
        ]
    )


@catalogue_app.command()
def show(
    facility_id: Annotated[str, typer.Argument(help="Such as aspi-0050.")], catalogue: _Catalogue = None
) -> None:
    """Show all that is known of one place, what each fact means and where it is from."""
    from aoi.catalogue import load_catalogue

    known = load_catalogue(catalogue)
    place = known.get(facility_id)
    output.print(f"{place.facility_id} {place.name}", markup=False)
