"""How requests leave the process: one event loop, one pace, bounded retries, nothing secret in a message."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from geo.errors import InputError, SourceError, TemporarySourceError
from geo.sources.eventloop import run
from geo.sources.http import RefusedError, Reply, Request, retry_after, server_words
from geo.sources.meter import Meter
from geo.sources.ratelimit import PROCESS_LIMITER, RateLimiter

_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}

# httpx writes whole addresses to its log, and a signed address is as good as a key.
logging.getLogger("httpx").addFilter(lambda record: record.levelno >= logging.WARNING)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a temporary fault is tried again.

    Waits grow twofold with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015),
    unless the server names its own (`Retry-After`, RFC 9110).

    Attributes:
        attempts: Tries in all.
        first_wait_s: Longest wait after the first failure, seconds.
        longest_wait_s: Longest wait after any failure, seconds.
        longest_retry_after_s: A server that asks for more than this is given up on, seconds.
    """

    attempts: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    longest_retry_after_s: float = 300.0


class _TryAgainError(Exception):
    """A temporary fault of one attempt; `retry_after_s` is what the server asked for."""

    def __init__(self, fault: str, retry_after_s: float | None = None) -> None:
        super().__init__(fault)
        self.retry_after_s = retry_after_s


class Transport:
    """Sends requests for any number of sources and threads.

    Args:
        meter: Counts what is spent.
        limiter: Paces requests; the process has one.
        retry: What to do about temporary faults.
        concurrency: Most requests at once.
        timeout_s: Longest silence of a server, seconds.
        deadline_s: Longest time for one attempt, seconds, however steadily a server drips.
        sleep: Waits; tests give one that doesn't.
    """

    def __init__(
        self,
        meter: Meter | None = None,
        limiter: RateLimiter = PROCESS_LIMITER,
        retry: RetryPolicy | None = None,
        concurrency: int = 32,
        timeout_s: float = 30.0,
        deadline_s: float = 180.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.meter = meter or Meter()
        self.limiter = limiter
        self._retry = retry or RetryPolicy()
        self._deadline_s = deadline_s
        self._sleep = sleep
        self._slots = asyncio.Semaphore(concurrency)
        self._client = httpx.AsyncClient(
            headers={"User-Agent": "facility-watch"},
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            follow_redirects=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        run(self._client.aclose())

    def send(self, request: Request) -> Reply:
        """`fetch` for callers outside the event loop."""
        return run(self.fetch(request))

    async def fetch(self, request: Request) -> Reply:
        """Send a request, again and again while the fault is temporary and the policy allows it.

        Raises:
            TemporarySourceError: It failed at every attempt, or the server wants a longer wait than is reasonable.
            RefusedError: The server refused for good.
            BudgetReachedError: A bound of the meter would be overrun.
            InputError: The address isn't an HTTP address.
        """
        if urlsplit(request.url).scheme not in {"http", "https"}:
            raise InputError(f"{request.address} isn't an http or https address: give one")
        fault = ""
        for attempt in range(self._retry.attempts):
            try:
                return await self._attempt(request)
            except _TryAgainError as again:
                fault = str(again)
                if attempt + 1 < self._retry.attempts:
                    await self._hold(request, attempt, again.retry_after_s)
        raise TemporarySourceError(
            f"{request.address} {fault}, {self._retry.attempts} times in a row: run again later, what is done is kept"
        )

    async def _hold(self, request: Request, attempt: int, retry_after_s: float | None) -> None:
        """Wait before the next attempt; a wait that the server named holds for all requests to it."""
        policy = self._retry
        if retry_after_s is None:
            longest = min(policy.first_wait_s * 2**attempt, policy.longest_wait_s)
            await self._sleep(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret
            return
        if retry_after_s > policy.longest_retry_after_s:
            raise TemporarySourceError(
                f"{request.address} asks to come back in {retry_after_s:.0f} s: run again then, what is done is kept"
            )
        self.limiter.pause(request.host, retry_after_s)

    async def _attempt(self, request: Request) -> Reply:
        self.meter.reserve(requests=1, size_bytes=request.size_bytes)
        received = 0
        try:
            async with self._slots:
                await self._sleep(self.limiter.reserve(request.host))
                async with asyncio.timeout(self._deadline_s):
                    reply = await self._exchange(request)
            received = len(reply.body)
            return reply
        except TimeoutError as error:
            raise _TryAgainError(f"didn't finish answering within {self._deadline_s:g} s") from error
        except httpx.TimeoutException as error:
            raise _TryAgainError("doesn't answer in time") from error
        except httpx.ConnectError as error:
            raise _TryAgainError("can't be reached") from error
        except httpx.TransportError as error:
            raise _TryAgainError("broke off its answer") from error
        finally:
            self.meter.correct(size_bytes=received - request.size_bytes)

    async def _exchange(self, request: Request) -> Reply:
        headers = dict(request.headers)
        if request.byte_range:
            start, end = request.byte_range
            headers |= {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        asked = self._client.stream(request.method, request.url, headers=headers, json=request.json, data=request.form)
        async with asked as response:
            if response.is_success and request.byte_range and response.status_code != HTTPStatus.PARTIAL_CONTENT:
                # Leaving without reading: the whole file may be a gigabyte.
                raise SourceError(f"{request.address} doesn't serve parts of a file (no range requests): use another")
            body = await response.aread()
            if not response.is_success:
                raise _failure(request, response, body)
            return Reply(request.address, response.headers, body)


def _failure(request: Request, response: httpx.Response, body: bytes) -> Exception:
    status = response.status_code
    if status in _TEMPORARY:
        return _TryAgainError(f"answered {status} ({response.reason_phrase})", retry_after(response.headers))
    words = "" if request.form else server_words(body)
    return RefusedError(f"{request.address} answered {status} ({response.reason_phrase}){words}", status)
