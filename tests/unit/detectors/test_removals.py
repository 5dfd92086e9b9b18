"""Removals of buildings drawn into the real series of Dabancheng, where nothing else is taken away."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shapely import box

from detectors.base import ChangeType, assess, follow
from detectors.evaluation.simulation import Site, with_site
from detectors.footprints import Footprints
from flows.evaluate.stacks import folder_stack, reordered, window

DATA = Path(__file__).parents[3] / "flows" / "data" / "dabancheng"
SERIES = folder_stack(DATA, ("B02", "B03", "B04"))
FIRST, GONE = 3, 9


def quiet_window():
    """Desert in the north of the series, where nothing was built."""
    return window(SERIES, 20, 60, 100)


def a_site(stack, roof="white steel"):
    min_x, min_y, _, _ = stack.grid.bounds
    building = box(min_x + 400, min_y + 450, min_x + 500, min_y + 550)
    return Site(building, building.buffer(15, join_style="mitre"), roof, FIRST, building.area)


def removed(findings):
    return [one for one in findings if one.kind is ChangeType.BUILDING_REMOVED]


@pytest.mark.parametrize("roof", ["white steel", "blue steel", "concrete"])
def test_a_simulated_building_that_is_demolished_is_built_and_removed(roof):
    stack = quiet_window()
    site = a_site(stack, roof)
    drawn = with_site(stack, site, np.random.default_rng(1)).reflectance
    drawn[GONE:] = stack.reflectance[GONE:]
    findings = assess(Footprints(), replace(stack, reflectance=drawn)).findings
    (removal,) = removed(findings)
    (added,) = [one for one in findings if one.gone_at is not None]
    assert added.kind is ChangeType.BUILDING_ADDED
    assert added.geometry.intersects(site.building)
    assert added.first_with == stack.scenes[FIRST].acquired_at
    assert added.gone_at == removal.first_with == stack.scenes[GONE].acquired_at
    assert removal.last_without == stack.scenes[GONE - 1].acquired_at
    assert len(removal.seen_in) == len(stack) - GONE


def test_a_site_that_is_built_is_removed_when_time_runs_backwards():
    stack = quiet_window()
    drawn = with_site(stack, replace(a_site(stack), first=GONE - 3), np.random.default_rng(1))
    forwards = assess(Footprints(), drawn).findings
    assert [one.kind for one in forwards] == [ChangeType.BUILDING_ADDED]
    backwards = assess(Footprints(), reordered(drawn, np.arange(len(drawn))[::-1])).findings
    assert removed(backwards) == list(backwards)
    largest = max(backwards, key=lambda one: one.area_m2)
    assert largest.geometry.intersection(forwards[0].geometry).area > 0.3 * forwards[0].area_m2
    demolition = len(SERIES) - (GONE - 3)
    # The onset is known to one clear scene.
    assert largest.first_with in [scene.acquired_at for scene in stack.scenes[demolition - 1 : demolition + 2]]


def test_nothing_is_removed_in_the_real_series():
    for assessment in follow(Footprints(), SERIES):
        assert removed(assessment.findings) == []
        assert all(one.gone_at is None for one in assessment.findings)
