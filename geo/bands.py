"""Names of spectral bands: Sentinel-2's own names are used everywhere, other names are translated on reading."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Sentinel-2 Products Specification Document, spectral bands, by wavelength; PAN is no Sentinel-2 band but
# what single-band imagery of other sensors is called here.
REFLECTANCE_BANDS = (
    "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12", "PAN",
)  # fmt: skip
SCENE_CLASSIFICATION = "SCL"
TRUE_COLOUR = ("B04", "B03", "B02")

# STAC electro-optical extension, "common band names".
_COMMON_NAMES = {
    "coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "rededge": "B05", "rededge071": "B05",
    "rededge075": "B06", "rededge078": "B07", "nir": "B08", "nir08": "B8A", "nir09": "B09", "cirrus": "B10",
    "swir16": "B11", "swir22": "B12", "pan": "PAN", "panchromatic": "PAN", "scl": SCENE_CLASSIFICATION,
}  # fmt: skip


def sentinel2_name(name: str) -> str | None:
    """The Sentinel-2 name of a band called by that name, a short form or its STAC common name; None if unknown.

    >>> [sentinel2_name(name) for name in ("b4", "B8A", "Red", "swir16", "temperature")]
    ['B04', 'B8A', 'B04', 'B11', None]
    """
    key = name.strip().casefold()
    if key in _COMMON_NAMES:
        return _COMMON_NAMES[key]
    numbered = re.fullmatch(r"b0?(\d{1,2}|8a)", key)
    if numbered is None:
        return None
    label = f"B{numbered[1].upper():0>2}"
    return label if label in REFLECTANCE_BANDS else None


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Reflectance bands, each once, by wavelength.

    >>> ordered(["B8A", "B02", "B08", "B02"])
    ('B02', 'B08', 'B8A')
    """
    return tuple(sorted(set(names), key=REFLECTANCE_BANDS.index))


def visible(names: Iterable[str]) -> tuple[str, ...]:
    """The bands that show the ground as an eye would: true colour, else panchromatic, else all there are."""
    held = ordered(names)
    for wanted in (ordered(TRUE_COLOUR), ("PAN",)):
        if any(name in held for name in wanted):
            return tuple(name for name in wanted if name in held)
    return held
