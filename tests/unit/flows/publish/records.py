"""Records made by hand, as a run over the Dabancheng scenes could leave them."""

from datetime import UTC, datetime
from itertools import pairwise

from shapely import LineString, MultiPolygon, Point, Polygon, box

from aoi.facility import Facility, FacilityKind
from detectors.base import ChangeType, Components, Finding, Side, Verdict
from flows.change import HistoryEntry, ReviewStatus, Status
from flows.record import AssessmentRecord, FacilityRecord, Outcome, Review, SceneRecord
from flows.track import DetectorIdentity, Track

FOOTPRINTS = DetectorIdentity("footprints", "1", "a" * 64)
PERIMETER = DetectorIdentity("perimeter", "1", "b" * 64)
X, Y = 604_850.0, 4_804_010.0

DATES = {
    "S2_2017-03-02": datetime(2017, 3, 2, 5, 6, 7, tzinfo=UTC),
    "S2_2017-08-29": datetime(2017, 8, 29, 5, 6, 7, tzinfo=UTC),
    "S2_2018-03-22": datetime(2018, 3, 22, 5, 6, 7, tzinfo=UTC),
    "S2_2018-04-29": datetime(2018, 4, 29, 5, 6, 7, tzinfo=UTC),
    "S2_2018-05-26": datetime(2018, 5, 26, 5, 6, 7, tzinfo=UTC),
}


def scene(item_id: str, **changed: object) -> SceneRecord:
    known = {
        "item_id": item_id,
        "acquired_at": DATES.get(item_id),
        "used": True,
        "collection": "sentinel-2-l1c",
        "gsd_m": 10.0,
        "clear_fraction": 0.98,
        "shift_x_m": 3.0 if item_id == "S2_2018-04-29" else 0.0,
        "shift_y_m": 4.0 if item_id == "S2_2018-04-29" else 0.0,
        "registration_quality": 0.9,
        "attribution": f"Contains modified Copernicus Sentinel data {item_id[3:7]} processed by Sentinel Hub",
    }
    return SceneRecord(**{**known, **changed})


def facility(**changed: object) -> Facility:
    known = {
        "facility_id": "aspi-0050",
        "name": "Dabancheng Facility #1",
        "kind": FacilityKind.CAMP,
        "geometry": Point(88.2922, 43.3845),
        "buffer_m": 1500.0,
        "prefecture": "Urumqi",
        "county": "Dabancheng",
        "security_tier": 4,
        "attributes": {"watchtowers": 1, "usage_before_2017": "Barren"},
        "sources": ("aspi-camps",),
    }
    return Facility(**{**known, **changed})


def finding(kind: ChangeType = ChangeType.BUILDING_ADDED, **changed: object) -> Finding:
    geometry = changed.get("geometry", box(X, Y, X + 900, Y + 400))
    known = {
        "kind": kind,
        "geometry": geometry,
        "area_m2": geometry.area,
        "length_m": geometry.length if kind.name.startswith("PERIMETER") else None,
        "score": 0.8,
        "components": Components(0.9, 1.0, 0.95, 0.98),
        "last_without": DATES["S2_2018-03-22"],
        "first_with": DATES["S2_2018-04-29"],
        "before_item_id": "S2_2017-08-29",
        "after_item_id": "S2_2018-04-29",
        "seen_in": ("S2_2018-04-29", "S2_2018-05-26"),
    }
    return Finding(**{**known, **changed})


def track(change_id: str, status: Status = Status.CONFIRMED, found: Finding | None = None, **changed: object) -> Track:
    known = {
        "change_id": change_id,
        "detector": FOOTPRINTS,
        "status": status,
        "finding": found or finding(),
        "parent_change_id": None,
        "misses": 0,
        "last_seen": DATES["S2_2018-05-26"],
    }
    return Track(**{**known, **changed})


def sides(geometry: Polygon, *strengths: float) -> tuple[Side, ...]:
    """Sides of a ring, each seen in the first scene of a finding alone, the unseen ones in none."""
    corners = list(geometry.exterior.coords)
    return tuple(
        Side(LineString(ends), strength, ("S2_2018-04-29",) if strength > 0.5 else ())
        for ends, strength in zip(pairwise(corners), strengths, strict=True)
    )


