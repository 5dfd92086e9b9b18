"""Remote sources, put together from names: transport, signatures, credentials, cache."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from geo.cache import SceneCache
from geo.errors import InputError
from geo.radar import RadarSource
from geo.sources.base import ImagerySource
from geo.sources.cached import CachedSource
from geo.sources.look import Choice
from geo.sources.sentinelhub_collection import SENTINEL2_L2A, Collection, own_collection
from geo.sources.sentinelhub_credentials import find_credentials
from geo.sources.sentinelhub_radar import SentinelHubRadar
from geo.sources.sentinelhub_session import DEPLOYMENTS, Credentials, Session
from geo.sources.sentinelhub_source import SentinelHubSource
from geo.sources.signing import PlanetaryComputerSigner, S3Signer, Signer, unsigned
from geo.sources.stac import StacSource
from geo.sources.stac_apis import StacApi, api_for
from geo.sources.stac_radar import StacRadar
from geo.sources.transport import Transport

_KEY_ID, _KEY = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"


def open_remote(
    specification: str,
    transport: Transport,
    choice: Choice | None = None,
    cache: SceneCache | None = None,
    profile: str | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    offline: bool = False,
) -> ImagerySource:
    """The source that a word names: `stac:earth-search`, `sentinelhub:copernicus-data-space`, `byoc:FILE.toml`.

    Args:
        specification: `stac:` with the name of a known API or the address of any other; `sentinelhub:` with a
            deployment; `byoc:` with the description of a user's own collection (`own_imagery`).
        transport: Sends; its meter bounds what is spent.
        choice: Which scenes are worth fetching.
        cache: Where answers are kept; None to keep none.
        profile: Profile of sentinelhub's configuration, named on the command line.
        environment: Where credentials and keys are looked for.
        offline: Answer from the cache alone.

    Raises:
        InputError: It names no source, or one that lacks credentials.
    """
    kind, _, rest = specification.partition(":")
    if kind == "stac":
        return open_stac(transport, rest or "earth-search", choice, cache, environment, offline=offline)
    if kind == "sentinelhub":
        where = rest or "copernicus-data-space"
        return open_sentinelhub(transport, where, SENTINEL2_L2A, profile, choice, cache, environment, offline=offline)
    if kind == "byoc" and rest:
        where, collection = own_imagery(Path(rest))
        return open_sentinelhub(transport, where, collection, profile, choice, cache, environment, offline=offline)
    raise InputError(f"source {specification!r} isn't known: give stac:NAME, sentinelhub:DEPLOYMENT or byoc:FILE.toml")


def open_radar(
    specification: str,
    transport: Transport,
    profile: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> RadarSource:
    """Sentinel-1 backscatter from the source that a word names (`open_remote`).

    Raises:
        InputError: It names no source of radar, or one that lacks credentials.
    """
    kind, _, rest = specification.partition(":")
    if kind == "stac":
        api = api_for(rest or "planetary-computer")
        return StacRadar(transport, api, signer_for(api, transport, environment))
    if kind == "sentinelhub":
        return SentinelHubRadar(_session(transport, rest or "copernicus-data-space", profile, environment))
    raise InputError(f"radar source {specification!r} isn't known: give stac:NAME or sentinelhub:DEPLOYMENT")


def own_imagery(path: Path) -> tuple[str, Collection]:
    """(deployment, collection) of a user's own images, described in a TOML file.

    Keys: `deployment`, `collection_id`, `gsd_m`, `scale` (DN to reflectance), optionally `offset`, `sample_type`
    (`UINT8`, `UINT16`, `FLOAT32`) and `attribution`; a table `bands` of our band names to the collection's.

    Raises:
        InputError: The file can't be read, or lacks a key.
    """
    try:
        told = tomllib.loads(path.read_text())
        return str(told.get("deployment", "sentinel-hub")), own_collection(
            str(told["collection_id"]),
            {str(name): str(asked_as) for name, asked_as in told["bands"].items()},
            float(told["gsd_m"]),
            float(told["scale"]),
            sample_type=str(told.get("sample_type", "UINT16")),
            offset=float(told.get("offset", 0.0)),
            attribution=str(told.get("attribution", "")),
        )
    except KeyError as error:
        raise InputError(f"{path} doesn't give {error}: add it") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} can't be read as the description of a collection ({error}): correct it") from error


def open_stac(
    transport: Transport,
    api: str | StacApi = "earth-search",
    choice: Choice | None = None,
    cache: SceneCache | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    offline: bool = False,
) -> ImagerySource:
    """A STAC API as a source.

    Args:
        transport: Sends; its meter bounds what is spent.
        api: Name of a known API (`geo.sources.stac_apis`), the address of any other, or its description.
        choice: Which scenes are worth reading.
        cache: Where answers are kept; None to keep none.
        environment: Where S3 keys are looked for (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`).
        offline: Answer from the cache alone.

    Raises:
        InputError: The API keeps its files behind S3 keys and there are none.
    """
    described = api_for(api) if isinstance(api, str) else api
    chosen = choice or Choice()
    sign = unsigned if offline else signer_for(described, transport, environment)
    source = StacSource(transport, described, chosen, sign)
    settings = {**asdict(chosen), "url": described.url, "collections": list(described.collections)}
    least = chosen.min_clear_fraction
    return source if cache is None else CachedSource(source, cache, settings, min_clear_fraction=least, offline=offline)


def open_sentinelhub(
    transport: Transport,
    deployment: str = "copernicus-data-space",
    collection: Collection = SENTINEL2_L2A,
    profile: str | None = None,
    choice: Choice | None = None,
    cache: SceneCache | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    offline: bool = False,
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
        offline: Answer from the cache alone.

    Raises:
        InputError: The deployment isn't known, or there are no credentials.
    """
    session = _session(transport, deployment, profile, environment, offline=offline)
    chosen = choice or Choice()
    source = SentinelHubSource(session, collection, chosen)
    settings = {**asdict(chosen), "url": session.deployment.base_url, "collection": collection.name}
    least = chosen.min_clear_fraction
    return source if cache is None else CachedSource(source, cache, settings, min_clear_fraction=least, offline=offline)


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


def _session(
    transport: Transport,
    deployment: str,
    profile: str | None,
    environment: Mapping[str, str] | None,
    *,
    offline: bool = False,
) -> Session:
    if deployment not in DEPLOYMENTS:
        raise InputError(f"Sentinel Hub deployment {deployment} isn't known: give {' or '.join(DEPLOYMENTS)}")
    try:
        where, credentials = find_credentials(DEPLOYMENTS[deployment], profile, environment)
    except InputError:
        if not offline:
            raise
        where, credentials = DEPLOYMENTS[deployment], Credentials("", "", "none, offline")
    return Session(transport, where, credentials)
