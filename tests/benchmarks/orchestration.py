"""What Prefect alone costs: the monitor's flow over facilities that have nothing to do, with Prefect and without.

Everything that Prefect does in a real run it does here: its server, a task for each facility, progress, artifacts.
`python -m tests.benchmarks.orchestration COUNT [--no-prefect]` is one such run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from aoi.catalogue import Catalogue
from aoi.facility import Facility
from flows.measured import Orchestration
from flows.parallel import in_parallel
from flows.parameters import MonitorParameters
from flows.progress import report
from flows.record import Outcome
from flows.settings import Settings, configure_prefect
from flows.summary import FacilitySummary, RunSummary
from flows.watcher import Watched
from tests.benchmarks.processes import watched

_THREADS = 4

Watch = Callable[[Facility], Watched]


def measure(count: int) -> Orchestration:
    """Runs it both ways, on a machine where Prefect has run before."""
    with TemporaryDirectory() as scratch:
        environment = {"FACILITY_WATCH_STATE_DIR": scratch}
        command = [sys.executable, "-m", __name__, str(count)]
        watched(command, environment)  # Prefect makes its database
        with_s = watched(command, environment).wall_s
        return Orchestration(
            facilities=count, with_s=with_s, without_s=watched([*command, "--no-prefect"], environment).wall_s
        )


def nothing(parameters: MonitorParameters, wrap: Callable[[Watch], Watch] = lambda watch: watch) -> RunSummary:
    """A run over facilities that have nothing to do."""
    facilities = Catalogue.builtin().select(parameters.facilities)
    done = []
    for facility, future in in_parallel(wrap(_nothing), facilities, _THREADS, let_go=lambda: None):
        done.append(future.result().summary)
        report(len(done), len(facilities), facility.name)
    return RunSummary(tuple(done), ())


def _nothing(facility: Facility) -> Watched:
    summary = FacilitySummary(facility.facility_id, facility.name, Outcome.ASSESSED, "", 0, "", (), ())
    return Watched(summary, followed=False)


def _main(count: int, *, prefect: bool) -> None:
    ids = tuple(facility.facility_id for facility in Catalogue.builtin().active[:count])
    parameters = MonitorParameters(source="example", start=date(2019, 1, 1), outputs=Path(), facilities=ids)
    if not prefect:
        nothing(parameters)
        return
    configure_prefect(Settings())
    from flows.monitor import monitor

    with patch("flows.monitor.run", nothing):
        monitor(parameters)


if __name__ == "__main__":
    _main(int(sys.argv[1]), prefect="--no-prefect" not in sys.argv)
