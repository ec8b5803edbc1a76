"""What load balancers do with requests: listeners, their default actions, their rules, and the target groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from generator.checks.exposure.network import (
    Action,
    Component,
    HeaderCondition,
    Listener,
    Place,
    Relay,
    TargetGroup,
)
from generator.checks.exposure.reading_unknown import is_true, named
from generator.checks.exposure.security_headers import SecurityHeader, effective
from generator.resolver import Resolution, Resource

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"

SENT_HEADERS: Mapping[str, SecurityHeader] = {
    f"routing.http.response.{name.replace('-', '_')}.header_value": name
    for name in SecurityHeader
    if name is not SecurityHeader.REFERRER
}
"""The attributes of a listener that send a security header, with its name; there is none for the referrer policy.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/header-modification.html"""


def relay(resolution: Resolution, components: Sequence[Component]) -> Relay:
    """Return what load balancers of a setting take, and hand on."""
    place_of = {address: component.place for component in components for address in component.resources}
    return Relay(
        listeners=tuple(_listener(one) for one in resolution.of_type(LISTENER)),
        actions=tuple(_actions(resolution)),
        target_groups=tuple(_target_group(resolution, one, place_of) for one in resolution.of_type(TARGET_GROUP)),
    )


def _listener(resource: Resource) -> Listener:
    properties = resource.properties
    sent: dict[SecurityHeader, str] = {
        SENT_HEADERS[attribute["Key"]]: str(attribute["Value"])
        for attribute in properties.get("ListenerAttributes", [])
        if attribute["Key"] in SENT_HEADERS
    }
    return Listener(
        resource.address,
        int(properties["Port"]),
        properties["Protocol"],
        headers=effective(sent),
        certificates=tuple(named(one.get("CertificateArn")) for one in properties.get("Certificates", [])),
    )


def _actions(resolution: Resolution) -> Iterator[Action]:
    for one in resolution.of_type(LISTENER):
        yield from (_action(one.address, one.address, action, ()) for action in one.properties["DefaultActions"])
    for one in resolution.of_type(RULE):
        listener = named(one.properties["ListenerArn"])
        wanted = tuple(_header_conditions(one.properties.get("Conditions", [])))
        yield from (_action(one.address, listener, action, wanted) for action in one.properties["Actions"])


def _header_conditions(conditions: Sequence[Mapping[str, Any]]) -> Iterator[HeaderCondition]:
    for one in conditions:
        config = one.get("HttpHeaderConfig", {})
        if one["Field"] == "http-header" and config.get("Values"):
            yield HeaderCondition(config["HttpHeaderName"].lower(), tuple(config["Values"]))


def _action(address: str, listener: str, action: Mapping[str, Any], headers: tuple[HeaderCondition, ...]) -> Action:
    weighted = [group["TargetGroupArn"] for group in action.get("ForwardConfig", {}).get("TargetGroups", [])]
    arns = [*weighted, *([action["TargetGroupArn"]] if "TargetGroupArn" in action else [])]
    redirect = action.get("RedirectConfig", {})
    return Action(
        address,
        listener,
        kind=action["Type"],
        redirects_to=(redirect.get("Protocol", ""), redirect.get("Port", "")),
        target_groups=tuple(sorted({named(arn) or str(arn) for arn in arns})),
        headers=headers,
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
