"""How each layer looks in QGIS: symbols, labels, time, form and map tip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flows.change import PublishedField, ReviewStatus, Status
from flows.publish.palette import LOOKS, STATUS_LINES
from flows.publish.style_model import Category, Column, LayerStyle, Look
from flows.publish.table import Table, title_of
from flows.publish.templating import render

_GEOMETRY_CODES = {"Point": 0, "LineString": 1, "MultiPolygon": 2}  # QgsWkbTypes::GeometryType
_OUT = f"\"status\" = '{Status.WITHDRAWN}' OR \"review_status\" = '{ReviewStatus.REJECTED}'"  # no longer counts
_REVIEW = ("review_status", "reviewer", "reviewed_at", "review_note")


def styles_of(tables: Sequence[tuple[Table, str]]) -> list[LayerStyle]:
    """The style of each layer, in the order given.

    Args:
        tables: Layers with their geometry types.
    """
    makers = {"changes": _changes, "perimeter_sides": _sides, "retractions": _retractions}
    makers |= {"facilities": _facilities, "coverage": _coverage}
    return [_with_guide(makers.get(table.name, _outlines)(table, _GEOMETRY_CODES[kind])) for table, kind in tables]


def _with_guide(style: LayerStyle) -> LayerStyle:
    """QGIS before 3.32 shows no descriptions of fields, wherever they are stored, so the form has them on a tab."""
    guide = render("qgis/field_guide.j2", abstract=LAYER_DESCRIPTIONS[style.layer], columns=style.columns)
    shown = tuple(column.name for column in style.columns if column.widget != "Hidden")
    return replace(style, tabs=style.tabs or {"Fields": shown}, guide=guide)


LAYER_DESCRIPTIONS = {
    "changes": "Changes on the ground, consistent with construction or demolition; one feature for the life of each",
    "perimeter_sides": "Straight sides of the perimeters among the changes, each with how much of it is seen as a line",
    "retractions": "Changes that were withdrawn or corrected, when and why; geometry as last published",
    "facilities": "Watched places as positions",
    "facility_outlines": "Known perimeters of the watched places, where the catalogue has one",
    "areas_of_interest": "Watched ground",
    "coverage": "What could be assessed and what not, by facility, detector and month",
}


def _changes(table: Table, geometry_type: int) -> LayerStyle:
    columns = _columns(table.fields, editable=_REVIEW)
    evidence = tuple(name for name in (column.name for column in columns) if name.startswith("evidence_"))
    groups = {
        "Review": ("evidence_before", "evidence_after", *_REVIEW),
        "Change": tuple(column.name for column in table.fields[:22]),
        "Evidence": (*evidence, "before_item_id", "after_item_id", "before_acquired_at", "after_acquired_at"),
        "Provenance": tuple(column.name for column in table.fields[22:] if column.name not in (*_REVIEW, *evidence)),
    }
    return LayerStyle(
        layer=table.name,
        geometry_type=geometry_type,
        attribute="change_type",
        categories=tuple(
            Category(str(kind), look.label, _change_look(look.rgb, is_line=look.is_line))
            for kind, look in LOOKS.items()
        ),
        columns=columns,
        temporal=("valid_from", "valid_to"),
        display='"change_id" || \' · \' || "change_type"',
        map_tip=render("qgis/map_tip.j2"),
        tabs=groups,
    )


def _change_look(rgb: tuple[int, int, int], *, is_line: bool) -> Look:
    """Type by colour, status by line, confidence by opacity; what no longer counts is grey."""
    lines = " ".join(f"WHEN \"status\" = '{status}' THEN '{line}'" for status, (line, _) in STATUS_LINES.items())
    colour = ",".join(map(str, rgb))
    return Look(
        kind="fill",
        layer_class="SimpleFill",
        options={
            "color": f"{colour},90",
            "style": "no" if is_line else "solid",
            "outline_color": f"{colour},255",
            "outline_style": "solid",
            "outline_width": "0.8" if is_line else "0.5",
            "outline_width_unit": "MM",
            "joinstyle": "miter",
        },
        defined={
            "outlineStyle": f"CASE {lines} ELSE 'solid' END",
            "outlineColor": f"CASE WHEN {_OUT} THEN '120,120,120,255' ELSE '{colour},255' END",
            "fillColor": f"CASE WHEN {_OUT} THEN '150,150,150,40' ELSE '{colour},90' END",
        },
        alpha='40 + 60 * coalesce("confidence", 1)',
    )


def _sides(table: Table, geometry_type: int) -> LayerStyle:
    """A band along each side, the stronger the better it is seen, narrow within; the ring is the change layer's."""
    rings = [(kind, look) for kind, look in LOOKS.items() if look.is_line]
    return LayerStyle(
        layer=table.name,
        geometry_type=geometry_type,
        attribute="change_type",
        categories=tuple(Category(str(kind), look.label, _band(look.rgb)) for kind, look in rings),
        columns=_columns(table.fields),
        temporal=("valid_from", "valid_to"),
        label="round(100 * \"strength\") || ' %'",
        label_scale=30_000,
        display="\"side_id\" || ' · ' || round(100 * \"strength\") || ' % seen'",
    )


