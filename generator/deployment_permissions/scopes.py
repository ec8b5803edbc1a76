"""By what a policy recognises our resources: their names where CloudFormation names them after the stack, else a tag.

CloudFormation puts the stack's name first in the names that it makes: `web-platform-dev-Security-1A-WebServerRole-2B`.
It tags what has only an id with the stack's tags, `Project` among them; but for many types only after creating them, so
that no creation can be made to depend on the request's tags, and what an untagged resource needs to become one of ours
must be allowed for a moment.
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/714
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from generator.naming import PROJECT


class Mark(Enum):
    """By what one of our resources is told from others of its type."""

    NAME = "name"
    TAG = "tag"
    NAME_TAG = "name tag"
    """Stack tags do not reach the type; its template gives it a `Name` tag at creation."""
    NOTHING = "nothing"
    """It belongs to somebody else, its name is the user's, or it has an id alone: no policy can tell ours."""
    PART = "part"
    """A part of another resource, which is marked; it has no tags of its own."""


@dataclass(frozen=True)
class Scope:
    """The ARNs of our resources of a type, without `arn:<partition>:`, and what marks them.

    ARNs name the account but no region: regions are denied in one place for all actions (`by_hand.guard`).
    """

    arns: tuple[str, ...]
    mark: Mark


def _tagged(service: str, *types: str) -> dict[str, Scope]:
    return {
        f"{service}:{type_name}": Scope((f"{service}:*:${{AWS::AccountId}}:{type_name.strip('/')}/*",), Mark.TAG)
        for type_name in types
    }


def _by_id_alone(service: str, *types: str) -> dict[str, Scope]:
    return {
        f"{service}:{type_name}": Scope((f"{service}::${{AWS::AccountId}}:{type_name}/*",), Mark.NOTHING)
        for type_name in types
    }


def _named(*arns: str) -> Scope:
    return Scope(arns, Mark.NAME)


ACCOUNT = "${AWS::AccountId}"

