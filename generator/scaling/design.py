"""The figures of a release that scaling depends on, read out of its resolution. Nothing here is a figure of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from generator.errors import UserError
from generator.resolver import Resolution, Resource, references
from generator.scaling import facts

GROUP = "AWS::AutoScaling::AutoScalingGroup"
POLICY = "AWS::AutoScaling::ScalingPolicy"
ALARM = "AWS::CloudWatch::Alarm"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"

SIMPLE, STEP = "SimpleScaling", "StepScaling"
LEAST_OUTSTANDING, ROUND_ROBIN = "least_outstanding_requests", "round_robin"
COMPARISONS = tuple(f"{side}{edge}Threshold" for side in ("Greater", "Less") for edge in ("Than", "ThanOrEqualTo"))

CPU_OF_THE_GROUP = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Statistic": "Average"}
"""The one metric that the simulation produces."""

NGINX_READ_TIMEOUT = re.compile(r"proxy_read_timeout (\d+)s;")
NGINX_CONNECTIONS = re.compile(r"worker_connections (\d+);")
NGINX_LIMIT = re.compile(r"limit_conn \w+ (\d+);")
CONNECTIONS_PER_REQUEST = 2
"""Of nginx: one from the load balancer, one to the application."""


@dataclass(frozen=True)
class Step:
    """One adjustment of a step policy, for metric values in an interval around the alarm's threshold."""

    adjustment: int
    lower: float
    upper: float


@dataclass(frozen=True)
class Policy:
    """A scaling policy of the group."""

    name: str
    kind: str
    steps: tuple[Step, ...]
    """Of a simple policy, one without bounds."""
    warm_up: float
    cooldown: float
    """Of a simple policy: seconds until it acts again."""

    def adjustment(self, beyond: float) -> int:
        """Return by how many servers it changes the group where the metric is so far beyond the threshold."""
        return next((step.adjustment for step in self.steps if step.lower <= beyond < step.upper), 0)


@dataclass(frozen=True)
class Alarm:
    """An alarm that invokes a scaling policy."""

    name: str
    comparison: str
    threshold: float
    period: int
    periods: int
    datapoints: int
    missing: str
    policy: Policy

    def breaches(self, value: float) -> bool:
        """Return whether a data point is on the wrong side of the threshold."""
        if value == self.threshold:
            return "OrEqual" in self.comparison
        return (value > self.threshold) == self.comparison.startswith("Greater")


@dataclass(frozen=True)
class HealthCheck:
    """How the load balancer looks at a server. Seconds and counts."""

    interval: float
    timeout: float
    healthy_after: int
    unhealthy_after: int


@dataclass(frozen=True)
class Design:
    """All of a release that decides what happens under load. Seconds, counts and percent as in the template."""

    environment: str
    instance_type: str
    unlimited: bool
    """Whether CPU credits may be overdrawn, for money."""
    monitoring: int
    minimum: int
    maximum: int
    zones: int
    grace: float
    warm_up: float
    replaces_unhealthy: bool
    bootstrap_limit: float
    health: HealthCheck
    algorithm: str
    draining: float
    patience: float
    """Seconds after which somebody between visitor and application gives up."""
    most_under_way: int
    """Requests that one server holds; the next one is refused."""
    alarms: tuple[Alarm, ...]

    @cached_property
    def processors(self) -> facts.Processors:
        """What one of its servers can do."""
        return facts.INSTANCE_TYPES[self.instance_type]

    @cached_property
    def capacity(self) -> float:
        """Requests a second of one server with all of its processors."""
        return self.processors.vcpus / facts.CPU_PER_REQUEST

    def alarm(self, adjustment: int) -> Alarm:
        """Return the alarm that adds (+1) or removes (-1) servers. Raises `UserError` where there is none."""
        for alarm in self.alarms:
            if any(step.adjustment * adjustment > 0 for step in alarm.policy.steps):
                return alarm
        wanted = "adds" if adjustment > 0 else "removes"
        raise UserError(f"{self.environment}: no alarm of the release {wanted} web servers")


