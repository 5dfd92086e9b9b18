"""What is told to the workflow engine."""

import os

import pytest

from flows.settings import API_URL, Settings, configure_prefect


@pytest.mark.parametrize(
    ("given", "retries"),
    [({}, "3"), ({"PREFECT_CLIENT_MAX_RETRIES": "7"}, "7"), ({API_URL: "http://127.0.0.1:4200/api"}, None)],
)
def test_a_server_of_its_own_is_not_asked_for_a_minute_once_it_is_gone(monkeypatch, tmp_path, given, retries):
    settings = Settings(state_dir=tmp_path)
    monkeypatch.setattr(os, "environ", dict(given))
    configure_prefect(settings)
    assert os.environ.get("PREFECT_CLIENT_MAX_RETRIES") == retries
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
