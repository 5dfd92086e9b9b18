import csv
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from flows.change import ReviewStatus
from flows.publish.publishing import publish
from flows.publish.review import collect_reviews, import_reviews
from flows.record import Review
from geo.errors import InputError, StoreError

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
WALL = "aspi-0050-pbvhsdla"


def _edit(folder, **cells):
    with closing(sqlite3.connect(folder / "changes.gpkg")) as connection, connection:
        connection.execute("DROP TRIGGER IF EXISTS rtree_changes_geom_update6")
        for name in [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]:
            connection.execute(f'DROP TRIGGER "{name}"')  # they call GDAL's own functions
        for column, content in cells.items():
            connection.execute(f'UPDATE changes SET "{column}" = ? WHERE change_id = ?', (content, WALL))  # noqa: S608 - our own columns


def test_an_edited_geopackage_is_read_back(ledger, outputs):
    _edit(outputs, review_status="rejected", reviewer="B", review_note="shadow")
    imported = import_reviews(ledger, outputs / "changes.gpkg", NOW)
    assert imported.taken == (WALL,)
    assert imported.unchanged == 2
    assert ledger.load("aspi-0050").reviews[WALL] == Review(WALL, ReviewStatus.REJECTED, "B", NOW, "shadow")


def test_publish_takes_edits_before_it_writes(ledger, outputs):
    _edit(outputs, review_status="accepted")
    assert publish(ledger, outputs).reviews.taken == (WALL,)
    assert publish(ledger, outputs).reviews is None


def test_an_old_file_does_not_undo_what_was_decided_since(ledger, outputs):
    ledger.review("aspi-0050", Review(WALL, ReviewStatus.REJECTED, "C", NOW, None))
    imported = import_reviews(ledger, outputs / "changes.gpkg", NOW)
    assert imported.taken == ()
    assert ledger.load("aspi-0050").reviews[WALL].reviewer == "C"


def test_a_spreadsheet_will_do_and_unknown_changes_are_named(ledger, tmp_path):
    with (tmp_path / "verdicts.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerows([["change_id", "review_status", "reviewed_at"], [WALL, "Unsure", "2026-04-01T10:00:00Z"]])
        writer.writerow(["nowhere-abc", "accepted", ""])
    imported = import_reviews(ledger, tmp_path / "verdicts.csv", NOW)
    assert (imported.taken, imported.unknown) == ((WALL,), ("nowhere-abc",))
    assert ledger.load("aspi-0050").reviews[WALL].reviewed_at == datetime(2026, 4, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"change_id,review_status\n{WALL},fine\n", "must be one of"),
        ("id,verdict\n1,2\n", "has no column change_id"),
        (f"change_id,review_status,reviewed_at\n{WALL},unsure,yesterday-ish\n", "give a date"),
    ],
)
def test_wrong_verdicts_are_refused_and_nothing_is_taken(ledger, tmp_path, text, message):
    (tmp_path / "bad.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        import_reviews(ledger, tmp_path / "bad.csv", NOW)
    assert WALL not in ledger.load("aspi-0050").reviews


def test_a_file_that_is_no_layer_is_said_so(ledger, tmp_path):
    (tmp_path / "bad.gpkg").write_bytes(b"not a database")
    with pytest.raises(InputError, match="can't be read as a change layer"):
        import_reviews(ledger, tmp_path / "bad.gpkg", NOW)


def test_edits_still_in_the_side_file_are_not_lost(ledger, outputs):
    editor = sqlite3.connect(outputs / "changes.gpkg", isolation_level=None)
    editor.execute("PRAGMA journal_mode = WAL")
    editor.execute("BEGIN IMMEDIATE")
    editor.execute("CREATE TABLE half (x)")
    with pytest.raises(StoreError, match="open in another program"):
        collect_reviews(ledger, outputs)
    editor.execute("ROLLBACK")
    editor.close()
    publish(ledger, outputs)
    assert not (outputs / "changes.gpkg-wal").exists()


def test_a_geopackage_with_a_wrong_verdict_is_not_overwritten(ledger, outputs):
    _edit(outputs, review_status="maybe")
    with pytest.raises(InputError, match="would be lost"):
        publish(ledger, outputs)
    with closing(sqlite3.connect(outputs / "changes.gpkg")) as connection:
        assert ("maybe",) in list(connection.execute("SELECT review_status FROM changes"))
