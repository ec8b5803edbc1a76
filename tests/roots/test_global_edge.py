"""W5, D8: what CloudFront uses in us-east-1: the web ACL with its log, and the viewers' certificate."""

from __future__ import annotations

from typing import Any

import pytest

from generator.naming import BOOTSTRAP_STACKS, GLOBAL_EDGE_STACK
from generator.web_acl import MANAGED_RULES
from tests.intrinsics import Template, Templates, of_type, resolved

WITHOUT_DOMAIN = {"EnvironmentName": "dev", "DomainName": "", "HostedZoneId": "", "WebApplicationFirewall": "true"}
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
    assert outputs(templates["global_edge"], **settings) == {"WebAclArn": acl, "CertificateArn": certificate}


def test_d8_without_the_firewall_nothing_of_it_is_paid_for(templates: Templates) -> None:
    left = resolved(templates["global_edge"], **WITH_DOMAIN | {"WebApplicationFirewall": "false"})
    assert list(left) == ["Certificate"]


def test_d9_no_deployment_changes_the_global_edge() -> None:
    assert GLOBAL_EDGE_STACK in BOOTSTRAP_STACKS
