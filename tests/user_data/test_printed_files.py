"""What systemd, the application and the CloudWatch agent are told, file by file."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.user_data.scratch_server import SETTINGS

FOLDER = Path(__file__).parents[2] / "generator/user_data"
VARIABLES = {
    "APPLICATION": "/srv/application/current",
    "IMAGES": "/srv/product-images",
    "LOGS": "/var/log/web-server",
    "AUTHORITIES": "/etc/pki/rds/global-bundle.pem",
    "ENVIRONMENT_FILE": "/etc/application/environment",
    "PORT": "8000",
}
CONFINEMENT = {
    "User": "application",
    "ProtectSystem": "strict",
    "ReadWritePaths": "/srv/product-images",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "RestrictSUIDSGID": "yes",
    "RestrictNamespaces": "yes",
    "SystemCallFilter": "@system-service",
}


def printed(script: str, function: str, variables: Mapping[str, str] = VARIABLES) -> str:
    command = ["bash", "-euc", f'. "$0"; {function}', str(FOLDER / script)]
    env = {"PATH": os.environ["PATH"], **SETTINGS, **variables}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def environment() -> dict[str, str]:
    lines = printed("application_service.sh", "application_environment").splitlines()
    return dict(line.split("=", 1) for line in lines)


def unit(function: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(printed("application_service.sh", function))
    return parser


def agent() -> Any:
    return json.loads(printed("cloudwatch_agent_configuration.sh", "cloudwatch_agent_configuration"))


def test_the_application_finds_everything_in_its_environment() -> None:
    assert environment() == {
        "ENVIRONMENT_NAME": "dev",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "PORT": "8000",
        "SESSION_TABLE": SETTINGS["SESSION_TABLE"],
        "PARAMETER_PATH": "/web-platform/dev",
        "PRODUCT_IMAGES": "/srv/product-images",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/pki/rds/global-bundle.pem",
        "METRIC_NAMESPACE": "web-platform",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "OTEL_SERVICE_NAME": "web-platform-dev",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.1",
    }


@pytest.mark.parametrize("function", ["application_service", "migration_service"])
def test_the_application_is_confined(function: str) -> None:
    service = unit(function)["Service"]
    assert {key: service.get(key) for key in CONFINEMENT} == CONFINEMENT
    assert service["EnvironmentFile"] == "/etc/application/environment"
    assert service["StandardOutput"] == "append:/var/log/web-server/application.log"


def test_the_application_is_started_again_whatever_ends_it() -> None:
    service = unit("application_service")
    assert (service["Service"]["Restart"], service["Unit"]["StartLimitIntervalSec"]) == ("always", "0")
    assert service["Service"]["ExecStart"] == "/srv/application/current/start"
    assert service["Unit"]["ConditionFileIsExecutable"] == "/srv/application/current/start"
    assert service["Install"]["WantedBy"] == "multi-user.target"


def test_the_application_does_not_wait_for_its_migrations() -> None:
    """Nothing of the platform waits for the database, or the first deployment would fail on the health check."""
    text = printed("application_service.sh", "application_service")
    assert "Wants=application-migration.service\n" in text
    assert not re.search(r"(After|Requires|BindsTo)=.*application-migration", text)
    migration = unit("migration_service")
    assert migration["Service"]["Type"] == "oneshot"
    assert (migration["Service"]["Restart"], migration["Service"]["RestartSec"]) == ("on-failure", "15")


def test_the_agent_sends_every_log_of_the_server_under_its_instance() -> None:
    files = agent()["logs"]["logs_collected"]["files"]["collect_list"]
    assert {(entry["file_path"], entry["log_stream_name"]) for entry in files} == {
        (f"/var/log/web-server/{name}.log", f"{{instance_id}}/{name}")
        for name in ("access", "error", "application", "bootstrap")
    }
    assert {entry["log_group_name"] for entry in files} == {SETTINGS["LOG_GROUP"]}


def test_the_agents_metrics_are_of_the_environment_and_in_the_namespace_that_the_role_may_write() -> None:
    metrics = agent()["metrics"]
    assert metrics["namespace"] == SETTINGS["METRIC_NAMESPACE"]
    assert metrics["append_dimensions"] == {"InstanceId": "${aws:InstanceId}"}
    assert {name: entry["append_dimensions"] for name, entry in metrics["metrics_collected"].items()} == {
        "mem": {"Environment": "dev"},
        "disk": {"Environment": "dev"},
    }


def test_the_agent_listens_for_traces_where_the_application_sends_them() -> None:
    receiver = agent()["traces"]["traces_collected"]["otlp"]
    assert environment()["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://{receiver['http_endpoint']}"
    assert all(endpoint.startswith("127.0.0.1:") for endpoint in receiver.values())
