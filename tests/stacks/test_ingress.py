"""W1, W3, W4, W5, D4, D8, D17, E13: the way in."""

from __future__ import annotations

from typing import Any

import pytest

from generator import response_headers
from generator.stacks import ingress
from tests import claims
from tests.intrinsics import Templates, of_type, resolve, resolved

OPTIONS = {"EnvironmentName": "dev", "WebApplicationFirewall": "true", "ShieldAdvanced": "false"}
NAMES = {"DistributionDomainName": "d1.cloudfront.net", "OriginSecretArn": "a-secret"}
WITH_DOMAIN = {**OPTIONS, **NAMES, "DomainName": "www.example.com", "HostedZoneId": "Z1"}
WITHOUT_DOMAIN = {**OPTIONS, **NAMES, "DomainName": "", "HostedZoneId": ""}
FIREWALL = {"WebAcl", "WebAclLogGroup", "WebAclLogging", "WebAclAssociation"}
EDGE = {
    "EnvironmentName": "dev",
    "RecoveryRegion": "",
    "DomainName": "www.example.com",
    "WebApplicationFirewall": "true",
    "ShieldAdvanced": "false",
}
SECRET = "{{resolve:secretsmanager:a-secret:SecretString}}"


def test_w3_http_is_redirected_to_https(templates: Templates) -> None:
    claims.check_http_is_redirected_to_https(templates)


def test_w4_tls_is_1_2_or_higher(templates: Templates) -> None:
    claims.check_tls_is_1_2_or_higher(templates)


def test_w4_policy_offers_tls_1_2_and_1_3(templates: Templates) -> None:
    """Its name says what it offers: 1.3 and 1.2 ("TLS13-1-2"), with the restricted ("Res") list of ciphers."""
    assert ingress.TLS_POLICY == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    assert templates["ingress"]["Resources"]["HttpsListener"]["Properties"]["SslPolicy"] == ingress.TLS_POLICY


def test_w1_load_balancer_refuses_malformed_requests_and_keeps_logs(templates: Templates) -> None:
    claims.check_load_balancer_refuses_malformed_requests_and_keeps_logs(templates)


def test_e13_load_balancer_stands_in_the_public_subnets(templates: Templates) -> None:
    [load_balancer] = of_type(templates["ingress"], "AWS::ElasticLoadBalancingV2::LoadBalancer").values()
    assert load_balancer["Properties"]["Type"] == "application"
    assert load_balancer["Properties"]["Scheme"] == "internet-facing"
    assert load_balancer["Properties"]["Subnets"] == {"Ref": "PublicSubnetIds"}
    assert load_balancer["Properties"]["SecurityGroups"] == [{"Ref": "LoadBalancerGroupId"}]


def test_w5_without_domain_an_imported_certificate_is_read_from_ssm(templates: Templates) -> None:
    resources = resolved(templates["ingress"], **WITHOUT_DOMAIN)
    [certificate] = resources["HttpsListener"]["Properties"]["Certificates"]
    assert certificate["CertificateArn"] == "{{resolve:ssm:/web-platform/dev/certificate-arn}}"
    assert resources.keys().isdisjoint({"Certificate", "AliasRecord", "AliasRecordIpv6", "OriginRecord"})


def test_w5_with_domain_a_certificate_is_requested_and_validated_through_dns(templates: Templates) -> None:
    resources = resolved(templates["ingress"], **WITH_DOMAIN)
    assert resources["HttpsListener"]["Properties"]["Certificates"] == [{"CertificateArn": {"Ref": "Certificate"}}]
    certificate = resources["Certificate"]["Properties"]
    assert certificate["ValidationMethod"] == "DNS"
    names = ["www.example.com", "origin.www.example.com"]
    assert [certificate["DomainName"], *certificate["SubjectAlternativeNames"]] == names
    validated = [{"DomainName": name, "HostedZoneId": "Z1"} for name in names]
    assert certificate["DomainValidationOptions"] == validated


@pytest.mark.parametrize(("title", "record_type"), [("AliasRecord", "A"), ("AliasRecordIpv6", "AAAA")])
def test_d4_with_domain_the_name_leads_to_cloudfront(templates: Templates, title: str, record_type: str) -> None:
    record = resolved(templates["ingress"], **WITH_DOMAIN)[title]["Properties"]
    assert (record["Name"], record["HostedZoneId"], record["Type"]) == ("www.example.com", "Z1", record_type)
    # All distributions are in this zone: "CloudFront is always Z2FDTNDATAQYW2", says Route 53's documentation.
    assert record["AliasTarget"] == {"DNSName": "d1.cloudfront.net", "HostedZoneId": "Z2FDTNDATAQYW2"}


def test_d4_cloudfront_finds_the_load_balancer_by_a_name_of_its_own(templates: Templates) -> None:
    """The certificate has that name, and the distribution asks for it before there is a load balancer."""
    record = resolved(templates["ingress"], **WITH_DOMAIN)["OriginRecord"]["Properties"]
    assert (record["Name"], record["Type"]) == ("origin.www.example.com", "A")
    assert record["AliasTarget"]["DNSName"] == {"Fn::GetAtt": ["LoadBalancer", "DNSName"]}
    [_, origin] = resolved(templates["edge"], **EDGE)["Distribution"]["Properties"]["DistributionConfig"]["Origins"]
    assert origin["DomainName"] == record["Name"]


