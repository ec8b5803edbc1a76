"""What was deployed to serve from containers, asked of the services themselves: part of `probes`, as wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from generator.naming import APPLICATION_REPOSITORY, COLLECTOR_REPOSITORY
from generator.rehearsal.listener_weights import forwarded, of_priority
from generator.rehearsal.target import Finding, Findings, Target, where

CONTAINERS = "Containers"
"""The stack."""

APPLICATION, MIGRATION, COLLECTOR = "application", "migration", "collector"
REPOSITORIES = {
    APPLICATION: APPLICATION_REPOSITORY,
    MIGRATION: APPLICATION_REPOSITORY,
    COLLECTOR: COLLECTOR_REPOSITORY,
}
BY_DIGEST = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/([a-z/-]+)@sha256:[0-9a-f]{64}")
TEST_RULE, CONTAINERS_RULE = 50, 200
STRATEGIES = {"all-at-once": "BLUE_GREEN", "canary": "CANARY"}
HEALTH = "TargetHealthDescriptions"
OF_LOGS = 7
"""Days that logs are kept (E15)."""


def cluster(target: Target) -> Findings:
    """The cluster tells what its tasks do, and tasks run on Fargate alone (D11)."""
    ecs, name = target.client("ecs"), target.deployment.outputs["ClusterName"]
    [found] = ecs.describe_clusters(clusters=[name], include=["SETTINGS"])["clusters"]
    settings = {each["name"]: each["value"] for each in found["settings"]}
    yield Finding("D11: Container Insights", "enhanced", settings.get("containerInsights"))
    yield Finding("D2: capacity of the cluster", {"FARGATE", "FARGATE_SPOT"}, set(found["capacityProviders"]))


def service(target: Target) -> Findings:
    """Tasks run in private subnets without a public address, behind the load balancer, as many as wanted (W2, D5)."""
    found = _service(target)
    network = found["networkConfiguration"]["awsvpcConfiguration"]
    yield Finding("W2: public addresses of tasks", "DISABLED", network["assignPublicIp"])
    yield Finding("W2: tasks are in private subnets", target.subnets("Private"), set(network["subnets"]))
    group = target.id("Security", "ContainersGroup")
    yield Finding("D8: security groups of tasks", [group], network["securityGroups"])
    yield Finding("D9: commands from outside in tasks", False, found.get("enableExecuteCommand", False))
    wanted = int(target.environment.web_server_minimum.literal)
    yield Finding("W8: tasks wanted, running", (wanted, wanted), (found["desiredCount"], found["runningCount"]))


def deployments(target: Target) -> Findings:
    """A new version is tested, watched and taken back as the environment says (D15)."""
    found, environment = _service(target)["deploymentConfiguration"], target.environment
    wanted = STRATEGIES[environment.container_traffic_shift.literal]
    yield Finding("D15: how requests move to a new version", wanted, found["strategy"])
    minutes = int(environment.container_bake_minutes.literal)
    yield Finding("D15: minutes that both versions run", minutes, found["bakeTimeInMinutes"])
    breaker = found["deploymentCircuitBreaker"]
    yield Finding("D15: failing tasks take it back", (True, True), (breaker["enable"], breaker["rollback"]))
    alarms = found["alarms"]
    yield Finding("D15: alarms take it back", (True, True), (alarms["enable"], alarms["rollback"]))
    there = target.client("cloudwatch").describe_alarms(AlarmNames=alarms["alarmNames"])["MetricAlarms"]
    yield Finding("D15: alarms that take it back exist", set(alarms["alarmNames"]), {e["AlarmName"] for e in there})
    waits = [e["timeoutConfiguration"]["timeoutInMinutes"] for e in found.get("lifecycleHooks") or ()]
    approval = int(environment.container_test_minutes.literal)
    yield Finding("D15: minutes that a new version waits for approval", [approval] if approval else [], waits)


def task(target: Target) -> Findings:
    """Containers are what was released, may write nowhere but to their volumes, and get secrets by name (D9, D10)."""
    found = _definition(target)
    containers = {each["name"]: each for each in found["containerDefinitions"]}
    images = {name: BY_DIGEST.fullmatch(each["image"]) for name, each in containers.items()}
    actual = {name: image and image[1] for name, image in images.items()}
    yield Finding("D15: repositories of the images, by digest", REPOSITORIES, actual)
    read_only = {name: each.get("readonlyRootFilesystem") for name, each in containers.items()}
    yield Finding("D9: root file systems that are read-only", dict.fromkeys(REPOSITORIES, True), read_only)
    users = [name for name, each in containers.items() if each.get("user", "0").partition(":")[0] in ("0", "root")]
    yield Finding("D9: containers that run as root", [], users)
    dropped = {name: each["linuxParameters"]["capabilities"].get("drop") for name, each in containers.items()}
    yield Finding("D9: capabilities that are dropped", {name: ["ALL"] for name in REPOSITORIES}, dropped)
    plain = [e["name"] for each in containers.values() for e in each.get("environment", ()) if "SECRET" in e["name"]]
    yield Finding("D10: secrets in the task definition", [], plain)
    given = [each["name"] for each in containers[APPLICATION]["secrets"]]
    yield Finding("D10: secrets by reference", ["APPLICATION_SECRET"], given)
    checked = {name for name, each in containers.items() if each.get("healthCheck")}
    yield Finding("D5: health checks of containers", True, {APPLICATION, COLLECTOR} <= checked)


def task_roles(target: Target) -> Findings:
    """The application acts as the role of tasks, and whoever starts it as another one (D9)."""
    found = _definition(target)
    roles = [found[key].rpartition("/")[2] for key in ("taskRoleArn", "executionRoleArn")]
    yield Finding(
        "D9: roles of a task", [target.id("Security", "TaskRole"), target.id(CONTAINERS, "ExecutionRole")], roles
    )


def task_volumes(target: Target) -> Findings:
    """Product images are mounted with TLS, by IAM, through the access point (E11, D10)."""
    mounted = [e["efsVolumeConfiguration"] for e in _definition(target)["volumes"] if e.get("efsVolumeConfiguration")]
    actual = [(each["fileSystemId"], each["transitEncryption"], each["authorizationConfig"]["iam"]) for each in mounted]
    yield Finding(
        "E11: file system of tasks", [(target.deployment.outputs["FileSystemId"], "ENABLED", "ENABLED")], actual
    )


def container_logs(target: Target) -> Findings:
    """What containers print is kept for a week (E15, D11)."""
    containers = _definition(target)["containerDefinitions"]
    groups = {each["logConfiguration"]["options"]["awslogs-group"] for each in containers}
    own = {target.id(CONTAINERS, "ContainerLogGroup"), target.id(CONTAINERS, "SidecarLogGroup")}
    yield Finding("D11: log groups of containers", own, groups)
    pages = target.client("logs").get_paginator("describe_log_groups").paginate()
    days = {each["logGroupName"]: each.get("retentionInDays") for page in pages for each in page["logGroups"]}
    kept = {name: days.get(name) for name in groups}
    yield Finding("E15: days that logs of containers are kept", dict.fromkeys(groups, OF_LOGS), kept)


def container_traffic(target: Target) -> Findings:
    """All visitors' requests go to one of two target groups, whose tasks are healthy, and so do tests (D15, W6)."""
    elb, dns_name = target.client("elbv2"), target.deployment.outputs["LoadBalancerDnsName"].lower()
    both = {target.id(CONTAINERS, "BlueContainers"), target.id(CONTAINERS, "GreenContainers")}
    for what, priority in (("visitors", CONTAINERS_RULE), ("tests", TEST_RULE)):
        weights = dict(forwarded(of_priority(elb, dns_name, priority)))
        yield Finding(f"D15: target groups of {what}", both, set(weights))
        yield Finding(f"D15: weights of {what}", [0, 100], sorted(weights.values()))
    registered = [each for arn in both for each in elb.describe_target_health(TargetGroupArn=arn)[HEALTH]]
    wanted = ["healthy"] * int(target.environment.web_server_minimum.literal)
    yield Finding("W6: health of the tasks", wanted, [each["TargetHealth"]["State"] for each in registered])


