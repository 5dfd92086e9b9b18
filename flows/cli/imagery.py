"""`plan` and `cache`: what fetching would cost, and what has been fetched."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import output, show_table
from flows.cli.run import SOURCE_HELP, day, size

if TYPE_CHECKING:
    from geo.sources.plan import PlanRow

cache_app = typer.Typer(help="Show and clean the scene cache.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command()(plan)
    app.add_typer(cache_app, name="cache")


def plan(
    source: Annotated[str, typer.Option(help=SOURCE_HELP)],
    start: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First day of the watched time.")],
    end: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day of the watched time; today without it.")
    ] = None,
    catalogue: Annotated[Path | None, typer.Option(help="Catalogue file; the packaged one without it.")] = None,
    facility: Annotated[
        list[str] | None, typer.Option(help="Facility id; several for several, all without it.")
    ] = None,
    max_bytes: Annotated[str | None, typer.Option(metavar="SIZE", help="Bound to plan for, such as 20GB.")] = None,
    max_processing_units: Annotated[float | None, typer.Option(help="Bound to plan for.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of sentinelhub's configuration.")] = None,
    gsd_m: Annotated[float, typer.Option(min=0.1, help="Pixel size of the grid in metres.")] = 10.0,
) -> None:
    """Search only, and say what a run would fetch and spend; nothing is bought."""
    from aoi.catalogue import load_catalogue
    from aoi.watch_areas import watch_areas
    from detectors.registry import choose
    from flows.imagery import opened
    from flows.method import Method
    from flows.parameters import MonitorParameters
    from geo.preparation import PreparationParameters
    from geo.sources.plan import Area
    from geo.sources.plan import plan as planned

    known = load_catalogue(catalogue)
    facilities = known.select(facility) if facility else known.active
    window = MonitorParameters(
        source=source, start=day(start, "--from"), end=None if end is None else day(end, "--to"), outputs=Path()
    ).window
    bands = Method(choose(gsd_m=gsd_m), PreparationParameters(), gsd_m).bands
    areas = (
        Area(" ".join(area.facility_ids), area.grid.scene_footprint_wgs84, area.grid)
        for area in watch_areas(facilities, gsd_m=gsd_m)
    )
    most = None if max_bytes is None else int(size(max_bytes, "--max-bytes"))
    with opened(source, profile=profile) as imagery:
        rows = list(planned(areas, imagery, bands, window.start, window.end, most, max_processing_units))
    show_table([*map(_row, rows), _total(rows)], title="What a run would fetch")


def _row(row: PlanRow) -> dict[str, object]:
    reasons = Counter(scene.reason for scene in row.left_out)
    return {
        "area": row.area_id,
        "scenes": row.scenes,
        "in the cache": row.held,
        "left out": row.fault or "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common()),
        "requests": row.cost.requests,
        "MB": f"{row.cost.bytes / 1e6:.1f}",
        "processing units": f"{row.cost.processing_units:.2f}",
        "within bounds": "yes" if row.within_bounds else "no",
    }


def _total(rows: list[PlanRow]) -> dict[str, object]:
    last = rows[-1].total if rows else None
    return {
        "area": f"all {len(rows)}",
        "scenes": sum(row.scenes for row in rows),
        "in the cache": sum(row.held for row in rows),
        "left out": sum(len(row.left_out) for row in rows),
        "requests": last.requests if last else 0,
        "MB": f"{(last.bytes if last else 0) / 1e6:.1f}",
        "processing units": f"{last.processing_units if last else 0:.2f}",
        "within bounds": "yes" if all(row.within_bounds for row in rows) else "no",
    }


@cache_app.command("show")
def show() -> None:
    """Say how much the cache holds, and of what, and how much the checkpoints of runs take."""
    from flows.checkpoints import Checkpoints
    from flows.imagery import open_cache
    from flows.settings import Settings

    cache = open_cache()
    entries = cache.entries()
    sizes: dict[str, list[int]] = {}
    for entry in entries:
        sizes.setdefault(entry.kind, []).append(entry.size_bytes)
    output.print(f"{cache.url}: {len(entries)} files, {sum(entry.size_bytes for entry in entries) / 1e6:.1f} MB")
    checkpoints = Checkpoints(Settings().checkpoints_url)
    kept = checkpoints.entries()
    output.print(f"{checkpoints.url}: {len(kept)} checkpoints, {sum(entry.size_bytes for entry in kept) / 1e6:.1f} MB")
    show_table(
        [{"kind": kind, "files": len(each), "MB": f"{sum(each) / 1e6:.1f}"} for kind, each in sorted(sizes.items())]
    )


@cache_app.command("clean")
def clean(
    max_bytes: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Keep the newest files up to this size, such as 50GB.")
    ] = None,
    max_days: Annotated[float | None, typer.Option(min=0, help="Keep files younger than this.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove every file.")] = False,
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="Remove the checkpoints of runs, and nothing else.")
    ] = False,
) -> None:
    """Remove old files from the cache; what is removed is fetched again when it is needed.

    Without its checkpoint a facility's series is followed from its first scene, with the same result.
    """
    from datetime import timedelta

    from flows.checkpoints import Checkpoints
    from flows.imagery import open_cache
    from flows.settings import Settings
    from geo.cache import SceneCache
    from geo.errors import InputError

    cache = open_cache()
    if checkpoints:
        removed = [entry.size_bytes for entry in Checkpoints(Settings().checkpoints_url).clear()]
    elif everything:
        removed = [entry.size_bytes for entry in cache.clear()]
    elif max_bytes is None and max_days is None:
        raise InputError("cache clean: say what to keep with --max-bytes or --max-days, or give --all or --checkpoints")
    else:
        bounded = SceneCache(
            cache.url,
            None if max_bytes is None else int(size(max_bytes, "--max-bytes")),
            None if max_days is None else timedelta(days=max_days),
        )
        removed = [entry.size_bytes for entry in bounded.prune()]
    output.print(f"{len(removed)} file(s) removed, {sum(removed) / 1e6:.1f} MB")
