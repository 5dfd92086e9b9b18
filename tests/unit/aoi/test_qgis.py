"""The exported GeoPackage, edited in a real QGIS and imported again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from aoi.catalogue import Catalogue
from aoi.changes import OnMove, What, compare, join
from aoi.exporters import export_catalogue
from aoi.importers import import_file
from geo.errors import InputError

EDIT = Path(__file__).parent / "qgis_edit.py"
PYTHON = "/usr/bin/python3"  # QGIS's modules belong to the system's Python, not to a virtual environment's


def qgis(*arguments: str) -> subprocess.CompletedProcess[str]:
    bare = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment = bare | {"QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": "/tmp"}  # noqa: S108 - Qt wants a place
    return subprocess.run(
        [PYTHON, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which(PYTHON) or qgis("-c", "import qgis.core").returncode:
        pytest.skip("QGIS's Python modules aren't installed (Debian: qgis python3-qgis)")
    path = tmp_path_factory.mktemp("qgis") / "catalogue.gpkg"
    export_catalogue(Catalogue.builtin().facilities, path)
    done = qgis(str(EDIT), str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def test_what_was_edited_in_qgis_comes_in_again_and_nothing_else(edited: Path) -> None:
    builtin = Catalogue.builtin()
    report = import_file(edited, known=builtin)
    assert report.problems == ()
    incoming = report.accepted()
    with pytest.raises(InputError, match="aspi-0006"):
        join(builtin, incoming)
    joined = join(builtin, incoming, OnMove.REPLACE)
    assert [(difference.facility_id, difference.what) for difference in compare(builtin, joined)] == [
        ("aspi-0001", What.RENAMED),
        ("aspi-0002", What.RETIRED),
        ("aspi-0006", What.RETIRED),
        ("aspi-0006.2", What.ADDED),
        ("custom-0001", What.ADDED),
    ]


def test_the_moved_vertex_and_the_added_site_are_where_qgis_put_them(edited: Path) -> None:
    builtin = Catalogue.builtin()
    places = Catalogue(import_file(edited, known=builtin).accepted())
    before, after = builtin.get("aspi-0006").geometry, places.get("aspi-0006").geometry
    assert after.area > before.area
    gone = set(before.exterior.coords) - set(after.exterior.coords)
    come = set(after.exterior.coords) - set(before.exterior.coords)
    ((old_x, old_y),), ((new_x, new_y),) = gone, come
    assert (round(new_x - old_x, 7), new_y) == (0.01, old_y)
    added = places.get("custom-0001")
    assert (added.name, added.security_tier, added.geometry.wkt) == ("Added in QGIS", 3, "POINT (88 43.7)")
