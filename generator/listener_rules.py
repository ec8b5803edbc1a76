"""The rules of the HTTPS listener: which requests go where, and in which order. Said once for the stacks that add one.

Web servers and containers have a rule each, so that moving from the ones to the others changes the web servers' rule
alone: the weights of the containers' belong to ECS (docs/decisions/0021).
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
"""

from __future__ import annotations

from troposphere import AWSHelperFn, Equals, Template
from troposphere.elasticloadbalancingv2 import (
    Condition,
    ForwardConfig,
    HttpHeaderConfig,
    ListenerRuleAction,
    PathPatternConfig,
    TargetGroupTuple,
)

from generator.nesting import add_condition, only_if
from generator.origin import ORIGIN_HEADER, origin_secret
from generator.parameter_types import LoadBalancerAccess

TEST_PRIORITY, SERVERS_TEST_PRIORITY, SERVERS_PRIORITY, CONTAINERS_PRIORITY = 50, 60, 100, 200
"""Who is asked first: tests of a new version, then web servers for their paths, then containers for the rest."""

EVERY_PATH = "/*"
FOR_CLOUDFRONT = "ForCloudFront"
"""The condition that only CloudFront may ask."""


def add_access_condition(template: Template, access: LoadBalancerAccess) -> None:
    """Add the condition that only CloudFront may ask, on which `from_our_distribution` depends."""
    add_condition(template, FOR_CLOUDFRONT, Equals(access, "cloudfront"))


def for_paths(paths: AWSHelperFn | list[str]) -> Condition:
    """Return the condition that a request is for one of these path patterns."""
    return Condition(Field="path-pattern", PathPatternConfig=PathPatternConfig(Values=paths))


def with_header(name: str, value: AWSHelperFn) -> Condition:
    """Return the condition that a request tells a secret in a header."""
    return Condition(Field="http-header", HttpHeaderConfig=HttpHeaderConfig(HttpHeaderName=name, Values=[value]))


def from_our_distribution() -> AWSHelperFn:
    """Return the condition that our distribution asks, where only CloudFront may (W1): its addresses are everybody's.

    The template has a parameter `OriginSecretArn`.
    """
    return only_if(FOR_CLOUDFRONT, with_header(ORIGIN_HEADER, origin_secret()))


def forward(*weighted: tuple[AWSHelperFn, AWSHelperFn | int]) -> ListenerRuleAction:
    """Return the action that forwards requests to target groups, each with its weight."""
    groups = [TargetGroupTuple(TargetGroupArn=group, Weight=weight) for group, weight in weighted]
    return ListenerRuleAction(Type="forward", ForwardConfig=ForwardConfig(TargetGroups=groups))
