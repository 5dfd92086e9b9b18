"""STAC APIs that are known by name, and what is peculiar to each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StacApi:
    """Where to search, and how the archive behind it keeps its pixels.

    Attributes:
        name: Short name.
        url: Root of the API.
        collections: Collections to search; where two hold the same acquisition the newer processing counts.
        radar_collection: Sentinel-1 GRD; empty where there is none.
        keeps_offset: Whether the archive is known to store DN as ESA delivers them, which decides for items that
            don't say; None where that isn't known.
        asset_map: Band name to asset key, for collections that name their assets in their own way.
        signing: How addresses are opened: `none`, `planetary-computer` or `s3`.
        s3_endpoint: Host of `s3://` addresses; `{bucket}` where each bucket has one.
        s3_region: Region that this host expects in signatures.
        requester_pays: Whether whoever fetches `s3://` addresses pays the transfer.
        account_page: Where keys are to be had; empty where none are needed.
    """

    name: str
    url: str
    collections: tuple[str, ...] = ("sentinel-2-l2a",)
    radar_collection: str = ""
    keeps_offset: bool | None = None
    asset_map: Mapping[str, str] = field(default_factory=dict)
    signing: str = "none"
    s3_endpoint: str = ""
    s3_region: str = ""
    requester_pays: bool = False
    account_page: str = ""


EARTH_SEARCH = StacApi(
    name="earth-search",
    url="https://earth-search.aws.element84.com/v1",
    collections=("sentinel-2-c1-l2a", "sentinel-2-l2a"),
    radar_collection="sentinel-1-grd",
    s3_endpoint="https://{bucket}.s3.eu-central-1.amazonaws.com",
    s3_region="eu-central-1",
    requester_pays=True,
    account_page="https://aws.amazon.com (Sentinel-1 only; whoever asks pays the transfer)",
)
PLANETARY_COMPUTER = StacApi(
    name="planetary-computer",
    url="https://planetarycomputer.microsoft.com/api/stac/v1",
    radar_collection="sentinel-1-grd",
    keeps_offset=True,
    signing="planetary-computer",
)
COPERNICUS_DATA_SPACE = StacApi(
    name="copernicus-data-space",
    url="https://stac.dataspace.copernicus.eu/v1",
    radar_collection="sentinel-1-grd",
    keeps_offset=True,
    signing="s3",
    s3_endpoint="https://eodata.dataspace.copernicus.eu",
    s3_region="default",
    account_page="https://eodata-s3keysmanager.dataspace.copernicus.eu",
)
STAC_APIS = {api.name: api for api in (EARTH_SEARCH, PLANETARY_COMPUTER, COPERNICUS_DATA_SPACE)}


def api_for(name_or_url: str) -> StacApi:
    """A known API by its name, or any other by its address."""
    known = {**STAC_APIS, **{api.url: api for api in STAC_APIS.values()}}
    return known.get(name_or_url.rstrip("/"), StacApi(name=name_or_url, url=name_or_url.rstrip("/")))
