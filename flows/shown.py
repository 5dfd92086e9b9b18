"""True colour of scenes as they are gone through, for the pictures that are drawn at the end."""

from __future__ import annotations

from geo.bands import TRUE_COLOUR
from geo.scene import FloatArray, PreparedScene

_MOST_HELD_BYTES = 64 * 2**20


class Shown:
    """Holds scenes in true colour, so that drawing needn't read and prepare them once more.

    Where there are too many, every second one is let go: the ones that are left are those that the animated series of
    a facility shows, and others only cost the time of reading them.
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[str, FloatArray]] = {}
        self._step = 1

    def add(self, number: int, scene: PreparedScene) -> None:
        """Takes in a scene.

        Args:
            number: Its place among the scenes that are used.
            scene: The scene; one without red, green and blue isn't held.
        """
        if number % self._step or not set(TRUE_COLOUR) <= set(scene.bands):
            return
        self._held[number] = (scene.scene.item_id, scene.pick(TRUE_COLOUR))
        while sum(rgb.nbytes for _, rgb in self._held.values()) > _MOST_HELD_BYTES and any(self._held):
            self._step *= 2
            self._held = {place: one for place, one in self._held.items() if place % self._step == 0}

    def by_item(self) -> dict[str, FloatArray]:
        """What is held: reflectance, float32 (3, y, x), NaN where not clear, by item id."""
        return dict(self._held.values())
