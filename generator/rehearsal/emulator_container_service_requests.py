"""What the emulator's ECS refuses when a service is created or changed, as ECS does.

ministack 1.5.33 takes every service. What a template may get wrong, above all the order of its resources, shows here.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from generator.rehearsal.emulator_container_records import ECS, Record
from generator.rehearsal.emulator_container_traffic import LOAD_BALANCERS, groups_of, role_problem
from generator.rehearsal.emulator_weights import groups_of_load_balancers


def problem(service: Record, cluster: Record) -> str:
    """Return why ECS refuses a service; nothing where it does not."""
    checks: tuple[Callable[[Record, Record], str], ...] = (
        _unknown_here,
        _definition,
        _capacity,
        _target_groups,
        _traffic,
        lambda each, _: role_problem(each),
        _namespace,
    )
    return next((why for check in checks if (why := check(service, cluster))), "")


def _unknown_here(service: Record, cluster: Record) -> str:
    """Say what ECS would take, and this emulator does not do."""
    if service["deploymentController"]["type"] != "ECS":
        return "This emulator knows no deployment controller but ECS."
    hooks = service["deploymentConfiguration"].get("lifecycleHooks") or ()
    if any(each.get("targetType") != "PAUSE" for each in hooks):
        return "This emulator runs no lifecycle hooks of AWS Lambda."
    return ""


def _definition(service: Record, cluster: Record) -> str:
    ecs: Any = import_module(ECS)
    definition = ecs._task_defs.get(ecs._resolve_td_key(service.get("taskDefinition") or ""))
    if definition is None or definition["status"] != "ACTIVE":
        return f"TaskDefinition not found or inactive: {service.get('taskDefinition')}."
    if definition["networkMode"] != "awsvpc":
        return "This emulator knows no network mode but awsvpc."
    if not service.get("networkConfiguration"):
        return "Network Configuration must be provided when networkMode 'awsvpc' is specified."
    return ""


def _capacity(service: Record, cluster: Record) -> str:
    strategy = service.get("capacityProviderStrategy") or ()
    if strategy and service.get("launchType"):
        return "Specifying both a launch type and capacity provider strategy is not supported."
    unknown = {each["capacityProvider"] for each in strategy} - set(cluster.get("capacityProviders") or ())
    if unknown:
        return (
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with "
            f"the cluster: {', '.join(sorted(unknown))}."
        )
    if strategy and not any(each.get("weight") for each in strategy):
        return "The specified capacity provider strategy must have a capacity provider with a weight greater than 0."
    return ""


def _target_groups(service: Record, cluster: Record) -> str:
    ecs: Any = import_module(ECS)
    definition = ecs._task_defs[ecs._resolve_td_key(service["taskDefinition"])]
    used = groups_of_load_balancers()
    for balancer in service["loadBalancers"]:
        for arn in groups_of(balancer):
            group = import_module(LOAD_BALANCERS)._tgs.get(arn)
            if group is None:
                return f"The target group {arn} does not exist."
            if arn not in used:
                return f"The target group with targetGroupArn {arn} does not have an associated load balancer."
            if group["TargetType"] != "ip":
                return (
                    f"The provided target group {arn} has target type {group['TargetType']}, which is incompatible "
                    "with the awsvpc network mode specified in the task definition."
                )
        if not _listens(definition, balancer):
            name, port = balancer.get("containerName"), balancer.get("containerPort")
            return f"The container {name} did not have a container port {port} defined."
    return ""


def _listens(definition: Record, balancer: Record) -> bool:
    return any(
        mapping["containerPort"] == balancer.get("containerPort")
        for container in definition["containerDefinitions"]
        if container["name"] == balancer.get("containerName")
        for mapping in container.get("portMappings", ())
    )


def _traffic(service: Record, cluster: Record) -> str:
    """Say what is missing to shift traffic between two target groups."""
    rolling = service["deploymentConfiguration"]["strategy"] == "ROLLING"
    for balancer in service["loadBalancers"]:
        advanced = balancer.get("advancedConfiguration")
        if rolling:
            continue
        if not advanced or len(set(groups_of(balancer))) < 2 or not advanced.get("productionListenerRule"):
            return "Services that shift traffic need two target groups and a production listener rule."
        if not advanced.get("roleArn"):
            return "Services that shift traffic need a role for load balancers."
        for kind in ("productionListenerRule", "testListenerRule"):
            rule = advanced.get(kind)
            if rule and rule not in import_module(LOAD_BALANCERS)._rules:
                return f"The listener rule {rule} does not exist."
    return ""


def _namespace(service: Record, cluster: Record) -> str:
    connect = service.get("serviceConnectConfiguration") or {}
    if not connect.get("enabled"):
        return ""
    wanted = connect.get("namespace") or (cluster.get("serviceConnectDefaults") or {}).get("namespace")
    known = import_module("ministack.services.servicediscovery")._namespaces.values()
    if not any(wanted in (each["Arn"], each["Name"]) for each in known):
        return f"The namespace {wanted} does not exist: Service Connect needs one."
    return ""
