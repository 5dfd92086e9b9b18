"""How change types and statuses are shown, the same in QGIS, on the page and in evidence images."""

from __future__ import annotations

from dataclasses import dataclass

from detectors.base import ChangeType
from flows.change import Status


@dataclass(frozen=True, slots=True)
class TypeLook:
    """Colour and words of one change type.

    Attributes:
        change_type: Which.
        colour: `#rrggbb`.
        colour_name: For a legend in words.
        label: For a legend.
        works: What a sentence calls it, with its article.
        is_line: Drawn as a ring alone, not as a surface.
    """

    change_type: ChangeType
    colour: str
    colour_name: str
    label: str
    works: str
    is_line: bool

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Colour as three bytes."""
        return int(self.colour[1:3], 16), int(self.colour[3:5], 16), int(self.colour[5:7], 16)


# Colours that stay apart for colour-blind readers (Okabe and Ito 2008, Color Universal Design; Tol 2021, muted).
LOOKS = {
    look.change_type: look
    for look in (
        TypeLook(
            ChangeType.BUILDING_ADDED, "#d55e00", "vermilion", "Building added", "the construction of buildings", False
        ),
        TypeLook(
            ChangeType.BUILDING_REMOVED, "#0072b2", "blue", "Building removed", "the demolition of buildings", False
        ),
        TypeLook(ChangeType.GROUND_CLEARED, "#e69f00", "orange", "Ground cleared", "the clearing of ground", False),
        TypeLook(
            ChangeType.PERIMETER_ADDED, "#882255", "wine", "Perimeter added", "a new walled or fenced perimeter", True
        ),
        TypeLook(
            ChangeType.PERIMETER_EXTENDED,
            "#cc79a7",
            "pink",
            "Perimeter extended",
            "the extension of a walled or fenced perimeter",
            True,
        ),
        TypeLook(
            ChangeType.PERIMETER_REMOVED,
            "#009e73",
            "green",
            "Perimeter removed",
            "the opening or removal of a walled or fenced perimeter",
            True,
        ),
    )
}

# Line of the outline: QGIS's name, and the dashes of SVG and canvas.
STATUS_LINES = {
    Status.FIRST: ("dot", "1 4"),
    Status.PROVISIONAL: ("dash", "6 4"),
    Status.CONFIRMED: ("solid", ""),
    Status.WITHDRAWN: ("dash dot", "6 3 1 3"),
}
STATUS_WORDS = {
    Status.FIRST: "seen once",
    Status.PROVISIONAL: "seen twice",
    Status.CONFIRMED: "seen three times or more",
    Status.WITHDRAWN: "no longer supported",
}

# What a detector looks for, in a reader's words; one that isn't named goes by its own name.
DETECTOR_WORDS = {"footprints": "Buildings and ground (footprints)", "perimeter": "Walls and fences (perimeter)"}