def task_scaling(target: Target) -> Findings:
    """Tasks are scaled within the environment's bounds (W8)."""
    scaling, outputs = target.client("application-autoscaling"), target.deployment.outputs
    resource = f"service/{outputs['ClusterName']}/{outputs['ContainerServiceName']}"
    found = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])["ScalableTargets"]
    bounds = tuple(
        int(each.literal) for each in (target.environment.web_server_minimum, target.environment.web_server_maximum)
    )
    yield Finding("W8: minimum and maximum of tasks", [bounds], [(e["MinCapacity"], e["MaxCapacity"]) for e in found])


def namespace(target: Target) -> Findings:
    """Containers find each other by name, in a namespace that is private (D5)."""
    found = target.client("servicediscovery").list_namespaces()["Namespaces"]
    name = f"{target.environment.environment_name.literal}.web-platform.internal"
    yield Finding("D5: namespaces", [(name, "DNS_PRIVATE")], [(each["Name"], each["Type"]) for each in found])


def _service(target: Target) -> Mapping[str, Any]:
    outputs = target.deployment.outputs
    found = target.client("ecs").describe_services(
        cluster=outputs["ClusterName"], services=[outputs["ContainerServiceName"]]
    )
    service: Mapping[str, Any] = found["services"][0]
    return service


def _definition(target: Target) -> Mapping[str, Any]:
    """Return the task definition that the service's tasks are made of."""
    ecs, arn = target.client("ecs"), _service(target)["taskDefinition"]
    definition: Mapping[str, Any] = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    return definition


CONTAINER_PROBES = where(
    lambda target: target.has_containers,
    cluster,
    service,
    deployments,
    task,
    task_roles,
    task_volumes,
    container_logs,
    container_traffic,
    task_scaling,
    namespace,
)
