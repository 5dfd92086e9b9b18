"""Settings from the environment, and the defaults that Prefect is run with."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from geo.errors import StoreError


class Settings(BaseSettings):
    """Read from environment variables that begin with `FACILITY_WATCH_`.

    Attributes:
        state_dir: Where Prefect keeps its own database; made where it is missing.
        fetch_retries: How often a facility's imagery is asked for again after a temporary failure.
        fetch_retry_delay_s: Wait before the first of these; doubled each time.
        ledger: SQLAlchemy URL of the ledger, such as `postgresql+psycopg://user:password@host/name`; without it the
            ledger is a file in the output folder. Never shown: it holds a password.
        cache: Folder or fsspec address of the scene cache, which several machines may share; `cache` in `state_dir`
            without it.
    """

    model_config = SettingsConfigDict(env_prefix="FACILITY_WATCH_", frozen=True)

    state_dir: Path = Path(".facility-watch")
    fetch_retries: int = 2
    fetch_retry_delay_s: float = 2.0
    ledger: SecretStr | None = None
    cache: str | None = None


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
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }
    for name, setting in defaults.items():
        os.environ.setdefault(name, setting)
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
