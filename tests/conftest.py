"""What all tests share: the archive that ships with the project, real data beside it, and no network."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_socket import socket_allow_hosts

ROOT = Path(__file__).parents[1]

# Scripts that tests hand to QGIS's own Python; this one has no qgis module.
collect_ignore_glob = ["*qgis_*.py"]


@pytest.fixture(autouse=True)
def loopback_only() -> None:
    """A test that reaches for the network fails; servers of its own on loopback are fine."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def dabancheng() -> Path:
    """The embedded archive: thirteen Sentinel-2 scenes, 2017 to 2020."""
    return ROOT / "flows" / "data" / "dabancheng"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data that doesn't ship with the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/data isn't here: it holds real data that doesn't ship with the project")
    return folder
