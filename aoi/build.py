"""Makes the packaged table from the two published sources, the same bytes every time."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import shapely
from shapely import Point
from shapely.geometry import mapping, shape

from aoi.facility import Fact
from aoi.facts import parse_fact
from aoi.perimeters import PerimeterMatch, Verdict, match_perimeters
from aoi.sizing import camp_buffer_m
from aoi.table import CORE_COLUMNS
from geo.errors import InputError

DECIMALS = 7
"""Coordinates to about a centimetre, as RFC 7946 advises; the sources place by eye."""
_OWN_COLUMNS = ("name", "latitude", "longitude", "prefecture", "county", "security_tier")
_NOTICE = "© OpenStreetMap contributors, Open Database License 1.0, https://opendatacommons.org/licenses/odbl/1-0/"


def build_catalogue(aspi_csv: Path, perimeters_geojson: Path, folder: Path) -> tuple[PerimeterMatch, ...]:
    """Write `facilities.csv`, `osm_perimeters.geojson` and `osm_matching.csv`.

    Args:
        aspi_csv: ASPI's camp dataset v1 with plain column names.
        perimeters_geojson: Perimeters with the OpenStreetMap id of each in `osm`.
        folder: Where to write.

    Returns:
        Every match and doubt, as written to the report.

    Raises:
        InputError: A source can't be read.
    """
    rows = _read_rows(aspi_csv)
    outlines = _read_outlines(perimeters_geojson)
    points = {_id(row): Point(_rounded(row["longitude"]), _rounded(row["latitude"])) for row in rows}
    matches = match_perimeters(points, {osm: shape(outline["geometry"]) for osm, outline in outlines.items()})
    facts = [column for column in rows[0] if column not in _OWN_COLUMNS]
    _write_csv(folder / "facilities.csv", (*CORE_COLUMNS, *facts), (_table_row(row, facts) for row in rows))
    report = (asdict(match) for match in matches if match.verdict is not Verdict.INSIDE or match.reason)
    _write_csv(folder / "osm_matching.csv", PerimeterMatch.__slots__, report)
    (folder / "osm_perimeters.geojson").write_text(_perimeters(matches, outlines), encoding="utf-8")
    return matches


def _table_row(row: Mapping[str, str], facts: Sequence[str]) -> Mapping[str, object]:
    own: dict[str, Fact] = {column: "" if (fact := parse_fact(row[column])) is None else fact for column in facts}
    return own | {
        "facility_id": _id(row),
        "name": row["name"],
        "kind": "camp",
        "longitude": _rounded(row["longitude"]),
        "latitude": _rounded(row["latitude"]),
        "buffer_m": f"{camp_buffer_m({key: fact for key, fact in own.items() if fact != ''}):.0f}",
        "prefecture": row["prefecture"],
        "county": row["county"],
        "security_tier": row["security_tier"],
        "sources": "aspi-v1",
        "retired": "false",
    }


def _perimeters(matches: Iterable[PerimeterMatch], outlines: Mapping[str, Mapping[str, Any]]) -> str:
    claims: dict[str, list[PerimeterMatch]] = defaultdict(list)
    for match in matches:
        if match.verdict in (Verdict.INSIDE, Verdict.NEAR):
            claims[match.osm_id].append(match)
    features = [_feature(osm_id, outline, claims[osm_id]) for osm_id, outline in outlines.items()]
    head = json.dumps({"type": "FeatureCollection", "licence": _NOTICE}, ensure_ascii=False)[:-1]
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    return f'{head}, "features": [\n{lines}\n]}}\n'


def _feature(osm_id: str, outline: Mapping[str, Any], claims: Sequence[PerimeterMatch]) -> dict[str, Any]:
    geometry = shapely.transform(shape(outline["geometry"]), lambda positions: positions.round(DECIMALS))
    tags = outline["properties"]
    return {
        "type": "Feature",
        "id": osm_id,
        "properties": {
            "osm_id": osm_id,
            "name": tags["name"],
            "name_en": tags["name:en"],
            "wikidata": tags["wikidata"],
            "facility_ids": [match.facility_id for match in claims],
            "match": [str(match.verdict) for match in claims],
            "distance_m": [match.distance_m for match in claims],
        },
        "geometry": mapping(geometry.normalize()),
    }


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}): give ASPI's camp dataset as CSV") from error


def _read_outlines(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}): give the perimeters as GeoJSON") from error
    return {feature["properties"]["osm"]: feature for feature in features}


def _id(row: Mapping[str, str]) -> str:
    return f"aspi-{int(row['aspi_number']):04d}"


def _rounded(text: str) -> float:
    return round(float(text), DECIMALS)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(stream.getvalue(), encoding="utf-8")
