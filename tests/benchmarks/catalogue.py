"""What a catalogue costs.

`python -m tests.benchmarks.catalogue [--facilities 4 8 16] [--scenes 15 30 60] [--archive FOLDER] [--out FILE.json]
[--draw FILE.png]` prints a table, and writes what `facility-watch estimate` reads and the curves that the README shows.
With `--archive` the archive is made once, and measured over as often as wanted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import rasterio

from aoi.catalogue import Catalogue
from aoi.facility import Facility
from flows.cli.console import output, show_table
from flows.measured import SERIAL_STAGES, WORKER_STAGES, Kind, MeasuredRun, Measurements
from tests.benchmarks import curves, orchestration
from tests.benchmarks.archive import Archive, dates, make
from tests.benchmarks.processes import watched

WORKERS = 2
_STAGES = ("look_s", *WORKER_STAGES, *SERIAL_STAGES)


@dataclass(frozen=True)
class _Place:
    """Where runs are made over which facilities."""

    scratch: Path
    facilities: Sequence[Facility]
    scenes: int
    archive: Path
    decoding_s: float

    def run(self, kind: Kind, *, prefect: bool = True) -> MeasuredRun:
        """Runs the command line as its user does.

        Raises:
            RuntimeError: It failed.
        """
        outputs = self.scratch / ("out" if prefect else "alone")
        log = outputs.with_suffix(".jsonl")
        log.unlink(missing_ok=True)
        program = str(Path(sys.executable).with_name("facility-watch"))
        window = ("--from", "2019-01-01", "--to", "2024-12-31")
        ids = [part for facility in self.facilities for part in ("--facility", facility.facility_id)]
        command = [program, "monitor", "--source", f"folder:{self.archive}", *window, "--outputs", str(outputs), *ids]
        options = ["--workers", str(WORKERS), "--log", str(log), "--prefect" if prefect else "--no-prefect"]
        used = watched([*command, *options], {"FACILITY_WATCH_STATE_DIR": str(self.scratch / "state")})
        steps = [json.loads(line) for line in log.read_text().splitlines()]
        stages: Counter[str] = Counter()
        for step in steps:
            stages.update({name: step[name] for name in _STAGES if name in step})
        return MeasuredRun(
            kind=kind,
            prefect=prefect,
            facilities=len(self.facilities),
            clear_scenes=self.scenes,
            followed=sum(step["message"] == "followed" for step in steps),
            wall_s=round(used.wall_s, 2),
            processor_s=round(used.processor_s, 2),
            peak_mib=round(used.peak_mib, 1),
            stages={name: round(stages[name], 2) for name in _STAGES},
            decoding_s=round(self.decoding_s, 2),
            outputs_bytes=sum(path.stat().st_size for path in outputs.rglob("*") if path.is_file()),
        )


def decoding_s(archive: Path) -> float:
    """Seconds that as many processes take to decode every pixel of the archive and do nothing with it."""
    paths = sorted(archive.glob("*.tif"))
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        list(pool.map(_decode, paths[:WORKERS]))  # started, imports done
        begun = time.perf_counter()
        list(pool.map(_decode, paths, chunksize=20))
        return time.perf_counter() - begun


def _decode(path: Path) -> float:
    with rasterio.open(path) as scene:
        return float(np.asarray(scene.read()).max())


class View:
    """A folder with some scenes of an archive, as links, so that the archive stays as it is however a run ends."""

    def __init__(self, folder: Path, scenes: Iterable[Path]) -> None:
        folder.mkdir()
        self.folder = folder
        self.show(scenes)

    def show(self, scenes: Iterable[Path]) -> None:
        """Adds scenes."""
        for scene in scenes:
            (self.folder / scene.name).symlink_to(scene.resolve())


def measure(facilities: Sequence[Facility], archive: Archive, scratch: Path, *, alone: bool) -> Iterator[MeasuredRun]:
    """A backfill, a run with nothing new and one with a new scene for each.

    Args:
        facilities: Whose.
        archive: Holds their scenes; it is only read.
        scratch: Where products and state go.
        alone: Whether to backfill without Prefect as well.
    """
    newest = f"{dates(archive.scenes)[-1]:%Y-%m-%d}"
    files = archive.files(facilities)
    late = [path for path in files if path.stem.rpartition("_")[2] >= newest]
    view = View(scratch / "archive", set(files).difference(late))
    place = _Place(scratch, facilities, archive.scenes, view.folder, decoding_s(view.folder))
    yield place.run(Kind.BACKFILL)
    if alone:
        yield place.run(Kind.BACKFILL, prefect=False)
    yield place.run(Kind.NOTHING_NEW)
    view.show(late)
    yield place.run(Kind.WEEKLY)


def row(run: MeasuredRun) -> dict[str, str]:
    """One line of the table."""
    what = f"{run.facilities} facilities × {run.clear_scenes} clear scenes: {run.kind.replace('_', ' ')}"
    busy_s = sum(run.stages[name] for name in WORKER_STAGES)
    return {
        "what": what if run.prefect else f"{what}, --no-prefect",
        "wall (s)": f"{run.wall_s:.1f}",
        "per facility (s)": f"{run.wall_s / run.facilities:.2f}",
        "followed": str(run.followed),
        "processor (s)": f"{run.processor_s:.1f}",
        "peak memory (MiB)": f"{run.peak_mib:.0f}",
        **{name.replace("_s", " (s)"): f"{run.stages[name]:.1f}" for name in _STAGES},
        "workers busy": f"{busy_s / WORKERS / run.wall_s:.0%}",
        "decoding (s)": f"{run.decoding_s:.1f}",
        "× decoding": f"{run.wall_s / run.decoding_s:.1f}",
    }


def orchestration_rows(measured: Measurements) -> Iterator[dict[str, str]]:
    """What Prefect costs, alone and as a share of each backfill."""
    for one in measured.orchestration:
        what = f"{one.facilities} facilities with nothing to do"
        yield {"what": what, "Prefect's (s)": f"{one.cost_s:.1f}", "of the run": ""}
    for run in measured.of(Kind.BACKFILL):
        yield {
            "what": f"{run.facilities} facilities × {run.clear_scenes} clear scenes: backfill",
            "Prefect's (s)": f"{measured.orchestration_s(run.facilities):.1f}",
            "of the run": f"{measured.orchestration_share(run):.1%}",
        }


def main() -> None:
    """Makes the archives, runs over them, prints the tables, and keeps what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facilities", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--scenes", type=int, nargs="+", default=[15, 30, 60])
    parser.add_argument(
        "--scratch", type=Path, default=None, help="Where products go, and archives that aren't kept: 60 MB a facility."
    )
    parser.add_argument(
        "--archive",
        type=Path,
        help="Folder that keeps the archives, one for each number of scenes; what isn't there is made. One of more "
        "facilities than are measured serves too.",
    )
    parser.add_argument("--out", type=Path, help="JSON file that gets what was measured, for `estimate --measured`.")
    parser.add_argument("--draw", type=Path, help="PNG or SVG file that gets the curves.")
    given = parser.parse_args()
    measured = _measured(given.facilities, given.scenes, given.scratch, given.archive)
    show_table([row(run) for run in measured.runs], title=f"A catalogue: {measured.where}")
    show_table(list(orchestration_rows(measured)), title="Prefect's share")
    if any(run.was_disturbed for run in measured.runs):
        output.print("The machine did other work meanwhile, so the seconds are too many: measure anew.")
    if given.out:
        given.out.write_text(measured.model_dump_json(indent=1) + "\n")
        output.print(f"measurements: {given.out}", markup=False)
    if given.draw:
        curves.draw(measured, given.draw)
        output.print(f"curves: {given.draw}", markup=False)


def _measured(
    facilities: Sequence[int], scenes: Sequence[int], scratch: Path | None, kept: Path | None
) -> Measurements:
    catalogue = Catalogue.builtin().active
    fewest, longest = min(facilities), max(scenes)
    runs: list[MeasuredRun] = []
    for count, length in dict.fromkeys([*((n, longest) for n in facilities), *((fewest, n) for n in scenes)]):
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            if kept is None:
                archive = make(catalogue[:count], length, Path(folder) / "made")
            else:
                most = max(facilities) if length == longest else fewest
                archive = Archive.kept(kept / str(length), catalogue[:most], length)
            alone = (count, length) == (fewest, longest)
            runs += measure(catalogue[:count], archive, Path(folder), alone=alone)
    return Measurements(
        measured_on=datetime.now(UTC).date(),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        workers=WORKERS,
        software_version=version("facility-watch"),
        runs=tuple(runs),
        orchestration=tuple(orchestration.measure(count) for count in (1, len(catalogue))),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


if __name__ == "__main__":
    main()
