"""What the tests of sources share: a transport that doesn't wait, and servers on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from geo.sources.meter import Meter
from geo.sources.ratelimit import RateLimiter
from geo.sources.transport import RetryPolicy, Transport
from tests.servers.stac import StacServer


class FastTransport(Transport):
    """A transport whose waits are written down instead of waited, and whose clock moves on by them."""

    def __init__(
        self, attempts: int = 4, meter: Meter | None = None, timeout_s: float = 20.0, deadline_s: float = 20.0
    ) -> None:
        self.waits: list[float] = []
        self.now = 0.0
        super().__init__(
            meter=meter,
            limiter=RateLimiter(requests_per_second=1e6, clock=lambda: self.now),
            retry=RetryPolicy(attempts=attempts),
            timeout_s=timeout_s,
            deadline_s=deadline_s,
            sleep=self._note,
        )

    def _note(self, seconds: float) -> None:
        self.now += seconds
        if seconds > 1e-3:
            self.waits.append(seconds)


@pytest.fixture
def make_transport() -> Iterator[Callable[..., FastTransport]]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(FastTransport(**settings))


@pytest.fixture
def transport(make_transport: Callable[..., FastTransport]) -> FastTransport:
    return make_transport()


@pytest.fixture
def stac_server() -> Iterator[StacServer]:
    with StacServer() as server:
        yield server
