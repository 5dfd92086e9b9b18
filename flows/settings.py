"""Settings from the environment, and the defaults that Prefect is run with."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from geo.errors import StoreError

API_URL = "PREFECT_API_URL"


class Settings(BaseSettings):
    """Read from environment variables that begin with `FACILITY_WATCH_`.

    Attributes:
        state_dir: Where Prefect keeps its own database, and what else is given no place; made if missing.
        fetch_retries: How often a facility's imagery is asked for again after a temporary failure.
        fetch_retry_delay_s: Wait before the first of these; doubled each time.
        ledger: SQLAlchemy URL of the ledger, such as `postgresql+psycopg://user:password@host/name`; without it the
            ledger is a file in the output folder. Never shown: it holds a password.
        cache: Folder or fsspec address of the scene cache, which several machines may share; `cache` in `state_dir`
            without it.
        checkpoints: Folder or fsspec address where runs leave what the next one goes on from, a file for each facility;
            `checkpoints` in `state_dir` without it. Workers on other machines use it only if it is named.
        products_url: Where the output folder is served, for links and pictures in Prefect and in notices.
        notify: Whom to tell of confirmed changes, failed runs and a source gone stale: apprise URLs such as
            `mailto://…` or `json://host/hook`, or Prefect notification blocks as `block:TYPE/NAME`, with `;` between.
        stale_after_days: Days without any new scene after which a source is called stale.
    """

    model_config = SettingsConfigDict(env_prefix="FACILITY_WATCH_", env_ignore_empty=True, frozen=True)

    state_dir: Path = Path(".facility-watch")
    fetch_retries: int = 2
    fetch_retry_delay_s: float = 2.0
    ledger: SecretStr | None = None
    cache: str | None = None
    checkpoints: str | None = None
    products_url: str | None = None
    notify: SecretStr | None = None
    stale_after_days: int = 45

    @property
    def checkpoints_url(self) -> str:
        """Where checkpoints lie as seen from this machine."""
        return self.checkpoints or str(self.state_dir.absolute() / "checkpoints")


def configure_prefect(settings: Settings) -> None:
    """Sets Prefect's environment before its first import; what the user has set stands, but for telemetry.

    What is watched is sensitive: telemetry is off whatever the environment says.

    Raises:
        StoreError: The state folder can't be made.
    """
    home = settings.state_dir.absolute() / "prefect"
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{settings.state_dir}: can't be made ({error.strerror}); name another folder in FACILITY_WATCH_STATE_DIR"
        ) from error
    defaults = {
        "PREFECT_HOME": str(home),
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "facility_watch",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }
    if not os.environ.get(API_URL):
        # A server of its own hears Ctrl-C too, and is then asked in vain: five times, as is usual, take a minute.
        defaults["PREFECT_CLIENT_MAX_RETRIES"] = "3"
    for name, setting in defaults.items():
        os.environ.setdefault(name, setting)
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"


def require_prefect() -> None:
    """Sees to it that the Prefect server that the environment names answers; without one a flow starts its own.

    Raises:
        StoreError: It doesn't.
    """
    address = os.environ.get(API_URL)
    if not address:
        return
    import httpx

    try:
        is_there = httpx.get(f"{address.rstrip('/')}/health", timeout=5.0).is_success
    except httpx.HTTPError:
        is_there = False
    if not is_there:
        parts = urlsplit(address)
        raise StoreError(
            f"no Prefect server answers at {parts.hostname}:{parts.port or parts.scheme}, which {API_URL} names: start "
            "it, unset the variable, or go on without it by --no-prefect"
        )
