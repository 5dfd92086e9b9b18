"""The set of detectors."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.base import Detector
from detectors.footprints import Footprints
from detectors.perimeter import Perimeter
from geo.errors import InputError

DETECTORS: dict[str, type[Detector]] = {"footprints": Footprints, "perimeter": Perimeter}


def choose(names: Sequence[str] = ()) -> tuple[Detector, ...]:
    """The named detectors with their default parameters, all of them if none is named.

    Raises:
        InputError: A name is unknown.
    """
    unknown = [name for name in names if name not in DETECTORS]
    if unknown:
        raise InputError(f"detector {unknown[0]!r} isn't known: choose from {', '.join(DETECTORS)}")
    return tuple(DETECTORS[name]() for name in (names or DETECTORS))
