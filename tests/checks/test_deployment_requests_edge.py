"""What CloudFormation asks of IAM for the edge: CloudFront, web ACLs, their logs, Shield."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from generator.checks.deployment_requests import CREATE, DELETE, UPDATE, Change, Request, own_arns, requests

REGION, ACCOUNT = "eu-west-1", "123456789012"
GLOBAL_ACL = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/edge/11111111-2222-3333-4444-555555555555"
REGIONAL_ACL = f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/ours/11111111-2222-3333-4444-555555555555"
LOAD_BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/ours/50dc6c495c0c9188"
DISTRIBUTION = "AWS::CloudFront::Distribution"
CLOUDFRONT = f"arn:aws:cloudfront::{ACCOUNT}"


@dataclass
class Surroundings:
    """What the tests say is deployed."""

    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def tags_of(self, arn: str) -> Mapping[str, str]:
        return self.tags.get(arn, {})

    def boundary_of(self, arn: str) -> str:
        return ""


def change(type_name: str, operation: str = CREATE, physical_id: str = "", **properties: Any) -> Change:
    return Change(
        type=type_name,
        operation=operation,
        properties=properties,
        logical_id="Trial",
        stack_name="web-platform-dev-Edge",
        account_id=ACCOUNT,
        region=REGION,
        physical_id=physical_id,
        stack_tags={"Project": "web-platform"},
    )


def asked(wanted: Change, **tags: Mapping[str, str]) -> dict[str, list[Request]]:
    """Return the questions by action; `tags` by ARN."""
    found: dict[str, list[Request]] = {}
    for request in requests(wanted, Surroundings(tags)):
        found.setdefault(request.action, []).append(request)
    return found


def config(**others: Any) -> dict[str, Any]:
    return {"Enabled": True, "Logging": {"Bucket": "web-platform-logs.s3.amazonaws.com"}, **others}


def test_a_distribution_is_made_with_its_tags_and_counts_as_of_the_global_region() -> None:
    [made] = asked(change(DISTRIBUTION, DistributionConfig=config()))["cloudfront:CreateDistribution"]
    assert made.resource.startswith(f"{CLOUDFRONT}:distribution/")
    assert made.context["aws:RequestTag/Project"] == "web-platform"
    assert made.context["aws:RequestedRegion"] == "us-east-1"


@pytest.mark.parametrize("operation", [CREATE, UPDATE])
def test_a_distribution_opens_its_log_bucket_and_reads_its_web_acl(operation: str) -> None:
    wanted = change(DISTRIBUTION, operation, "E1", DistributionConfig=config(WebACLId=GLOBAL_ACL))
    found = asked(wanted, **{GLOBAL_ACL: {"Project": "web-platform"}})
    assert [each.resource for each in found["s3:PutBucketAcl"]] == ["arn:aws:s3:::web-platform-logs"]
    [reading] = found["wafv2:GetWebACL"]
    assert (reading.resource, reading.context["aws:RequestedRegion"]) == (GLOBAL_ACL, "us-east-1")
    assert reading.context["aws:ResourceTag/Project"] == "web-platform"


def test_a_distribution_without_logs_and_web_acl_asks_for_neither() -> None:
    found = asked(change(DISTRIBUTION, DistributionConfig={"Enabled": True}))
    assert not {"s3:PutBucketAcl", "wafv2:GetWebACL"} & set(found)


def test_the_end_of_a_distribution_touches_it_alone() -> None:
    found = asked(change(DISTRIBUTION, DELETE, "E1", DistributionConfig=config(WebACLId=GLOBAL_ACL)))
    assert {each.resource for several in found.values() for each in several} == {f"{CLOUDFRONT}:distribution/E1"}


def test_what_no_distribution_of_ours_needs_is_not_asked_for() -> None:
    found = asked(change(DISTRIBUTION, UPDATE, "E1", DistributionConfig=config()))
    assert not any("ConnectionGroup" in action or "Staging" in action for action in found)


@pytest.mark.parametrize(
    ("type_name", "kind"),
    [
        ("AWS::CloudFront::CachePolicy", "cache-policy"),
        ("AWS::CloudFront::OriginAccessControl", "origin-access-control"),
        ("AWS::CloudFront::OriginRequestPolicy", "origin-request-policy"),
        ("AWS::CloudFront::ResponseHeadersPolicy", "response-headers-policy"),
    ],
)
def test_a_policy_of_cloudfront_is_changed_by_its_arn(type_name: str, kind: str) -> None:
    found = asked(change(type_name, UPDATE, "1234"))
    assert {each.resource for several in found.values() for each in several} == {f"{CLOUDFRONT}:{kind}/1234"}


def test_a_function_is_known_by_its_name_before_it_is_there() -> None:
    found = asked(change("AWS::CloudFront::Function", Name="web-platform-dev-routes", AutoPublish=True))
    [published] = found["cloudfront:PublishFunction"]
    assert published.resource == f"{CLOUDFRONT}:function/web-platform-dev-routes"
    draft = asked(change("AWS::CloudFront::Function", Name="web-platform-dev-routes"))
    assert "cloudfront:PublishFunction" not in draft


@pytest.mark.parametrize(("scope", "segment"), [("REGIONAL", "regional"), ("CLOUDFRONT", "global")])
def test_a_web_acl_is_known_by_name_and_id(scope: str, segment: str) -> None:
    made = change("AWS::WAFv2::WebACL", UPDATE, f"ours|1234|{scope}", Scope=scope)
    assert own_arns(made) == [f"arn:aws:wafv2:{REGION}:{ACCOUNT}:{segment}/webacl/ours/1234"]
    [new] = own_arns(change("AWS::WAFv2::WebACL", Scope=scope, Name="named"))
    assert new.startswith(f"arn:aws:wafv2:{REGION}:{ACCOUNT}:{segment}/webacl/named/")


def test_a_web_acl_asks_for_aws_managed_rules_too() -> None:
    resources = [each.resource for each in asked(change("AWS::WAFv2::WebACL", Scope="REGIONAL"))["wafv2:CreateWebACL"]]
    assert any(":regional/managedruleset/" in resource for resource in resources)
    assert any(":regional/webacl/web-platform-dev-Edge-Trial-" in resource for resource in resources)


def test_an_association_concerns_the_web_acl_and_the_load_balancer() -> None:
    link = {"ResourceArn": LOAD_BALANCER, "WebACLArn": REGIONAL_ACL}
    found = asked(change("AWS::WAFv2::WebACLAssociation", **link))
    assert {each.resource for each in found["wafv2:AssociateWebACL"]} == {LOAD_BALANCER, REGIONAL_ACL}
    assert [each.resource for each in found["elasticloadbalancing:SetWebACL"]] == [LOAD_BALANCER]
    assert {action.partition(":")[0] for action in found} == {"elasticloadbalancing", "wafv2"}
    gone = asked(change("AWS::WAFv2::WebACLAssociation", DELETE, f"{LOAD_BALANCER}|{REGIONAL_ACL}", **link))
    assert [each.resource for each in gone["wafv2:DisassociateWebACL"]] == [LOAD_BALANCER]


def test_the_log_of_a_web_acl_is_delivered_by_cloudwatch_logs() -> None:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:aws-waf-logs-web-platform-dev"
    found = asked(
        change("AWS::WAFv2::LoggingConfiguration", ResourceArn=REGIONAL_ACL, LogDestinationConfigs=[group]),
        **{REGIONAL_ACL: {"Project": "web-platform"}},
    )
    [put] = found["wafv2:PutLoggingConfiguration"]
    assert (put.resource, put.context["aws:ResourceTag/Project"]) == (REGIONAL_ACL, "web-platform")
    assert {"logs:CreateLogDelivery", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies"} <= set(found)
    assert {action.partition(":")[0] for action in found} == {"logs", "wafv2"}


def test_what_belongs_to_another_resource_has_no_arn_of_its_own() -> None:
    logging = change("AWS::WAFv2::LoggingConfiguration", UPDATE, REGIONAL_ACL, ResourceArn=REGIONAL_ACL)
    assert own_arns(logging) == []


def test_a_protection_counts_as_of_the_global_region_and_looks_at_no_health_check() -> None:
    found = asked(change("AWS::Shield::Protection", Name="web-platform-dev", ResourceArn=LOAD_BALANCER))
    [made] = found["shield:CreateProtection"]
    assert made.context["aws:RequestedRegion"] == "us-east-1"
    assert not any("HealthCheck" in action or "AutomaticResponse" in action for action in found)
