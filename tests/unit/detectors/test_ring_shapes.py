"""Rings as shapes."""

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import rotate, translate
from shapely.geometry import Polygon, box

from detectors.perimeter_parameters import RingParameters
from detectors.ring_shapes import beyond, joined, tidy

RINGS = RingParameters()


def test_an_extension_stands_where_mitres_of_the_new_ground_cross():
    ring = Polygon([(55.1, 169.63), (52.17, 128.13), (169.15, 128.06), (169.17, 163.58)])
    older = Polygon([(65.03, 141.01), (65.22, 157.02), (82.26, 156.62), (81.0, 133.76)])
    reach = RINGS.shortest_side_m / 10.0 / 2.0
    new = ring.difference(older).buffer(-reach, join_style="mitre").buffer(1.01 * reach, join_style="mitre")
    assert not new.is_valid  # the fault of GEOS that is got over
    extended = beyond(ring, older, 10.0, RINGS)
    assert extended.is_valid
    assert extended.symmetric_difference(ring).area < 0.01 * ring.area


@settings(max_examples=60, deadline=None)
@given(st.floats(-30, 30), st.floats(-20, 20), st.floats(-15, 15), st.floats(20, 60), st.floats(10, 50))
def test_whatever_is_put_together_is_a_ring(right, down, angle, width, height):
    older = box(40, 40, 80, 70)
    ring = translate(rotate(box(40, 40, 40 + width, 40 + height), angle), right, down)
    for made in (tidy(ring, 10.0, RINGS), beyond(ring, older, 10.0, RINGS), joined(ring, older, 5.0, 10.0, RINGS)):
        assert made.is_valid
        assert made.geom_type == "Polygon"
        assert not made.interiors
    assert shapely.area(tidy(older, 10.0, RINGS)) == older.area
