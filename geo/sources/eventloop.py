"""The one event loop of the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_loop: asyncio.AbstractEventLoop | None = None
_loop_lock = threading.Lock()


def run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Do asynchronous work on the process's one event loop and wait for it; any thread may call."""
    global _loop
    with _loop_lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="imagery", daemon=True).start()
    return asyncio.run_coroutine_threadsafe(work, _loop).result()