def entry(change_id: str, item_id: str, event: str, status: Status, area_m2: float, note: str = "") -> HistoryEntry:
    return HistoryEntry(change_id, DATES[item_id], item_id, event, status, area_m2, None, note)


def dabancheng(**changed: object) -> FacilityRecord:
    """A camp with a confirmed extension, a perimeter around it, and a change that was withdrawn again."""
    extension = track("aspi-0050-mrtkqwza")
    ring = box(X - 20, Y - 20, X + 920, Y + 420)
    standing = sides(ring, 0.95, 1.0, 0.7, 0.0)
    wall = track(
        "aspi-0050-pbvhsdla",
        Status.PROVISIONAL,
        finding(ChangeType.PERIMETER_ADDED, geometry=ring, confidence=0.87654321, sides=standing),
        detector=PERIMETER,
    )
    scattered = MultiPolygon([box(X, Y + 500, X + 30, Y + 530), box(X + 60, Y + 500, X + 90, Y + 530)])
    gone = track("aspi-0050-uuivkxoe", Status.WITHDRAWN, finding(ChangeType.GROUND_CLEARED, geometry=scattered))
    clouded = scene(
        "S2_2017-06-10", acquired_at=datetime(2017, 6, 10, tzinfo=UTC), used=False, reason="12 % clear, 50 % needed"
    )
    known = {
        "facility": facility(),
        "crs": "EPSG:32645",
        "gsd_m": 10.0,
        "window_start": datetime(2017, 3, 1, tzinfo=UTC),
        "window_end": datetime(2018, 6, 30, tzinfo=UTC),
        "outcome": Outcome.ASSESSED,
        "reason": "",
        "source": "folder:scenes",
        "parameters_sha256": "c" * 64,
        "software_version": "0.1.0",
        "scenes": (scene("S2_2017-03-02"), clouded, *(scene(item_id) for item_id in list(DATES)[1:])),
        "assessments": tuple(
            AssessmentRecord(
                name,
                item_id,
                moment,
                Verdict.NOT_ASSESSABLE if item_id == "S2_2017-03-02" else Verdict.CHANGED,
                "1 usable scene(s), at least 2 needed" if item_id == "S2_2017-03-02" else "",
                0.98,
            )
            for item_id, moment in DATES.items()
            for name in ("footprints", "perimeter")
        ),
        "tracks": (wall, gone, extension),
        "history": (
            entry("aspi-0050-mrtkqwza", "S2_2018-04-29", "found", Status.FIRST, 200_000.0),
            entry("aspi-0050-uuivkxoe", "S2_2018-04-29", "found", Status.FIRST, 1_800.0),
            entry("aspi-0050-mrtkqwza", "S2_2018-05-26", "status_moved", Status.CONFIRMED, 360_000.0),
            entry("aspi-0050-mrtkqwza", "S2_2018-05-26", "grown", Status.CONFIRMED, 360_000.0),
            entry(
                "aspi-0050-uuivkxoe",
                "S2_2018-05-26",
                "withdrawn",
                Status.WITHDRAWN,
                1_800.0,
                "no longer supported by the series up to S2_2018-05-26",
            ),
        ),
        "reviews": {
            "aspi-0050-mrtkqwza": Review(
                "aspi-0050-mrtkqwza",
                ReviewStatus.ACCEPTED,
                "A. Reviewer",
                datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
                "seen on very high resolution too",
            )
        },
    }
    return FacilityRecord(**{**known, **changed})


def failed() -> FacilityRecord:
    """A factory park that could not be fetched, with an outline, and a name that means harm."""
    return dabancheng(
        facility=facility(
            facility_id="custom-0001",
            name='=cmd|"/c calc"!A1 <script>alert(1)</script> ../../x\u202e\x00 工厂 🏭' + "n" * 300,
            kind=FacilityKind.CUSTOM,
            geometry=box(88.30, 43.36, 88.31, 43.37),
            prefecture="",
            county="",
            security_tier=None,
            attributes={"Weird; name\"'--": "a", "fid": "@SUM(1)", "watchtowers": 2},
            sources=("osm-perimeters",),
        ),
        outcome=Outcome.FAILED,
        reason="the archive did not answer after 4 attempts",
        scenes=(),
        assessments=(),
        tracks=(),
        history=(),
        reviews={},
    )
