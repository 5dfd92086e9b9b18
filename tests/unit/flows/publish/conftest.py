import sys
from pathlib import Path

import pytest

from flows.ledger import Ledger

collect_ignore = ["qgis_check.py"]  # runs under the system's Python

sys.path.insert(0, str(Path(__file__).parent))  # for records.py beside the tests

from records import dabancheng, failed  # noqa: E402


@pytest.fixture
def ledger(tmp_path):
    (tmp_path / "state").mkdir()
    book = Ledger.at(tmp_path / "state")
    for record in (dabancheng(), failed()):
        book.save(record)
        for review in record.reviews.values():
            book.review(record.facility.facility_id, review)
    book.begin_run({"detectors": ["footprints", "perimeter"], "from": "2017-03-01"})
    yield book
    book.close()
