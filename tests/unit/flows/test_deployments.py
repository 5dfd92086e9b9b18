"""The deployments that ship: every one of them names a flow, parameters and times that Prefect can use."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest
import yaml
from prefect.flows import Flow

from flows.parameters import MonitorParameters
from flows.serve import check_cron
from geo.errors import InputError
from tests.conftest import ROOT

DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "flows" / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_a_deployment_can_be_run(deployment: dict[str, Any]) -> None:
    module, _, name = deployment["entrypoint"].partition(":")
    flow = getattr(import_module(module), name)
    assert isinstance(flow, Flow)
    given = flow.validate_parameters(deployment["parameters"])
    assert isinstance(given["parameters"], MonitorParameters)
    assert given["parameters"].end is None
    for schedule in deployment["schedules"]:
        check_cron(schedule["cron"], schedule["timezone"])


def test_a_full_analysis_comes_monthly_and_new_scenes_weekly() -> None:
    by_name = {deployment["name"]: deployment for deployment in DEPLOYMENTS}
    assert by_name["monthly-full"]["parameters"]["parameters"]["full"] is True
    assert "full" not in by_name["weekly"]["parameters"]["parameters"]
    assert by_name["backfill"]["schedules"] == []


@pytest.mark.parametrize("cron", ["nope", "61 3 * * 1", "", "0 3 * *"])
def test_a_cron_that_is_none_is_named(cron: str) -> None:
    with pytest.raises(InputError, match="--cron"):
        check_cron(cron)


def test_a_time_zone_that_is_none_is_named() -> None:
    with pytest.raises(InputError, match=r"--timezone 'Mars/Olympus'"):
        check_cron("0 3 * * 1", "Mars/Olympus")


def test_every_parameter_has_its_help_in_the_form() -> None:
    schema = import_module("flows.monitor").monitor.parameters.definitions["MonitorParameters"]
    assert set(schema["properties"]) == set(MonitorParameters.model_fields)
    assert all(entry["description"] for entry in schema["properties"].values())


def test_what_the_container_files_name_is_there() -> None:
    deploy = ROOT / "flows" / "deploy"
    services = yaml.safe_load((deploy / "compose.yaml").read_text())["services"]
    build = services["worker"]["build"]
    assert (deploy / build["context"]).resolve() == ROOT
    assert ROOT / build["dockerfile"] == deploy / "Dockerfile"
    recipe = (deploy / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) (\S+)$", recipe, re.MULTILINE)
    sources = [source for line, _ in copied for source in line.split()]
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert len(sources) == 9
    assert all((ROOT / source).exists() and f"!{source.partition('/')[0]}" in allowed for source in sources)
    assert re.findall(r"--prefect-file (\S+)", services["worker"]["command"]) == [dict(copied)["flows/prefect.yaml"]]
    named = re.findall(r"--name (\S+)", services["worker"]["command"].replace('"', " "))
    pools = {deployment["name"]: deployment["work_pool"]["name"] for deployment in DEPLOYMENTS}
    assert {pools[name] for name in named} == {"watch"}
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert set(service.get("depends_on", {})) <= set(services)
