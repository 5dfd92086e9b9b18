"""Databases that can hold a ledger: SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from geo.errors import InputError, StoreError


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


def name_losses(engine: sa.Engine, name: str) -> None:
    """Lets a database that is lost in the middle of a run be told by a `StoreError`, whatever was asked of it."""

    def told(context: sa.ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        if context.is_pre_ping or not isinstance(error, DBAPIError):
            return  # a stale connection is replaced, and nobody has to hear of it
        if context.is_disconnect or context.connection is None:
            raise StoreError(
                f"{name}: the database was lost ({own_words(error)}); what was stored is whole, and the next run goes "
                "on from there"
            ) from error

    sa.event.listen(engine, "handle_error", told)


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
