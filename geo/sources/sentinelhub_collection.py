"""What Sentinel Hub's collections hold, how it is asked for, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from geo.bands import SCENE_CLASSIFICATION
from geo.radiometry import SENTINEL2_QUANTIFICATION

_UNIT_PX = 512 * 512


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of one sensor.

    Attributes:
        name: As scenes name it.
        catalog_id: As the catalogue names it.
        band_gsd_m: Band name to its native pixel size, metres.
        asked_as: Band name to the collection's own name, where it differs.
        scale: Factor from DN to reflectance.
        offset: Addend from DN to reflectance.
        harmonized: Whether Sentinel Hub is to take the offset of processing baseline 04.00 off.
        sample_type: Of the numbers as stored: `UINT8`, `UINT16` or `FLOAT32`.
        attribution: What a publication has to say; empty for Sentinel data, which follow their own rule.
    """

    name: str
    catalog_id: str
    band_gsd_m: Mapping[str, float]
    asked_as: Mapping[str, str] = field(default_factory=dict)
    scale: float = SENTINEL2_QUANTIFICATION
    offset: float = 0.0
    harmonized: bool = False
    sample_type: str = "UINT16"
    attribution: str = ""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Of the numbers as they arrive."""
        return np.dtype(self.sample_type.lower())

    @property
    def classified(self) -> bool:
        """Whether it has Sen2Cor's scene classification."""
        return SCENE_CLASSIFICATION in self.band_gsd_m

    @property
    def is_byoc(self) -> bool:
        """Whether it is a user's own."""
        return self.catalog_id.startswith("byoc-")


SENTINEL2_L2A = Collection(
    name="sentinel-2-l2a",
    catalog_id="sentinel-2-l2a",
    band_gsd_m={
        **dict.fromkeys(("B02", "B03", "B04", "B08"), 10.0),
        **dict.fromkeys(("B05", "B06", "B07", "B8A", "B11", "B12", SCENE_CLASSIFICATION), 20.0),
        **dict.fromkeys(("B01", "B09"), 60.0),
    },
    harmonized=True,
)


def own_collection(
    collection_id: str, bands: Mapping[str, str], gsd_m: float, scale: float, *, sample_type: str = "UINT16",
    offset: float = 0.0, attribution: str = "",
) -> Collection:  # fmt: skip
    """A user's own imagery (BYOC): what its metadata would say if Sentinel Hub kept them.

    Args:
        collection_id: Its identifier, with or without `byoc-`.
        bands: Our band name (`B04`, `PAN`) to the collection's own (`Red`).
        gsd_m: Pixel size, metres.
        scale: Factor from DN to reflectance.
        sample_type: `UINT8`, `UINT16` or `FLOAT32`, as ingested.
        offset: Addend from DN to reflectance.
        attribution: What the licence wants said.
    """
    catalog_id = f"byoc-{collection_id.removeprefix('byoc-')}"
    return Collection(
        name=catalog_id,
        catalog_id=catalog_id,
        band_gsd_m=dict.fromkeys(bands, gsd_m),
        asked_as=bands,
        scale=scale,
        offset=offset,
        sample_type=sample_type,
        attribution=attribution,
    )


def evalscript(bands: Sequence[str], sample_type: str, units: str = "DN") -> str:
    """A script that returns bands as they are stored, and the data mask after them.

    >>> print(evalscript(["B04"], "UINT16"))
    //VERSION=3
    function setup() {
      return {
        input: [{bands: ["B04", "dataMask"], units: "DN"}],
        output: {id: "default", bands: 2, sampleType: "UINT16"}
      };
    }
    function evaluatePixel(sample) {
      return [sample.B04, sample.dataMask];
    }
    """
    names = [*bands, "dataMask"]
    asked = ", ".join(f'"{name}"' for name in names)
    returned = ", ".join(f"sample.{name}" for name in names)
    return (
        "//VERSION=3\n"
        "function setup() {\n"
        "  return {\n"
        f'    input: [{{bands: [{asked}], units: "{units}"}}],\n'
        f'    output: {{id: "default", bands: {len(names)}, sampleType: "{sample_type}"}}\n'
        "  };\n"
        "}\n"
        "function evaluatePixel(sample) {\n"
        f"  return [{returned}];\n"
        "}"
    )


def processing_units(
    shape: tuple[int, int], bands: int, *, float32: bool = False, orthorectified: bool = False
) -> float:
    """What one Process API request costs (Sentinel Hub documentation, "Processing Unit definition").

    Size over 512 × 512 pixels (0.01 at least), times bands over 3 (the data mask isn't counted), twice for 32 bit
    numbers, twice for orthorectification; 0.005 at least.

    >>> round(processing_units((2000, 2000), 2, orthorectified=True), 2)
    20.35
    >>> processing_units((30, 30), 1)
    0.005
    """
    size = max(math.prod(shape) / _UNIT_PX, 0.01)
    return max(size * bands / 3 * (2 if float32 else 1) * (2 if orthorectified else 1), 0.005)
