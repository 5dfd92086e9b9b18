"""Remote sources, put together from names: transport, signatures, credentials, cache."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict

from geo.cache import SceneCache
from geo.errors import InputError
from geo.sources.base import ImagerySource
from geo.sources.cached import CachedSource
from geo.sources.look import Choice
from geo.sources.sentinelhub_collection import SENTINEL2_L2A, Collection
from geo.sources.sentinelhub_credentials import find_credentials
from geo.sources.sentinelhub_session import DEPLOYMENTS, Session
from geo.sources.sentinelhub_source import SentinelHubSource
from geo.sources.signing import PlanetaryComputerSigner, S3Signer, Signer, unsigned
from geo.sources.stac import StacSource
from geo.sources.stac_apis import StacApi, api_for
from geo.sources.transport import Transport

_KEY_ID, _KEY = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"


def open_stac(
    transport: Transport,
    api: str | StacApi = "earth-search",
    choice: Choice | None = None,
    cache: SceneCache | None = None,
    environment: Mapping[str, str] | None = None,
) -> ImagerySource:
    """A STAC API as a source.

    Args:
        transport: Sends; its meter bounds what is spent.
        api: Name of a known API (`geo.sources.stac_apis`), the address of any other, or its description.
        choice: Which scenes are worth reading.
        cache: Where answers are kept; None to keep none.
        environment: Where S3 keys are looked for (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`).

    Raises:
        InputError: The API keeps its files behind S3 keys and there are none.
    """
    described = api_for(api) if isinstance(api, str) else api
    chosen = choice or Choice()
    source = StacSource(transport, described, chosen, signer_for(described, transport, environment))
    settings = {**asdict(chosen), "url": described.url, "collections": list(described.collections)}
    return source if cache is None else CachedSource(source, cache, settings)


def open_sentinelhub(
    transport: Transport,
    deployment: str = "copernicus-data-space",
    collection: Collection = SENTINEL2_L2A,
    profile: str | None = None,
    choice: Choice | None = None,
    cache: SceneCache | None = None,
    environment: Mapping[str, str] | None = None,
) -> ImagerySource:
    """Sentinel Hub as a source. Nothing is sent until it is asked for something.

    Args:
        transport: Sends; its meter bounds what is spent.
        deployment: `copernicus-data-space` or `sentinel-hub`.
        collection: Sentinel-2 L2A, or a user's own (`own_collection`).
        profile: Profile of sentinelhub's configuration, named on the command line.
        choice: Which scenes are worth buying.
        cache: Where answers are kept; None to keep none.
        environment: Where credentials are looked for.

    Raises:
        InputError: The deployment isn't known, or there are no credentials.
    """
    if deployment not in DEPLOYMENTS:
        raise InputError(f"Sentinel Hub deployment {deployment} isn't known: give {' or '.join(DEPLOYMENTS)}")
    where, credentials = find_credentials(DEPLOYMENTS[deployment], profile, environment)
    chosen = choice or Choice()
    source = SentinelHubSource(Session(transport, where, credentials), collection, chosen)
    settings = {**asdict(chosen), "url": where.base_url, "collection": collection.name}
    return source if cache is None else CachedSource(source, cache, settings)


def signer_for(api: StacApi, transport: Transport, environment: Mapping[str, str] | None = None) -> Signer:
    """What opens the addresses of an API's assets.

    Raises:
        InputError: It takes S3 keys and there are none.
    """
    environment = os.environ if environment is None else environment
    if api.signing == "planetary-computer":
        return PlanetaryComputerSigner(transport)
    key_id, secret = environment.get(_KEY_ID), environment.get(_KEY)
    if api.s3_endpoint and key_id and secret:
        return S3Signer(api.s3_endpoint, api.s3_region, key_id, secret, requester_pays=api.requester_pays)
    if api.signing == "s3":
        raise InputError(f"{api.name} needs S3 keys in {_KEY_ID} and {_KEY}: make them at {api.account_page}")
    return unsigned
