"""The ledger: everything that monitoring has found out, one transaction per facility."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.exc import DBAPIError

from flows.ledger_engine import make_engine, name_losses, own_words, parse_url
from flows.ledger_rows import from_rows, heading, to_rows
from flows.ledger_tables import SCHEMA_VERSION, TABLES_BY_FACILITY, meta, metadata, notices, reviews, runs
from flows.record import FacilityRecord, Review
from flows.settings import Settings
from geo.errors import StoreError

_FILE_NAME = "ledger.sqlite"
_ADVISORY_LOCK = 0x_FAC1_117A_11  # names this application's lock among those of the database


def ledger_path(outputs: Path) -> Path:
    """Where the ledger of an output folder is."""
    return outputs / _FILE_NAME


class Ledger:
    """A SQL database that holds one `FacilityRecord` per facility, the reviews and the runs."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Ledger:
        """Opens a ledger, and makes it where there is none.

        Args:
            url: SQLAlchemy URL of a SQLite or PostgreSQL database; a password in it is never shown.
            create: Whether to make the tables where there are none.

        Raises:
            InputError: The URL isn't one.
            StoreError: It can't be opened, is no ledger, or is one of another version.
        """
        parsed = parse_url(url)
        name = parsed.render_as_string(hide_password=True)
        if parsed.get_backend_name() == "sqlite" and not create and not Path(parsed.database or "").exists():
            raise StoreError(f"{parsed.database}: there is no ledger yet; run `facility-watch monitor` first")
        engine = make_engine(parsed)
        ledger = cls(engine, name)
        try:
            ledger._check_version(create)
        except DBAPIError as error:
            engine.dispose()
            raise StoreError(
                f"{name}: can't be opened as a ledger ({own_words(error)}); check the path, or that the server runs "
                "and lets this user in"
            ) from error
        name_losses(engine, name)
        return ledger

    @classmethod
    def at(cls, outputs: Path, *, create: bool = True) -> Ledger:
        """The ledger of an output folder: the one that `FACILITY_WATCH_LEDGER` names, else a file in the folder."""
        named = Settings().ledger
        url = named.get_secret_value() if named else f"sqlite:///{ledger_path(outputs)}"
        return cls.open(url, create=create)

    def close(self) -> None:
        """Lets the database go."""
        self._engine.dispose()

    def _check_version(self, create: bool) -> None:
        names = sa.inspect(self._engine).get_table_names()
        if names and not set(names) <= set(metadata.tables):
            raise StoreError(f"{self._name}: holds other tables and is no ledger; choose another output folder")
        found = None
        if meta.name in names:
            with self._engine.connect() as connection:
                found = connection.scalar(sa.select(meta.c.text).where(meta.c.key == "schema_version"))
        if found is None and create:
            # The version is written last: a run that was killed over making the tables leaves none.
            with self._engine.begin() as connection:
                metadata.create_all(connection)
                connection.execute(meta.insert().values(key="schema_version", text=SCHEMA_VERSION))
            return
        if found is None:
            raise StoreError(f"{self._name}: there is no ledger yet; run `facility-watch monitor` first")
        if found != SCHEMA_VERSION:
            raise StoreError(
                f"{self._name}: was written by another version (ledger version {found}, this one writes "
                f"{SCHEMA_VERSION}); give another output folder, or use the version of facility-watch that made it"
            )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Holds the ledger for one run. The database lets go of it when the run's process ends, however it ends.

        A SQLite ledger lies in its output folder and is held with that.

        Raises:
            StoreError: Another run holds it.
        """
        if self._engine.dialect.name != "postgresql":
            yield
            return
        with self._engine.connect() as connection:
            connection.detach()  # closed at the end, not given back to the pool with the lock still on it
            if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_ADVISORY_LOCK))):
                raise StoreError(f"{self._name}: another run is using this ledger; wait for it to end, or give another")
            connection.commit()  # the lock is the session's: no transaction is left open for the whole run
            yield

    def facility_ids(self) -> tuple[str, ...]:
        """Ids of all facilities on record, ascending."""
        column = TABLES_BY_FACILITY["facilities"].c.facility_id
        with self._engine.connect() as connection:
            return tuple(connection.scalars(sa.select(column).order_by(column)))

    def load(self, facility_id: str) -> FacilityRecord | None:
        """What is known of a facility; None where nothing is."""
        with self._engine.connect() as connection:
            rows = {
                name: [
                    dict(row._mapping)
                    for row in connection.execute(
                        sa.select(table).where(table.c.facility_id == facility_id).order_by(*table.primary_key)
                    )
                ]
                for name, table in TABLES_BY_FACILITY.items()
            }
            verdicts = {
                row.change_id: Review(row.change_id, row.review_status, row.reviewer, row.reviewed_at, row.review_note)
                for row in connection.execute(sa.select(reviews).where(reviews.c.facility_id == facility_id))
            }
        return from_rows(rows, verdicts) if rows["facilities"] else None

    def headings(self) -> dict[str, FacilityRecord]:
        """What is on record of each facility itself, by its id: the records without their series."""
        table = TABLES_BY_FACILITY["facilities"]
        nothing: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES_BY_FACILITY}
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.facility_id))
            return {row.facility_id: from_rows({**nothing, table.name: [dict(row._mapping)]}, {}) for row in rows}

    def records(self) -> Iterator[FacilityRecord]:
        """All records, ascending by facility id, one in memory at a time."""
        for facility_id in self.facility_ids():
            record = self.load(facility_id)
            if record is not None:
                yield record

    def save(self, record: FacilityRecord) -> None:
        """Stores a record in one transaction, in place of the facility's earlier one. Reviews are kept.

        Raises:
            StoreError: The database refused; the earlier record stands.
        """
        facility_id = record.facility.facility_id
        with self._writing(facility_id) as connection:
            for table in TABLES_BY_FACILITY.values():
                connection.execute(sa.delete(table).where(table.c.facility_id == facility_id))
            for name, rows in to_rows(record).items():
                if rows:
                    connection.execute(TABLES_BY_FACILITY[name].insert(), rows)

    def save_heading(self, record: FacilityRecord) -> None:
        """Stores what a record says of the facility itself and of the watched time; all else stands as it is.

        Raises:
            StoreError: The database refused; the earlier record stands.
        """
        table = TABLES_BY_FACILITY["facilities"]
        row = heading(record)
        with self._writing(record.facility.facility_id) as connection:
            connection.execute(table.update().where(table.c.facility_id == row["facility_id"]).values(row))

    @contextmanager
    def _writing(self, facility_id: str) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreError(
                f"{self._name}: {facility_id} could not be stored ({own_words(error)}); its earlier record stands, and "
                "the next run goes on from there"
            ) from error

    def review(self, facility_id: str, verdict: Review) -> None:
        """Stores a person's verdict on a change."""
        columns = {
            "facility_id": facility_id,
            "review_status": verdict.review_status,
            "reviewer": verdict.reviewer,
            "reviewed_at": verdict.reviewed_at,
            "review_note": verdict.review_note,
        }
        with self._engine.begin() as connection:
            connection.execute(sa.delete(reviews).where(reviews.c.change_id == verdict.change_id))
            connection.execute(reviews.insert().values(change_id=verdict.change_id, **columns))

    def begin_run(self, parameters: dict[str, Any]) -> int:
        """Notes that a run has begun, with its parameters, and returns its number.

        Where the newest run never ended (its process was killed) and had the same parameters, it is that run which
        goes on, so that its products are those of an undisturbed one.
        """
        text = json.dumps(parameters, sort_keys=True)
        with self._writing("the run") as connection:
            newest = connection.execute(sa.select(runs).order_by(runs.c.run_id.desc()).limit(1)).first()
            if newest is not None and newest.finished_at is None and newest.parameters == text:
                return int(newest.run_id)
            key = connection.execute(
                runs.insert().values(started_at=datetime.now(UTC), parameters=text)
            ).inserted_primary_key
        return int(key[0]) if key else 0

    def end_run(self, run_id: int, outcome: str) -> None:
        """Notes how a run has ended."""
        with self._engine.begin() as connection:
            connection.execute(
                runs.update().where(runs.c.run_id == run_id).values(finished_at=datetime.now(UTC), outcome=outcome)
            )

    def last_run(self) -> dict[str, Any] | None:
        """The newest run: `run_id`, `started_at`, `finished_at`, `outcome`, `parameters`; None where none was."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(runs).order_by(runs.c.run_id.desc()).limit(1)).first()
        return None if row is None else {**row._mapping, "parameters": json.loads(row.parameters)}

    def untold(self, notices_: Sequence[str]) -> list[str]:
        """Which of some notices nobody has been told, in the order given."""
        with self._engine.connect() as connection:
            told = set(connection.scalars(sa.select(notices.c.notice)))
        return [notice for notice in notices_ if notice not in told]

    def claim(self, notices_: Sequence[str]) -> list[str]:
        """Puts on record that some notices are told now; gives those that weren't before."""
        claimed = self.untold(notices_)
        if claimed:
            with self._writing("notices") as connection:
                moment = datetime.now(UTC)
                connection.execute(notices.insert(), [{"notice": notice, "claimed_at": moment} for notice in claimed])
        return claimed

    def give_back(self, notices_: Sequence[str]) -> None:
        """Takes back that notices were told."""
        with self._writing("notices") as connection:
            connection.execute(sa.delete(notices).where(notices.c.notice.in_(notices_)))


@contextmanager
def exclusive(outputs: Path) -> Iterator[None]:
    """Holds an output folder for one run. The operating system lets go of it when the process ends, however it ends.

    Raises:
        StoreError: Another run holds it, or the folder can't be written to.
    """
    lock = FileLock(outputs / ".lock", timeout=0)
    try:
        outputs.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise StoreError(
            f"{outputs}: another run is using this output folder; wait for it to end, or give another one"
        ) from error
    except OSError as error:
        raise StoreError(
            f"{outputs}: can't be written to ({error.strerror}); check its rights or give another --outputs"
        ) from error
    try:
        yield
    finally:
        lock.release()
