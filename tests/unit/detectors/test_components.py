"""Against scipy's slower equals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from detectors.components import boxes, greatest, holes_filled, labelled, sizes

masks = arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20)))


@settings(deadline=None)  # the first call may compile
@given(masks)
def test_components_are_those_of_scipy_in_their_order(mask):
    labels, count = labelled(mask)
    expected, number = ndimage.label(mask, structure=np.ones((3, 3)))
    assert count == number
    assert (labels == expected).all()


@settings(deadline=None)  # the first call may compile
@given(masks)
def test_holes_are_filled(mask):
    assert (holes_filled(mask) == ndimage.binary_fill_holes(mask)).all()


@pytest.fixture
def parts():
    mask = ndimage.binary_dilation(np.random.default_rng(0).random((70, 90)) < 0.01)
    return labelled(mask)


def test_greatest_under_each_label(parts):
    labels, count = parts
    figure = np.random.default_rng(1).random(labels.shape).astype(np.float32)
    assert greatest(figure, labels, count)[1:].tolist() == ndimage.maximum(figure, labels, range(1, count + 1)).tolist()


def test_sizes_and_boxes_of_each_label(parts):
    labels, count = parts
    assert sizes(labels, count).tolist() == [0, *np.bincount(labels.ravel())[1:]]
    assert boxes(labels, count) == ndimage.find_objects(labels)