def _band(rgb: tuple[int, int, int]) -> Look:
    colour = ",".join(map(str, rgb))
    return Look(
        kind="line",
        layer_class="SimpleLine",
        options={
            "line_color": f"{colour},255",
            "line_width": "2.4",
            "line_width_unit": "MM",
            "line_style": "solid",
            "capstyle": "flat",
            "joinstyle": "miter",
        },
        defined={
            "outlineColor": f"CASE WHEN {_OUT} THEN '120,120,120,255' ELSE '{colour},255' END",
            "outlineWidth": "CASE WHEN \"role\" = 'interior' THEN 1.0 ELSE 2.4 END",
        },
        alpha='10 + 60 * "strength"',
    )


def _retractions(table: Table, geometry_type: int) -> LayerStyle:
    grey = {"color": "120,120,120,40", "outline_color": "90,90,90,255", "outline_style": "dash dot"}
    return LayerStyle(
        layer=table.name,
        geometry_type=geometry_type,
        attribute="event",
        categories=tuple(
            Category(event, label, Look("fill", "SimpleFill", {**grey, "style": pattern, "outline_width": "0.4"}))
            for event, label, pattern in (
                ("withdrawn", "Withdrawn", "b_diagonal"),
                ("rejected", "Rejected by a reviewer", "diagonal_x"),
                ("", "Corrected", "no"),
            )
        ),
        columns=_columns(table.fields),
        display='"change_id" || \' · \' || "event"',
    )


def _facilities(table: Table, geometry_type: int) -> LayerStyle:
    shapes = (
        ("camp", "Camp", "square"),
        ("factory_park", "Factory park", "triangle"),
        ("factory_park_search_area", "Factory park, search area", "diamond"),
        ("", "Other place", "circle"),
    )
    assessed = "CASE WHEN \"outcome\" = 'assessed' THEN '40,40,40,255' ELSE '255,255,255,255' END"
    return LayerStyle(
        layer=table.name,
        geometry_type=geometry_type,
        attribute="facility_kind",
        categories=tuple(
            Category(
                text,
                label,
                Look(
                    "marker",
                    "SimpleMarker",
                    {"name": shape, "size": "2.6", "size_unit": "MM", "color": "40,40,40,255"}
                    | {"outline_color": "40,40,40,255", "outline_width": "0.3"},
                    {"fillColor": assessed},
                ),
            )
            for text, label, shape in shapes
        ),
        columns=_columns(table.fields),
        label='"facility_name"',
        display='"facility_name"',
    )


def _coverage(table: Table, geometry_type: int) -> LayerStyle:
    return LayerStyle(
        layer=table.name,
        geometry_type=geometry_type,
        attribute="state",
        categories=(
            Category("assessed", "Assessed", _outline("0,114,178", "no")),
            Category("not_assessable", "Not assessable", _outline("90,90,90", "f_diagonal")),
        ),
        columns=_columns(table.fields),
        temporal=("period_start", "period_end"),
        display='"facility_name" || \' · \' || "state"',
    )


def _outlines(table: Table, geometry_type: int) -> LayerStyle:
    look = _outline("60,60,60", "no")
    return LayerStyle(
        layer=table.name,
        geometry_type=geometry_type,
        attribute="facility_kind",
        categories=(Category("", table.name.replace("_", " ").capitalize(), look),),
        columns=_columns(table.fields),
        display='"facility_name"',
    )


def _outline(colour: str, fill_style: str) -> Look:
    options = {"color": f"{colour},110", "style": fill_style, "outline_color": f"{colour},200"}
    return Look("fill", "SimpleFill", {**options, "outline_style": "solid", "outline_width": "0.3"})


def _columns(fields: Sequence[PublishedField], editable: Sequence[str] = ()) -> tuple[Column, ...]:
    """The layer's columns as QGIS counts them, the feature id first."""
    columns = [Column("fid", "Row", 0, widget="Hidden")]
    for index, published in enumerate(fields, start=1):
        columns.append(
            Column(
                name=published.name,
                title=title_of(published),
                index=index,
                meaning=published.description,
                widget=_widget(published),
                choices=tuple(map(str, ReviewStatus)) if published.name == "review_status" else (),
                multiline=published.name == "review_note",
                editable=published.name in editable,
            )
        )
    return tuple(columns)


def _widget(published: PublishedField) -> str:
    if published.name == "review_status":
        return "ValueMap"
    if published.name in ("evidence_before", "evidence_after"):
        return "ExternalResource"
    return "DateTime" if published.type == "datetime" else "TextEdit"
