"""How requests reach the containers: two target groups, and the rules of visitors and of tests. Part of `containers`.

ECS keeps one version in each target group and says in the rules' weights which of them answers. The template's weights
count once, when a rule is made; an update that sent them again could send all visitors to a group without a task. So
nothing of `ForwardToContainers` depends on a setting of daily life.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb-resources-for-blue-green.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from troposphere import AWSHelperFn, If, Ref, Template
from troposphere.elasticloadbalancingv2 import Condition, ListenerRule, TargetGroup
from troposphere.secretsmanager import Secret

from generator.application_ports import APPLICATION_PORTS
from generator.listener_rules import (
    CONTAINERS_PRIORITY,
    EVERY_PATH,
    TEST_PRIORITY,
    for_paths,
    forward,
    from_our_distribution,
)
from generator.preview import add_test_secret, tells
from generator.target_groups import HTTPS_TARGETS, target_group

if TYPE_CHECKING:
    from generator.stacks.containers import Parameters


@dataclass(frozen=True)
class Routes:
    """The ways to the containers."""

    blue: TargetGroup
    green: TargetGroup
    production: ListenerRule
    test: ListenerRule
    test_secret: Secret


def container_port() -> If:
    """Return the port on which the application answers in a task."""
    return If(HTTPS_TARGETS, APPLICATION_PORTS["HTTPS"], APPLICATION_PORTS["HTTP"])


def add_routes(template: Template, parameters: Parameters) -> Routes:
    """Add target groups, rules, and the secret of the tests."""
    blue = _tasks(template, parameters, "BlueContainers", "blue-containers")
    green = _tasks(template, parameters, "GreenContainers", "green-containers")
    secret = add_test_secret(template, parameters.data_key_arn)
    to_either = forward((Ref(blue), 100), (Ref(green), 0))

    def rule(title: str, priority: int, wanted: Condition) -> ListenerRule:
        conditions: list[AWSHelperFn | Condition] = [wanted, from_our_distribution()]
        return template.add_resource(
            ListenerRule(
                title,
                ListenerArn=parameters.https_listener_arn,
                Priority=priority,
                Conditions=conditions,
                Actions=[to_either],
            )
        )

    return Routes(
        blue=blue,
        green=green,
        production=rule("ForwardToContainers", CONTAINERS_PRIORITY, for_paths([EVERY_PATH])),
        test=rule("TestContainers", TEST_PRIORITY, tells(secret)),
        test_secret=secret,
    )


def _tasks(template: Template, parameters: Parameters, title: str, tag: str) -> TargetGroup:
    return template.add_resource(
        target_group(
            title,
            vpc_id=parameters.vpc_id,
            target_type="ip",
            protocol=parameters.target_protocol,
            port=container_port(),
            tag=tag,
        )
    )