def read(resolution: Resolution, environment: str) -> Design:
    """Return what decides about scaling in a resolved platform.

    Raises `UserError` where something is missing, or is of a kind that the simulation does not know.
    """
    group = _only(resolution, GROUP, lambda each: "TargetGroupARNs" in each.properties)
    targets = _referred(resolution, group, group.properties["TargetGroupARNs"], TARGET_GROUP)
    template = _referred(resolution, group, group.properties["LaunchTemplate"], LAUNCH_TEMPLATE)
    launch = template.properties["LaunchTemplateData"]
    instance_type = launch["InstanceType"]
    if instance_type not in facts.INSTANCE_TYPES:
        raise UserError(
            f"{environment}: the simulation does not know instance type {instance_type}; "
            f"add it to INSTANCE_TYPES in generator/scaling/facts.py, which has {', '.join(facts.INSTANCE_TYPES)}"
        )
    attributes = _attributes(targets, "TargetGroupAttributes")
    cooldown = _number(group, "Cooldown", facts.DEFAULT_COOLDOWN)
    warm_up = _number(group, "DefaultInstanceWarmup", cooldown)
    return Design(
        environment=environment,
        instance_type=instance_type,
        unlimited=_unlimited(launch),
        monitoring=_monitoring(launch),
        minimum=int(_number(group, "MinSize")),
        maximum=int(_number(group, "MaxSize")),
        zones=len(group.properties["VPCZoneIdentifier"]),
        grace=_number(group, "HealthCheckGracePeriod", 0),
        warm_up=warm_up,
        replaces_unhealthy="ELB" in group.properties.get("HealthCheckType", "EC2"),
        bootstrap_limit=_bootstrap_limit(group),
        health=_health(targets),
        algorithm=_algorithm(targets, attributes),
        draining=float(attributes.get("deregistration_delay.timeout_seconds", 300)),
        patience=_patience(resolution, launch),
        most_under_way=_most_under_way(launch, facts.INSTANCE_TYPES[instance_type].vcpus),
        alarms=tuple(_alarms(resolution, group, warm_up, cooldown)),
    )


def _only(resolution: Resolution, resource_type: str, wanted: Any = lambda _: True) -> Resource:
    found = [resource for resource in resolution.of_type(resource_type) if wanted(resource)]
    if len(found) != 1:
        raise UserError(f"the release has {len(found)} resources of {resource_type} to simulate; it must have one")
    return found[0]


def _referred(resolution: Resolution, source: Resource, value: Any, resource_type: str) -> Resource:
    """Return the one resource of a type that a value of a resource refers to."""
    named = [resolution.resources[each.address] for each in references(value)]
    found = [resource for resource in named if resource.type == resource_type]
    if len({each.address for each in found}) != 1:
        raise UserError(f"{source.template}: {source.logical_id} must refer to one {resource_type}")
    return found[0]


def _number(resource: Resource, name: str, default: float | None = None) -> float:
    value = resource.properties.get(name, default)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise UserError(f"{resource.template}: {resource.logical_id}: {name} is {value!r}, not a number") from error


def _attributes(resource: Resource, name: str) -> dict[str, str]:
    return {each["Key"]: str(each["Value"]) for each in resource.properties.get(name, [])}


def _unlimited(launch: Mapping[str, Any]) -> bool:
    family = launch["InstanceType"].partition(".")[0]
    default = facts.DEFAULT_CREDITS.get(family, facts.UNLIMITED)
    return bool(launch.get("CreditSpecification", {}).get("CpuCredits", default) == facts.UNLIMITED)


def _monitoring(launch: Mapping[str, Any]) -> int:
    detailed = str(launch.get("Monitoring", {}).get("Enabled", False)).lower() == "true"
    return facts.DETAILED_MONITORING if detailed else facts.BASIC_MONITORING


def _bootstrap_limit(group: Resource) -> float:
    text = str(group.attributes.get("CreationPolicy", {}).get("ResourceSignal", {}).get("Timeout", ""))
    found = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?", text)
    if not found or not any(found.groups()):
        raise UserError(f"{group.template}: {group.logical_id}: CreationPolicy has no Timeout such as PT10M")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _health(targets: Resource) -> HealthCheck:
    return HealthCheck(
        interval=_number(targets, "HealthCheckIntervalSeconds"),
        timeout=_number(targets, "HealthCheckTimeoutSeconds"),
        healthy_after=int(_number(targets, "HealthyThresholdCount")),
        unhealthy_after=int(_number(targets, "UnhealthyThresholdCount")),
    )


