"""The shape of a web application firewall: which requests it blocks, how many it allows, and what it writes down (D8).

A web ACL, its log group and its logging belong together, for the load balancer (`REGIONAL`) as for CloudFront
(`CLOUDFRONT`, which exists in us-east-1 alone). The rules are AWS's managed ones, which AWS keeps up to date, and a
limit on the requests of one address. What the log redacts, samples would show: there are none.
https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
"""

from __future__ import annotations

from typing import Any

from troposphere import AWSHelperFn, GetAtt, Ref, Template
from troposphere.logs import LogGroup
from troposphere.wafv2 import (
    AllowAction,
    BlockAction,
    ByteMatchStatement,
    DefaultAction,
    FieldToMatch,
    LoggingConfiguration,
    LoggingConfigurationFieldToMatch,
    ManagedRuleGroupStatement,
    NotStatement,
    OverrideAction,
    RateBasedStatement,
    RuleAction,
    SingleHeader,
    Statement,
    TextTransformation,
    VisibilityConfig,
    WebACL,
    WebACLRule,
)

from generator.iam import arn
from generator.logs import log_group
from generator.naming import PROJECT, in_environment, name_tag
from generator.nesting import conditional
from generator.origin import ORIGIN_HEADER
from generator.parameter_types import KeyArn

MANAGED_RULES = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesSQLiRuleSet",
)
"""In the order of evaluation: what is cheap and catches most comes first."""

REQUESTS_OF_AN_ADDRESS = 2000
WINDOW_SECONDS = 300
"""So many requests of one address in so many seconds are still a customer, or an office full of them."""

REDACTED_HEADERS = ("authorization", "cookie", ORIGIN_HEADER.lower())
"""What would let a reader of the log act as somebody else."""

WEB_ACL_METRIC = "WebAcl"
"""What CloudWatch knows a web ACL by: the name of its metrics, not its own.
https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html"""

LOG_GROUP_PREFIX = "aws-waf-logs-"
"""AWS WAF delivers to no log group of another name.
https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html"""


def add_web_acl(
    template: Template,
    *,
    scope: str,
    key: KeyArn,
    suffix: str = "",
    limited_to: AWSHelperFn | None = None,
    condition: str | None = None,
) -> WebACL:
    """Add a web ACL with its log and return it.

    `suffix` ends the log group's name, which is unique in a region; `limited_to` is a statement on the requests that
    the limit of an address counts, in the place of all.
    """
    acl = template.add_resource(
        WebACL(
            "WebAcl",
            **conditional(condition),
            Scope=scope,
            DefaultAction=DefaultAction(Allow=AllowAction()),
            Rules=_rules(limited_to),
            VisibilityConfig=_visibility(WEB_ACL_METRIC),
            Tags=name_tag("web-acl"),
        )
    )
    name = in_environment(f"{LOG_GROUP_PREFIX}{PROJECT}-${{EnvironmentName}}{suffix}")
    logs = template.add_resource(
        log_group("WebAclLogGroup", tag="web-acl-logs", key=key, name=name, condition=condition)
    )
    _add_logging(template, acl, logs, condition)
    return acl


def without_header(name: str, value: AWSHelperFn) -> Statement:
    """Return the statement on requests that do not have a header of exactly this value."""
    present = ByteMatchStatement(
        FieldToMatch=FieldToMatch(SingleHeader=SingleHeader(Name=name.lower())),
        PositionalConstraint="EXACTLY",
        SearchString=value,
        TextTransformations=[TextTransformation(Priority=0, Type="NONE")],
    )
    return Statement(NotStatement=NotStatement(Statement=Statement(ByteMatchStatement=present)))


def _rules(limited_to: AWSHelperFn | None) -> list[WebACLRule]:
    """Return the rules: the first one that blocks decides, so that a flood costs no further evaluation."""
    # The group's own actions hold.
    as_it_is: dict[str, Any] = {"None": {}}
    managed = [
        WebACLRule(
            Name=name.removeprefix("AWSManagedRules"),
            Priority=priority,
            Statement=Statement(ManagedRuleGroupStatement=ManagedRuleGroupStatement(VendorName="AWS", Name=name)),
            OverrideAction=OverrideAction(**as_it_is),
            VisibilityConfig=_visibility(name.removeprefix("AWSManagedRules")),
        )
        for priority, name in enumerate(MANAGED_RULES, start=1)
    ]
    return [_limit(limited_to), *managed]


def _limit(limited_to: AWSHelperFn | None) -> WebACLRule:
    narrowed: dict[str, Any] = {} if limited_to is None else {"ScopeDownStatement": limited_to}
    of_an_address = RateBasedStatement(
        AggregateKeyType="IP", Limit=REQUESTS_OF_AN_ADDRESS, EvaluationWindowSec=WINDOW_SECONDS, **narrowed
    )
    return WebACLRule(
        Name="RequestsOfAnAddress",
        Priority=0,
        Statement=Statement(RateBasedStatement=of_an_address),
        Action=RuleAction(Block=BlockAction()),
        VisibilityConfig=_visibility("RequestsOfAnAddress"),
    )


def _visibility(metric: str) -> VisibilityConfig:
    return VisibilityConfig(CloudWatchMetricsEnabled=True, MetricName=metric, SampledRequestsEnabled=False)


def _add_logging(template: Template, acl: WebACL, logs: LogGroup, condition: str | None) -> None:
    # Not the group's own ARN, which ends in ":*".
    to = arn("logs:${AWS::Region}:${AWS::AccountId}:log-group:${Name}", Name=Ref(logs))
    template.add_resource(
        LoggingConfiguration(
            "WebAclLogging",
            **conditional(condition),
            ResourceArn=GetAtt(acl, "Arn"),
            LogDestinationConfigs=[to],
            RedactedFields=[
                LoggingConfigurationFieldToMatch(SingleHeader=SingleHeader(Name=name)) for name in REDACTED_HEADERS
            ],
        )
    )
