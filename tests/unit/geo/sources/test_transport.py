"""Requests over real sockets, and what becomes of their faults."""

from __future__ import annotations

import gzip
import logging
import threading
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from urllib3.exceptions import MaxRetryError, SSLError

from geo.errors import BudgetReachedError, InputError, ServiceDownError, SourceError, TemporarySourceError
from geo.sources.health import Health
from geo.sources.http import RefusedError, Request
from geo.sources.meter import Meter
from geo.sources.ratelimit import RateLimiter
from tests.servers.loopback import Answer, Fault, LoopbackServer, part_of

FILE = bytes(range(256)) * 64


@pytest.fixture
def server():
    with LoopbackServer(lambda got: part_of(FILE, got)) as server:
        yield server


def get(server, **more) -> Request:
    return Request(f"{server.url}/file.tif?sig=secret-signature", **more)


def test_parts_of_files(server, transport):
    assert transport.fetch(get(server, byte_range=(100, 300))).body == FILE[100:300]
    assert transport.meter.spent.bytes == 200


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520, 529])
def test_temporary_statuses_are_tried_again(server, transport, status):
    server.spoil("file", Answer(status=status), times=2)
    assert transport.fetch(get(server)).body == FILE
    assert len(server.requests) == 3
    assert 0 < sum(transport.waits) <= 1 + 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.TRUNCATED, "broke off its answer"),
        (Fault.RESET, "broke off its answer"),
        (Fault.SILENCE, "doesn't answer in time"),
        (Fault.DRIP, r"didn't finish answering within 0\.3 s"),
    ],
)
def test_faults_on_the_wire_are_tried_again_and_given_up(server, make_transport, fault, words):
    transport = make_transport(attempts=2, timeout_s=0.3, deadline_s=0.3)
    server.spoil("file", fault)
    assert transport.fetch(get(server)).body == FILE
    server.spoil("file", fault, times=2)
    with pytest.raises(TemporarySourceError, match=rf"/file\.tif {words}, 2 times in a row: run again later"):
        transport.fetch(get(server))
    assert len(server.requests) == 4


def test_nobody_there(transport):
    with pytest.raises(TemporarySourceError, match=r"127\.0\.0\.1:9/x can't be reached"):
        transport.fetch(Request("http://127.0.0.1:9/x"))


@pytest.mark.parametrize("when", ["7", "1.5", "date"])
def test_retry_after_is_obeyed_in_seconds_and_as_a_date(server, transport, when):
    text = format_datetime(datetime.now(UTC) + timedelta(seconds=7), usegmt=True) if when == "date" else when
    server.spoil("file", Answer(status=429, headers={"Retry-After": text}))
    transport.fetch(get(server))
    assert sum(transport.waits) == pytest.approx(
        7 if when == "date" else float(when), abs=1.1 if when == "date" else 0.01
    )


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2500"], 2.5),  # as documented
        (["40"], 0.04),
        (["2"], 2.0),  # a gateway that keeps to the standard
        (["30", "30"], 0.03 + 30),  # the same, found out by being refused again
        (["2500", "1200"], 2.5 + 1.2),  # twenty minutes would make no sense
    ],
)
def test_retry_after_of_a_service_that_documents_milliseconds(server, transport, texts, expected):
    for text in texts:
        server.spoil("file", Answer(status=429, headers={"Retry-After": text}))
    assert transport.fetch(get(server, retry_after_in_ms=True)).body == FILE
    assert sum(transport.waits) == pytest.approx(expected, abs=0.01)


def test_retry_after_holds_back_every_request_to_that_host(server, transport):
    server.spoil("file", Answer(status=429, headers={"Retry-After": "30"}))
    transport.fetch(get(server))
    assert transport.now == pytest.approx(30, abs=0.01)
    assert transport.limiter.reserve(Request(server.url).host) < 1
    assert transport.limiter.reserve("elsewhere.example") == 0


def test_nonsense_in_retry_after_is_no_reason_to_fail(server, transport):
    server.spoil("file", Answer(status=503, headers={"Retry-After": "soon"}))
    assert transport.fetch(get(server)).body == FILE


def test_too_long_a_wait_is_told_and_not_waited(server, transport):
    server.spoil("file", Answer(status=429, headers={"Retry-After": "86400"}))
    with pytest.raises(TemporarySourceError, match="asks to come back in 86400 s"):
        transport.fetch(get(server))
    assert transport.waits == []


def test_429_for_ever_ends(server, transport):
    server.spoil("file", Answer(status=429, headers={"Retry-After": "0"}), times=99)
    with pytest.raises(TemporarySourceError, match=r"answered 429 \(Too Many Requests\), 4 times in a row"):
        transport.fetch(get(server))
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_refusals_are_final_and_quote_the_server(server, transport, status):
    server.spoil("file", Answer.of_json({"error": {"message": "no such thing"}}, status))
    with pytest.raises(RefusedError, match="no such thing") as caught:
        transport.fetch(get(server))
    assert caught.value.status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("size", [0, 10, 5_000_000])
