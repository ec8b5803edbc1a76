"""The review before production: what reviewers are told, and that danger stops the pipeline."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from generator import template_yaml
from generator.checks.waivers import Action, Waiver
from generator.delivery.publish import publish
from generator.delivery.review import Review, Subject, _all_changes, as_variables, review
from generator.environment import TemplateConfiguration, load
from generator.errors import UserError
from generator.naming import CLOUDFORMATION_ROLE
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.target import Target
from generator.release import MANIFEST, digest, folder_of, read_manifest
from generator.resolver import resolve
from tests.rehearsal.environments import REGION, ROOT, deployed
from tests.rehearsal.roles import EVERYTHING, make_role, service

TODAY = date(2026, 11, 21)
PREVIOUS = ROOT / "templates_out/v1.1.0"
CURRENT = folder_of(ROOT / "templates_out")
WAIVER = Waiver("waivers[0]", "Database/Database", ("dev",), Action.REMOVE, "Moved by hand.", TODAY, date(2026, 12, 24))


@pytest.fixture(scope="module")
def dev() -> TemplateConfiguration:
    return load(ROOT / "params/dev.json")


@pytest.fixture(scope="module")
def target(dev: TemplateConfiguration) -> Iterator[Target]:
    """An account in which dev runs the previous release."""
    with Emulator() as emulator:
        running = deployed(emulator, dev, PREVIOUS)
        make_role(running.client("iam"), CLOUDFORMATION_ROLE, service("cloudformation"), EVERYTHING)
        yield running


@pytest.fixture
def subject_of(target: Target, dev: TemplateConfiguration, tmp_path: Path) -> Callable[[Path], Subject]:
    account_id = target.client("sts").get_caller_identity()["Account"]

    def subject_of(release: Path) -> Subject:
        bucket = f"web-platform-templates-{account_id}"
        publish(target.client("s3"), target.client("ssm"), release, ROOT / "params", bucket, tmp_path / "dist")
        role = f"arn:aws:iam::{account_id}:role/{CLOUDFORMATION_ROLE}"
        return Subject(tmp_path / "dist", dev, account_id, REGION, role, "execution-1")

    return subject_of


def reviewed(target: Target, subject: Subject, workspace: Path, *waivers: Waiver) -> Review:
    return review(target.client("cloudformation"), target.client("s3"), subject, waivers, TODAY, workspace / "review")


def report(target: Target, subject: Subject) -> str:
    bucket, key = subject.parameters()["TemplateBucketName"], "reviews/execution-1/dev.md"
    return str(target.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())


def renamed_database(folder: Path) -> Path:
    """A release in which the database has another logical id, which deletes it."""
    release = folder_of(folder / "templates_out")
    release.mkdir(parents=True)
    for path in CURRENT.iterdir():
        (release / path.name).write_bytes(path.read_bytes())
    body = (release / "database.yaml").read_text(encoding="utf-8")
    changed = body.replace("\n  Database:\n", "\n  MainDatabase:\n").replace("!Ref Database\n", "!Ref MainDatabase\n")
    changed = changed.replace("Database.Endpoint.Address", "MainDatabase.Endpoint.Address")
    changed = changed.replace("Database.MasterUserSecret", "MainDatabase.MasterUserSecret")
    changed = changed.replace("Database.DbiResourceId", "MainDatabase.DbiResourceId")
    changed = changed.replace("${Database.", "${MainDatabase.")
    (release / "database.yaml").write_text(changed, encoding="utf-8")
    manifest = read_manifest(release)
    manifest["templates"]["database.yaml"]["sha256"] = digest(changed.encode())
    (release / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return release


def test_an_upgrade_is_compared_with_what_is_deployed(
    target: Target, subject_of: Callable[[Path], Subject], tmp_path: Path
) -> None:
    subject = subject_of(CURRENT)
    found = reviewed(target, subject, tmp_path)
    assert found.acceptable
    assert re.fullmatch(r"dev: \d+ to add, \d+ to change, 0 to replace, 4 to remove", found.summary)
    text = report(target, subject)
    for expected in ("WebTier/WebServerProfile", "execution-1", "Change set of `web-platform-dev`", "WebServerGroup"):
        assert expected in text, expected
    change_sets = target.client("cloudformation").list_change_sets(StackName="web-platform-dev")["Summaries"]
    assert [each for each in change_sets if each["ExecutionStatus"] == "AVAILABLE"] == []
    assert "reviews/execution-1/dev.md" in found.report_url


def test_nothing_is_executed(target: Target, subject_of: Callable[[Path], Subject], tmp_path: Path) -> None:
    reviewed(target, subject_of(CURRENT), tmp_path)
    [stack] = target.client("cloudformation").describe_stacks(StackName="web-platform-dev")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}["ReleaseVersion"] == "1.1.0"


def test_a_review_can_be_repeated(target: Target, subject_of: Callable[[Path], Subject], tmp_path: Path) -> None:
    first = reviewed(target, subject_of(CURRENT), tmp_path / "first")
    assert reviewed(target, subject_of(CURRENT), tmp_path / "second") == first


def test_danger_stops_the_pipeline_unless_waived(
    target: Target, subject_of: Callable[[Path], Subject], tmp_path: Path
) -> None:
    subject = subject_of(renamed_database(tmp_path))
    found = reviewed(target, subject, tmp_path / "first")
    assert not found.acceptable
    assert found.summary.endswith("NOT WAIVED: Database/Database")
    assert "Database/Database" in report(target, subject)
    assert reviewed(target, subject, tmp_path / "second", WAIVER).acceptable


def test_a_first_deployment_is_counted(target: Target, subject_of: Callable[[Path], Subject], tmp_path: Path) -> None:
    cloudformation = target.client("cloudformation")
    cloudformation.delete_stack(StackName="web-platform-dev")
    for _ in range(600):
        found = cloudformation.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
        if any(stack["StackName"] == "web-platform-dev" for stack in found):
            break
        cloudformation.list_stacks()
    subject = subject_of(CURRENT)
    found = reviewed(target, subject, tmp_path)
    created = resolve(CURRENT, "platform", subject.parameters(), subject.account_id, REGION).resources
    assert found.summary == f"dev: first deployment, {len(created)} resources are created"
    assert found.impact is None
    assert found.acceptable
    for logical_id in template_yaml.load((CURRENT / "platform.yaml").read_text(encoding="utf-8"))["Resources"]:
        assert f"| {logical_id} | AWS::CloudFormation::Stack | Add |" in report(target, subject)


def test_a_missing_artifact_is_named(target: Target, subject_of: Callable[[Path], Subject], tmp_path: Path) -> None:
    subject = subject_of(CURRENT)
    (subject.artifact / "release.json").unlink()
    with pytest.raises(UserError, match=r"release\.json: cannot be read"):
        reviewed(target, subject, tmp_path)


class FakeCloudFormation:
    """CloudFormation as far as nested change sets go, which the emulator does not make."""

    def __init__(self, nested: dict[str, list[dict[str, Any]]]) -> None:
        self.nested = nested

    def get_paginator(self, name: str) -> FakeCloudFormation:
        assert name == "describe_change_set"
        return self

    def paginate(self, ChangeSetName: str) -> list[dict[str, Any]]:  # noqa: N803
        return [{"Changes": [change]} for change in self.nested[ChangeSetName]]


def change(logical_id: str, nested: str = "") -> dict[str, Any]:
    resource = {"LogicalResourceId": logical_id, **({"ChangeSetId": nested} if nested else {})}
    return {"ResourceChange": resource}


def test_changes_of_nested_stacks_follow_their_own() -> None:
    nested = {"a": [change("Vpc"), change("Inner", "b")], "b": [change("Deep")]}
    changes = _all_changes(FakeCloudFormation(nested), "", [change("Network", "a"), change("WebTier")])  # type: ignore[arg-type]
    found = [(stack, resource["LogicalResourceId"]) for stack, resource in changes]
    expected = [("", "Network"), ("Network", "Vpc"), ("Network", "Inner"), ("Network/Inner", "Deep"), ("", "WebTier")]
    assert found == expected


@pytest.mark.parametrize("summary", ["prod: 1 to add", 'it\'s "quoted" $HOME `id`\nand more'])
def test_variables_survive_the_shell(summary: str) -> None:
    script = (
        as_variables(Review(summary, "https://example.com/?a=1&b=2", None)) + 'printf "%s|%s" "$SUMMARY" "$REPORT_URL"'
    )
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == f"{summary}|https://example.com/?a=1&b=2"
