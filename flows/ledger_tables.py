"""The ledger's tables."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC, also where the database (SQLite) knows no zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, moment: datetime | None, dialect: Any) -> datetime | None:  # noqa: D102 - as SQLAlchemy says
        if moment is not None and moment.tzinfo is None:
            raise ValueError(f"{moment} has no zone")
        return None if moment is None else moment.astimezone(UTC)

    def process_result_value(self, moment: datetime | None, dialect: Any) -> datetime | None:  # noqa: D102 - as SQLAlchemy says
        if moment is None:
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = sa.MetaData()


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=options.pop("nullable", False), **options)


def _real(name: str, **options: Any) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=options.pop("nullable", True), **options)


def _moment(name: str, **options: Any) -> sa.Column[datetime]:
    return sa.Column(name, UtcDateTime, nullable=options.pop("nullable", True), **options)


meta = sa.Table("ledger_meta", metadata, _text("key", primary_key=True), _text("text"))

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.Integer, primary_key=True),
    _moment("started_at", nullable=False),
    _moment("finished_at"),
    _text("outcome", nullable=True),
    _text("parameters"),
)

facilities = sa.Table(
    "facilities",
    metadata,
    _text("facility_id", primary_key=True),
    _text("name"),
    _text("kind"),
    sa.Column("geometry_wkb", sa.LargeBinary, nullable=False),
    _real("buffer_m", nullable=False),
    _text("prefecture"),
    _text("county"),
    sa.Column("security_tier", sa.Integer),
    _text("attributes"),
    _text("sources"),
    sa.Column("retired", sa.Boolean, nullable=False),
    _text("crs"),
    _real("gsd_m", nullable=False),
    _moment("window_start", nullable=False),
    _moment("window_end", nullable=False),
    _text("outcome"),
    _text("reason"),
    _text("source"),
    _text("area", nullable=True),
    _text("parameters_sha256"),
    _text("software_version"),
)

scenes = sa.Table(
    "scenes",
    metadata,
    _text("facility_id", primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    _text("item_id"),
    _moment("acquired_at"),
    sa.Column("used", sa.Boolean, nullable=False),
    _text("reason"),
    _text("collection"),
    _text("processing_baseline", nullable=True),
    _real("gsd_m"),
    _real("clear_fraction"),
    _real("shift_x_m"),
    _real("shift_y_m"),
    _real("registration_quality"),
    _text("attribution"),
    _text("pixels_sha256", nullable=True),
    sa.Column("unread", sa.Boolean, nullable=False),
    sa.Column("retry", sa.Boolean, nullable=False),
)

assessments = sa.Table(
    "assessments",
    metadata,
    _text("facility_id", primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    _text("detector"),
    _text("item_id"),
    _moment("acquired_at", nullable=False),
    _text("verdict"),
    _text("reason"),
    _real("clear_fraction", nullable=False),
)

tracks = sa.Table(
    "tracks",
    metadata,
    _text("facility_id", primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    _text("change_id", unique=True),
    _text("detector"),
    _text("detector_version"),
    _text("parameters_sha256"),
    _text("status"),
    _text("kind"),
    sa.Column("geometry_wkb", sa.LargeBinary, nullable=False),
    _real("area_m2", nullable=False),
    _real("length_m"),
    _real("score", nullable=False),
    _real("confidence"),
    _real("magnitude", nullable=False),
    _real("persistence", nullable=False),
    _real("registration", nullable=False),
    _real("clear_fraction", nullable=False),
    _moment("last_without"),
    _moment("first_with", nullable=False),
    _moment("gone_at"),
    _moment("last_seen", nullable=False),
    _text("before_item_id", nullable=True),
    _text("after_item_id"),
    _text("seen_in"),
    _text("sides"),
    _text("stage", nullable=True),
    _text("parent_change_id", nullable=True),
    sa.Column("misses", sa.Integer, nullable=False),
)

history = sa.Table(
    "history",
    metadata,
    _text("facility_id", primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    _text("change_id"),
    _moment("at", nullable=False),
    _text("item_id"),
    _text("event"),
    _text("status"),
    _real("area_m2", nullable=False),
    _real("length_m"),
    _text("note"),
    _text("stage", nullable=True),
)

# A verdict outlives the record that it was given on, so it has no foreign key to it.
reviews = sa.Table(
    "reviews",
    metadata,
    _text("change_id", primary_key=True),
    _text("facility_id", index=True),
    _text("review_status"),
    _text("reviewer", nullable=True),
    _moment("reviewed_at"),
    _text("review_note", nullable=True),
)

# What people have been told, so that they are told once.
notices = sa.Table("notices", metadata, _text("notice", primary_key=True), _moment("claimed_at", nullable=False))

TABLES_BY_FACILITY: dict[str, sa.Table] = {
    table.name: table for table in (facilities, scenes, assessments, tracks, history)
}

# Names of all tables and columns decide, so that no ledger is ever taken for one of another make.
SCHEMA_VERSION = hashlib.sha256(
    "\n".join(sorted(str(column) for table in metadata.tables.values() for column in table.columns)).encode()
).hexdigest()[:8]
