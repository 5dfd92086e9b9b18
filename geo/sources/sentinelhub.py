"""The boundary to sentinelhub-py: requests of the Process API as the library writes them, sent by our own transport.

The library repeats 429 for ever, fails on a `Retry-After` that is a date, and never signs in again after a 401; so it
builds requests here and sends none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sentinelhub.api.process import SentinelHubRequest
from sentinelhub.config import SHConfig
from sentinelhub.constants import CRS, MimeType, ResamplingType
from sentinelhub.data_collections import DataCollection
from sentinelhub.geometry import BBox

from geo.errors import SourceError
from geo.sources.http import Reply, Request
from geo.sources.sentinelhub_catalog import AROUND
from geo.sources.sentinelhub_collection import Collection
from geo.sources.sentinelhub_pixels import decoded
from geo.sources.sentinelhub_session import Session

_SPENT = "x-processingunits-spent"


class ProcessApi:
    """Calls of the Process API for one collection, each charged to the meter.

    Args:
        session: Signed in to a deployment.
        data: The library's definition of the collection.
        processing: Options of the collection's own processing.
    """

    def __init__(self, session: Session, data: DataCollection, processing: Mapping[str, object] | None = None) -> None:
        self._session = session
        self._data = data
        self._options = {"processing": dict(processing)} if processing else None
        self._config = SHConfig(use_defaults=True, sh_base_url=session.deployment.base_url)

    def process(
        self,
        script: str,
        item_id: str,
        acquired_at: datetime,
        crs: str,
        bounds: tuple[float, float, float, float],
        shape: tuple[int, int, int],
        units: float,
    ) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
        """Numbers (band, y, x) and data mask (y, x) of one acquisition.

        Args:
            script: Evalscript whose last output is the data mask.
            item_id: Which scene, for messages.
            acquired_at: What is found within a minute of it is joined.
            crs: UTM zone of the bounds, `EPSG:326xx`.
            bounds: (min_x, min_y, max_x, max_y), metres.
            shape: (bands with the data mask, rows, columns).
            units: What it will cost, processing units.
        """
        request = SentinelHubRequest(
            evalscript=script,
            input_data=[
                SentinelHubRequest.input_data(
                    self._data,
                    time_interval=(acquired_at - AROUND, acquired_at + AROUND),
                    upsampling=ResamplingType.NEAREST,
                    downsampling=ResamplingType.NEAREST,
                    other_args=self._options,
                )
            ],
            responses=[SentinelHubRequest.output_response("default", MimeType.TIFF)],
            bbox=BBox(bounds, CRS(crs.removeprefix("EPSG:"))),
            size=(shape[2], shape[1]),
            config=self._config,
        ).download_list[0]
        reply = self._paid(Request(request.url or "", "POST", request.headers, json=request.post_values), units)
        pixels = decoded(reply, item_id, shape)
        return pixels[:-1], pixels[-1] > 0

    def _paid(self, request: Request, units: float) -> Reply:
        """A reply that costs, reserved before and corrected by what the server says it took."""
        meter = self._session.transport.meter
        meter.reserve(processing_units=units)
        try:
            reply = self._session.fetch(request)
        except SourceError:
            meter.correct(processing_units=-units)  # only successful requests are charged
            raise
        meter.correct(processing_units=float(reply.headers.get(_SPENT, units)) - units)
        return reply


def data_collection(collection: Collection, base_url: str) -> DataCollection:
    """The library's own definition, at the deployment's address: built-in ones have a fixed one."""
    if collection.is_byoc:
        name = f"{collection.name} at {base_url}"
        return DataCollection.define(name, api_id=collection.catalog_id, service_url=base_url)
    if DataCollection.SENTINEL2_L2A.service_url == base_url:
        return DataCollection.SENTINEL2_L2A  # the library refuses a second name for the same definition
    return DataCollection.SENTINEL2_L2A.define_from(f"{collection.name} at {base_url}", service_url=base_url)


def radar_collection(base_url: str) -> DataCollection:
    """Sentinel-1 GRD, interferometric wide swath, VV and VH, at a deployment's address."""
    if DataCollection.SENTINEL1_IW.service_url == base_url:
        return DataCollection.SENTINEL1_IW
    return DataCollection.SENTINEL1_IW.define_from(f"sentinel-1-grd at {base_url}", service_url=base_url)
