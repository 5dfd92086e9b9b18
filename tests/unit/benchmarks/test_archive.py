import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aoi.catalogue import Catalogue
from tests.benchmarks.archive import Archive
from tests.benchmarks.catalogue import View
from tests.conftest import ROOT

FACILITIES = Catalogue.builtin().active[:2]
SCENES = 2


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """The processes that write scenes look for this project's modules where this one does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        yield


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return Archive.kept(tmp_path_factory.mktemp("archive"), FACILITIES, SCENES)


def _state(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_an_archive_is_made_once(archive: Archive) -> None:
    before = _state(archive.folder)
    again = Archive.kept(archive.folder, FACILITIES[:1], SCENES)
    assert again == archive
    assert _state(archive.folder) == before
    assert again.files(FACILITIES) == sorted(archive.folder.glob("*.tif"))


def test_it_serves_fewer_facilities_with_their_own_scenes(archive: Archive) -> None:
    names = [path.stem.rpartition("_")[0] for path in archive.files(FACILITIES[:1])]
    assert set(names) == {FACILITIES[0].facility_id}
    assert len(names) >= SCENES


def test_it_does_not_serve_more(archive: Archive) -> None:
    more = Catalogue.builtin().active[:3]
    with pytest.raises(ValueError, match=f"made without {more[2].facility_id}: name another folder"):
        Archive.kept(archive.folder, more, SCENES)


def test_one_that_was_broken_off_is_made_anew(tmp_path: Path) -> None:
    made = Archive.kept(tmp_path, FACILITIES[:1], 1)
    scene = made.files(FACILITIES[:1])[0]
    whole = scene.read_bytes()
    (tmp_path / "areas.json").unlink()
    scene.write_bytes(whole[:100])
    assert Archive.kept(tmp_path, FACILITIES[:1], 1) == made
    assert scene.read_bytes() == whole
    assert json.loads((tmp_path / "areas.json").read_text()) == made.areas


def test_a_view_shows_scenes_and_leaves_the_archive_as_it_is(archive: Archive, tmp_path: Path) -> None:
    before = _state(archive.folder)
    first, second = archive.files(FACILITIES)[:2]
    view = View(tmp_path / "view", [first])
    assert [path.name for path in view.folder.iterdir()] == [first.name]
    view.show([second])
    assert (view.folder / second.name).read_bytes() == second.read_bytes()
    assert _state(archive.folder) == before
