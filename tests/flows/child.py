"""A run in a process of its own, without Prefect, so that a test can kill it: `python -m tests.flows.child OUT …`."""

from __future__ import annotations

import sys
from pathlib import Path

from flows.parameters import MonitorParameters
from flows.run import run
from geo.errors import FacilityWatchError

if __name__ == "__main__":
    outputs, start, *options = sys.argv[1:]
    given = dict(option.split("=", 1) for option in options)
    parameters = {
        "source": "example",
        "start": start,
        "end": "2020-12-31",
        "outputs": Path(outputs),
        "detectors": ("footprints",),
        **given,
        "facilities": given.get("facilities", "aspi-0050,aspi-0124").split(","),
    }
    try:
        run(MonitorParameters.model_validate(parameters))
    except FacilityWatchError as error:
        sys.exit(str(error))