def test_compressed_replies(server, transport, size):
    text = b"0123456789 abcdef\n" * (size // 18)
    server.spoil("file", Answer(gzip.compress(text), headers={"Content-Encoding": "gzip"}))
    assert transport.fetch(get(server)).body == text


def test_a_compressed_reply_cut_short_is_tried_again(server, transport):
    server.handler = lambda got: Answer(gzip.compress(FILE), headers={"Content-Encoding": "gzip"})
    server.spoil("file", Fault.TRUNCATED)
    assert transport.fetch(get(server)).body == FILE
    assert len(server.requests) == 2


def test_whole_files_arent_taken_for_parts(server, transport):
    server.spoil("file", Answer(FILE))
    with pytest.raises(SourceError, match="doesn't serve parts of a file"):
        transport.fetch(get(server, byte_range=(0, 10)))


def test_replies_that_arent_json(server, transport):
    server.spoil("file", Answer(b"<html>Sign in</html>", headers={"Content-Type": "text/html"}))
    reply = transport.fetch(get(server))
    with pytest.raises(SourceError, match="answered with text/html instead of a JSON object"):
        reply.json()


def test_addresses_that_cant_be(transport):
    with pytest.raises(InputError, match="isn't an http or https address"):
        transport.fetch(Request("ftp://example.org/x"))


def test_signatures_and_headers_show_nowhere(server, transport, caplog):
    caplog.set_level(logging.DEBUG)
    request = get(server, headers={"Authorization": "Bearer secret-token"}, form={"client_secret": "secret-form"})
    transport.fetch(request)
    server.spoil("file", Answer(status=403))
    with pytest.raises(SourceError) as caught:
        transport.fetch(request)
    shown = f"{caplog.text} {caught.value!r} {request!r}"
    assert "secret" not in shown.replace(request.url, "")


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATED, Answer(status=429, headers={"Retry-After": "9999"})])
def test_signatures_show_in_no_traceback(server, transport, fault):
    server.spoil("file", fault, times=4)
    with pytest.raises(TemporarySourceError) as caught:
        transport.fetch(get(server))
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_bound_on_bytes_is_never_overrun(server, make_transport):
    transport = make_transport(meter=Meter(max_bytes=1000))
    for _ in range(3):
        transport.fetch(get(server, byte_range=(0, 300)))
    with pytest.raises(BudgetReachedError, match="what is done is kept, raise --max-bytes"):
        transport.fetch(get(server, byte_range=(0, 300)))
    assert transport.meter.spent.bytes == 900
    assert server.sent_bytes == 900


def test_failed_attempts_arent_counted_as_bytes(server, transport):
    server.spoil("file", Fault.RESET, times=2)
    transport.fetch(get(server, byte_range=(0, 300)))
    assert transport.meter.spent.bytes == 300
    assert transport.meter.spent.requests == 3


def test_requests_are_paced_over_all_threads():
    now = [0.0]
    limiter = RateLimiter(requests_per_second=10, clock=lambda: now[0])
    waits: list[float] = []
    threads = [threading.Thread(target=lambda: waits.append(limiter.reserve("host"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == pytest.approx([0.1 * k for k in range(20)])
    now[0] = 10
    assert limiter.reserve("host") == 0


def test_the_environments_proxy_is_used_and_bypassed(server, make_transport, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    transport = make_transport()
    assert transport.fetch(Request("http://archive.example/b02.tif")).body == FILE
    transport.fetch(get(server))
    assert [got.target for got in server.requests] == [
        "http://archive.example/b02.tif", "/file.tif?sig=secret-signature",
    ]  # fmt: skip


def test_a_wrong_certificate_is_told_at_once(transport, monkeypatch):
    asked = []

    class Untrusted:
        def request(self, method, url, **_):
            asked.append(url)
            raise MaxRetryError(None, url, SSLError("certificate verify failed: self-signed certificate"))

    monkeypatch.setattr(transport._pools, "of", lambda request: Untrusted())
    with pytest.raises(SourceError, match="shows no valid certificate: check it"):
        transport.fetch(Request("https://archive.example/b02.tif"))
    assert len(asked) == 1


def test_a_host_that_is_down_is_asked_again_after_a_rest():
    now = [0.0]
    health = Health(clock=lambda: now[0])
    for _ in range(20):
        health.require("archive.example")
        health.failed("archive.example")
    with pytest.raises(ServiceDownError, match=r"archive\.example left 20 requests"):
        health.require("archive.example")
    health.require("elsewhere.example")
    now[0] = 301
    health.require("archive.example")
    health.answered("archive.example")
    health.failed("archive.example")
    health.require("archive.example")
