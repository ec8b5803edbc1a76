"""W5, D8, D12: what CloudFront uses in us-east-1: the web ACL with its log, the viewers' certificate, the alarms."""

from __future__ import annotations

from typing import Any

import pytest

from generator.naming import BOOTSTRAP_STACKS, GLOBAL_EDGE_STACK
from generator.web_acl import MANAGED_RULES
from tests.intrinsics import Template, Templates, of_type, resolved

WITHOUT_DOMAIN = {
    "EnvironmentName": "dev",
    "DomainName": "",
    "HostedZoneId": "",
    "WebApplicationFirewall": "true",
    "OnCallEmail": "",
    "OnCallUrl": "",
    "OperationsEmail": "",
}
WITH_DOMAIN = WITHOUT_DOMAIN | {"DomainName": "shop.example.com", "HostedZoneId": "Z1"}


def outputs(template: Template, **settings: str) -> dict[str, Any]:
    """Return the values of the outputs in a setting."""
    as_resources = {name: {"Type": "Output", "Properties": output} for name, output in template["Outputs"].items()}
    found = resolved({**template, "Resources": as_resources}, **settings)
    return {name: output["Properties"]["Value"] for name, output in found.items()}


def test_d8_web_acl_is_one_for_cloudfront(templates: Templates) -> None:
    [acl] = of_type(templates["global_edge"], "AWS::WAFv2::WebACL").values()
    assert acl["Properties"]["Scope"] == "CLOUDFRONT"
    managed = [rule["Statement"].get("ManagedRuleGroupStatement", {}) for rule in acl["Properties"]["Rules"]]
    assert [rule["Name"] for rule in managed if rule] == list(MANAGED_RULES)


def test_d8_addresses_are_counted_where_clients_have_their_own(templates: Templates) -> None:
    [acl] = of_type(templates["global_edge"], "AWS::WAFv2::WebACL").values()
    [limit] = [r["Statement"]["RateBasedStatement"] for r in acl["Properties"]["Rules"] if "Action" in r]
    assert "ScopeDownStatement" not in limit


def test_d8_log_group_does_not_meet_the_one_of_an_environment_in_the_same_region(templates: Templates) -> None:
    names = {
        name: resolved(templates[name], **WITHOUT_DOMAIN | {"ShieldAdvanced": "false"})["WebAclLogGroup"]["Properties"]
        for name in ("global_edge", "ingress")
    }
    assert {name: group["LogGroupName"] for name, group in names.items()} == {
        "global_edge": "aws-waf-logs-web-platform-dev-edge",
        "ingress": "aws-waf-logs-web-platform-dev",
    }


def test_w5_with_a_domain_the_viewers_certificate_is_validated_through_dns(templates: Templates) -> None:
    certificate = resolved(templates["global_edge"], **WITH_DOMAIN)["Certificate"]["Properties"]
    assert (certificate["DomainName"], certificate["ValidationMethod"]) == ("shop.example.com", "DNS")
    assert certificate["DomainValidationOptions"] == [{"DomainName": "shop.example.com", "HostedZoneId": "Z1"}]


@pytest.mark.parametrize(
    ("settings", "acl", "certificate"),
    [
        (WITHOUT_DOMAIN, {"Fn::GetAtt": ["WebAcl", "Arn"]}, "none"),
        (WITH_DOMAIN, {"Fn::GetAtt": ["WebAcl", "Arn"]}, {"Ref": "Certificate"}),
        (WITH_DOMAIN | {"WebApplicationFirewall": "false"}, "none", {"Ref": "Certificate"}),
    ],
)
def test_what_is_not_there_is_given_out_as_none(
    templates: Templates, settings: dict[str, str], acl: object, certificate: object
) -> None:
    found = outputs(templates["global_edge"], **settings)
    assert (found["WebAclArn"], found["CertificateArn"]) == (acl, certificate)


