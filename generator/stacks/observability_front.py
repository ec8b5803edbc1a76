"""Alarms on what visitors meet: load balancer, application, certificate, firewall, and the canary, who is one of them.

Part of the stack `observability`. They look at the load balancer as a whole, whoever answers behind it: web servers of
either colour, or containers. That includes answers to who tries out what is not in service yet.

Alarms without actions of their own are parts of the composite alarms, which page once, however many of their parts are
in alarm (`observability_outage`). Three bad minutes of five are enough, so that a page comes within five minutes and
one bad minute pages nobody. It also keeps `FILL` honest: what it fills in for the latest minute, whose data is still on
its way, is never more than one or two of the five.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import AWSHelperFn, If, Ref, Template

from generator.alarms import (
    Actions,
    Dimensions,
    Metric,
    Window,
    above,
    at_least,
    at_most,
    below,
    math_alarm,
    metric_alarm,
)
from generator.iam import arn
from generator.log_metrics import APPLICATION_ERRORS, log_metrics_namespace
from generator.naming import CERTIFICATE_PARAMETER, PROJECT, in_environment
from generator.parameter_types import CertificateArn, ResourceName
from generator.stacks.observability_canary import HAS_CANARY, NAMESPACE, SUCCESS
from generator.stacks.observability_compute import LOAD_BALANCERS
from generator.web_acl import WEB_ACL_METRIC

HAS_DOMAIN, HAS_FIREWALL, HAS_SHIELD = "HasDomain", "HasFirewall", "HasShieldAdvanced"
"""The conditions that the stack defines for what is here."""

WITHIN_FIVE_MINUTES = Window(5, 60, datapoints=3)

ERROR_PERCENT, ERRORS_AT_LEAST = 5, 5
"""From which share of errors visitors suffer, and how many they must be: at night one in ten is a single one."""

NOBODY_THERE = "IF(FILL(unavailable, 0) > FILL(turned_away, 0), FILL(unavailable, 0) - FILL(turned_away, 0), 0)"
"""Answers 503 beyond those of the default action. It never hides other errors, also if AWS did not count the default
action's among them."""

APPLICATION_ERRORS_IN_FIVE_MINUTES = 5

SLOW_SECONDS = 1
REQUESTS_A_MINUTE = 6000
"""A hundred a second: more than the two servers of the load test answered (docs/load.md)."""

BLOCKED_IN_FIVE_MINUTES = 1000

DAYS_BEFORE_EXPIRY = 44
"""ACM renews its own certificates 60 days before they expire; AWS recommends this alarm.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Best_Practice_Recommended_Alarms_AWS_Services.html"""

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Front:
    """What stands before the web servers and containers."""

    load_balancer_full_name: ResourceName
    certificate_arn: CertificateArn
    canary: AWSHelperFn

    def load_balancer(self, name: str, statistic: str = "Sum") -> Metric:
        """Return a metric of the load balancer, or of all targets behind it together."""
        return Metric(LOAD_BALANCERS, name, {"LoadBalancer": self.load_balancer_full_name}, statistic)


def add_front_alarms(template: Template, front: Front, operations: Actions) -> None:
    """Add the alarms on load balancer, application, canary, certificate and firewall."""
    _answers(template, front)
    _application(template)
    _canary(template, front)
    _traffic(template, front, operations)
    _certificate(template, front, operations)
    _attacks(template, front, operations)


def _answers(template: Template, front: Front) -> None:
    errors = f"FILL(errors, 0) >= {ERRORS_AT_LEAST}"
    template.add_resource(
        math_alarm(
            "ServerErrors",
            means=f"The application answers more than {ERROR_PERCENT} % of all requests with an error of its own.",
            expression=f"IF({errors}, 100 * FILL(errors, 0) / requests, 0)",
            metrics={
                "errors": front.load_balancer("HTTPCode_Target_5XX_Count"),
                "requests": front.load_balancer("RequestCount"),
            },
            breach=above(ERROR_PERCENT),
            window=WITHIN_FIVE_MINUTES,
            actions=[],
        )
    )
    template.add_resource(
        math_alarm(
            "LoadBalancerErrors",
            means="The load balancer has nobody who answers properly, and tells visitors so.",
            # 503 is what a rule to an empty target group answers, and also the default action, which is no error: who
            # comes past CloudFront gets it where only CloudFront may ask.
            expression=f"FILL(failures, 0) + FILL(refusals, 0) + FILL(timeouts, 0) + {NOBODY_THERE}",
            metrics={
                "failures": front.load_balancer("HTTPCode_ELB_500_Count"),
                "refusals": front.load_balancer("HTTPCode_ELB_502_Count"),
                "unavailable": front.load_balancer("HTTPCode_ELB_503_Count"),
                "turned_away": front.load_balancer("HTTP_Fixed_Response_Count"),
                "timeouts": front.load_balancer("HTTPCode_ELB_504_Count"),
            },
            breach=at_least(ERRORS_AT_LEAST),
            window=WITHIN_FIVE_MINUTES,
            actions=[],
        )
    )
    template.add_resource(
        metric_alarm(
            "SlowResponses",
            means=f"One of twenty requests has taken longer than {SLOW_SECONDS} s for five minutes.",
            metric=front.load_balancer("TargetResponseTime", "p95"),
            breach=above(SLOW_SECONDS),
            window=Window(5, 60),
            actions=[],
        )
    )