@pytest.mark.parametrize(
    ("settings", "given"),
    [(WITH_DOMAIN, {"Ref": "Certificate"}), (WITHOUT_DOMAIN, "none")],
    ids=["domain", "no domain"],
)
def test_certificate_is_given_out_where_it_is_the_stacks_own(
    templates: Templates, settings: dict[str, str], given: object
) -> None:
    template = templates["ingress"]
    assert resolve(template["Outputs"]["CertificateArn"]["Value"], template, settings) == given


@pytest.mark.parametrize(
    ("settings", "host"),
    [(WITH_DOMAIN, "www.example.com"), (WITHOUT_DOMAIN, {"Fn::GetAtt": ["LoadBalancer", "DNSName"]})],
    ids=["domain", "no domain"],
)
def test_application_url_is_where_the_application_is(
    templates: Templates, settings: dict[str, str], host: object
) -> None:
    template = templates["ingress"]
    text, values = template["Outputs"]["ApplicationUrl"]["Value"]["Fn::Sub"]
    assert text == "https://${Host}/"
    assert resolve(values["Host"], template, settings) == host


def test_d17_answers_bring_the_security_headers(templates: Templates) -> None:
    attributes = templates["ingress"]["Resources"]["HttpsListener"]["Properties"]["ListenerAttributes"]
    values = {attribute["Key"]: attribute["Value"] for attribute in attributes}
    sent = {
        key.removeprefix("routing.http.response.").removesuffix(".header_value"): value
        for key, value in values.items()
        if key.endswith(".header_value")
    }
    assert int(sent["strict_transport_security"].removeprefix("max-age=")) >= 31536000
    assert sent["x_content_type_options"] == "nosniff"
    assert sent["x_frame_options"] == "DENY"
    assert sent["content_security_policy"] == response_headers.CONTENT_SECURITY_POLICY
    assert values["routing.http.response.server.enabled"] == "false"


# The firewall


def test_d8_web_acl_filters_what_the_load_balancer_gets(templates: Templates) -> None:
    resources = resolved(templates["ingress"], **WITHOUT_DOMAIN)
    assert resources["WebAcl"]["Properties"]["Scope"] == "REGIONAL"
    association = resources["WebAclAssociation"]["Properties"]
    assert association == {"ResourceArn": {"Ref": "LoadBalancer"}, "WebACLArn": {"Fn::GetAtt": ["WebAcl", "Arn"]}}


def test_d8_without_the_firewall_nothing_of_it_is_there(templates: Templates) -> None:
    without = resolved(templates["ingress"], **{**WITH_DOMAIN, "WebApplicationFirewall": "false"})
    assert resolved(templates["ingress"], **WITH_DOMAIN).keys() >= FIREWALL
    assert without.keys().isdisjoint(FIREWALL)


def test_d8_addresses_are_counted_where_they_are_the_clients_own(templates: Templates) -> None:
    """Through CloudFront all clients have its addresses. Its secret tells such requests, and nobody else has it."""
    counted = _limit(templates, WITHOUT_DOMAIN)
    assert "ScopeDownStatement" not in counted
    matched = _limit(templates, WITH_DOMAIN)["ScopeDownStatement"]["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert matched["FieldToMatch"] == {"SingleHeader": {"Name": "x-origin-verify"}}
    assert (matched["PositionalConstraint"], matched["SearchString"]) == ("EXACTLY", SECRET)


def _limit(templates: Templates, settings: dict[str, str]) -> dict[str, Any]:
    rules = resolved(templates["ingress"], **settings)["WebAcl"]["Properties"]["Rules"]
    [limit] = [rule["Statement"]["RateBasedStatement"] for rule in rules if "RateBasedStatement" in rule["Statement"]]
    return dict(limit)


def test_d8_shield_protects_the_load_balancer_where_asked_for(templates: Templates) -> None:
    asked = resolved(templates["ingress"], **{**WITHOUT_DOMAIN, "ShieldAdvanced": "true"})
    assert asked["LoadBalancerProtection"]["Properties"]["ResourceArn"] == {"Ref": "LoadBalancer"}
    assert "LoadBalancerProtection" not in resolved(templates["ingress"], **WITHOUT_DOMAIN)


def test_w7_answer_without_servers_says_so(templates: Templates) -> None:
    [action] = templates["ingress"]["Resources"]["HttpsListener"]["Properties"]["DefaultActions"]
    assert action["Type"] == "fixed-response"
    assert action["FixedResponseConfig"]["StatusCode"] == "503"


def test_ingress_owns_no_target_group(templates: Templates) -> None:
    """The load balancer must not wait for servers, nor go with them."""
    assert not of_type(templates["ingress"], "AWS::ElasticLoadBalancingV2::TargetGroup")