def test_d8_without_the_firewall_nothing_of_it_is_paid_for(templates: Templates) -> None:
    left = resolved(templates["global_edge"], **WITH_DOMAIN | {"WebApplicationFirewall": "false"})
    assert {name for name in left if name.startswith(("WebAcl", "Logs", "EdgeRequests"))} == set()


@pytest.mark.parametrize(
    ("settings", "told"), [(WITHOUT_DOMAIN, "EdgePageTopic"), (WITH_DOMAIN, "EdgeOperationsTopic")]
)
def test_d12_errors_of_cloudfront_page_unless_the_load_balancers_do(
    templates: Templates, settings: dict[str, str], told: str
) -> None:
    """With a domain CloudFront hands on what the load balancer answers, for which the outage pages."""
    errors = resolved(templates["global_edge"], **settings)["EdgeServerErrors"]["Properties"]
    assert errors["AlarmActions"] == [{"Ref": told}]


def test_d12_errors_are_asked_of_a_distribution_that_comes_later(templates: Templates) -> None:
    [query] = resolved(templates["global_edge"], **WITHOUT_DOMAIN)["EdgeServerErrors"]["Properties"]["Metrics"]
    assert query["Expression"] == 'SELECT MAX("5xxErrorRate") FROM SCHEMA("AWS/CloudFront", DistributionId, Region)'


def test_d12_all_else_of_the_edge_can_wait_until_morning(templates: Templates) -> None:
    found = of_type({"Resources": resolved(templates["global_edge"], **WITH_DOMAIN)}, "AWS::CloudWatch::Alarm")
    assert found.keys() == {"EdgeServerErrors", "EdgeRequestsBlocked", "EdgeCertificateExpires"}
    for name in found.keys() - {"EdgeServerErrors"}:
        assert found[name]["Properties"]["AlarmActions"] == [{"Ref": "EdgeOperationsTopic"}]


def test_d12_certificate_is_watched_where_there_is_one(templates: Templates) -> None:
    assert "EdgeCertificateExpires" not in resolved(templates["global_edge"], **WITHOUT_DOMAIN)
    watched = resolved(templates["global_edge"], **WITH_DOMAIN)["EdgeCertificateExpires"]["Properties"]
    assert watched["Dimensions"] == [{"Name": "CertificateArn", "Value": {"Ref": "Certificate"}}]


def test_d12_firewalls_metric_has_no_region_for_cloudfront(templates: Templates) -> None:
    """And is known by the name of the metric, not by the web ACL's own."""
    watched = resolved(templates["global_edge"], **WITH_DOMAIN)["EdgeRequestsBlocked"]["Properties"]
    [acl] = of_type(templates["global_edge"], "AWS::WAFv2::WebACL").values()
    assert {each["Name"]: each["Value"] for each in watched["Dimensions"]} == {
        "WebACL": acl["Properties"]["VisibilityConfig"]["MetricName"],
        "Rule": "ALL",
    }


@pytest.mark.parametrize(
    ("settings", "subscribed"),
    [
        ({}, {}),
        ({"OnCallEmail": "on-call@example.com"}, {"EdgePageMail": "on-call@example.com"}),
        ({"OnCallUrl": "https://paging.example.com"}, {"EdgePageCall": "https://paging.example.com"}),
        ({"OperationsEmail": "operations@example.com"}, {"EdgeOperationsMail": "operations@example.com"}),
    ],
)
def test_d12_whoever_is_named_is_told(
    templates: Templates, settings: dict[str, str], subscribed: dict[str, str]
) -> None:
    found = {"Resources": resolved(templates["global_edge"], **WITHOUT_DOMAIN | settings)}
    subscriptions = of_type(found, "AWS::SNS::Subscription")
    assert {name: each["Properties"]["Endpoint"] for name, each in subscriptions.items()} == subscribed


def test_d9_no_deployment_changes_the_global_edge() -> None:
    assert GLOBAL_EDGE_STACK in BOOTSTRAP_STACKS
