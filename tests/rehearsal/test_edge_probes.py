"""The probes of the edge bite: each finds its damage in an environment with a domain, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.environment import TemplateConfiguration, load
from generator.rehearsal.edge_probes import EDGE_PROBES
from generator.rehearsal.emulator import Emulator
from generator.rehearsal.probes import buckets, inspect, security_groups
from generator.rehearsal.target import ANYWHERE, Finding, Target
from tests.rehearsal.environments import REGION, account_ids, deployed

ROOT = Path(__file__).parents[2]
DOMAIN = "shop.probed.example"


def configured(folder: Path, **settings: str) -> TemplateConfiguration:
    """Return the development environment with other settings."""
    content = json.loads((ROOT / "params/dev.json").read_text(encoding="utf-8"))
    content["Parameters"] |= settings
    path = folder / "dev.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load(path)


def with_domain(emulator: Emulator, folder: Path, domain: str, **settings: str) -> Target:
    """Deploy an environment under a domain, whose hosted zone is there already."""
    account_id = next(account_ids)
    route53 = emulator.client("route53", account_id, REGION)
    zone = route53.create_hosted_zone(Name=domain, CallerReference=domain)["HostedZone"]["Id"].rsplit("/", 1)[-1]
    configuration = configured(folder, DomainName=domain, HostedZoneId=zone, **settings)
    return deployed(emulator, configuration, account_id=account_id)


@pytest.fixture(scope="module")
def damaged(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Target:
    """One environment for all damages, which CloudFront alone reaches."""
    return with_domain(emulator, tmp_path_factory.mktemp("params"), DOMAIN, LoadBalancerAccess="cloudfront")


def of_the_edge(target: Target) -> list[Finding]:
    """Run the probes that a damage of the edge can concern."""
    return [finding for probe in (*EDGE_PROBES, security_groups, buckets) for finding in probe(target)]


def test_an_environment_behind_cloudfront_keeps_every_claim(damaged: Target) -> None:
    findings = inspect(damaged)
    assert len(of_the_edge(damaged)) > 25
    assert [finding for finding in findings if not finding.holds] == []


def test_an_environment_without_firewall_keeps_every_claim(emulator: Emulator, tmp_path: Path) -> None:
    target = deployed(emulator, configured(tmp_path, WebApplicationFirewall="false", ShieldAdvanced="true"))
    assert [finding for finding in inspect(target) if not finding.holds] == []


# ---------------------------------------------------------------------------------------------------------------------
# Damages
# ---------------------------------------------------------------------------------------------------------------------


def reconfigured(target: Target, change: Callable[[dict[str, Any]], object]) -> None:
    cloudfront, distribution_id = target.client("cloudfront"), target.deployment.outputs["DistributionId"]
    found = cloudfront.get_distribution_config(Id=distribution_id)
    change(found["DistributionConfig"])
    cloudfront.update_distribution(
        Id=distribution_id, IfMatch=found["ETag"], DistributionConfig=found["DistributionConfig"]
    )


def http_is_answered(target: Target) -> None:
    reconfigured(target, lambda config: config["DefaultCacheBehavior"].update(ViewerProtocolPolicy="allow-all"))


def old_tls_is_spoken(target: Target) -> None:
    reconfigured(target, lambda config: config["ViewerCertificate"].update(MinimumProtocolVersion="TLSv1"))


def the_website_is_sent_as_it_is(target: Target) -> None:
    reconfigured(target, lambda config: config["DefaultCacheBehavior"].update(Compress=False))


def cloudfront_logs_nothing(target: Target) -> None:
    reconfigured(target, lambda config: config["Logging"].update(Enabled=False))


def cloudfront_has_no_web_acl(target: Target) -> None:
    reconfigured(target, lambda config: config.update(WebACLId=""))


def pages_of_errors_are_gone(target: Target) -> None:
    reconfigured(target, lambda config: config["CustomErrorResponses"].update(Quantity=1, Items=_first(config)))


def an_error_is_kept(target: Target) -> None:
    reconfigured(target, lambda config: config["CustomErrorResponses"]["Items"][3].update(ErrorCachingMinTTL=10))


def _first(config: dict[str, Any]) -> list[dict[str, Any]]:
    return list(config["CustomErrorResponses"]["Items"][:1])


def assets_are_not_kept(target: Target) -> None:
    def change(config: dict[str, Any]) -> None:
        behaviors = {each["PathPattern"]: each for each in config["CacheBehaviors"]["Items"]}
        behaviors["/assets/*"]["CachePolicyId"] = behaviors["/api/*"]["CachePolicyId"]

    reconfigured(target, change)


def pages_have_other_headers(target: Target) -> None:
    managed = "67f7725c-6f97-4210-82d7-5512b31e9d03"  # Managed-SecurityHeadersPolicy, without a policy on content
    reconfigured(target, lambda config: config["DefaultCacheBehavior"].update(ResponseHeadersPolicyId=managed))


def the_origin_is_called_over_http(target: Target) -> None:
    def change(config: dict[str, Any]) -> None:
        [application] = [each for each in config["Origins"]["Items"] if each["Id"] == "application"]
        application["CustomOriginConfig"]["OriginProtocolPolicy"] = "http-only"

    reconfigured(target, change)


def the_origin_has_another_secret(target: Target) -> None:
    target.client("secretsmanager").put_secret_value(
        SecretId=target.id("Edge", "OriginSecret"), SecretString="rotated and not deployed"
    )


def requests_to_the_bucket_are_not_signed(target: Target) -> None:
    cloudfront, control = target.client("cloudfront"), target.id("Edge", "OriginAccessControl")
    found = cloudfront.get_origin_access_control_config(Id=control)
    changed = found["OriginAccessControlConfig"] | {"SigningBehavior": "never"}
    cloudfront.update_origin_access_control(Id=control, IfMatch=found["ETag"], OriginAccessControlConfig=changed)


def anybody_reads_the_website(target: Target) -> None:
    s3, bucket = target.client("s3"), target.deployment.outputs["WebsiteBucketName"]
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    reading = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy["Statement"].append(reading | {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}})
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def the_website_may_become_public(target: Target) -> None:
    target.client("s3").put_public_access_block(
        Bucket=target.deployment.outputs["WebsiteBucketName"],
        PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": False},
    )


def the_load_balancer_sends_no_policy(target: Target) -> None:
    changed(target, "routing.http.response.content_security_policy.header_value", "")


def the_load_balancer_tells_its_name(target: Target) -> None:
    changed(target, "routing.http.response.server.enabled", "true")


def changed(target: Target, key: str, value: str) -> None:
    target.client("elbv2").modify_listener_attributes(
        ListenerArn=target.id("Ingress", "HttpsListener"), Attributes=[{"Key": key, "Value": value}]
    )


def the_load_balancer_loses_its_web_acl(target: Target) -> None:
    target.client("wafv2").disassociate_web_acl(ResourceArn=target.id("Ingress", "LoadBalancer"))


def web_acl_of(target: Target) -> dict[str, Any]:
    acls = target.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"]
    [found] = acls
    return dict(found)


def a_rule_only_counts(target: Target) -> None:
    waf, found = target.client("wafv2"), web_acl_of(target)
    key = {"Name": found["Name"], "Id": found["Id"], "Scope": "REGIONAL"}
    acl = waf.get_web_acl(**key)
    rules = acl["WebACL"]["Rules"]
    rules[1]["OverrideAction"] = {"Count": {}}
    settings = {name: acl["WebACL"][name] for name in ("DefaultAction", "VisibilityConfig")}
    waf.update_web_acl(**key, LockToken=acl["LockToken"], Rules=rules, **settings)


def the_log_shows_cookies(target: Target) -> None:
    waf, arn = target.client("wafv2"), web_acl_of(target)["ARN"]
    logging = waf.get_logging_configuration(ResourceArn=arn)["LoggingConfiguration"]
    logging["RedactedFields"] = [{"SingleHeader": {"Name": "authorization"}}]
    waf.put_logging_configuration(LoggingConfiguration=logging)


def the_domain_leads_past_cloudfront(target: Target) -> None:
    zone, route53 = target.environment.hosted_zone_id.literal, target.client("route53")
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    [record] = [each for each in records if each["Name"] == f"{DOMAIN}." and each["Type"] == "A"]
    record["AliasTarget"]["DNSName"] = target.deployment.outputs["LoadBalancerDnsName"]
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def everybody_reaches_the_load_balancer(target: Target) -> None:
    target.client("ec2").authorize_security_group_ingress(
        GroupId=target.id("Security", "LoadBalancerGroup"),
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": ANYWHERE}]}],
    )


def another_list_reaches_the_load_balancer(target: Target) -> None:
    ec2 = target.client("ec2")
    other = ec2.create_managed_prefix_list(PrefixListName="other", MaxEntries=1, AddressFamily="IPv4")["PrefixList"]
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    named = {"PrefixListIds": [{"PrefixListId": other["PrefixListId"]}]}
    ec2.authorize_security_group_ingress(
        GroupId=target.id("Security", "LoadBalancerGroup"), IpPermissions=[permission | named]
    )


def the_secret_is_not_asked_for(target: Target) -> None:
    elb = target.client("elbv2")
    rule = target.id("WebTier", "ForwardToWebServers")
    every = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
    elb.modify_rule(RuleArn=rule, Conditions=every)


BROKEN: dict[Callable[[Target], None], list[str]] = {
    http_is_answered: ["W3: HTTP is upgraded at CloudFront", "W3: CloudFront's answer"],
    old_tls_is_spoken: ["W4, W5: certificate and TLS of CloudFront"],
    the_website_is_sent_as_it_is: ["D4: CloudFront compresses"],
    cloudfront_logs_nothing: ["E15: access logs of CloudFront"],
    cloudfront_has_no_web_acl: ["D8: web ACL of CloudFront"],
    an_error_is_kept: ["D4: seconds for which CloudFront keeps a server's error"],
    pages_of_errors_are_gone: ["D4: error pages"],
    assets_are_not_kept: ["D4: seconds that CloudFront keeps"],
    pages_have_other_headers: ["D17: security headers of pages at CloudFront"],
    the_origin_is_called_over_http: ["W4: CloudFront and the load balancer speak TLS"],
    the_origin_has_another_secret: ["W1: the secret of the origin"],
    requests_to_the_bucket_are_not_signed: ["E7: requests to the website's bucket are signed"],
    anybody_reads_the_website: ["E7: who reads the website besides CloudFront"],
    the_website_may_become_public: ["D10: WebsiteBucketName blocks public access"],
    the_load_balancer_sends_no_policy: ["D17: security headers that the load balancer lacks"],
    the_load_balancer_tells_its_name: ["D17: the load balancer tells its name"],
    a_rule_only_counts: ["D8: rules that count and do not block"],
    the_log_shows_cookies: ["D8: credentials that the web ACL's log shows"],
    the_load_balancer_loses_its_web_acl: ["D8: a web ACL filters the load balancer's requests"],
    the_domain_leads_past_cloudfront: ["D4: where the domain leads"],
    everybody_reaches_the_load_balancer: ["W1: what the internet reaches"],
    another_list_reaches_the_load_balancer: ["W1: prefix lists that reach the load balancer"],
    the_secret_is_not_asked_for: ["W1: headers without which the load balancer forwards nothing"],
}


@pytest.mark.parametrize("damage", BROKEN, ids=lambda damage: damage.__name__)
def test_a_damage_is_found_and_nothing_else(damaged: Target, damage: Callable[[Target], None]) -> None:
    before = {finding.claim for finding in of_the_edge(damaged) if not finding.holds}
    damage(damaged)
    found = {finding.claim for finding in of_the_edge(damaged) if not finding.holds} - before
    assert found, "no probe has noticed"
    for claim in found:
        assert any(claim.startswith(expected) for expected in BROKEN[damage]), claim
    for expected in BROKEN[damage]:
        assert any(claim.startswith(expected) for claim in found), expected
