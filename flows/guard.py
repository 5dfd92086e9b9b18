"""Ends the server that Prefect starts beside a flow when the flow's process is killed, which it would outlive."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.server.api.server import SubprocessASGIServer

# Reads until the pipe's other end is closed, which the system does however the process ends.
_WAIT_AND_END = "import os, signal, sys; sys.stdin.read(); os.kill(int(sys.argv[1]), signal.SIGTERM)"


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
