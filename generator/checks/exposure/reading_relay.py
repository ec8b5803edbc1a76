"""What load balancers do with requests: listeners, their default actions, their rules, and the target groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from generator.checks.exposure.network import Action, Component, Listener, Place, Relay, TargetGroup
from generator.checks.exposure.reading_unknown import is_true, named
from generator.resolver import Resolution, Resource

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"


def relay(resolution: Resolution, components: Sequence[Component]) -> Relay:
    """Return what load balancers of a setting take, and hand on."""
    place_of = {address: component.place for component in components for address in component.resources}
    return Relay(
        listeners=tuple(
            Listener(one.address, int(one.properties["Port"]), one.properties["Protocol"])
            for one in resolution.of_type(LISTENER)
        ),
        actions=tuple(_actions(resolution)),
        target_groups=tuple(_target_group(resolution, one, place_of) for one in resolution.of_type(TARGET_GROUP)),
    )


def _actions(resolution: Resolution) -> Iterator[Action]:
    for one in resolution.of_type(LISTENER):
        yield from (_action(one.address, one.address, action) for action in one.properties["DefaultActions"])
    for one in resolution.of_type(RULE):
        listener = named(one.properties["ListenerArn"])
        yield from (_action(one.address, listener, action) for action in one.properties["Actions"])


def _action(address: str, listener: str, action: Mapping[str, Any]) -> Action:
    weighted = [group["TargetGroupArn"] for group in action.get("ForwardConfig", {}).get("TargetGroups", [])]
    arns = [*weighted, *([action["TargetGroupArn"]] if "TargetGroupArn" in action else [])]
    redirect = action.get("RedirectConfig", {})
    return Action(
        address,
        listener,
        kind=action["Type"],
        redirects_to=(redirect.get("Protocol", ""), redirect.get("Port", "")),
        target_groups=tuple(sorted({named(arn) or str(arn) for arn in arns})),
    )


def _target_group(resolution: Resolution, resource: Resource, place_of: Mapping[str, Place]) -> TargetGroup:
    properties = resource.properties
    port, health = int(properties["Port"]), properties.get("HealthCheckPort", "traffic-port")
    return TargetGroup(
        resource.address,
        protocol=properties["Protocol"],
        port=port,
        # What Elastic Load Balancing does where a template is silent.
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
        health_protocol=properties.get("HealthCheckProtocol", "HTTP"),
        health_port=port if health == "traffic-port" else int(health),
        health_checks=is_true(properties.get("HealthCheckEnabled", True)),
        registered=frozenset(_registered(resolution, resource, place_of)),
    )


def _registered(resolution: Resolution, group: Resource, place_of: Mapping[str, Place]) -> Iterator[str]:
    """Yield who is in a target group: the kind of a component of ours, or the id of a stranger."""
    for one in resolution.of_type("AWS::AutoScaling::AutoScalingGroup"):
        if group.address in {named(arn) for arn in one.properties.get("TargetGroupARNs", [])}:
            yield place_of[one.address]
    for target in group.properties.get("Targets", []):
        yield place_of.get(named(target["Id"]), target["Id"])