SCOPES: Mapping[str, Scope] = MappingProxyType(
    {
        **_tagged("acm", "certificate"),
        "backup:backupPlan": Scope((f"backup:*:{ACCOUNT}:backup-plan:*",), Mark.TAG),
        "backup:backupVault": _named(f"backup:*:{ACCOUNT}:backup-vault:{PROJECT}-*"),
        # Names of restore testing plans take no hyphens.
        "backup:restoreTestingPlan": _named(f"backup:*:{ACCOUNT}:restore-testing-plan:{PROJECT.replace('-', '_')}_*"),
        # The view of all costs, which AWS makes: budgets and anomalies are computed from it.
        "billing:billingview": Scope((f"billing::{ACCOUNT}:billingview/primary",), Mark.NOTHING),
        "budgets:budget": _named(f"budgets::{ACCOUNT}:budget/{PROJECT}-*"),
        "ce:anomalymonitor": Scope((f"ce::{ACCOUNT}:anomalymonitor/*",), Mark.TAG),
        "ce:anomalysubscription": Scope((f"ce::{ACCOUNT}:anomalysubscription/*",), Mark.TAG),
        # An id alone, and the tags of the stack.
        "application-autoscaling:ScalableTarget": Scope(
            (f"application-autoscaling:*:{ACCOUNT}:scalable-target/*",), Mark.TAG
        ),
        "autoscaling:autoScalingGroup": _named(
            f"autoscaling:*:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/{PROJECT}-*"
        ),
        # Policies and access controls of CloudFront have no tags, and no name in their ARN.
        **_by_id_alone("cloudfront", "cache-policy", "origin-access-control", "response-headers-policy"),
        "cloudfront:distribution": Scope((f"cloudfront::{ACCOUNT}:distribution/*",), Mark.TAG),
        "cloudfront:function": _named(f"cloudfront::{ACCOUNT}:function/{PROJECT}-*"),
        "cloudformation:stack": _named(f"cloudformation:*:{ACCOUNT}:stack/{PROJECT}-*"),
        "cloudwatch:alarm": _named(f"cloudwatch:*:{ACCOUNT}:alarm:{PROJECT}-*"),
        "cloudwatch:dashboard": _named(f"cloudwatch::{ACCOUNT}:dashboard/{PROJECT}-*"),
        "dynamodb:table": _named(f"dynamodb:*:{ACCOUNT}:table/{PROJECT}-*"),
        **_tagged(
            "ec2",
            *("customer-gateway", "elastic-ip", "instance", "internet-gateway", "natgateway", "network-acl"),
            *("route-table", "security-group", "subnet", "vpc", "vpc-endpoint", "vpc-flow-log", "vpn-connection"),
            "vpn-gateway",
        ),
        "ecs:cluster": _named(f"ecs:*:{ACCOUNT}:cluster/{PROJECT}-*"),
        # Services and their deployments are named after their cluster first.
        "ecs:service": _named(f"ecs:*:{ACCOUNT}:service/{PROJECT}-*"),
        "ecs:service-deployment": _named(f"ecs:*:{ACCOUNT}:service-deployment/{PROJECT}-*"),
        "ecs:task-definition": _named(f"ecs:*:{ACCOUNT}:task-definition/{PROJECT}-*"),
        "ec2:launch-template": Scope((f"ec2:*:{ACCOUNT}:launch-template/*",), Mark.NAME_TAG),
        "ec2:security-group-rule": Scope((f"ec2:*:{ACCOUNT}:security-group-rule/*",), Mark.PART),
        **_tagged("elasticfilesystem", "access-point", "file-system"),
        # A load balancer's name has 32 characters, in which little is left of the stack's.
        **_tagged("elasticloadbalancing", "listener-rule/app", "listener/app", "loadbalancer/app/", "targetgroup"),
        "events:rule-on-default-event-bus": _named(f"events:*:{ACCOUNT}:rule/{PROJECT}-*"),
        "iam:group": _named(f"iam::{ACCOUNT}:group/{PROJECT}-*"),
        "iam:instance-profile": _named(f"iam::{ACCOUNT}:instance-profile/{PROJECT}-*"),
        "iam:oidc-provider": _named(f"iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"),
        "iam:role": _named(f"iam::{ACCOUNT}:role/{PROJECT}-*"),
        "iam:user": _named(f"iam::{ACCOUNT}:user/{PROJECT}-*"),
        "kms:alias": _named(f"kms:*:{ACCOUNT}:alias/{PROJECT}-*"),
        **_tagged("kms", "key"),
        # What CloudWatch Synthetics makes of a canary, and the layer of its own that it adds.
        # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchSyntheticsFullAccess.html
        "lambda:function": _named(f"lambda:*:{ACCOUNT}:function:cwsyn-{PROJECT}-*"),
        "lambda:layer": _named(f"lambda:*:{ACCOUNT}:layer:cwsyn-{PROJECT}-*"),
        "lambda:layerVersion": _named(
            f"lambda:*:{ACCOUNT}:layer:cwsyn-{PROJECT}-*",
            "lambda:*:*:layer:AWS-CW-Synthetics*",
            "lambda:*:*:layer:Synthetics*",
        ),
        "logs:log-group": _named(
            f"logs:*:{ACCOUNT}:log-group:{PROJECT}-*",
            f"logs:*:{ACCOUNT}:log-group:/aws/ecs/containerinsights/{PROJECT}-*",
            f"logs:*:{ACCOUNT}:log-group:/aws/rds/instance/{PROJECT}-*",
            f"logs:*:{ACCOUNT}:log-group:aws-waf-logs-{PROJECT}-*",
        ),
        "rds:db": _named(f"rds:*:{ACCOUNT}:db:{PROJECT}-*"),
        "rds:og": _named(f"rds:*:{ACCOUNT}:og:default*"),
        "rds:pg": _named(f"rds:*:{ACCOUNT}:pg:{PROJECT}-*"),
        "rds:snapshot": _named(f"rds:*:{ACCOUNT}:snapshot:{PROJECT}-*"),
        "rds:subgrp": _named(f"rds:*:{ACCOUNT}:subgrp:{PROJECT}-*"),
        "resource-groups:group": _named(f"resource-groups:*:{ACCOUNT}:group/{PROJECT}-*"),
        # The user's own zone, given by its id; a zone of AWS's for private DNS of endpoints.
        "route53:change": Scope(("route53:::change/*",), Mark.NOTHING),
        "route53:hostedzone": Scope(("route53:::hostedzone/*",), Mark.NOTHING),
        "s3:bucket": _named(f"s3:::{PROJECT}-*"),
        "scheduler:schedule": _named(f"scheduler:*:{ACCOUNT}:schedule/*/{PROJECT}-*"),
        "scheduler:schedule-group": _named(f"scheduler:*:{ACCOUNT}:schedule-group/{PROJECT}-*"),
        # CloudFormation names a secret after its logical id alone.
        "secretsmanager:Secret": Scope((f"secretsmanager:*:{ACCOUNT}:secret:*",), Mark.TAG),
        **_tagged("servicediscovery", "namespace"),
        "shield:protection": Scope((f"shield::{ACCOUNT}:protection/*",), Mark.TAG),
        "sns:topic": _named(f"sns:*:{ACCOUNT}:{PROJECT}-*"),
        "ssm:document": _named(f"ssm:*:{ACCOUNT}:document/{PROJECT}-*"),
        "ssm:parameter": _named(f"ssm:*:{ACCOUNT}:parameter/{PROJECT}/*"),
        "ssm-contacts:contact": _named(f"ssm-contacts:*:{ACCOUNT}:contact/{PROJECT}-*"),
        "ssm-contacts:contactchannel": _named(f"ssm-contacts:*:{ACCOUNT}:contactchannel/{PROJECT}-*"),
        **_tagged("ssm-contacts", "rotation"),
        "ssm-incidents:response-plan": _named(f"ssm-incidents::{ACCOUNT}:response-plan/{PROJECT}-*"),
        "synthetics:canary": _named(f"synthetics:*:{ACCOUNT}:canary:{PROJECT}-*"),
        # AWS WAF knows no tags of what it protects.
        "wafv2:loadbalancer/app/": Scope((f"elasticloadbalancing:*:{ACCOUNT}:loadbalancer/app/*",), Mark.NOTHING),
        # It asks for AWS's managed rules as if they were this account's.
        # https://github.com/aws-samples/amazon-cloudfront-waf-secretsmanager/issues/3
        "wafv2:managedruleset": Scope((f"wafv2:*:{ACCOUNT}:regional/managedruleset/*",), Mark.NOTHING),
        "wafv2:webacl": Scope((f"wafv2:*:{ACCOUNT}:regional/webacl/*",), Mark.TAG),
        "xray:group": _named(f"xray:*:{ACCOUNT}:group/{PROJECT}-*"),
    }
)
"""By service and resource type, as AWS's reference calls them. Types that are not here are ours nowhere."""

MAKERS = frozenset(
    {
        "backup:CreateBackupPlan",
        "elasticloadbalancing:CreateLoadBalancer",
        "elasticloadbalancing:CreateTargetGroup",
        # RDS makes the master's secret with its caller's rights and with tags of its own, so ours cannot be asked for.
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
        "secretsmanager:CreateSecret",
        "ssm-contacts:CreateRotation",
        "wafv2:CreateWebACL",
    }
)
"""Actions whose resource is the new one, where the reference does not tell."""

TAGS_COME_LATER = frozenset(
    {
        # A subnet that loses its ACL goes back to the VPC's own, which never gets our tag.
        "ec2:ReplaceNetworkAclAssociation",
        # A new key gets its alias at once, and its tags count after up to five minutes.
        # https://docs.aws.amazon.com/kms/latest/developerguide/abac.html
        "kms:CreateAlias",
    }
)
"""Actions on resources that are not, or not yet, recognised by our tag."""
