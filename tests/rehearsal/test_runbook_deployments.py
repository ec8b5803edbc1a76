"""What the runbook says of a deployment that is under way does that, and what ECS tells of one reaches operations.

The commands are those of the pages, with the values of a stack whose tasks are as the test says; the rules on events
are those of the stack `observability`.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from container_stacks import REGION, Containers, attended

from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_tasks import STOPPED, TaskState
from generator.runbook.pages import RUNBOOK, read_pages
from generator.runbook.values import filled
from tests.alarm_claims import CONTAINERS, RULE, observability
from tests.intrinsics import Templates, of_type
from tests.rehearsal.aws_commands import commands
from tests.rehearsal.environments import ROOT

PAGES = {page.anchor: page for page in read_pages(ROOT / RUNBOOK)}
APPROVE, TAKE_BACK, HANGS = "test-a-new-version", "roll-back-containers", "a-container-deployment-hangs"
BAD = "application:bad"

images = (f"application:{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def shell() -> Iterator[Mapping[str, str]]:
    with commands() as variables:
        yield variables


@pytest.fixture(scope="module")
def containers(emulator: Emulator) -> Iterator[Containers]:
    with attended(emulator, next(images)) as made:
        yield made


def said(anchor: str, containers: Containers, shell: Mapping[str, str], **changed: str) -> str:
    """Run what a page says of ECS; return what it prints. `changed` are words that the page says to change."""
    values = {"ClusterName": containers.outputs["Cluster"], "ContainerServiceName": containers.outputs["ServiceName"]}
    steps = [step.command for block in PAGES[anchor].blocks for step in block.steps if "aws ecs" in step.command]
    script = "set -euo pipefail\n" + "\n".join(filled(step, values) for step in steps)
    for word, instead in changed.items():
        assert script.count(word) == 1
        script = script.replace(word, instead)
    variables = {
        "AWS_ENDPOINT_URL": containers.emulator.endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": containers.account.account_id,
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_PAGER": "",
    }
    done = subprocess.run(["bash", "-c", script], env={**variables, **shell}, capture_output=True, text=True)
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    ("answer", "stack", "deployment"),
    [
        ("CONTINUE", "UPDATE_COMPLETE", "SUCCESSFUL"),
        ("ROLLBACK", "UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_SUCCESSFUL"),
    ],
)
def test_d15_whoever_tests_a_new_version_lets_it_go_on_or_back(
    containers: Containers, shell: Mapping[str, str], answer: str, stack: str, deployment: str
) -> None:
    before = containers.weights()
    deploying = containers.deploying(Image=next(images), PauseMinutes="60")
    containers.began(deploying)
    containers.until("POST_TEST_TRAFFIC_SHIFT")
    containers.round(2)
    assert (containers.weights(), containers.weights("Tests")) == (before, before[::-1]), "tests alone reach it"
    assert "AWAITING_ACTION" in said(HANGS, containers, shell)
    said(APPROVE, containers, shell, CONTINUE=answer)
    containers.rounds_until(lambda: not containers.open())
    assert deploying.result()["StackStatus"] == stack
    assert containers.newest()["status"] == deployment
    assert containers.weights() == (before[::-1] if answer == "CONTINUE" else before)


def test_d15_operators_take_a_version_back_that_visitors_have(containers: Containers, shell: Mapping[str, str]) -> None:
    before = containers.weights()
    deploying = containers.deploying(Image=next(images), PauseMinutes="0")
    containers.began(deploying)
    containers.until("BAKE_TIME")
    assert containers.weights() == before[::-1]
    said(TAKE_BACK, containers, shell)
    containers.rounds_until(lambda: not containers.open(), most=2)
    assert containers.weights() == before
    assert deploying.result()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


class Operations:
    """What the rules of the stack `observability` let through, by the name of the rule."""

    def __init__(self, containers: Containers, templates: Templates) -> None:
        self.sqs, events = containers.account.client("sqs"), containers.account.client("events")
        arn_of_cluster = containers.outputs["Service"].replace(":service/", ":cluster/").rpartition("/")[0]
        known = {"ContainerServiceArn": containers.outputs["Service"]}
        rules = of_type(observability(templates, **CONTAINERS, **known), RULE)
        self.queues = {}
        patterns = {name: rule["Properties"]["EventPattern"] for name, rule in rules.items()}
        for name, pattern in patterns.items():
            if pattern["source"] != ["aws.ecs"]:
                continue
            queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
            arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            here = {"clusterArn": [arn_of_cluster]} if "clusterArn" in pattern["detail"] else {}
            ours = {**pattern, "detail": {**pattern["detail"], **here}}
            events.put_rule(Name=name, EventPattern=json.dumps(ours))
            events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
            self.queues[name] = queue

    def told(self) -> dict[str, list[dict[str, Any]]]:
        """Return what was let through since this was asked last."""
        found: dict[str, list[dict[str, Any]]] = {}
        for name, queue in self.queues.items():
            while messages := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
                for each in messages:
                    found.setdefault(name, []).append(json.loads(each["Body"]))
                    self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
        return found


def test_d12_operations_hear_of_what_needs_somebody_and_of_nothing_else(
    containers: Containers, templates: Templates
) -> None:
    operations = Operations(containers, templates)
    deploying = containers.deploying(Image=next(images), PauseMinutes="0")
    containers.began(deploying)
    containers.rounds_until(lambda: not containers.open())
    assert deploying.result()["StackStatus"] == "UPDATE_COMPLETE"
    assert operations.told() == {}, "a deployment that goes well ends tasks, which is no news"
    waiting = containers.deploying(Image=next(images), PauseMinutes="2")
    containers.began(waiting)
    containers.until("POST_TEST_TRAFFIC_SHIFT")
    assert operations.told().keys() == {"ContainerDeploymentWaits"}
    containers.rounds_until(lambda: not containers.open())
    assert waiting.result()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert operations.told().keys() == {"ContainerDeploymentFailed"}, "nobody answered in time"
    containers.image_states[BAD] = TaskState(STOPPED, reason="Essential container in task exited")
    failing = containers.deploying(Image=BAD, PauseMinutes="0")
    containers.began(failing)
    containers.rounds_until(lambda: not containers.open())
    assert failing.result()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert operations.told().keys() == {"ContainerDeploymentFailed", "TaskStopped"}