def _algorithm(targets: Resource, attributes: Mapping[str, str]) -> str:
    algorithm = attributes.get("load_balancing.algorithm.type", ROUND_ROBIN)
    if algorithm not in (LEAST_OUTSTANDING, ROUND_ROBIN):
        raise UserError(
            f"{targets.template}: {targets.logical_id}: the simulation does not know the algorithm {algorithm}; "
            f"it knows {LEAST_OUTSTANDING} and {ROUND_ROBIN}"
        )
    return algorithm


def _patience(resolution: Resolution, launch: Mapping[str, Any]) -> float:
    balancer = _only(resolution, LOAD_BALANCER)
    idle = float(_attributes(balancer, "LoadBalancerAttributes").get("idle_timeout.timeout_seconds", 60))
    found = NGINX_READ_TIMEOUT.search(str(launch["UserData"]))
    return min(idle, float(found[1])) if found else idle


def _most_under_way(launch: Mapping[str, Any], vcpus: int) -> int:
    """Return how many requests nginx holds: a limit of its own, or what its connections are enough for.

    There is one worker for each processor (`worker_processes auto`).
    """
    script = str(launch["UserData"])
    connections, limit = NGINX_CONNECTIONS.search(script), NGINX_LIMIT.search(script)
    if not connections:
        raise UserError("web_tier.yaml: LaunchTemplate: its user data has no worker_connections of nginx")
    possible = vcpus * int(connections[1]) // CONNECTIONS_PER_REQUEST
    return min(possible, int(limit[1])) if limit else possible


def _alarms(resolution: Resolution, group: Resource, warm_up: float, cooldown: float) -> list[Alarm]:
    """Return the alarms whose actions are policies of the group, in the order of the template."""
    policies = {
        each.address: _policy(each, warm_up, cooldown)
        for each in resolution.of_type(POLICY)
        if group.address in {name.address for name in references(each.properties["AutoScalingGroupName"])}
    }
    found = []
    for resource in resolution.of_type(ALARM):
        invoked = [each.address for each in references(resource.properties.get("AlarmActions", []))]
        found += [_alarm(resource, group, policies[address]) for address in sorted(invoked) if address in policies]
    return found


def _policy(resource: Resource, warm_up: float, cooldown: float) -> Policy:
    properties = resource.properties
    kind = properties.get("PolicyType", SIMPLE)
    if kind not in (SIMPLE, STEP) or properties.get("AdjustmentType") != "ChangeInCapacity":
        raise UserError(
            f"{resource.template}: {resource.logical_id}: the simulation knows {STEP} and {SIMPLE} with "
            "AdjustmentType ChangeInCapacity only"
        )
    if kind == SIMPLE:
        steps = [Step(int(_number(resource, "ScalingAdjustment")), float("-inf"), float("inf"))]
    else:
        steps = [
            Step(
                int(each["ScalingAdjustment"]),
                float(each.get("MetricIntervalLowerBound", "-inf")),
                float(each.get("MetricIntervalUpperBound", "inf")),
            )
            for each in properties["StepAdjustments"]
        ]
    return Policy(
        name=resource.logical_id,
        kind=kind,
        steps=tuple(steps),
        warm_up=_number(resource, "EstimatedInstanceWarmup", warm_up),
        cooldown=_number(resource, "Cooldown", cooldown),
    )


def _alarm(resource: Resource, group: Resource, policy: Policy) -> Alarm:
    properties = resource.properties
    of_group = {each["Name"]: references(each["Value"]) for each in properties.get("Dimensions", [])}
    known = all(properties.get(key) == value for key, value in CPU_OF_THE_GROUP.items())
    if not known or [each.address for each in of_group.get("AutoScalingGroupName", ())] != [group.address]:
        raise UserError(
            f"{resource.template}: {resource.logical_id}: the simulation knows alarms on the average CPUUtilization of "
            f"{group.logical_id} only"
        )
    if properties["ComparisonOperator"] not in COMPARISONS:
        raise UserError(
            f"{resource.template}: {resource.logical_id}: ComparisonOperator must be one of {', '.join(COMPARISONS)}"
        )
    periods = int(_number(resource, "EvaluationPeriods"))
    return Alarm(
        name=resource.logical_id,
        comparison=properties["ComparisonOperator"],
        threshold=_number(resource, "Threshold"),
        period=int(_number(resource, "Period")),
        periods=periods,
        datapoints=int(_number(resource, "DatapointsToAlarm", periods)),
        missing=properties.get("TreatMissingData", "missing"),
        policy=policy,
    )
