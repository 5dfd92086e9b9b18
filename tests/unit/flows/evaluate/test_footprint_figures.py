"""The real series against truth drawn by eye: what the project promises of its detector."""

from pathlib import Path

import numpy as np
import pytest

from detectors.base import assess, follow
from detectors.footprints import Footprints
from flows.evaluate.pairs import score_pairs
from flows.evaluate.real import mean_f1, read_truth, score_baselines, score_findings
from flows.evaluate.stacks import folder_stack, reordered, shifted
from geo.errors import InputError

ROOT = Path(__file__).parents[4]
DATA = ROOT / "flows" / "data" / "dabancheng"
SHARED = ROOT.parent / "shared" / "data"
TRUTH = ROOT / "tests" / "data" / "dabancheng_truth.geojson"


@pytest.fixture(scope="module")
def real():
    return folder_stack(DATA, ("B02", "B03", "B04"))


@pytest.fixture(scope="module")
def silent():
    if not (SHARED / "romania").is_dir():
        pytest.skip("the series in which nothing happens isn't beside the project (../shared/data/romania)")
    return folder_stack(SHARED / "romania", ("B02", "B03", "B04", "B08"))


def test_area_f1_on_the_real_series_is_at_least_085_and_twice_the_best_baseline(real):
    intervals = read_truth(TRUTH, real)
    rows = score_findings(assess(Footprints(), real).findings, intervals, real) + score_baselines(intervals, real)
    ours = mean_f1(rows, "footprints")
    assert ours >= 0.85
    assert all(ours > 2 * mean_f1(rows, name) for name in ("CVA", "IR-MAD", "PCA k-means"))


@pytest.mark.parametrize("what", ["as it is", "reversed", "shuffled", "shifted"])
def test_nothing_is_provisional_where_nothing_happens(silent, what):
    random = np.random.default_rng(5)
    stack = {
        "as it is": lambda: silent,
        "reversed": lambda: reordered(silent, np.arange(len(silent))[::-1]),
        "shuffled": lambda: reordered(silent, random.permutation(len(silent))),
        "shifted": lambda: shifted(silent, random),
    }[what]()
    for assessment in follow(Footprints(), stack):
        assert max((len(finding.seen_in) for finding in assessment.findings), default=0) < 2


def test_half_metre_pairs_reach_twice_the_best_baseline():
    if not (SHARED / "levir").is_dir():
        pytest.skip("the half-metre pairs aren't beside the project (../shared/data/levir)")
    ours, *others = score_pairs(SHARED / "levir")
    assert ours.method == "objects"
    assert ours.pixels.f1 > 2 * max(other.pixels.f1 for other in others)


def test_a_folder_without_images_is_told_of(tmp_path):
    with pytest.raises(InputError, match=r"no \.tif files"):
        folder_stack(tmp_path, ("B04",))
    with pytest.raises(InputError, match="no pairs"):
        score_pairs(tmp_path)
