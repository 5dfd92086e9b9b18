from datetime import UTC, datetime, timedelta

import pytest
from shapely import box

from detectors.base import Assessment, ChangeType, Components, Finding, Verdict
from detectors.growth import BuiltUp, built_up_series
from geo.scene import Scene

START = datetime(2020, 1, 1, tzinfo=UTC)
SCENES = tuple(Scene(f"s{i}", "made-up", START + timedelta(days=i), box(0, 0, 1, 1), 10.0, ("B04",)) for i in range(3))


def finding(area_m2, seen, kind=ChangeType.BUILDING_ADDED):
    parts = Components(1.0, 1.0, 1.0, 1.0)
    return Finding(kind, box(0, 0, 1, 1), area_m2, None, 1.0, parts, None, START, None, "s1", ("s1", "s2")[:seen])


def test_area_counts_what_stands_and_was_seen_twice():
    removed = finding(900.0, 2, ChangeType.BUILDING_REMOVED)
    told = [
        Assessment(Verdict.NOT_ASSESSABLE, "one scene", 1.0),
        Assessment(Verdict.CHANGED, "", 1.0, (finding(400.0, 1),)),
        Assessment(Verdict.CHANGED, "", 1.0, (finding(400.0, 2), finding(600.0, 2), removed)),
    ]
    assert built_up_series(told, SCENES) == [
        BuiltUp(START + timedelta(days=1), 0, 0),
        BuiltUp(START + timedelta(days=2), 1000.0, 2),
    ]


def test_every_scene_needs_its_assessment():
    with pytest.raises(ValueError, match="zip"):
        built_up_series([], SCENES)
