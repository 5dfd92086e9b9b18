"""Features of Sentinel Hub's catalogue as scenes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from geo.bands import SCENE_CLASSIFICATION
from geo.scene import Scene
from geo.sources.acquisitions import Product
from geo.sources.sentinelhub_collection import Collection
from geo.sources.stac_items import acquisition_time, attribution, crs_of, geometry_of

# Sentinel-2 Products Specification Document, compact naming: baseline, tile and time of processing.
_PRODUCT_NAME = re.compile(r"MSIL2A_\d{8}T\d{6}_N(\d{2})(\d{2})_R\d{3}_T(\w{5})_(\d{8}T\d{6})")

# Sentinel Hub mosaics what it finds in a time range: the tiles of one overpass are up to half a minute apart, the next
# satellite is not.
AROUND = timedelta(minutes=1)


def product_of(feature: Mapping[str, Any], collection: Collection) -> Product:
    """A catalogue feature as a product.

    Raises:
        SceneUnusableError: It has no time or no geometry.
    """
    properties: Mapping[str, Any] = feature.get("properties") or {}
    item_id = str(feature.get("id", ""))
    acquired_at = acquisition_time(properties)
    named = _PRODUCT_NAME.search(item_id)
    cloud_cover = properties.get("eo:cloud_cover")
    reflectances = [name for name in collection.band_gsd_m if name != SCENE_CLASSIFICATION]
    scene = Scene(
        item_id=item_id,
        collection=collection.name,
        acquired_at=acquired_at,
        scene_footprint=geometry_of(feature),
        gsd_m=min(collection.band_gsd_m.values()),
        bands=tuple(collection.band_gsd_m),
        cloud_cover_pct=None if cloud_cover is None else float(cloud_cover),
        processing_baseline=f"{named[1]}.{named[2]}" if named else None,
        offset_applied=True if collection.harmonized else None,
        attribution=collection.attribution or attribution(properties, acquired_at),
        scale_offset=dict.fromkeys(reflectances, (collection.scale, collection.offset)),
    )
    return Product(
        scene=scene,
        platform=str(properties.get("platform", "")),
        tile=f"MGRS-{named[3]}" if named else "",
        crs=crs_of(properties),
        processed_at=named[4] if named else "",
    )
