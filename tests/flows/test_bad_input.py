"""Bad input gets one clear sentence and exit code 2, or `not_assessable` with the reason; nothing is lost."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from flows.ledger import Ledger, exclusive, ledger_path
from flows.record import FacilityRecord, Outcome
from tests.flows.conftest import Ended

Run = Callable[..., Ended]


def arguments(source: Path, outputs: Path, *more: object) -> tuple[object, ...]:
    window = ("--from", "2017-03-01", "--to", "2017-12-31")
    return ("monitor", "--source", f"folder:{source}", *window, "--outputs", outputs, *more)


def one(outputs: Path, facility_id: str = "aspi-0050") -> FacilityRecord:
    ledger = Ledger.at(outputs, create=False)
    try:
        record = ledger.load(facility_id)
    finally:
        ledger.close()
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (("--from", "2018-01-01", "--to", "2017-01-01"), "swap --from and --to"),
        (("--from", "yesterday"), "--from 'yesterday' isn't a day"),
        (("--facility", "aspi-9999"), "aspi-9999"),
        (("--detector", "tunnels"), "choose from footprints, objects, perimeter"),
        (("--source", "satellite"), "give folder:PATH"),
        (("--source", "folder:/nowhere/at/all"), "/nowhere/at/all"),
        (("--gsd-m", "-3"), "give a positive number of metres"),
        (("--catalogue", "/nowhere/list.csv"), "/nowhere/list.csv"),
    ],
)
def test_an_unusable_option_is_named(
    run: Run, archive: Path, tmp_path: Path, changed: tuple[str, ...], sentence: str
) -> None:
    ended = run(*arguments(archive, tmp_path / "out", *changed))
    assert ended.code == 2
    assert sentence in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out" / "changes.geojson").exists()


def test_an_empty_folder(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    ended = run(*arguments(empty, tmp_path / "out"))
    assert ended.code == 2
    assert "holds no GeoTIFF" in " ".join(ended.err.split())


def test_an_output_folder_that_cannot_be_written(run: Run, archive: Path, tmp_path: Path) -> None:
    occupied = tmp_path / "out"
    occupied.write_text("a file where the folder should be")
    ended = run(*arguments(archive, occupied))
    assert ended.code == 2
    assert "can't be written to" in " ".join(ended.err.split())
    assert occupied.read_text() == "a file where the folder should be"


def test_a_ledger_of_another_version(run: Run, archive: Path, tmp_path: Path) -> None:
    Ledger.at(tmp_path).close()
    with sqlite3.connect(ledger_path(tmp_path)) as connection:
        connection.execute("UPDATE ledger_meta SET text = '0'")
    connection.close()
    ended = run(*arguments(archive, tmp_path))
    assert ended.code == 2
    assert "another version" in " ".join(ended.err.split())


def test_a_second_run_at_the_same_time(run: Run, archive: Path, tmp_path: Path) -> None:
    with exclusive(tmp_path):
        ended = run(*arguments(archive, tmp_path))
    assert ended.code == 2
    assert "another run is using this output folder" in " ".join(ended.err.split())


def test_publish_without_a_ledger(run: Run, tmp_path: Path) -> None:
    ended = run("publish", "--outputs", tmp_path)
    assert ended.code == 2
    assert "no ledger yet" in " ".join(ended.err.split())


@pytest.mark.slow
def test_broken_files_among_good_ones_are_named_and_the_good_ones_are_used(
    run: Run, archive: Path, tmp_path: Path
) -> None:
    good = sorted(archive.glob("*.tif"))
    whole = good[0].read_bytes()
    (archive / "cut_2017-05-01.tif").write_bytes(whole[: len(whole) // 2])
    rewrite(good[0], archive / "nowhere_2017-05-02.tif", crs=None)
    rewrite(good[0], archive / "undated.tif", tags={})
    rewrite(good[0], archive / "odd_2017-05-03.tif", descriptions=("X1", "X2", "X3"))
    rewrite(good[0], archive / "blank_2017-05-04.tif", tags={"ACQUISITION_DATE": "2017-05-04"}, blank=True)
    ended = run(*arguments(archive, tmp_path / "out", "--facility", "aspi-0050"))
    assert ended.code == 0, ended.err
    record = one(tmp_path / "out")
    assert len(record.used_scenes) == 3
    reasons = {scene.item_id: scene.reason for scene in record.scenes if not scene.used}
    assert len(reasons) == 5
    assert all(reasons.values())
    by_name = {key.split("_")[0].removesuffix(".tif"): reason for key, reason in reasons.items()}
    assert "CRS" in by_name["nowhere"]
    assert "date" in by_name["undated"] or "time" in by_name["undated"]
    assert "X1" in by_name["odd"]
    assert "clear" in by_name["blank"]
    for reason in reasons.values():
        assert reason in ended.out


@pytest.mark.slow
def test_one_scene_only_is_not_assessable(run: Run, archive: Path, tmp_path: Path) -> None:
    for path in sorted(archive.glob("*.tif"))[1:]:
        path.unlink()
    ended = run(*arguments(archive, tmp_path / "out", "--facility", "aspi-0050"))
    assert ended.code == 0
    record = one(tmp_path / "out")
    assert record.outcome is Outcome.NOT_ASSESSABLE
    assert "1 usable scene" in record.reason
    assert record.tracks == ()


@pytest.mark.slow
def test_a_facility_outside_every_scene_is_not_assessable(run: Run, archive: Path, tmp_path: Path) -> None:
    ended = run(*arguments(archive, tmp_path / "out", "--facility", "aspi-0001"))
    assert ended.code == 0
    record = one(tmp_path / "out", "aspi-0001")
    assert record.outcome is Outcome.NOT_ASSESSABLE
    assert "no scene of the area" in record.reason
    assert "not_assessable" in (tmp_path / "out" / "coverage.csv").read_text()


@pytest.mark.slow
def test_a_source_that_fails_for_one_facility_keeps_what_was_known(
    run: Run, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = tmp_path / "out"
    two = ("--facility", "aspi-0050", "--facility", "aspi-0124")
    assert run(*arguments(archive, outputs, *two)).code == 0
    known = one(outputs)

    from geo.errors import SourceError
    from geo.sources.folder import FolderSource

    real = FolderSource.search

    def search(self: FolderSource, area: object, start: object, end: object) -> object:
        if area == known.facility.area_of_interest:
            raise SourceError("the disk went away")
        return real(self, area, start, end)

    monkeypatch.setattr(FolderSource, "search", search)
    ended = run(*arguments(archive, outputs, *two))
    assert ended.code == 1
    assert "the disk went away" in ended.out
    after = one(outputs)
    assert after.outcome is Outcome.FAILED
    assert after.tracks == known.tracks
    assert one(outputs, "aspi-0124").outcome is Outcome.ASSESSED


def rewrite(
    source: Path,
    target: Path,
    *,
    crs: object = "keep",
    tags: dict[str, str] | None = None,
    descriptions: tuple[str, ...] | None = None,
    blank: bool = False,
) -> None:
    """Writes a copy of a scene with something wrong with it."""
    with rasterio.open(source) as scene:
        profile = scene.profile
        if crs != "keep":
            profile["crs"] = crs
        pixels = scene.read()
        with rasterio.open(target, "w", **profile) as copy:
            copy.write(pixels)
            copy.descriptions = descriptions or scene.descriptions
            copy.scales = scene.scales
            copy.update_tags(**(scene.tags() if tags is None else tags))
            copy.write_mask(np.zeros(scene.shape, "uint8") if blank else scene.dataset_mask())


def test_the_copy_is_whole(archive: Path) -> None:
    source = next(archive.glob("*.tif"))
    rewrite(source, archive / "copy.tif")
    with rasterio.open(source) as before, rasterio.open(archive / "copy.tif") as after:
        assert np.array_equal(before.read(), after.read())
    shutil.rmtree(archive)
