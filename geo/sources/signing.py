"""Addresses that open only when signed."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote, urlencode, urlsplit

from geo.errors import InputError, SourceError
from geo.sources.http import Request
from geo.sources.transport import Transport

_PLANETARY_COMPUTER = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
_AZURE_BLOBS = ".blob.core.windows.net"
_RENEW_BEFORE = timedelta(minutes=2)


class Signer(Protocol):
    """Makes an asset's address one that opens."""

    def __call__(self, href: str) -> str:
        """The address to fetch."""


def unsigned(href: str) -> str:
    """Addresses that are open to all.

    Raises:
        InputError: It is an S3 address, which needs keys.
    """
    if href.startswith("s3://"):
        raise InputError(f"{href} opens only with S3 keys: give them, or choose a catalogue that is open to all")
    return href


class PlanetaryComputerSigner:
    """Signs addresses in Azure's blob storage with the Planetary Computer's short-lived tokens; no account needed.

    Source: Planetary Computer documentation, "Using tokens for data access".
    """

    def __init__(self, transport: Transport, token_url: str = _PLANETARY_COMPUTER) -> None:
        self._transport = transport
        self._token_url = token_url
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._lock = threading.Lock()

    def __call__(self, href: str) -> str:
        """The address with a token that holds for two minutes at least."""
        parts = urlsplit(href)
        if not (parts.hostname or "").endswith(_AZURE_BLOBS) or parts.query:
            return href
        account, container = (parts.hostname or "").removesuffix(_AZURE_BLOBS), parts.path.split("/")[1]
        return f"{href}?{self._token(f'{account}/{container}')}"

    def _token(self, place: str) -> str:
        with self._lock:
            token, expires_at = self._tokens.get(place, ("", datetime.min.replace(tzinfo=UTC)))
            if expires_at - datetime.now(UTC) < _RENEW_BEFORE:
                reply = self._transport.fetch(Request(f"{self._token_url}/{place}"))
                document = reply.json()
                try:
                    token, expires_at = document["token"], datetime.fromisoformat(document["msft:expiry"])
                except (KeyError, ValueError) as error:
                    raise SourceError(f"{reply.address} gave no token: try again later") from error
                self._tokens[place] = (token, expires_at)
            return token


@dataclass(frozen=True, slots=True)
class S3Signer:
    """Signs `s3://` addresses for one GET (AWS Signature Version 4, query parameters).

    Attributes:
        endpoint: Host that serves the buckets, such as `https://eodata.dataspace.copernicus.eu`, or one for each,
            such as `https://{bucket}.s3.eu-central-1.amazonaws.com`.
        region: Region that the host expects in signatures.
        key_id: Access key.
        secret: Its secret.
        requester_pays: Whether the account behind the key agrees to pay for the transfer.
        now: The clock.
    """

    endpoint: str
    region: str
    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    requester_pays: bool = False
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC), repr=False)
    lifetime_s: int = 3600

    def __call__(self, href: str) -> str:
        """An address that opens for an hour; others than `s3://` stay as they are."""
        parts = urlsplit(href)
        if parts.scheme != "s3":
            return href
        endpoint = self.endpoint.format(bucket=parts.netloc)
        host, path = urlsplit(endpoint).netloc, quote(parts.path)
        if endpoint == self.endpoint:
            path = f"/{quote(parts.netloc)}{path}"
        moment = self.now()
        day, stamp = f"{moment:%Y%m%d}", f"{moment:%Y%m%dT%H%M%SZ}"
        scope = f"{day}/{self.region}/s3/aws4_request"
        fields = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.key_id}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(self.lifetime_s),
            "X-Amz-SignedHeaders": "host",
        }
        if self.requester_pays:
            fields["x-amz-request-payer"] = "requester"
        query = urlencode(sorted(fields.items()), quote_via=quote, safe="")
        canonical = f"GET\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{self.secret}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return f"{endpoint}{path}?{query}&X-Amz-Signature={hmac.digest(key, to_sign.encode(), 'sha256').hex()}"