def _application(template: Template) -> None:
    template.add_resource(
        metric_alarm(
            "ApplicationErrors",
            means="The application has written errors to its log for ten minutes.",
            metric=Metric(log_metrics_namespace(), APPLICATION_ERRORS, statistic="Sum"),
            breach=at_least(APPLICATION_ERRORS_IN_FIVE_MINUTES),
            window=Window(2, 300),
            actions=[],
        )
    )


def _canary(template: Template, front: Front) -> None:
    template.add_resource(
        metric_alarm(
            "CanaryFailed",
            means="The canary could not do what visitors do, twice in a row.",
            metric=Metric(NAMESPACE, SUCCESS, {"CanaryName": front.canary}),
            breach=below(100),
            # It comes every five minutes: this page takes ten, where the load balancer noticed nothing.
            window=Window(2, 300),
            actions=[],
            condition=HAS_CANARY,
        )
    )


def _traffic(template: Template, front: Front, operations: Actions) -> None:
    template.add_resource(
        metric_alarm(
            "RejectedConnections",
            means="The load balancer turns visitors away because it has no room for more connections.",
            metric=front.load_balancer("RejectedConnectionCount"),
            breach=above(0),
            window=WITHIN_FIVE_MINUTES,
            actions=[],
        )
    )
    template.add_resource(
        metric_alarm(
            "RequestSurge",
            means=f"More than {REQUESTS_A_MINUTE:,} requests a minute have come for five minutes.",
            metric=front.load_balancer("RequestCount"),
            breach=above(REQUESTS_A_MINUTE),
            window=Window(5, 60),
            actions=operations,
        )
    )


def _certificate(template: Template, front: Front, operations: Actions) -> None:
    imported = in_environment(f"{{{{resolve:ssm:/{PROJECT}/${{EnvironmentName}}/{CERTIFICATE_PARAMETER}}}}}")
    served = If(HAS_DOMAIN, front.certificate_arn, imported)
    template.add_resource(
        metric_alarm(
            "CertificateExpires",
            means=f"The load balancer's certificate expires within {DAYS_BEFORE_EXPIRY} days and was not renewed.",
            metric=Metric("AWS/CertificateManager", "DaysToExpiry", {"CertificateArn": served}, "Minimum"),
            breach=at_most(DAYS_BEFORE_EXPIRY),
            window=Window(1, DAY_SECONDS),
            actions=operations,
        )
    )


def _attacks(template: Template, front: Front, operations: Actions) -> None:
    all_rules: Dimensions = {"WebACL": WEB_ACL_METRIC, "Region": Ref("AWS::Region"), "Rule": "ALL"}
    template.add_resource(
        metric_alarm(
            "RequestsBlocked",
            means=f"The firewall has blocked more than {BLOCKED_IN_FIVE_MINUTES:,} requests in five minutes, twice.",
            metric=Metric("AWS/WAFV2", "BlockedRequests", all_rules, "Sum"),
            breach=above(BLOCKED_IN_FIVE_MINUTES),
            window=Window(2, 300),
            actions=operations,
            condition=HAS_FIREWALL,
        )
    )
    protected = arn(
        "elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:loadbalancer/${Name}", Name=front.load_balancer_full_name
    )
    template.add_resource(
        metric_alarm(
            "DdosDetected",
            means="Shield Advanced sees an attack on the load balancer.",
            metric=Metric("AWS/DDoSProtection", "DDoSDetected", {"ResourceArn": protected}, "Maximum"),
            breach=above(0),
            window=WITHIN_FIVE_MINUTES,
            actions=operations,
            condition=HAS_SHIELD,
        )
    )
