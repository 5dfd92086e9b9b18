"""Item search of a STAC API, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from geo.errors import SourceError
from geo.sources.http import Fetcher, Request

PAGE_SIZE = 100
_MOST_PAGES = 1000


def item_query(collections: Sequence[str], area: BaseGeometry, start: datetime, end: datetime) -> dict[str, Any]:
    """Body of a search for items that touch an area (EPSG:4326) and were acquired in [start, end], both aware."""
    window = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (start, end))
    return {"collections": list(collections), "intersects": mapping(area), "datetime": "/".join(window)}


def search_items(
    fetcher: Fetcher, url: str, query: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """All items of a search (STAC API, item search).

    Follows links with `rel=next`, and the `next` token of Sentinel Hub's catalogue.

    Args:
        fetcher: Sends.
        url: The search endpoint.
        query: Body of the search.
        headers: Sent with every page.

    Raises:
        SourceError: A page isn't what it should be, or the pages don't end.
    """
    request: Request | None = Request(url, "POST", headers or {}, json={"limit": PAGE_SIZE, **query})
    asked: set[str] = set()
    while request is not None:
        page = fetcher.fetch(request).json()
        items = page.get("features")
        if not isinstance(items, list):
            raise SourceError(f"{request.address} answered without a list of items: check that it is a STAC search")
        yield from items
        asked.add(_identity(request))
        request = _next(page, request) if items else None
        if request is not None and (_identity(request) in asked or len(asked) >= _MOST_PAGES):
            raise SourceError(f"{request.address} gives the same pages again and again: tell its operator")


def _next(page: Mapping[str, Any], last: Request) -> Request | None:
    for link in page.get("links") or []:
        if link.get("rel") == "next" and link.get("href"):
            if str(link.get("method", "GET")).upper() == "GET":
                return Request(link["href"], headers=last.headers)
            body = link.get("body") or {}
            merged = {**(last.json or {}), **body} if link.get("merge") else body
            return Request(link["href"], "POST", last.headers, json=merged or last.json)
    token = (page.get("context") or {}).get("next")
    return None if token is None else Request(last.url, "POST", last.headers, json={**(last.json or {}), "next": token})


def _identity(request: Request) -> str:
    return f"{request.url} {json.dumps(request.json, sort_keys=True)}"
