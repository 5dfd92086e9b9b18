"""The cheap look: is enough of the area to be seen for its bands to be worth their price?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.errors import SceneNotClearError

# Scene classes under which the ground is surely not seen (Sentinel-2 Level-2A Algorithm Theoretical Basis
# Document, scene classification): no data, saturated, cloud shadow, cloud of medium and of high probability. Thin cirrus and
# snow are left to the masks, which look closer.
UNSEEN_CLASSES = (0, 1, 3, 8, 9)


def require_clear(classification: npt.NDArray[np.uint8], least_fraction: float) -> None:
    """Refuse a scene that shows too little of an area.

    Args:
        classification: Sentinel-2 scene classes (y, x) over the area, at any pixel size; 0 outside the scene.
        least_fraction: Share of the area that must be seen, 0 to 1.

    Raises:
        SceneNotClearError: It shows less.
    """
    fraction = 1.0 - float(np.isin(classification, UNSEEN_CLASSES).mean())
    if fraction < least_fraction:
        raise SceneNotClearError(
            f"shows only {fraction:.0%} of the area (the rest is cloud, shadow or not recorded): bands not fetched"
        )
