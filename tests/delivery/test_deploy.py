"""Deploying through change sets: again, with another setting, and with nothing to change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from generator.delivery.deploy import Deployment, Event
from generator.environment import TemplateConfiguration, load
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.target import Target
from tests.rehearsal.environments import ROOT, deployed, redeployed


@pytest.fixture(scope="module")
def dev() -> TemplateConfiguration:
    return load(ROOT / "params/dev.json")


@pytest.fixture
def target(dev: TemplateConfiguration) -> Iterator[Target]:
    with Emulator() as emulator:
        yield deployed(emulator, dev)


def deploy_again(target: Target, dev: TemplateConfiguration, **changed: str) -> tuple[Deployment, list[Event]]:
    events: list[Event] = []
    return redeployed(target.client, dev, events.append, **changed), events


def test_a_changed_setting_is_updated_in_place(target: Target, dev: TemplateConfiguration) -> None:
    deployment, events = deploy_again(target, dev, WebServerMaximum="3")
    assert deployment.status == "UPDATE_COMPLETE", deployment.first_failure
    assert deployment.complete
    assert deployment.physical_id("Database", "Database") == target.id("Database", "Database")
    assert deployment.outputs == target.deployment.outputs
    name = deployment.outputs["WebServerGroupName"]
    groups = target.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    assert groups["AutoScalingGroups"][0]["MaxSize"] == 3
    # Events of the deployment before would make a failure of last week the first failure of today.
    assert {event.status for event in events if event.stack == ""} >= {"UPDATE_COMPLETE"}
    assert [event for event in events if event.status.startswith("CREATE")] == []


def test_nothing_to_change_is_no_failure(target: Target, dev: TemplateConfiguration) -> None:
    deployment, events = deploy_again(target, dev)
    assert (deployment.complete, deployment.status, events) == (True, "CREATE_COMPLETE", [])
    assert deployment.outputs == target.deployment.outputs
    assert deployment.first_failure is None
    changed, _ = deploy_again(target, dev, WebServerMaximum="3")
    assert changed.status == "UPDATE_COMPLETE"
