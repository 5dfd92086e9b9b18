"""The set of detectors."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.base import Detector
from detectors.footprints import Footprints
from detectors.object_watch import Objects, Segmenter
from detectors.perimeter import Perimeter
from geo.errors import InputError

DETECTORS: dict[str, type[Detector]] = {"footprints": Footprints, "objects": Objects, "perimeter": Perimeter}

# A detector for images this fine is left out of runs on coarser ones. Nobody expects it to speak there, and its rows
# of `not_assessable` would hide those that tell of a gap.
FINE_GSD_M = 1.0


def choose(names: Sequence[str] = (), gsd_m: float = 10.0, segmenter: Segmenter | None = None) -> tuple[Detector, ...]:
    """The named detectors with their default parameters; if none is named, all that are meant for a pixel size.

    Args:
        names: Detectors.
        gsd_m: Pixel size of the run, m.
        segmenter: The user's own model, which `objects` then tells buildings by.

    Raises:
        InputError: A name is unknown.
    """
    unknown = [name for name in names if name not in DETECTORS]
    if unknown:
        raise InputError(f"detector {unknown[0]!r} isn't known: choose from {', '.join(DETECTORS)}")
    return tuple(
        Objects(segmenter=segmenter) if name == Objects.name else DETECTORS[name]()
        for name in (names or _meant_for(gsd_m))
    )


def _meant_for(gsd_m: float) -> list[str]:
    limits = {name: detector.requires.max_gsd_m for name, detector in DETECTORS.items()}
    return [name for name, limit in limits.items() if gsd_m <= limit or limit > FINE_GSD_M]
