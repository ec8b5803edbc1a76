"""The alarms that roll a deployment back: what visitors notice of a new version. Part of the stack `containers`.

ECS looks at them while requests move to the new version and until the old one ends, and gives all requests back to the
old one as soon as one is in alarm (D15). They tell nobody: what lasts, the alarms of `observability` tell.

Both target groups count, since they take turns. Math leaves out a group that nobody asks.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import GetAtt, Template
from troposphere.cloudwatch import Alarm

from generator.alarms import Metric, Window, above, at_least, math_alarm

if TYPE_CHECKING:
    from generator.stacks.containers import Parameters
    from generator.stacks.containers_rules import Routes

ERROR_PERCENT, ERRORS_AT_LEAST = 5, 5
"""From which share of errors a version is bad, and how many they must be: at night one in ten is a single one."""

SLOW_SECONDS = 2
SOON, SURELY = Window(3, 60, datapoints=2), Window(3, 60)


def both_groups(parameters: Parameters, routes: Routes, prefix: str, name: str, statistic: str) -> dict[str, Metric]:
    """Return a metric of both target groups, by ids that begin with the prefix."""
    return {
        f"{prefix}_{colour}": Metric(
            "AWS/ApplicationELB",
            name,
            {
                "LoadBalancer": parameters.load_balancer_full_name,
                "TargetGroup": GetAtt(group, "TargetGroupFullName"),
            },
            statistic,
        )
        for colour, group in (("blue", routes.blue), ("green", routes.green))
    }


def add_deployment_alarms(template: Template, parameters: Parameters, routes: Routes) -> list[Alarm]:
    """Add the alarms and return them."""
    errors = both_groups(parameters, routes, "errors", "HTTPCode_Target_5XX_Count", "Sum")
    requests = both_groups(parameters, routes, "requests", "RequestCount", "Sum")
    # Each group's own share: of a tenth of the requests even total failure is little of the whole.
    shares = [
        f"IF(FILL(errors_{colour}, 0) >= {ERRORS_AT_LEAST}, 100 * errors_{colour} / requests_{colour}, 0)"
        for colour in ("blue", "green")
    ]
    return [
        template.add_resource(
            math_alarm(
                "DeploymentErrors",
                means=f"A version of the containers answers more than {ERROR_PERCENT} % of its requests with an error.",
                expression=f"MAX([{', '.join(shares)}])",
                metrics=errors | requests,
                breach=above(ERROR_PERCENT),
                window=SOON,
                actions=[],
            )
        ),
        template.add_resource(
            math_alarm(
                "DeploymentSlow",
                means=f"One of twenty requests to containers has taken longer than {SLOW_SECONDS} s for three minutes.",
                expression="MAX([seconds_blue, seconds_green])",
                metrics=both_groups(parameters, routes, "seconds", "TargetResponseTime", "p95"),
                breach=above(SLOW_SECONDS),
                window=SURELY,
                actions=[],
            )
        ),
        template.add_resource(
            math_alarm(
                "DeploymentUnhealthy",
                means="A task has failed its health checks for three minutes.",
                expression="MAX([unhealthy_blue, unhealthy_green])",
                metrics=both_groups(parameters, routes, "unhealthy", "UnHealthyHostCount", "Minimum"),
                breach=at_least(1),
                window=SURELY,
                actions=[],
            )
        ),
    ]
