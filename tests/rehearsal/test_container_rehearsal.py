"""Web servers and containers in one environment, one after the other: what visitors notice of it, and of what fails.

The tests of this module follow one another: each begins where the last one has left the environment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from generator.environment import load_all
from generator.naming import TOOLS
from generator.rehearsal.container_images import Images
from generator.rehearsal.container_releases import APPLICATION_IMAGE
from generator.rehearsal.container_scenarios import alarm_in_the_bake, lost_task, new_image, unhealthy_image
from generator.rehearsal.green_servers_scenario import green_servers
from generator.rehearsal.moving_scenario import BACK, THERE, moving
from generator.rehearsal.rehearse import Rehearsal, started
from generator.rehearsal.requests_rehearsal import requests_of
from generator.rehearsal.requests_scenarios import LiveEnvironment, Scenario
from generator.rehearsal.requests_table import Row, ask
from generator.release import folder_of

ROOT = Path(__file__).parents[2]
RELEASE = folder_of(ROOT / "templates_out")
NAME = "dev"
SETTINGS = {"Compute": "ec2", "ContainerBakeMinutes": "2", "ContainerTrafficShift": "canary"}


class Platform:
    """A rehearsal in which the application runs in staging, and what it has said so far."""

    def __init__(self, rehearsal: Rehearsal, report: StringIO) -> None:
        self.rehearsal = rehearsal
        self.report = report
        self.live: LiveEnvironment = rehearsal.release_application(NAME)

    def client(self, service: str) -> Any:
        return self.rehearsal.accounts.client(service, NAME)

    @property
    def outputs(self) -> dict[str, str]:
        [stack] = self.client("cloudformation").describe_stacks(StackName=f"web-platform-{NAME}")["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    report = StringIO()
    console = Console(file=report, width=200)
    with started(ROOT, RELEASE, load_all(ROOT / "params"), console, settings=SETTINGS) as rehearsal:
        rehearsal.bring_to(RELEASE, NAME, alone=True)
        yield Platform(rehearsal, report)


def broken(rows: list[Row]) -> list[Row]:
    return [row for row in rows if not row.holds]


def test_web_servers_go_from_blue_to_green_and_back_without_a_failed_request(platform: Platform) -> None:
    rows = list(green_servers(platform.live))
    assert broken(rows) == []
    assert len(rows) == 6


def test_containers_take_over_step_by_step_without_a_failed_request(platform: Platform) -> None:
    assert broken(list(moving(platform.live, platform.rehearsal.behind.images.of_release(), THERE))) == []
    assert platform.live.instances == []
    assert len(platform.live.tasks) == 1


def test_visitors_get_from_containers_what_they_got_from_servers(platform: Platform) -> None:
    requests = requests_of(platform.rehearsal, platform.live)
    assert broken([ask(platform.live.client, each, platform.live.names) for each in requests]) == []


@pytest.mark.parametrize("scenario", [new_image, unhealthy_image, alarm_in_the_bake])
def test_nobody_notices_what_happens_to_containers(platform: Platform, scenario: Scenario) -> None:
    rows = list(scenario(platform.live))
    assert broken(rows) == []
    assert rows != []


def test_a_lost_task_is_restored_and_nobody_notices_more_than_a_retry(platform: Platform) -> None:
    live, outputs = platform.live, platform.outputs
    platform.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{outputs['ClusterName']}/{outputs['ContainerServiceName']}",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=2,
    )
    live.workload.round(live.account_id)
    live.workload.settle(live.account_id)
    assert len(live.tasks) == 2
    rows = list(lost_task(live))
    assert broken(rows) == []
    assert len(rows) == 2


def test_no_container_has_written_into_its_image(platform: Platform, tmp_path: Path) -> None:
    ecr = platform.rehearsal.accounts.client("ecr", TOOLS)
    for task in platform.live.tasks:
        for container in task.running.containers:
            as_pulled = Images(tmp_path).pull(ecr, container.image).fingerprint()
            assert task.running.images[container.name].fingerprint() == as_pulled


def test_a_role_that_may_not_pull_is_found_out_and_the_old_version_goes_on(platform: Platform) -> None:
    live, iam = platform.live, platform.client("iam")
    ecs, start = platform.client("ecs"), live.tasks[0].start
    found = ecs.describe_task_definition(taskDefinition=start.task_definition_arn)["taskDefinition"]
    role = found["executionRoleArn"].rpartition("/")[2]
    denied = {"Effect": "Deny", "Action": "ecr:BatchGetImage", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(RoleName=role, PolicyName="NoImages", PolicyDocument=document)
    try:
        deployed = live.change({APPLICATION_IMAGE: live.image("not-pulled")})
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="NoImages")
    live.workload.settle(live.account_id)
    assert deployed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "CannotPullContainerError" in platform.report.getvalue()
    assert "is not authorized to perform: ecr:BatchGetImage" in platform.report.getvalue()
    assert live.client.send("GET", live.url("origin", "/api/products")).status == 200


def test_web_servers_take_over_again_without_a_failed_request(platform: Platform) -> None:
    assert broken(list(moving(platform.live, {}, BACK))) == []
    assert platform.live.tasks == []
