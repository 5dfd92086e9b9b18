"""Databases that can hold a ledger: SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from geo.errors import InputError


def parse_url(url: str) -> sa.URL:
    """A ledger's URL.

    Raises:
        InputError: It isn't one, or of a database that can't hold a ledger.
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise InputError("--ledger isn't a database URL: give postgresql+psycopg://user:password@host/name") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise InputError(f"--ledger names a {parsed.get_backend_name()} database: give a postgresql or sqlite URL")
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed


def make_engine(parsed: sa.URL) -> sa.Engine:
    """Connections to a ledger's database.

    Raises:
        InputError: The driver isn't installed.
    """
    try:
        if parsed.get_backend_name() == "sqlite":
            engine = sa.create_engine(parsed)
            sa.event.listen(engine, "connect", _configure_sqlite)
            return engine
        # A server that was restarted between two facilities is met with a fresh connection.
        return sa.create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except ImportError as error:
        raise InputError("a PostgreSQL ledger needs psycopg: install facility-watch[postgresql]") from error


def own_words(error: DBAPIError) -> str:
    """The database's own words. They go over many lines and name the address, never the password."""
    return str(error.orig).strip().partition("\n")[0]


def _configure_sqlite(connection: Any, _: Any) -> None:
    """Waits for other writers instead of failing, and keeps readers going while one writes."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
