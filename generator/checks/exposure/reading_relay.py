"""What load balancers do with requests: listeners, their default actions, their rules, and the target groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from generator.checks.exposure.network import (
    Action,
    Component,
    Deployments,
    HeaderCondition,
    Listener,
    Place,
    Relay,
    TargetGroup,
)
from generator.checks.exposure.reading_components import SERVICE
from generator.checks.exposure.reading_secrets import secret_of
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
        deployments=tuple(_deployments(one) for one in resolution.of_type(SERVICE)),
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
        wanted = tuple(_header_conditions(resolution, one.properties.get("Conditions", [])))
        yield from (_action(one.address, listener, action, wanted) for action in one.properties["Actions"])


def _header_conditions(resolution: Resolution, conditions: Sequence[Mapping[str, Any]]) -> Iterator[HeaderCondition]:
    for one in conditions:
        config = one.get("HttpHeaderConfig", {})
        if one["Field"] == "http-header" and config.get("Values"):
            secret = all(secret_of(resolution, value) for value in config["Values"])
            yield HeaderCondition(config["HttpHeaderName"].lower(), tuple(config["Values"]), secret)


def _action(address: str, listener: str, action: Mapping[str, Any], headers: tuple[HeaderCondition, ...]) -> Action:
    # A target group without a weight gets its share; alone, it gets all.
    weighted = {
        _group_named(one["TargetGroupArn"]): int(one.get("Weight", 1))
        for one in action.get("ForwardConfig", {}).get("TargetGroups", [])
    }
    single = [_group_named(action["TargetGroupArn"])] if "TargetGroupArn" in action else []
    redirect = action.get("RedirectConfig", {})
    return Action(
        address,
        listener,
        kind=action["Type"],
        redirects_to=(redirect.get("Protocol", ""), redirect.get("Port", "")),
        target_groups=tuple(sorted({*weighted, *single})),
        without_share=frozenset(group for group, weight in weighted.items() if weight == 0),
        headers=headers,
    )


def _group_named(arn: Any) -> str:
    """Return the address of a target group, or what is written in its place."""
    return named(arn) or str(arn)


def _deployments(service: Resource) -> Deployments:
    balancers = service.properties.get("LoadBalancers", [])
    given = (one["AdvancedConfiguration"] for one in balancers if "AdvancedConfiguration" in one)
    advanced: Mapping[str, Any] = next(given, {})
    return Deployments(
        service.address,
        tuple(sorted(_groups_of(service))),
        production_rule=named(advanced.get("ProductionListenerRule")),
        test_rule=named(advanced.get("TestListenerRule")),
    )


def _groups_of(service: Resource) -> set[str]:
    """Return the target groups that ECS puts the tasks of a service into."""
    balancers = service.properties.get("LoadBalancers", [])
    advanced = [one.get("AdvancedConfiguration", {}) for one in balancers]
    arns = [one.get("TargetGroupArn") for one in balancers] + [one.get("AlternateTargetGroupArn") for one in advanced]
    return {_group_named(arn) for arn in arns if arn is not None}


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
    for one in resolution.of_type(SERVICE):
        if group.address in _groups_of(one):
            yield place_of.get(one.address, one.address)
    for target in group.properties.get("Targets", []):
        yield place_of.get(named(target["Id"]), target["Id"])
