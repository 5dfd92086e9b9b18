"""What a layer's style in QGIS is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Look:
    """A QGIS symbol of one layer."""

    kind: str
    layer_class: str
    options: Mapping[str, str]
    defined: Mapping[str, str] = field(default_factory=dict)
    alpha: str = ""


@dataclass(frozen=True, slots=True)
class Category:
    """One class of a categorised renderer."""

    text: str
    label: str
    look: Look


@dataclass(frozen=True, slots=True)
class Column:
    """A field in the form and the attribute table."""

    name: str
    title: str
    index: int
    meaning: str = ""
    widget: str = "TextEdit"
    choices: tuple[str, ...] = ()
    multiline: bool = False
    editable: bool = False


@dataclass(frozen=True, slots=True)
class LayerStyle:
    """Everything that QGIS is told of a layer besides its data.

    Attributes:
        layer: Name.
        geometry_type: By QGIS's code.
        attribute: By which the symbols are chosen.
        categories: The symbols.
        columns: Fields in the form and the attribute table.
        temporal: Fields that hold the start and the end of a feature.
        label: Expression.
        label_scale: From which scale on, as its denominator.
        display: Expression that names a feature.
        map_tip: HTML.
        tabs: Of the form, with the names of their fields; all fields go on one tab where none are named.
        guide: HTML on what each field means, on a tab of its own.
    """

    layer: str
    geometry_type: int
    attribute: str
    categories: tuple[Category, ...]
    columns: tuple[Column, ...]
    temporal: tuple[str, str] | None = None
    label: str = ""
    label_scale: int = 400_000
    display: str = ""
    map_tip: str = ""
    tabs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    guide: str = ""
