"""The catalogue's further facts as columns of the facility layer, whatever the catalogue calls them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aoi.facility import Fact
from aoi.facts import fact_meanings
from flows.change import PublishedField
from flows.publish.table import Table


def append_facts(table: Table, facts: Sequence[Mapping[str, Fact]]) -> None:
    """Adds a column for each fact that any facility has, in alphabetical order.

    Args:
        table: The facility layer.
        facts: Of each facility, in the order of the rows.
    """
    taken = {column.name for column in table.fields} | {"fid", "geom"}
    for fact in sorted({name for row in facts for name in row}):
        name = _column_name(fact, taken)
        taken.add(name)
        cells = [row.get(fact) for row in facts]
        table.fields += (_fact_field(fact, name, cells),)
        is_text = table.fields[-1].type == "text"
        table.rows = [
            (*row, str(content) if is_text and content is not None else content)
            for row, content in zip(table.rows, cells, strict=True)
        ]


def _column_name(fact: str, taken: set[str]) -> str:
    """A name that any database, spreadsheet and style expression takes, and that no other column has."""
    plain = re.sub(r"[^a-z0-9]+", "_", fact.lower()).strip("_")[:40] or "fact"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name


def _fact_field(fact: str, name: str, cells: Sequence[Fact | None]) -> PublishedField:
    meaning = fact_meanings().get(fact)
    kinds = {type(content) for content in cells if content is not None}
    return PublishedField(
        name=name,
        type="integer" if kinds == {int} else "real" if kinds <= {int, float} else "text",
        unit=meaning.unit if meaning else "",
        description=meaning.meaning if meaning else "From the catalogue",
    )
