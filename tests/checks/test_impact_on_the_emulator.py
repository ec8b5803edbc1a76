"""The predicted replacements are those that the emulator makes: the same resources get new physical ids."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.checks.changes import ChangeAction, Impact, Replacement
from generator.checks.impact import compare
from generator.delivery.deploy import Deployment, deploy
from generator.delivery.publish import pin_image, upload
from generator.rehearsal.emulator import Emulator
from generator.release import MANIFEST, digest
from generator.resolver import NESTED_STACK, Resolution, resolve
from tests.releases import (
    REGION,
    RELEASED,
    Edit,
    Templates,
    edited_release,
    renamed,
    setting,
    settings,
)

ENVIRONMENT = "dev"
STACK = f"web-platform-{ENVIRONMENT}"

account_numbers = itertools.count(1)


def nothing(templates: Templates) -> None:
    """Edit nothing: only a setting changes."""


CASES: dict[str, tuple[Edit, dict[str, str]]] = {
    "security group": (setting("security", "DatabaseGroup", "GroupDescription", "Who may reach the database"), {}),
    "file system": (setting("storage", "FileSystem", "PerformanceMode", "maxIO"), {}),
    "bucket": (setting("storage", "ReleaseBucket", "BucketName", "releases-of-the-shop"), {}),
    "target group": (setting("web_tier", "WebServers", "Port", 8443), {}),
    "database": (setting("database", "Database", "DBInstanceIdentifier", "shop"), {}),
    "logical id": (renamed("storage", "SessionTable", "Sessions"), {}),
    "in place": (nothing, {"WebServerInstanceType": "t3.small", "ScaleOutCpuPercent": "75"}),
    "condition": (nothing, {"NatGateways": "per-zone"}),
}


class Account:
    """An account of the emulator with what a deployment expects to find."""

    def __init__(self, emulator: Emulator) -> None:
        self.id = f"{next(account_numbers):012d}"
        self._emulator = emulator
        self._bucket = f"templates-{self.id}"
        self.client("s3").create_bucket(Bucket=self._bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        certificate = self.client("acm").request_certificate(DomainName="dev.example.com")["CertificateArn"]
        path = f"/web-platform/{ENVIRONMENT}/certificate-arn"
        self.client("ssm").put_parameter(Name=path, Value=certificate, Type="String")
        self._image = pin_image(self.client("ssm"), RELEASED)

    def client(self, service: str) -> Any:
        return self._emulator.client(service, self.id, REGION)

    def deploy(self, release: Path, changed: dict[str, str]) -> tuple[dict[str, str], Resolution]:
        """Deploy a release; return physical ids by address, and what was resolved beforehand."""
        prefix = upload(self.client("s3"), release, self._bucket)
        parameters = {
            **settings(ENVIRONMENT),
            **changed,
            "TemplateBucketName": self._bucket,
            "TemplateKeyPrefix": prefix,
            "WebServerImageId": self._image,
        }
        template = {"TemplateURL": f"https://s3.{REGION}.amazonaws.com/{self._bucket}/{prefix}platform.yaml"}
        cloudformation = self.client("cloudformation")
        deployment = deploy(cloudformation, STACK, template, parameters, {"Project": "shop"}, lambda event: None)
        assert deployment.complete, deployment.first_failure
        return physical_ids(deployment), resolve(release, "platform", parameters, self.id, REGION)


def physical_ids(deployment: Deployment) -> dict[str, str]:
    return {
        "/".join(part for part in (stack, resource["LogicalResourceId"]) if part): resource["PhysicalResourceId"]
        for stack, resources in deployment.resources.items()
        for resource in resources
        if resource["ResourceType"] != NESTED_STACK and not resource["ResourceStatus"].startswith("DELETE")
    }


def with_manifest(release: Path) -> Path:
    """Give an edited release a manifest, as uploading needs one."""
    manifest = json.loads((RELEASED / MANIFEST).read_text(encoding="utf-8"))
    for name, entry in manifest["templates"].items():
        entry["sha256"] = digest((release / name).read_bytes())
    (release / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return release


def predicted(impact: Impact, action: ChangeAction, replacement: Replacement = Replacement.FALSE) -> set[str]:
    return {
        change.address
        for change in impact.changes
        if change.type != NESTED_STACK and (change.action, change.replacement) == (action, replacement)
    }


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as started:
        yield started


@pytest.mark.parametrize(("edit", "changed"), CASES.values(), ids=CASES.keys())
def test_physical_ids_change_where_a_replacement_was_predicted(
    emulator: Emulator, tmp_path: Path, edit: Edit, changed: dict[str, str]
) -> None:
    account = Account(emulator)
    before, old = account.deploy(RELEASED, {})
    after, new = account.deploy(with_manifest(edited_release(tmp_path, edit)), changed)
    impact = compare(old, new)
    assert impact.changes
    replaced = {address for address in before.keys() & after.keys() if before[address] != after[address]}
    assert replaced == predicted(impact, ChangeAction.MODIFY, Replacement.TRUE)
    assert after.keys() - before.keys() == predicted(impact, ChangeAction.ADD)
    assert before.keys() - after.keys() == predicted(impact, ChangeAction.REMOVE)
