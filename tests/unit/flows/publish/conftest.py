import shutil
import sys
from pathlib import Path

import pytest

from flows.ledger import Ledger
from flows.publish.publishing import publish

collect_ignore = ["qgis_check.py"]  # runs under the system's Python

sys.path.insert(0, str(Path(__file__).parent))  # for records.py beside the tests

from records import dabancheng, failed  # noqa: E402 - after the path is set


def _ledger(folder):
    book = Ledger.at(folder)
    for record in (dabancheng(), failed()):
        book.save(record)
        for review in record.reviews.values():
            book.review(record.facility.facility_id, review)
    book.begin_run({"detectors": ["footprints", "perimeter"], "from": "2017-03-01"})
    return book


@pytest.fixture
def ledger(tmp_path):
    (tmp_path / "state").mkdir()
    book = _ledger(tmp_path / "state")
    yield book
    book.close()


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """What `ledger` publishes, made once; for tests that only read."""
    book = _ledger(tmp_path_factory.mktemp("state"))
    folder = tmp_path_factory.mktemp("published") / "outputs"
    publish(book, folder)
    book.close()
    return folder


@pytest.fixture
def outputs(published, tmp_path):
    """A copy of what `ledger` publishes, for tests that alter it."""
    return shutil.copytree(published, tmp_path / "outputs")
