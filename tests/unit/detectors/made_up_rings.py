"""Made-up rings and how they are seen."""

from datetime import UTC, datetime, timedelta

import numpy as np
from shapely.geometry import box

from detectors.perimeter_parameters import PerimeterParameters
from detectors.ring_choice import Choice
from detectors.ring_tracks import Outline, apart, pieces

SCENES = 16
ACQUIRED = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=30 * index) for index in range(SCENES)]
LIMITS = PerimeterParameters()
CHOICE = Choice(LIMITS, 10.0, ACQUIRED)
OLD, BESIDE = box(20, 20, 60, 60), box(60, 20, 100, 60)
BOTH = OLD.union(BESIDE)


def an_outline(ring, since, seen=0.9, built=1.0, until=SCENES, older=None):
    """A ring whose pieces are seen from a scene on, those along an older ring from that ring's onset on."""
    count = len(pieces(ring)[0])
    outline = Outline(
        ring,
        np.zeros((SCENES, count), np.float32),
        np.zeros(count),
        np.zeros(1, np.int64),
        np.where(np.arange(SCENES) >= since, built, 0.0).astype(np.float32),
    )
    shown = np.full(count, since)
    if older is not None:
        shown[~apart(outline.ring, older[0], 2.5)] = older[1]
    scenes = np.arange(SCENES)[:, None]
    outline.seen = np.where((scenes >= shown) & (scenes < until), seen, 0.05).astype(np.float32)
    return outline
