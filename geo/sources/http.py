"""HTTP requests and replies, and what a failing reply says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from geo.errors import SourceError

_LEAST_MS = 10
_MOST_SECONDS = 120
_MOST_WORDS = 200  # of a server's own explanation in a message


class RefusedError(SourceError):
    """A server answered that asking again won't help.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        url: Address; what follows its `?` never shows in a message.
        method: HTTP method.
        headers: Sent as they are; never shown.
        json: Body to send as JSON.
        form: Body to send as a form; never shown.
        byte_range: First byte and the one after the last; None for all.
        retry_after_in_ms: Whether the service documents its `Retry-After` in milliseconds.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    byte_range: tuple[int, int] | None = None
    retry_after_in_ms: bool = False

    @property
    def size_bytes(self) -> int:
        """Bytes that are asked for, 0 where the server decides."""
        return self.byte_range[1] - self.byte_range[0] if self.byte_range else 0

    @property
    def host(self) -> str:
        """Whom it goes to."""
        return urlsplit(self.url).netloc

    @property
    def address(self) -> str:
        """The address as a message may show it: no user, no query."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    address: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            SourceError: It is something else.
        """
        try:
            document = json.loads(self.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            kind = self.headers.get("content-type", "no content type")
            raise SourceError(
                f"{self.address} answered with {kind} instead of a JSON object: check the address, or a proxy between"
            )
        return document


class Fetcher(Protocol):
    """Anything that sends requests."""

    def fetch(self, request: Request) -> Reply:
        """Send a request and wait for its reply."""


def retry_after(headers: Mapping[str, str], *, in_milliseconds: bool = False, repeated: bool = False) -> float | None:
    """Seconds that a server asks to wait: a number or an HTTP date (RFC 9110, 10.2.3); None where it doesn't say.

    Sentinel Hub documents its number as milliseconds, but gateways in front of it keep to the standard's seconds. So
    its number is taken as milliseconds, unless it is below ten, which nobody counts in milliseconds, or the server
    refuses again after that long and the number makes sense as seconds.

    Args:
        headers: Of the reply.
        in_milliseconds: Whether the service documents milliseconds.
        repeated: Whether the request was refused before.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        number = max(float(text), 0.0)
    except ValueError:
        return _until(text)
    as_seconds = number < _LEAST_MS or (repeated and number <= _MOST_SECONDS)
    return number / 1000 if in_milliseconds and not as_seconds else number


def _until(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def server_words(body: bytes) -> str:
    """A server's own explanation, shortened, where it gives one in a usual place."""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    found = document if isinstance(document, dict) else {}
    error = found.get("error")
    places = [error, found] if isinstance(error, dict) else [found]
    for place in places:
        for key in ("message", "description", "detail"):
            if isinstance(place.get(key), str):
                return f": {place[key][:_MOST_WORDS]}"
    return ""
