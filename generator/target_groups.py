"""What every target group of the load balancer has in common: how health is checked, and how requests are spread (W6).

A dead target is out of service after 20 seconds (docs/decisions/0020). `/healthz` asks nothing behind the application.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
"""

from __future__ import annotations

from troposphere import AWSHelperFn
from troposphere.elasticloadbalancingv2 import Matcher, TargetGroup, TargetGroupAttribute

from generator.naming import name_tag
from generator.parameter_types import TargetProtocol, VpcId

HTTPS_TARGETS = "HttpsTargets"
"""The condition that the load balancer speaks HTTPS to its targets, in the stacks that have some."""

HEALTH_CHECK_PATH = "/healthz"
HEALTH_CHECK_SECONDS, HEALTH_CHECK_TIMEOUT_SECONDS, HEALTHY_AFTER, UNHEALTHY_AFTER = 10, 5, 2, 2
DRAINING_SECONDS = 60


def target_group(
    title: str, *, vpc_id: VpcId, target_type: str, protocol: TargetProtocol, port: AWSHelperFn, tag: str
) -> TargetGroup:
    """Return a target group of instances (`instance`) or of tasks (`ip`)."""
    attributes = {
        "deregistration_delay.timeout_seconds": str(DRAINING_SECONDS),
        "load_balancing.algorithm.type": "least_outstanding_requests",
        # Sessions are in DynamoDB, so that any target can answer any request and one may be lost.
        "stickiness.enabled": "false",
    }
    return TargetGroup(
        title,
        VpcId=vpc_id,
        TargetType=target_type,
        Protocol=protocol,
        Port=port,
        HealthCheckEnabled=True,
        HealthCheckProtocol=protocol,
        HealthCheckPath=HEALTH_CHECK_PATH,
        HealthCheckIntervalSeconds=HEALTH_CHECK_SECONDS,
        HealthCheckTimeoutSeconds=HEALTH_CHECK_TIMEOUT_SECONDS,
        HealthyThresholdCount=HEALTHY_AFTER,
        UnhealthyThresholdCount=UNHEALTHY_AFTER,
        Matcher=Matcher(HttpCode="200"),
        TargetGroupAttributes=[TargetGroupAttribute(Key=key, Value=value) for key, value in attributes.items()],
        Tags=name_tag(tag),
    )
