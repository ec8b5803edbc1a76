"""W1, W3, W4, W5, E13: the way in."""

from __future__ import annotations

import pytest

from generator.stacks import ingress
from tests import claims
from tests.intrinsics import Templates, of_type, resolve, resolved

WITH_DOMAIN = {"EnvironmentName": "dev", "DomainName": "www.example.com", "HostedZoneId": "Z1"}
WITHOUT_DOMAIN = {"EnvironmentName": "dev", "DomainName": "", "HostedZoneId": ""}


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
    assert resources.keys().isdisjoint({"Certificate", "AliasRecord"})


def test_w5_with_domain_a_certificate_is_requested_and_validated_through_dns(templates: Templates) -> None:
    resources = resolved(templates["ingress"], **WITH_DOMAIN)
    assert resources["HttpsListener"]["Properties"]["Certificates"] == [{"CertificateArn": {"Ref": "Certificate"}}]
    certificate = resources["Certificate"]["Properties"]
    assert certificate["ValidationMethod"] == "DNS"
    assert certificate["DomainValidationOptions"] == [{"DomainName": "www.example.com", "HostedZoneId": "Z1"}]


def test_w5_with_domain_the_name_leads_to_the_load_balancer(templates: Templates) -> None:
    record = resolved(templates["ingress"], **WITH_DOMAIN)["AliasRecord"]["Properties"]
    assert (record["Name"], record["HostedZoneId"], record["Type"]) == ("www.example.com", "Z1", "A")
    assert record["AliasTarget"]["DNSName"] == {"Fn::GetAtt": ["LoadBalancer", "DNSName"]}


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


def test_w4_browsers_are_told_to_stay_with_https(templates: Templates) -> None:
    attributes = templates["ingress"]["Resources"]["HttpsListener"]["Properties"]["ListenerAttributes"]
    values = {attribute["Key"]: attribute["Value"] for attribute in attributes}
    age = values["routing.http.response.strict_transport_security.header_value"].removeprefix("max-age=")
    assert int(age.partition(";")[0]) >= 31536000
    assert values["routing.http.response.server.enabled"] == "false"


def test_w7_answer_without_servers_says_so(templates: Templates) -> None:
    [action] = templates["ingress"]["Resources"]["HttpsListener"]["Properties"]["DefaultActions"]
    assert action["Type"] == "fixed-response"
    assert action["FixedResponseConfig"]["StatusCode"] == "503"


def test_ingress_owns_no_target_group(templates: Templates) -> None:
    """The load balancer must not wait for servers, nor go with them."""
    assert not of_type(templates["ingress"], "AWS::ElasticLoadBalancingV2::TargetGroup")
