"""People are told once, and again only where nobody heard it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from flows.ledger import Ledger
from flows.notices import delivery, notify
from flows.record import Outcome
from flows.settings import Settings
from flows.summary import FacilitySummary, RunSummary
from geo.errors import InputError
from tests.flows.watching import START, STEP, Archive, watch

# A library behind apprise imports it, on Python 3.11 and 3.12 only.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

DONE = RunSummary((), ())
NOW = START + 10 * STEP


class Hook:
    """A webhook on loopback that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if outer.status == 200:
                    outer.heard.append(json.loads(body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/hook"

    @property
    def subjects(self) -> list[str]:
        return [told["title"] for told in self.heard]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    made = Hook()
    thread = Thread(target=made.server.serve_forever)
    thread.start()
    monkeypatch.setenv("FACILITY_WATCH_NOTIFY", made.url)
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    opened = Ledger.open("sqlite://")
    yield opened
    opened.close()


def test_a_confirmed_change_is_told_once(ledger: Ledger, hook: Hook) -> None:
    watch(Archive(set(range(7))), ledger)
    for _ in range(3):
        notify(ledger, 1, DONE, NOW, NOW)
    assert hook.subjects == ["1 change confirmed"]
    assert "consistent with building added" in hook.heard[0]["message"]
    watch(Archive(set(range(16))), ledger)
    notify(ledger, 2, DONE, NOW, NOW)
    assert hook.subjects == ["1 change confirmed", "2 changes confirmed"]


def test_where_nobody_heard_it_the_next_run_tells_it(ledger: Ledger, hook: Hook) -> None:
    watch(Archive(set(range(16))), ledger)
    hook.status = 500
    notify(ledger, 1, DONE, NOW, NOW)
    hook.status = 200
    notify(ledger, 2, DONE, NOW, NOW)
    notify(ledger, 3, DONE, NOW, NOW)
    assert hook.subjects == ["3 changes confirmed"]


def test_a_failed_run_is_told_with_its_reasons(ledger: Ledger, hook: Hook) -> None:
    lost = FacilitySummary("place-a", "Place", Outcome.FAILED, "the disk went away", 0, "", (), ())
    notify(ledger, 7, RunSummary((lost,), ()), NOW, NOW)
    assert hook.subjects == ["The run failed for 1 of 1 facilities"]
    assert "place-a Place: the disk went away" in hook.heard[0]["message"]


def test_a_source_gone_stale_is_told_once_and_only_while_the_present_is_watched(ledger: Ledger, hook: Hook) -> None:
    watch(Archive({0, 1}), ledger)
    newest = datetime(2018, 1, 11, tzinfo=UTC)
    fresh, old = newest + timedelta(days=40), newest + timedelta(days=50)
    notify(ledger, 1, DONE, fresh, fresh)
    notify(ledger, 2, DONE, newest, old + timedelta(days=900))  # a past window has no newer scenes
    assert hook.subjects == []
    notify(ledger, 3, DONE, old, old)
    notify(ledger, 4, DONE, old, old + timedelta(days=1))
    assert hook.subjects == ["No new imagery for 50 days"]


def test_an_address_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(InputError, match="FACILITY_WATCH_NOTIFY") as caught:
        delivery("nonsense-with-a-secret-word")
    assert "secret" not in str(caught.value)


def test_without_addresses_nothing_is_claimed(ledger: Ledger) -> None:
    watch(Archive(set(range(16))), ledger)
    notify(ledger, 1, DONE, NOW, NOW)
    (change,) = [name for name in ["confirmed x"] if ledger.untold([name])]
    assert change == "confirmed x"


def test_an_empty_variable_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY", "LEDGER", "CACHE", "PRODUCTS_URL"):
        monkeypatch.setenv(f"FACILITY_WATCH_{name}", "")  # as a compose file sets what its user left out
    settings = Settings()
    assert (settings.notify, settings.ledger, settings.cache, settings.products_url) == (None, None, None, None)
