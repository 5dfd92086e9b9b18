"""What publishing costs: 5,000 changes at 380 facilities without images, their page, and one pair of images."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
from affine import Affine
from shapely import Point, box
from shapely.geometry.base import BaseGeometry

from aoi.facility import Facility, FacilityKind
from detectors.base import ChangeType, Components, Finding, Verdict
from flows.change import HistoryEntry, Status
from flows.ledger import Ledger
from flows.publish.evidence import make_evidence
from flows.publish.layer import changes_of
from flows.publish.publishing import publish
from flows.record import AssessmentRecord, FacilityRecord, Outcome, SceneRecord
from flows.track import DetectorIdentity, Track
from geo.grid import Grid
from geo.scene import FloatArray

FACILITIES = 380
CHANGES = 5000
PAIRS = 20
_X, _Y = 604_850.0, 4_804_010.0
_MONTHS = tuple(datetime(2017 + month // 12, month % 12 + 1, 15, 5, tzinfo=UTC) for month in range(46))


def rows() -> Iterator[dict[str, str]]:
    """One row per thing measured."""
    with tempfile.TemporaryDirectory() as scratch:
        ledger = Ledger.at(Path(scratch))
        for number in range(FACILITIES):
            ledger.save(_record(number))
        begun = time.perf_counter()
        published = publish(ledger, Path(scratch))
        yield _row(f"{sum(published.changes.values())} changes at {FACILITIES} facilities", time.perf_counter() - begun)
        ledger.close()
        yield from _page(Path(scratch) / "site" / "index.html")
        (change, *_) = changes_of(_record(0))
        make_evidence(change, _scene, Path(scratch))
        begun = time.perf_counter()
        for _ in range(PAIRS):
            make_evidence(change, _scene, Path(scratch))
        yield _row("one pair of evidence images, PNG and GeoTIFF", (time.perf_counter() - begun) / PAIRS)


def _page(index: Path) -> Iterator[dict[str, str]]:
    """How long the page of all these changes takes from disk until it can be used; nothing without Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None or importlib.util.find_spec("playwright") is None:
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        begun = time.perf_counter()
        page.goto(index.as_uri())
        page.wait_for_selector("html[data-ready]")
        yield _row("their page usable after opening from disk", time.perf_counter() - begun)
        browser.close()


def _row(what: str, wall_s: float) -> dict[str, str]:
    return {"what": what, "wall (s)": f"{wall_s:.3f}"}


@cache
def _scene(_: str, item_id: str) -> tuple[FloatArray, Grid]:
    """Ground with texture, as an image compresses no better than a real one."""
    noise = np.random.default_rng(int(item_id[-2:]))
    rgb = noise.normal(0.2, 0.03, (3, 300, 300)).astype(np.float32)
    return rgb, Grid("EPSG:32645", Affine(10.0, 0.0, _X - 1000, 0.0, -10.0, _Y + 2000), (300, 300), 10.0)


def _record(number: int) -> FacilityRecord:
    """A facility with its share of the changes, outlines as jagged as pixels make them."""
    place = Point(88.29 + (number % 20) * 0.1, 43.38 + (number // 20) * 0.1)
    facility = Facility(
        f"bench-{number:04d}", f"Facility {number}", FacilityKind.CAMP, place, 1500.0, f"P{number % 14}"
    )
    share = CHANGES // FACILITIES + (number < CHANGES % FACILITIES)
    tracks = tuple(_track(facility.facility_id, place_in_list) for place_in_list in range(share))
    scenes = [SceneRecord(f"scene-{at:%Y%m}-{at:%m}", at, True, collection="sentinel-2-l2a") for at in _MONTHS]
    return FacilityRecord(
        facility=facility,
        crs="EPSG:32645",
        gsd_m=10.0,
        window_start=datetime(2017, 1, 1, tzinfo=UTC),
        window_end=datetime(2020, 12, 31, tzinfo=UTC),
        outcome=Outcome.ASSESSED,
        reason="",
        source="benchmark",
        parameters_sha256="0" * 64,
        software_version="0",
        scenes=tuple(scenes),
        assessments=tuple(
            AssessmentRecord(name, scene.item_id, at, Verdict.CHANGED, "", 1.0)
            for scene, at in zip(scenes, _MONTHS, strict=True)
            for name in ("footprints", "perimeter")
        ),
        tracks=tracks,
        history=tuple(
            HistoryEntry(track.change_id, _MONTHS[20], "scene", "found", Status.FIRST, 9000.0, None) for track in tracks
        ),
    )


def _track(facility_id: str, place: int) -> Track:
    ground: BaseGeometry = box(_X + place * 100, _Y, _X + place * 100 + 80, _Y + 300).segmentize(10.0)
    finding = Finding(
        kind=list(ChangeType)[place % 6],
        geometry=ground,
        area_m2=ground.area,
        length_m=None,
        score=0.8,
        components=Components(0.9, 1.0, 0.9, 1.0),
        last_without=_MONTHS[19],
        first_with=_MONTHS[20],
        before_item_id=f"scene-{_MONTHS[19]:%Y%m}-{_MONTHS[19]:%m}",
        after_item_id=f"scene-{_MONTHS[20]:%Y%m}-{_MONTHS[20]:%m}",
        seen_in=tuple(f"scene-{at:%Y%m}-{at:%m}" for at in _MONTHS[20:]),
    )
    name = f"{facility_id}-bench{chr(97 + place)}"
    status = list(Status)[place % 4]
    identity = DetectorIdentity("footprints", "1", "0" * 64)
    return Track(name, identity, status, finding, None, 0, _MONTHS[-1])
