"""Which scenes are worth reading, and which failed on their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.errors import (
    SceneNotClearError,
    SceneUnreadError,
    SceneUnusableError,
    ServiceDownError,
    TemporarySourceError,
)
from geo.scene import LeftOut, Scene
from geo.sources.http import RefusedError

# Scene classes under which the ground is surely not seen (Sentinel-2 Level-2A Algorithm Theoretical Basis
# Document, scene classification): no data, saturated, cloud shadow, cloud of medium and of high probability.
# Thin cirrus and snow are left to the masks, which look closer.
UNSEEN_CLASSES = (0, 1, 3, 8, 9)

# 400 and 404: the Process API's words for a scene that it can't cut out. 401 and 403 concern the account.
_ABOUT_THE_REQUEST = {400, 404, 416}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which scenes are worth reading.

    Attributes:
        max_cloud_cover_pct: Scenes with more cloud, over the whole tile, aren't looked at.
        min_clear_fraction: Share of the grid that must be seen in the scene classification, 0 to 1, for
            the bands to be fetched.
    """

    max_cloud_cover_pct: float = 90.0
    min_clear_fraction: float = 0.1


def by_cloud_cover(
    scenes: Sequence[Scene], max_cloud_cover_pct: float
) -> tuple[tuple[Scene, ...], tuple[LeftOut, ...]]:
    """Scenes with no more cloud than asked for, and the others with the reason; unknown cloud cover passes."""
    cloudy = [scene for scene in scenes if (scene.cloud_cover_pct or 0.0) > max_cloud_cover_pct]
    reasons = tuple(
        LeftOut(scene.item_id, scene.acquired_at, f"{scene.cloud_cover_pct:.0f} % of the whole scene is cloud")
        for scene in cloudy
    )
    return tuple(scene for scene in scenes if scene not in cloudy), reasons


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
            f"shows only {fraction:.0%} of the area (the rest is cloud, shadow or not recorded), too little to use it"
        )


@contextmanager
def one_scene(item_id: str) -> Iterator[None]:
    """While one scene is read: a fault that others needn't share costs this scene only.

    Raises:
        SceneUnreadError: Instead of a temporary fault, unless the service as a whole is down.
        SceneUnusableError: Instead of a refusal that is about the request and not about who asks.
    """
    try:
        yield
    except (ServiceDownError, SceneUnusableError):
        raise
    except TemporarySourceError as error:
        raise SceneUnreadError(str(error)) from error
    except RefusedError as error:
        if error.status in _ABOUT_THE_REQUEST:
            raise SceneUnusableError(f"{item_id} was refused: {error}") from error
        raise
