"""A release that CloudFormation refuses makes the run fail, with resource and reason named. Only on the emulator."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from taskcat.exceptions import TaskCatException

from tests.taskcat.deployment import Deployment, Settings


@pytest.fixture
def broken(settings: Settings, tmp_path: Path) -> Deployment:
    """The release in one region, with a network ACL that has a property no ACL has."""
    project = tmp_path / "project"
    shutil.copytree(settings.project, project)
    network = project / "network.yaml"
    text = network.read_text(encoding="utf-8")
    acl = "  PublicAcl:\n    Type: AWS::EC2::NetworkAcl\n    Properties:\n"
    assert text.count(acl) == 1
    network.write_text(text.replace(acl, f"{acl}      NoSuchProperty: true\n"), encoding="utf-8")
    return Deployment(settings, project, settings.regions[:1])


def test_a_child_with_an_invalid_property_fails_the_run_and_is_named(broken: Deployment, settings: Settings) -> None:
    region = settings.regions[0]
    broken.create()
    try:
        failures = broken.failures()
        assert broken.stacks[region].status == "CREATE_FAILED"
        assert any(": Network: " in line for line in failures), failures
        assert any(": PublicAcl: " in line and "NoSuchProperty" in line for line in failures), failures
    finally:
        with pytest.raises(TaskCatException, match="One or more stacks failed to create"):
            broken.delete()
    cloudformation = broken.stacks[region].region.client("cloudformation")
    status = cloudformation.describe_stacks(StackName=broken.stacks[region].id)["Stacks"][0]["StackStatus"]
    assert status == "DELETE_COMPLETE"
