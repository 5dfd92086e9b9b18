"""How requests leave the process: one pace, bounded concurrency and retries, nothing secret in a message or a log."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from http.client import responses
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, MaxRetryError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as SilenceError

from geo.errors import InputError, SourceError, TemporarySourceError
from geo.sources.health import Health
from geo.sources.http import RefusedError, Reply, Request, retry_after, server_words
from geo.sources.meter import Meter
from geo.sources.pools import Pools
from geo.sources.ratelimit import PROCESS_LIMITER, RateLimiter

_LOG = logging.getLogger(__name__)
_TEMPORARY_REFUSALS = {408, 425, 429}
_FINAL_FAILURES = {501, 505}
_CHUNK_BYTES = 1 << 20
_HEADERS = {"User-Agent": "facility-watch", "Accept-Encoding": "gzip"}
_REDIRECTS_ONLY = urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=5)

# urllib3 writes the queries of addresses to its debug log, and a signed address is as good as a key.
logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.levelno > logging.WARNING)


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
    """A temporary fault of one attempt; `headers` are those of the reply, if there was one."""

    def __init__(self, fault: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(fault)
        self.headers = headers or {}


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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.meter = meter or Meter()
        self.limiter = limiter
        self._retry = retry or RetryPolicy()
        self._deadline_s = deadline_s
        self._sleep = sleep
        self._slots = threading.BoundedSemaphore(concurrency)
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="fetch")
        self._pools = Pools(concurrency, timeout_s)
        self._health = Health()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._threads.shutdown()
        self._pools.clear()

    def fetch_all(self, requests: Sequence[Request]) -> list[Reply]:
        """Several requests at once, replies in their order; errors as `fetch`, of the first that failed."""
        if len(requests) == 1:
            return [self.fetch(requests[0])]
        return list(self._threads.map(self.fetch, requests))

    def fetch(self, request: Request) -> Reply:
        """Send a request, again and again while the fault is temporary and the policy allows it.

        Raises:
            ServiceDownError: The host has answered nothing of late.
            TemporarySourceError: It failed at every attempt, or the server wants a longer wait than is reasonable.
            RefusedError: The server refused for good.
            BudgetReachedError: A bound of the meter would be overrun.
            InputError: The address isn't an HTTP address.
        """
        if urlsplit(request.url).scheme not in {"http", "https"}:
            raise InputError(f"{request.address} isn't an http or https address: give one")
        self._health.require(request.host)
        fault = ""
        for attempt in range(self._retry.attempts):
            try:
                reply = self._attempt(request)
                self._health.answered(request.host)
                return reply
            except _TryAgainError as again:
                fault = str(again)
                _LOG.info("%s %s (attempt %d of %d)", request.address, fault, attempt + 1, self._retry.attempts)
                if attempt + 1 < self._retry.attempts:
                    self._hold(request, attempt, again.headers)
        self._health.failed(request.host)
        raise TemporarySourceError(
            f"{request.address} {fault}, {self._retry.attempts} times in a row: run again later, what is done is kept"
        )

    def _hold(self, request: Request, attempt: int, headers: Mapping[str, str]) -> None:
        """Wait before the next attempt; a wait that the server named holds for all requests to it."""
        policy = self._retry
        retry_after_s = retry_after(headers, in_milliseconds=request.retry_after_in_ms, repeated=attempt > 0)
        if retry_after_s is None:
            longest = min(policy.first_wait_s * 2**attempt, policy.longest_wait_s)
            self._sleep(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret
            return
        if retry_after_s > policy.longest_retry_after_s:
            raise TemporarySourceError(
                f"{request.address} asks to come back in {retry_after_s:.0f} s: run again then, what is done is kept"
            )
        self.limiter.pause(request.host, retry_after_s)

    def _attempt(self, request: Request) -> Reply:
        self.meter.reserve(requests=1, size_bytes=request.size_bytes)
        received = 0
        try:
            if (wait_s := self.limiter.reserve(request.host)) > 0:
                self._sleep(wait_s)
            with self._slots:
                reply = self._exchange(request)
            received = len(reply.body)
            return reply
        # `from None`: urllib3's messages hold whole addresses, signatures included.
        except LocationParseError:
            raise InputError(f"{request.address} isn't a usable address: correct it") from None
        except HTTPError as error:
            if isinstance(_cause(error), SSLError):
                raise SourceError(
                    f"{request.address} shows no valid certificate: check it, or name a bundle in SSL_CERT_FILE"
                ) from None
            raise _TryAgainError(_fault(error)) from None
        finally:
            self.meter.correct(size_bytes=received - request.size_bytes)

    def _exchange(self, request: Request) -> Reply:
        headers = {**_HEADERS, **request.headers}
        body = None
        if request.byte_range:
            headers |= {"Range": f"bytes={request.byte_range[0]}-{request.byte_range[1] - 1}"}
            headers["Accept-Encoding"] = "identity"
        if request.json is not None:
            headers["Content-Type"], body = "application/json", json.dumps(request.json).encode()
        if request.form is not None:
            headers["Content-Type"], body = "application/x-www-form-urlencoded", urlencode(request.form).encode()
        response = self._pools.of(request).request(
            request.method,
            request.url,
            headers=headers,
            body=body,
            preload_content=False,
            retries=_REDIRECTS_ONLY,
        )
        try:
            return self._received(request, response)
        except BaseException:
            response.close()  # what is left of the body must not be taken for the next reply
            raise
        finally:
            response.release_conn()

    def _received(self, request: Request, response: urllib3.BaseHTTPResponse) -> Reply:
        succeeded = response.status in range(200, 300)
        if succeeded and request.byte_range and response.status != HTTPStatus.PARTIAL_CONTENT:
            # Leaving without reading: the whole file may be a gigabyte.
            raise SourceError(f"{request.address} doesn't serve parts of a file (range requests): use another")
        body = self._body(response)
        if not succeeded:
            raise _failure(request, response, body)
        return Reply(request.address, response.headers, body)

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        deadline = time.monotonic() + self._deadline_s
        chunks = []
        while chunk := response.read1(_CHUNK_BYTES):
            chunks.append(chunk)
            if time.monotonic() > deadline:
                raise _TryAgainError(f"didn't finish answering within {self._deadline_s:g} s")
        return b"".join(chunks)


def _failure(request: Request, response: urllib3.BaseHTTPResponse, body: bytes) -> Exception:
    status, phrase = response.status, responses.get(response.status, "no known status")
    failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _FINAL_FAILURES
    if failed or status in _TEMPORARY_REFUSALS:
        return _TryAgainError(f"answered {status} ({phrase})", response.headers)
    words = "" if request.form else server_words(body)
    return RefusedError(f"{request.address} answered {status} ({phrase}){words}", status)


def _cause(error: HTTPError) -> Exception:
    return error.reason if isinstance(error, MaxRetryError) and error.reason is not None else error


def _fault(error: HTTPError) -> str:
    cause = _cause(error)
    if isinstance(cause, NewConnectionError):
        return "can't be reached"
    if isinstance(cause, SilenceError):
        return "doesn't answer in time"
    return "broke off its answer"
