"""Where Sentinel Hub's credentials are found: profile, then environment, then sentinelhub's own configuration."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from geo.errors import InputError
from geo.sources.sentinelhub_session import Credentials, Deployment

_DEFAULT_PROFILE = "default-profile"
_ID, _SECRET = "SH_CLIENT_ID", "SH_CLIENT_SECRET"


def find_credentials(
    deployment: Deployment, profile: str | None = None, environment: Mapping[str, str] | None = None
) -> tuple[Deployment, Credentials]:
    """The credentials to use, and the deployment with the addresses that a profile gives.

    A profile named on the command line comes first, then `SH_CLIENT_ID` and `SH_CLIENT_SECRET` of the environment,
    then the profile that `SH_PROFILE` names or the default one. The file is sentinelhub-py's own
    (`~/.config/sentinelhub/config.toml`); it is read and never written.

    Args:
        deployment: Where to sign in unless the profile says otherwise.
        profile: Profile named on the command line.
        environment: Environment variables; the process's own where not given.

    Raises:
        InputError: There are none, or the profile doesn't exist; the message names the page to get them.
    """
    environment = os.environ if environment is None else environment
    if profile is None and environment.get(_ID) and environment.get(_SECRET):
        return deployment, Credentials(environment[_ID], environment[_SECRET], f"{_ID} and {_SECRET}")
    path = _config_path(environment)
    profiles = _profiles(path)
    chosen = profile or environment.get("SH_PROFILE") or _DEFAULT_PROFILE
    if profile is not None and profile not in profiles:
        raise InputError(f"profile {profile} isn't in {path}: write it with sentinelhub.config, or name another")
    entry = profiles.get(chosen, {})
    if not (entry.get("sh_client_id") and entry.get("sh_client_secret")):
        raise InputError(
            f"no credentials for {deployment.name} in {_ID} and {_SECRET} or in profile {chosen} of {path}: "
            f"make an OAuth client at {deployment.account_page}"
        )
    credentials = Credentials(entry["sh_client_id"], entry["sh_client_secret"], f"profile {chosen}")
    return _at(deployment, entry), credentials


def _at(deployment: Deployment, entry: Mapping[str, Any]) -> Deployment:
    return replace(
        deployment,
        base_url=str(entry.get("sh_base_url") or deployment.base_url).rstrip("/"),
        token_url=str(entry.get("sh_token_url") or deployment.token_url),
    )


def _config_path(environment: Mapping[str, str]) -> Path:
    folder = environment.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path.home() / ".config") / "sentinelhub" / "config.toml"


def _profiles(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} can't be read as sentinelhub's configuration: correct it") from error
    return {name: entry for name, entry in document.items() if isinstance(entry, dict)}
