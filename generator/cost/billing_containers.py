"""What tasks on Fargate are billed for: their vCPUs and memory, as long as they run, and the metrics about them.

A task is billed for what its definition asks for, not for what it uses. While a deployment goes from blue to green both
run; that is minutes a month, and is left out.
https://aws.amazon.com/fargate/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from generator.cost.charges import Billed, Charge, Rule, Surroundings
from generator.cost.prices import HOURS_A_MONTH
from generator.cost.running_hours import task_hours
from generator.cost.usage import amount
from generator.errors import UserError
from generator.resolver import Resource, references

SCALABLE_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"

CPU_UNITS_A_VCPU, MEBIBYTES_A_GIBIBYTE = 1024, 1024
PROVIDERS = {"FARGATE": "fargate", "FARGATE_SPOT": "fargate_spot"}
"""Capacity providers, and how the price list calls them."""


def _service(resource: Resource, around: Surroundings) -> Billed:
    target = _scalable_target(resource, around)
    minimum, maximum = (int(target.properties[name]) for name in ("MinCapacity", "MaxCapacity"))
    running = task_hours(target)
    extra = min(around.usage.extra_server_hours, (maximum - minimum) * running)
    why = f"{minimum} of {running.quantize(Decimal(1))} hours"
    why += f", and {extra.normalize():f} hours of a further one under load" if extra else ""
    hours = minimum * running + extra
    strategy = resource.properties["CapacityProviderStrategy"]
    # The base is filled first; what is beyond it is divided by the weights.
    beyond = hours - min(_sum(strategy, "Base"), minimum) * running
    for each in strategy:
        provider = each["CapacityProvider"]
        divided = beyond * int(each.get("Weight", 0)) / _sum(strategy, "Weight")
        mine = divided + min(int(each.get("Base", 0)), minimum) * running
        if mine:
            yield from _capacity(PROVIDERS[provider], _task_definition(resource, around).properties, mine, why)
    if _has_insights(resource, around):
        metrics = around.usage.metrics_per_task * hours / HOURS_A_MONTH
        metrics += around.usage.cluster_metrics * running / HOURS_A_MONTH
        yield Charge("container_insights.metric", metrics, "metric", "of cluster, service, tasks and containers")


def _capacity(item: str, definition: Mapping[str, Any], hours: Decimal, why: str) -> Iterator[Charge]:
    vcpus = Decimal(str(definition["Cpu"])) / CPU_UNITS_A_VCPU
    memory = Decimal(str(definition["Memory"])) / MEBIBYTES_A_GIBIBYTE
    yield Charge(f"{item}.vcpu", vcpus * hours, "vCPU-hour", f"{vcpus.normalize():f} vCPU a task; {why}")
    yield Charge(f"{item}.memory", memory * hours, "GB-hour", f"{memory.normalize():f} GiB a task; {why}")


def _sum(strategy: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(int(each.get(name, 0)) for each in strategy)


def _scalable_target(resource: Resource, around: Surroundings) -> Resource:
    for target in around.resolution.of_type(SCALABLE_TARGET):
        if any(reference.address == resource.address for reference in references(target.properties["ResourceId"])):
            return target
    raise UserError(f"{resource.template}: {resource.logical_id}: no scalable target says how many tasks it runs")


def _task_definition(resource: Resource, around: Surroundings) -> Resource:
    return around.referred(resource.properties["TaskDefinition"])[0]


def _has_insights(resource: Resource, around: Surroundings) -> bool:
    settings = around.referred(resource.properties["Cluster"])[0].properties.get("ClusterSettings", [])
    return any(each["Name"] == "containerInsights" and each["Value"] != "disabled" for each in settings)


def _repository(resource: Resource, around: Surroundings) -> Billed:
    yield Charge(
        "ecr.storage", amount(around.usage.images, resource.logical_id), "GB-month", "the images that are kept"
    )


def _namespace(resource: Resource, around: Surroundings) -> Billed:
    yield Charge("route53.zone", Decimal(1), "zone", "the hosted zone of the private namespace")


RULES: Mapping[str, Rule] = {
    "AWS::ECR::Repository": _repository,
    "AWS::ECS::Service": _service,
    "AWS::ServiceDiscovery::PrivateDnsNamespace": _namespace,
}
