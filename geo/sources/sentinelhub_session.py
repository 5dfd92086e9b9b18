"""Signing in to Sentinel Hub, and requests that need it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from geo.errors import InputError, SourceError
from geo.sources.http import RefusedError, Reply, Request
from geo.sources.transport import Transport

_RENEW_BEFORE_S = 60.0
_UNAUTHORISED = 401
_REFUSED = {400, 401, 403}


@dataclass(frozen=True, slots=True)
class Deployment:
    """One of the places that run Sentinel Hub.

    Attributes:
        name: Short name.
        base_url: Where its services are.
        token_url: Where client id and secret are exchanged for a token.
        account_page: Where a person gets them.
        requests_per_second: Pace that its smallest plan allows.
    """

    name: str
    base_url: str
    token_url: str
    account_page: str
    requests_per_second: float = 5.0


COMMERCIAL = Deployment(
    name="sentinel-hub",
    base_url="https://services.sentinel-hub.com",
    token_url="https://services.sentinel-hub.com/auth/realms/main/protocol/openid-connect/token",  # noqa: S106 - an address
    account_page="https://apps.sentinel-hub.com/dashboard/#/account/settings",
)
COPERNICUS_DATA_SPACE = Deployment(
    name="copernicus-data-space",
    base_url="https://sh.dataspace.copernicus.eu",
    token_url="https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token",  # noqa: S106 - an address
    account_page="https://shapps.dataspace.copernicus.eu/dashboard/#/account/settings",
)
DEPLOYMENTS = {deployment.name: deployment for deployment in (COMMERCIAL, COPERNICUS_DATA_SPACE)}


@dataclass(frozen=True, slots=True)
class Credentials:
    """An OAuth client; neither part ever shows.

    Attributes:
        client_id: OAuth client id.
        client_secret: OAuth client secret.
        origin: Where they were found, for messages.
    """

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    origin: str = "given"


class Session:
    """Adds a valid token to requests; one sign-in serves all threads.

    Args:
        transport: Sends.
        deployment: Whom to sign in to.
        credentials: As whom.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        transport: Transport,
        deployment: Deployment,
        credentials: Credentials,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.deployment = deployment
        self.transport = transport
        self._credentials = credentials
        self._clock = clock
        self._token = ""
        self._expires_at = float("-inf")
        self._lock = threading.Lock()
        for url in (deployment.base_url, deployment.token_url):
            transport.limiter.limit(Request(url).host, deployment.requests_per_second)

    def fetch(self, request: Request) -> Reply:
        """Send a request with a token; a token that is refused is renewed once.

        Raises:
            InputError: The credentials are refused.
            SourceError: As `Transport.fetch`.
        """
        token = self._valid_token()
        try:
            return self.transport.fetch(_with_token(request, token))
        except RefusedError as error:
            if error.status != _UNAUTHORISED:
                raise
        self._discard(token)
        try:
            return self.transport.fetch(_with_token(request, self._valid_token()))
        except RefusedError as error:
            raise self._refused() if error.status == _UNAUTHORISED else error from error

    def _valid_token(self) -> str:
        with self._lock:
            if self._clock() > self._expires_at - _RENEW_BEFORE_S:
                self._token, lifetime_s = self._sign_in()
                self._expires_at = self._clock() + lifetime_s
            return self._token

    def _discard(self, token: str) -> None:
        with self._lock:
            if token == self._token:  # another thread may have renewed it already
                self._expires_at = float("-inf")

    def _sign_in(self) -> tuple[str, float]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
        }
        try:
            reply = self.transport.fetch(Request(self.deployment.token_url, "POST", form=form))
        except RefusedError as error:
            raise self._refused() if error.status in _REFUSED else error from error
        document = reply.json()
        try:
            return str(document["access_token"]), float(document.get("expires_in", _RENEW_BEFORE_S))
        except (KeyError, ValueError, TypeError) as error:
            raise SourceError(f"{reply.address} gave no token: try again later") from error

    def _refused(self) -> InputError:
        return InputError(
            f"{self.deployment.name} refused the credentials ({self._credentials.origin}): "
            f"make an OAuth client at {self.deployment.account_page}"
        )


def _with_token(request: Request, token: str) -> Request:
    # Sentinel Hub documentation, "Rate limiting": Retry-After, in milliseconds.
    headers = {**request.headers, "Authorization": f"Bearer {token}"}
    return replace(request, headers=headers, retry_after_in_ms=True)
