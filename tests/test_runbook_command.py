"""The command `runbook`: a page by any of its names, filled in for an environment, or what is missing for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner, Result

from generator.delivery import session
from generator.errors import UserError
from generator.runbook_command import runbook
from tests.json_reports import read

ROOT = Path(__file__).parents[1]
GROUP = "web-platform-prod-WebTier-1A2B3C-WebServerGroup-4D5E6F"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def regions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A prod that is deployed, with one output and one parameter; returns the regions that it is asked for in."""
    asked: list[str] = []

    def client(service: str, region: str) -> Any:
        asked.append(region)
        made = boto3.client("cloudformation", region, aws_access_key_id="x", aws_secret_access_key="x")
        stub = Stubber(made)
        stack = {
            "StackName": "web-platform-prod",
            "CreationTime": "2026-11-21T20:00:00Z",
            "StackStatus": "UPDATE_COMPLETE",
            "Outputs": [{"OutputKey": "WebServerGroupName", "OutputValue": GROUP}],
            "Parameters": [
                {"ParameterKey": "WebServerMaximum", "ParameterValue": "3"},
                {"ParameterKey": "WebServerMinimum", "ParameterValue": ""},
            ],
        }
        stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "web-platform-prod"})
        stub.activate()
        return made

    monkeypatch.setattr(session, "client", client)
    return asked


def run(*arguments: str) -> Result:
    return CliRunner().invoke(runbook, arguments, catch_exceptions=False)


def test_without_a_page_all_are_listed() -> None:
    output = run().output
    for page in ("no-healthy-server", "restore-the-database", "deploy"):
        assert page in output
    assert "contents" not in output.split()


def test_the_list_and_a_page_are_json_for_programs() -> None:
    names = [each["page"] for each in read("runbook", run("--json").stdout)["pages"]]
    assert {"no-healthy-server", "restore-the-database", "deploy"} <= set(names)
    [page] = read("runbook", run("scale", "by", "hand", "--json").stdout)["pages"]
    assert page["title"] == "Scale by hand"
    commands = [each["command"] for part in page["parts"] for each in part.get("commands", [])]
    assert any("--desired-capacity {WebServerMaximum}" in command for command in commands)


def test_a_page_as_it_is_says_how_its_names_are_filled_in() -> None:
    result = run("scale", "by", "hand")
    assert result.exit_code == 0
    assert "SCALE BY HAND" in result.output
    assert "--desired-capacity {WebServerMaximum}" in result.output
    assert "--environment prod fills them in" in result.stderr


def test_comments_for_tests_are_not_printed() -> None:
    assert "<!--" not in run("drift").output


def test_commands_can_be_pasted_with_what_they_print_behind_them() -> None:
    lines = run("deploy").stdout.splitlines()
    assert "git commit --all --message 'What it changes, and why' && git push" in lines
    assert "# 200" in lines
    assert not [line for line in lines if line.startswith("$ ")]


def test_an_environment_fills_its_names_in(regions: list[str]) -> None:
    result = run("scale-by-hand", "--environment", "prod")
    assert regions == ["eu-west-1"]
    assert f"--auto-scaling-group-name {GROUP} --desired-capacity 3" in result.stdout
    assert result.stderr.strip() == "not set in prod: EnvironmentName, WebServerMinimum"


def test_another_region_than_that_of_the_zones(regions: list[str]) -> None:
    run("scale-by-hand", "-e", "prod", "--region", "eu-central-1")
    assert regions == ["eu-central-1"]


def test_an_unknown_page_is_wrong_use_with_a_suggestion() -> None:
    result = run("no-helthy-server")
    assert result.exit_code == 2
    assert "there is no page 'no-helthy-server': did you mean no-healthy-server" in result.stderr
    assert result.stderr.endswith("? python -m generator runbook lists all pages\n")
    result = run("zzz")
    assert result.exit_code == 2
    assert "lists all pages" in result.stderr


def test_without_credentials_the_page_is_printed_and_it_is_said_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(UserError, match="reading stack web-platform-prod in eu-west-1: Unable to locate credentials"):
        runbook.main(["drift", "-e", "prod"], standalone_mode=False)
    assert "DRIFT" in capsys.readouterr().out


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(UserError, match="production"):
        run("drift", "-e", "production")
