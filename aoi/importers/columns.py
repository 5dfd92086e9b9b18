"""Which column of a file means what."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from geo.errors import InputError

SYNONYMS: dict[str, tuple[str, ...]] = {
    "facility_id": ("facility_id", "id", "site_id", "camp_id", "uid", "ref", "编号"),
    "name": ("name", "facility_name", "title", "site", "site_name", "facility", "camp", "label", "名称", "名字"),
    "kind": ("kind", "facility_kind"),
    "longitude": ("longitude", "longitude_deg", "lon", "lng", "long", "x", "lon_deg", "经度"),
    "latitude": ("latitude", "latitude_deg", "lat", "y", "lat_deg", "纬度"),
    "position": ("position", "coordinates", "coordinate", "coords", "latlon", "lat_lon", "lat_long", "latlng", "坐标"),
    "geometry": ("geometry", "wkt", "geom", "the_geom", "outline"),
    "buffer_m": ("buffer_m",),
    "prefecture": ("prefecture", "prefecture_city", "地区"),
    "county": ("county", "district", "县"),
    "security_tier": ("security_tier", "tier", "security_level"),
    "sources": ("sources", "source"),
    "retired": ("retired",),
}
"""What can be mapped, and the names that are recognised for it, best first."""


_RESERVED = {"fid", "ogc_fid", *(name for names in SYNONYMS.values() for name in names)}


def guess_mapping(columns: Sequence[str], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """Field to column: what the user chose, then what the names suggest.

    Args:
        columns: Of the file.
        chosen: Field to column; an empty column leaves the field unmapped.

    Raises:
        InputError: A chosen field or column doesn't exist.

    >>> guess_mapping(["Lat.", "LON", "Site name"])
    {'name': 'Site name', 'longitude': 'LON', 'latitude': 'Lat.'}
    """
    chosen = dict(chosen or {})
    for field, column in chosen.items():
        if field not in SYNONYMS:
            raise InputError(f"--map {field}={column}: no field {field!r}; choose of {', '.join(SYNONYMS)}")
        if column and column not in columns:
            raise InputError(f"--map {field}={column}: the file has no such column, but {', '.join(columns)}")
    taken = set(chosen.values())
    plain = {_plain_name(column): column for column in reversed(columns) if column not in taken}
    guessed = {
        field: next(plain[name] for name in names if name in plain)
        for field, names in SYNONYMS.items()
        if field not in chosen and any(name in plain for name in names)
    }
    both = guessed | chosen
    return {field: both[field] for field in SYNONYMS if both.get(field)}


def attribute_name(column: str) -> str:
    """A column's name as it stands among a facility's attributes: lower case, words joined by underscores.

    >>> attribute_name("Wall built (year)"), attribute_name("Name")
    ('wall_built_year', 'file_name')
    """
    name = _plain_name(column)
    return f"file_{name}" if not name or name in _RESERVED else name


def _plain_name(column: str) -> str:
    return re.sub(r"\W+", "_", unicodedata.normalize("NFKC", column).casefold()).strip("_")
