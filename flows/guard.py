"""The server that Prefect starts beside a flow: begun early, and ended when the flow's process is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import get_current_settings

# Reads until the pipe's other end is closed, which the system does however the process ends.
_WAIT_AND_END = "import os, signal, sys; sys.stdin.read(); os.kill(int(sys.argv[1]), signal.SIGTERM)"


@contextmanager
def server_starting() -> Iterator[None]:
    """Starts the server that a flow is going to need beside what is done in the block; it answers when the block ends.

    Does nothing where the flow will use another server.
    """
    settings = get_current_settings()
    if settings.api.url or not settings.server.ephemeral.enabled:
        yield
        return
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(SubprocessASGIServer().start)
        yield
        started.result()


@contextmanager
def server_ends_with_this_process() -> Iterator[None]:
    """Holds for as long as the block lasts; does nothing where the server isn't this process's own."""
    server = SubprocessASGIServer().server_process
    if server is None:
        yield
        return
    command = [sys.executable, "-S", "-c", _WAIT_AND_END, str(server.pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as guard:
        try:
            yield
        finally:
            guard.kill()
