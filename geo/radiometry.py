"""Digital numbers to reflectance."""

from __future__ import annotations

import numpy as np

from geo.errors import SceneUnusableError
from geo.scene import FloatArray, SceneRaster

# Sentinel-2 Products Specification Document: from processing baseline 04.00 on (25 January 2022, and older
# scenes reprocessed) 1000 is added to every DN, which RADIO_ADD_OFFSET (L1C) and BOA_ADD_OFFSET (L2A) take off.
SENTINEL2_QUANTIFICATION = 1e-4
SENTINEL2_ADD_OFFSET = -1000 * SENTINEL2_QUANTIFICATION
_FIRST_BASELINE_WITH_OFFSET = (4, 0)


def sentinel2_offset(processing_baseline: str | None, offset_applied: bool | None) -> float:
    """Addend, in reflectance, that the stored numbers of a Sentinel-2 scene still need.

    It is the metadata that decides, never the date: scenes of 2015 exist reprocessed with baseline 05.00,
    and archives exist that have taken the offset off already.

    Args:
        processing_baseline: Such as `05.09`; None where unknown.
        offset_applied: True where the archive has taken the offset off the stored numbers, False where it
            says that it hasn't, None where it says nothing.

    Raises:
        SceneUnusableError: The baseline has an offset and nothing says whether it is still in the numbers, or
            the baseline itself is unknown and so is the offset.

    >>> sentinel2_offset("05.09", False), sentinel2_offset("05.09", True), sentinel2_offset("03.01", None)
    (-0.1, 0.0, 0.0)
    """
    if offset_applied:
        return 0.0
    has_offset = processing_baseline is not None and _version(processing_baseline) >= _FIRST_BASELINE_WITH_OFFSET
    if has_offset and offset_applied is None:
        raise SceneUnusableError(
            f"processing baseline {processing_baseline} adds 1000 to its DN and nothing says whether that was "
            "taken off: give the band offset"
        )
    return SENTINEL2_ADD_OFFSET if has_offset else 0.0


def to_reflectance(raster: SceneRaster) -> FloatArray:
    """Reflectance float32 (band, y, x), NaN where the raster isn't valid.

    Scale and offset of the raster are applied here and nowhere else. `SceneRaster.offset` is what the stored
    numbers still need: a source whose archive has already taken an offset off gives 0.
    """
    reflectance = raster.dn.astype(np.float32)
    reflectance *= np.array(raster.scale, np.float32)[:, None, None]
    reflectance += np.array(raster.offset, np.float32)[:, None, None]
    np.copyto(reflectance, np.float32(np.nan), where=~raster.valid)
    return reflectance


def _version(processing_baseline: str) -> tuple[int, ...]:
    """`05.09` as (5, 9), for comparison."""
    try:
        return tuple(int(part) for part in processing_baseline.lstrip("Nn").split("."))
    except ValueError as error:
        raise SceneUnusableError(f"processing baseline {processing_baseline!r} can't be read") from error
