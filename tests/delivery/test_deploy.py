"""Deploying through change sets: again with nothing to change, and then with another setting."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from generator.delivery import deploy as module
from generator.delivery.deploy import NESTED, ChangeSet, Deployment, Event, _History, execute_change_set
from generator.environment import TemplateConfiguration, load
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.target import Target
from tests.rehearsal.environments import ROOT, deployed, redeployed


@pytest.fixture(scope="module")
def dev() -> TemplateConfiguration:
    return load(ROOT / "params/dev.json")


@pytest.fixture(scope="module")
def target(dev: TemplateConfiguration) -> Iterator[Target]:
    with Emulator() as emulator:
        yield deployed(emulator, dev)


def deploy_again(target: Target, dev: TemplateConfiguration, **changed: str) -> tuple[Deployment, list[Event]]:
    events: list[Event] = []
    return redeployed(target.client, dev, events.append, **changed), events


def test_nothing_to_change_is_no_failure(target: Target, dev: TemplateConfiguration) -> None:
    deployment, events = deploy_again(target, dev)
    assert (deployment.complete, deployment.status, events) == (True, "CREATE_COMPLETE", [])
    assert deployment.outputs == target.deployment.outputs
    assert deployment.first_failure is None


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


class Stacks:
    """CloudFormation with a root and one nested stack in it, which notes whose events it is asked for."""

    def __init__(self) -> None:
        self.status = "UPDATE_COMPLETE"
        self.asked: list[str] = []
        self.exceptions = SimpleNamespace(ClientError=RuntimeError)

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=getattr(self, operation))

    def list_stack_resources(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803
        named = {"LogicalResourceId": "Network", "PhysicalResourceId": "nested"}
        resources = [{**named, "ResourceType": NESTED, "ResourceStatus": self.status}] if StackName == "root" else []
        return [{"StackResourceSummaries": resources}]

    def describe_stack_events(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803
        self.asked.append(StackName)
        return [{"StackEvents": []}]


def test_a_nested_stack_is_asked_for_events_while_it_changes_and_once_when_that_is_over() -> None:
    stacks: Any = Stacks()
    history = _History(stacks, "root")
    assert stacks.asked == ["root", "nested"]
    for status, expected in (
        ("UPDATE_COMPLETE", ["root"]),
        ("UPDATE_IN_PROGRESS", ["root", "nested"]),
        ("UPDATE_IN_PROGRESS", ["root", "nested"]),
        ("UPDATE_FAILED", ["root", "nested"]),
        ("UPDATE_FAILED", ["root"]),
    ):
        stacks.status, stacks.asked = status, []
        history.news(of_all=False)
        assert stacks.asked == expected
    stacks.asked = []
    history.news(of_all=True)
    assert stacks.asked == ["root", "nested"]


class SlowStack:
    """CloudFormation with one stack that changes for some rounds of questions, and a clock that only pauses move."""

    def __init__(self, endpoint_url: str, rounds: int) -> None:
        self.meta = SimpleNamespace(endpoint_url=endpoint_url)
        self.exceptions = SimpleNamespace(ClientError=RuntimeError)
        self.rounds, self.now = rounds, 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def execute_change_set(self, **_: str) -> None:
        pass

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        status = "UPDATE_COMPLETE" if len(self.pauses) >= self.rounds else "UPDATE_IN_PROGRESS"
        return {"Stacks": [{"StackName": StackName, "StackStatus": status}]}

    def get_paginator(self, operation: str) -> Any:
        key = {"list_stack_resources": "StackResourceSummaries", "describe_stack_events": "StackEvents"}[operation]
        return SimpleNamespace(paginate=lambda **_: [{key: []}])


AWS = "https://cloudformation.eu-west-1.amazonaws.com"
AN_EMULATOR = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("endpoint_url", "rounds", "pause", "status"),
    [
        # Half an hour, which the validation of a certificate may take, is no reason to give up on AWS.
        (AWS, 360, 5, "UPDATE_COMPLETE"),
        (AWS, 10_000, 5, "UPDATE_IN_PROGRESS"),
        (AN_EMULATOR, 10, 0.2, "UPDATE_COMPLETE"),
        (AN_EMULATOR, 10_000, 0.2, "UPDATE_IN_PROGRESS"),
    ],
)
def test_on_aws_a_stack_is_asked_for_seldom_and_waited_for_long(
    monkeypatch: pytest.MonkeyPatch, endpoint_url: str, rounds: int, pause: float, status: str
) -> None:
    stack = SlowStack(endpoint_url, rounds)
    monkeypatch.setattr(module, "time", stack)
    cloudformation: Any = stack
    change_set = ChangeSet("id", "root", "CREATE_COMPLETE", "", ())
    deployment = execute_change_set(cloudformation, change_set, lambda event: None)
    assert (deployment.status, set(stack.pauses)) == (status, {pause})
    longest = 3600 if endpoint_url == AWS else 300
    assert deployment.complete or longest < deployment.seconds <= longest + 2 * pause
