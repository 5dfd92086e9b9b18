"""A schedule from one process: Prefect's server, unless one runs already, and the monitor on a cron."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from flows.parameters import MonitorParameters
from flows.settings import API_URL
from geo.errors import InputError, StoreError

_HOST = "127.0.0.1"


def serve(parameters: MonitorParameters, cron: str, timezone: str, name: str) -> None:
    """Runs the monitor whenever the cron says so, until the process is stopped.

    At most one run at a time: one that comes due while another is going on is cancelled with a sentence in Prefect,
    and the next one finds what it would have found.

    Args:
        parameters: What to watch; without an end, up to the day of the run.
        cron: When, such as `0 3 * * 1`.
        timezone: Of the cron.
        name: Of the deployment.

    Raises:
        InputError: The cron or the time zone isn't one.
    """
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    from flows.monitor import monitor

    check_cron(cron, timezone)
    monitor.serve(
        name=name,
        schedule=Cron(cron, timezone=timezone),
        parameters={"parameters": parameters.model_dump(mode="json")},
        description=monitor.description,
        limit=2,  # with 1 this process would keep the second run waiting, and the server would never get to cancel it
        global_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        entrypoint_type=EntrypointType.MODULE_PATH,
        print_starting_message=False,
    )


def check_cron(cron: str, timezone: str = "UTC") -> None:
    """Refuses what isn't a cron.

    Raises:
        InputError: It isn't one, or the time zone isn't.
    """
    from prefect.client.schemas.schedules import CronSchedule
    from pydantic import ValidationError

    try:
        CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as error:
        wrong = "--timezone" if "timezone" in str(error.errors()[0]["loc"]) else "--cron"
        given = timezone if wrong == "--timezone" else cron
        raise InputError(
            f"{wrong} {given!r} isn't one: write five fields such as '0 3 * * 1' (Mondays at 3:00), and a time zone "
            "such as Europe/Berlin"
        ) from error


def own_address(port: int) -> str:
    """The API of a server of this machine; Prefect reads it from the environment when it is first imported."""
    os.environ[API_URL] = f"http://{_HOST}:{port}/api"
    return os.environ[API_URL]


@contextmanager
def server(address: str, port: int) -> Iterator[None]:
    """Prefect's server with its pages, for as long as the block lasts.

    The server that a flow starts by itself is no use here: it runs no schedules.

    Raises:
        StoreError: It can't be started.
    """
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", _HOST, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, address)
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(process: subprocess.Popen[bytes], address: str, limit_s: float = 120.0) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if answers(address):
            return
        time.sleep(0.5)
    raise StoreError(f"{address}: Prefect's server could not be started; is the port taken? Give another --port")


def answers(address: str) -> bool:
    """Whether a Prefect server answers at an API's address."""
    try:
        return httpx.get(f"{address.rstrip('/')}/health", timeout=5.0).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
