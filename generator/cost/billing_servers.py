"""What servers are billed for: their hours, volumes, addresses, metrics, and CPU beyond what their credits pay for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from generator.cost.charges import Billed, Charge, Rule, Surroundings, is_true
from generator.cost.prices import HOURS_A_MONTH
from generator.cost.running_hours import group_hours
from generator.errors import UserError
from generator.resolver import Resource

LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"

DETAILED_METRICS = 7
"""Metrics that detailed monitoring bills of one instance. https://aws.amazon.com/cloudwatch/pricing/"""

UNLIMITED_BY_DEFAULT = ("t3.", "t3a.", "t4g.")
"""Families that spend more CPU than they have credits for, unless told otherwise.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances-unlimited-mode.html"""


def _group(resource: Resource, around: Surroundings) -> Billed:
    template = _launch_template(resource, around)
    instance_type = template["InstanceType"]
    minimum, maximum = int(resource.properties["MinSize"]), int(resource.properties["MaxSize"])
    running = group_hours(around.resolution, resource)
    extra = min(around.usage.extra_server_hours, (maximum - minimum) * running)
    hours = minimum * running + extra
    why = f"{minimum} of {running.quantize(Decimal(1))} hours"
    why += f", and {extra.normalize():f} hours of a further one under load" if extra else ""
    yield Charge(f"ec2.{instance_type}", hours, "hour", why)
    yield from _volumes(template, hours, resource)
    if any(is_true(each.get("AssociatePublicIpAddress")) for each in template.get("NetworkInterfaces", [])):
        yield Charge("ipv4.public", hours, "hour", "the public address of each server")
    servers = hours / HOURS_A_MONTH
    if is_true(template.get("Monitoring", {}).get("Enabled")):
        detailed = DETAILED_METRICS * servers
        yield Charge("cloudwatch.metric", detailed, "metric", f"detailed monitoring, {DETAILED_METRICS} of each server")
    if maximum > minimum:
        yield from _under_load(template, instance_type, servers, running, around)


def _under_load(
    template: Mapping[str, Any], instance_type: str, servers: Decimal, running: Decimal, around: Surroundings
) -> Iterator[Charge]:
    """Yield what only the servers of the application are billed for."""
    usage = around.usage
    beyond = template.get("CreditSpecification", {}).get("CpuCredits", "unlimited")
    if instance_type.startswith(UNLIMITED_BY_DEFAULT) and beyond == "unlimited":
        yield Charge(
            "ec2.surplus_credits", usage.surplus_credit_hours, "vCPU-hour", "CPU above the baseline, as assumed"
        )
    if "metrics_collected" in str(template.get("UserData", "")):
        metrics = usage.metrics_per_server * servers + usage.application_metrics * running / HOURS_A_MONTH
        yield Charge("cloudwatch.metric", metrics, "metric", "of the agent on each server, and of the application")


def _launch_template(resource: Resource, around: Surroundings) -> Mapping[str, Any]:
    for other in around.referred(resource.properties["LaunchTemplate"]):
        if other.type == LAUNCH_TEMPLATE:
            data: Mapping[str, Any] = other.properties["LaunchTemplateData"]
            return data
    raise UserError(f"{resource.template}: {resource.logical_id}: its launch template is not among the resources")


def _volumes(template: Mapping[str, Any], hours: Decimal, resource: Resource) -> Iterator[Charge]:
    for mapping in template.get("BlockDeviceMappings", []):
        kind, size = mapping["Ebs"]["VolumeType"], Decimal(str(mapping["Ebs"]["VolumeSize"]))
        if kind != "gp3":
            raise UserError(f"{resource.template}: {resource.logical_id}: no price of volumes of type {kind}")
        yield Charge("ebs.gp3", size * hours / HOURS_A_MONTH, "GB-month", f"{size} GB with each server")


RULES: Mapping[str, Rule] = {"AWS::AutoScaling::AutoScalingGroup": _group}
