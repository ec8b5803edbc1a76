"""Requests to ECS are asked about by the service, task or deployment that they are about, and by its cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from container_stacks import NAME, REGION, Containers
from guarded_patches import Patch, assert_notices_another_function, patches_of

from generator.rehearsal import emulator_container_authorization
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.emulator_container_authorization import CONTAINER_AUTHORIZATION
from generator.rehearsal.emulator_resources_asked import ACTIONS

ALLOWED: list[tuple[str, str]] = [
    ("DescribeServices", "service/cluster-containers/*"),
    ("ListServiceDeployments", "service/cluster-containers/*"),
    ("DescribeServiceDeployments", "service-deployment/cluster-containers/*"),
    ("DescribeServiceRevisions", "service-revision/cluster-containers/*"),
    ("StopServiceDeployment", "service-deployment/cluster-containers/*"),
    ("StopTask", "task/cluster-containers/*"),
    ("DescribeTasks", "task/cluster-containers/*"),
    ("DescribeClusters", "cluster/cluster-containers"),
]
"""Each is allowed on its own kind of resource alone."""


class Operator:
    """A role that may do a little in one cluster."""

    def __init__(self, containers: Containers) -> None:
        account = containers.account
        place = f"arn:aws:ecs:{REGION}:{account.account_id}"
        statements: list[dict[str, Any]] = [
            {"Effect": "Allow", "Action": f"ecs:{action}", "Resource": f"{place}:{resource}"}
            for action, resource in ALLOWED
        ]
        only = {"ArnEquals": {"ecs:cluster": f"{place}:cluster/cluster-containers"}}
        lists = {"Effect": "Allow", "Action": ["ecs:ListTasks", "ecs:ListServices"], "Resource": "*", "Condition": only}
        trust = {"Effect": "Allow", "Principal": {"AWS": account.account_id}, "Action": "sts:AssumeRole"}
        iam = account.client("iam")
        role = iam.create_role(RoleName="operator", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]
        document = json.dumps({"Statement": [*statements, lists]})
        iam.put_role_policy(RoleName="operator", PolicyName="operate", PolicyDocument=document)
        self.ecs = containers.emulator.client_of_role("ecs", role["Arn"], account.account_id, REGION)


@pytest.fixture(scope="module")
def containers(emulator: Emulator) -> Iterator[Containers]:
    with ThreadPoolExecutor(1) as pool:
        made = Containers(emulator, pool)
        assert made.deployed("CREATE", Image="one")["StackStatus"] == "CREATE_COMPLETE", made.account.failures(NAME)
        yield made


@pytest.fixture(scope="module")
def operator(containers: Containers) -> Operator:
    return Operator(containers)


def test_an_operator_sees_and_does_what_is_named(containers: Containers, operator: Operator) -> None:
    ecs, outputs = operator.ecs, containers.outputs
    here = {"cluster": outputs["Cluster"]}
    [service] = ecs.describe_services(**here, services=[outputs["ServiceName"]])["services"]
    [listed] = ecs.list_service_deployments(**here, service=service["serviceName"])["serviceDeployments"]
    arns = [listed["serviceDeploymentArn"]]
    [deployment] = ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    revision = deployment["targetServiceRevision"]["arn"]
    assert ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"]
    assert ecs.describe_clusters(clusters=[outputs["Cluster"]])["clusters"]
    assert ecs.list_services(**here)["serviceArns"] == [service["serviceArn"]]
    task = ecs.list_tasks(**here)["taskArns"][0]
    assert ecs.describe_tasks(**here, tasks=[task])["tasks"]
    assert ecs.stop_task(**here, task=task)["task"]["lastStatus"] == "STOPPED"
    with pytest.raises(ClientError) as error:
        ecs.stop_service_deployment(serviceDeploymentArn=arns[0])
    assert error.value.response["Error"]["Code"] == "ConflictException", "it may, but the deployment is over"


@pytest.mark.parametrize(
    ("operation", "parameters", "resource"),
    [
        ("update_service", {"service": "containers", "desiredCount": 0}, ":service/cluster-containers/containers"),
        ("list_tasks", {"cluster": "other"}, "*"),
        ("describe_services", {"cluster": "other", "services": ["a"]}, ":service/other/a"),
        ("stop_task", {"cluster": "other", "task": "a"}, ":task/other/a"),
        ("delete_cluster", {}, ":cluster/cluster-containers"),
    ],
)
def test_everything_else_is_refused_by_its_name(
    operator: Operator, operation: str, parameters: dict[str, Any], resource: str
) -> None:
    with pytest.raises(ClientError, match="is not authorized to perform: ecs:") as error:
        getattr(operator.ecs, operation)(**{"cluster": "cluster-containers", **parameters})
    assert f"{resource} because" in str(error.value)


GUARDED: list[tuple[Patch, str]] = [
    (emulator_container_authorization.resources_of_containers, "extract_resource_arn"),
    (emulator_container_authorization.clusters_of_requests, "request_tag_context"),
]


@pytest.mark.parametrize(("patch", "name"), GUARDED)
def test_guards_notice_a_change(monkeypatch: pytest.MonkeyPatch, patch: Patch, name: str) -> None:
    assert_notices_another_function(monkeypatch, patch, ACTIONS, name)


def test_every_patch_is_applied_and_guarded() -> None:
    guarded = {patch for patch, _ in GUARDED}
    assert set(CONTAINER_AUTHORIZATION) == guarded == patches_of([emulator_container_authorization])
