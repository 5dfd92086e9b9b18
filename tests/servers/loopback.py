"""A small HTTP/1.1 server on a loopback socket, with latency and with faults as real servers show them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http.client import responses
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


class Fault(Enum):
    """What goes wrong on the wire, after the status line was right."""

    TRUNCATED = auto()  # half the body, then the connection is closed
    RESET = auto()  # no answer, the connection is reset
    DRIP = auto()  # a byte at a time, for ever
    SILENCE = auto()  # nothing at all, for ever


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """A reply to send, or to spoil."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None

    @classmethod
    def of_json(
        cls, document: Any, status: int = 200, content_type: str = "application/json", **headers: str
    ) -> Answer:
        return cls(json.dumps(document).encode(), status, {"Content-Type": content_type, **headers})


Handler = Callable[[Received], Answer]


class LoopbackServer:
    """Answers with a handler, in a thread of its own; `spoil` puts answers in front of it.

    Attributes:
        requests: Everything that arrived, in order.
        sent_bytes: Bytes of all bodies sent.
        latency_s: Wait before each answer, seconds.
    """

    def __init__(self, handler: Handler, latency_s: float = 0.0) -> None:
        self.handler = handler
        self.latency_s = latency_s
        self.requests: list[Received] = []
        self.sent_bytes = 0
        self._spoiled: deque[tuple[str, Answer | Fault]] = deque()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[Any]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=256), self._loop
        ).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def spoil(self, part: str, answer: Answer | Fault, times: int = 1) -> None:
        """Answer the next requests whose target holds `part` with this instead, or with the right body spoiled."""
        with self._lock:
            self._spoiled.extend([(part, answer)] * times)

    def count(self, part: str = "", method: str = "") -> int:
        """How many requests arrived whose target holds `part`."""
        return sum(part in got.target and method in got.method for got in self.requests)

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (got := await _receive(reader)) is not None:
                self.requests.append(got)
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                if not await self._send(writer, got, self._answer(got)):
                    break
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    def _answer(self, got: Received) -> Answer:
        with self._lock:
            for entry in self._spoiled:
                part, instead = entry
                if part in got.target:
                    self._spoiled.remove(entry)
                    break
            else:
                return self.handler(got)
        if isinstance(instead, Answer):
            return instead
        right = self.handler(got)
        return Answer(right.body, right.status, right.headers, instead)

    async def _send(self, writer: asyncio.StreamWriter, got: Received, answer: Answer) -> bool:
        """Send an answer; whether the connection may be used again."""
        if answer.fault is Fault.SILENCE:
            await asyncio.sleep(3600)
        if answer.fault is Fault.RESET:
            writer.transport.abort()
            return False
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {text}" for name, text in headers.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        if answer.fault is Fault.DRIP:
            for byte in answer.body:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.02)
        body = answer.body[: len(answer.body) // 2] if answer.fault is Fault.TRUNCATED else answer.body
        self.sent_bytes += len(body)
        writer.write(body)
        await writer.drain()
        return answer.fault is None


async def _receive(reader: asyncio.StreamReader) -> Received | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body)


def part_of(data: bytes, got: Received) -> Answer:
    """A file, or the part of it that a request asks for (RFC 9110, 14)."""
    asked = got.headers.get("range")
    if asked is None:
        return Answer(data, headers={"Content-Type": "image/tiff", "Accept-Ranges": "bytes"})
    first, _, last = asked.removeprefix("bytes=").partition("-")
    start, end = int(first), min(int(last or len(data)) + 1, len(data))
    if start >= len(data):
        return Answer(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    return Answer(
        data[start:end], 206, {"Content-Type": "image/tiff", "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}
    )
