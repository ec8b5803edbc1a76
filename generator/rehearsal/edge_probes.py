"""What was deployed between visitors and the load balancer, asked of the services themselves: part of `probes`."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from generator.naming import EDGE_CERTIFICATE_PARAMETER, EDGE_WEB_ACL_PARAMETER, PROJECT
from generator.rehearsal.listener_weights import wanted_header
from generator.rehearsal.target import Finding, Findings, Target

SECONDS_OF_A_YEAR = 31_536_000
ERROR_PAGES = {404: "/404.html", 502: "/unavailable.html", 503: "/unavailable.html", 504: "/unavailable.html"}
SERVER_ERRORS = (500, 502, 503, 504)
SECURITY_HEADERS = {
    "ContentSecurityPolicy",
    "ContentTypeOptions",
    "FrameOptions",
    "ReferrerPolicy",
    "StrictTransportSecurity",
}
HEADERS_OF_LISTENER = (
    "strict_transport_security",
    "content_security_policy",
    "x_content_type_options",
    "x_frame_options",
)
MANAGED_RULES = {
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesSQLiRuleSet",
}
NEVER_LOGGED = {"authorization", "cookie"}


def distribution(target: Target) -> Findings:
    """CloudFront upgrades to HTTPS, speaks HTTP/2 and 3 and TLS 1.2 at least, compresses, logs, and has error pages."""
    config = _configuration(target)
    domain = target.environment.domain_name.literal
    yield Finding("W3: HTTP is upgraded at CloudFront", {"redirect-to-https"}, _each(config, "ViewerProtocolPolicy"))
    yield Finding("D4: CloudFront compresses", {True}, _each(config, "Compress"))
    yield Finding("D4: versions of HTTP", "http2and3", config["HttpVersion"])
    yield Finding("D4: domain of CloudFront", [domain] if domain else [], config.get("Aliases", {}).get("Items", []))
    certificate = config["ViewerCertificate"]
    wanted = (_parameter(target, EDGE_CERTIFICATE_PARAMETER), "TLSv1.2_2021", "sni-only") if domain else (None,) * 3
    used = (certificate.get(key) for key in ("ACMCertificateArn", "MinimumProtocolVersion", "SSLSupportMethod"))
    yield Finding("W4, W5: certificate and TLS of CloudFront", wanted, tuple(used))
    errors = {each["ErrorCode"]: each for each in config["CustomErrorResponses"]["Items"]}
    pages = {status: each["ResponsePagePath"] for status, each in errors.items() if each.get("ResponsePagePath")}
    yield Finding("D4: error pages", ERROR_PAGES, pages)
    kept = {status: each["ErrorCachingMinTTL"] for status, each in errors.items() if status in SERVER_ERRORS}
    yield Finding("D4: seconds for which CloudFront keeps a server's error", dict.fromkeys(SERVER_ERRORS, 0), kept)
    logs = f"{target.id('Edge', 'EdgeLogBucket')}.s3.amazonaws.com"
    yield Finding("E15: access logs of CloudFront", (True, logs), (config["Logging"]["Enabled"], _log_bucket(config)))
    filtered = target.environment.web_application_firewall.literal == "true"
    acl = _parameter(target, EDGE_WEB_ACL_PARAMETER) if filtered else ""
    yield Finding("D8: web ACL of CloudFront", acl, config.get("WebACLId", ""))


def _configuration(target: Target) -> dict[str, Any]:
    answer = target.client("cloudfront").get_distribution(Id=target.deployment.outputs["DistributionId"])
    config: dict[str, Any] = answer["Distribution"]["DistributionConfig"]
    return config


def _behaviors(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the cache behaviors, each with its path; that of everything else is empty."""
    yield "", config["DefaultCacheBehavior"]
    for behavior in config.get("CacheBehaviors", {}).get("Items", ()):
        yield behavior["PathPattern"], behavior


def _each(config: dict[str, Any], key: str) -> set[Any]:
    return {behavior[key] for _, behavior in _behaviors(config)}


def _log_bucket(config: dict[str, Any]) -> str:
    return str(config["Logging"]["Bucket"])


def _parameter(target: Target, name: str) -> str:
    path = f"/{PROJECT}/{target.environment.environment_name.literal}/{name}"
    return str(target.client("ssm").get_parameter(Name=path)["Parameter"]["Value"])


def origins(target: Target) -> Findings:
    """CloudFront signs its requests to the website's bucket and calls the load balancer over TLS, with a secret."""
    config, domain = _configuration(target), target.environment.domain_name.literal
    found = {origin["Id"]: origin for origin in config["Origins"]["Items"]}
    yield Finding("D4: origins of CloudFront", {"website", "application"} if domain else {"website"}, set(found))
    control = target.client("cloudfront").get_origin_access_control(Id=found["website"]["OriginAccessControlId"])
    signing = control["OriginAccessControl"]["OriginAccessControlConfig"]
    yield Finding(
        "E7: requests to the website's bucket are signed",
        ("always", "sigv4", "s3"),
        (signing["SigningBehavior"], signing["SigningProtocol"], signing["OriginAccessControlOriginType"]),
    )
    if not domain:
        return
    application = found["application"]
    custom = application["CustomOriginConfig"]
    yield Finding(
        "W4: CloudFront and the load balancer speak TLS",
        (f"origin.{domain}", "https-only", ["TLSv1.2"]),
        (application["DomainName"], custom["OriginProtocolPolicy"], custom["OriginSslProtocols"]["Items"]),
    )
    secret = target.client("secretsmanager").get_secret_value(SecretId=target.id("Edge", "OriginSecret"))
    headers = {each["HeaderName"]: each["HeaderValue"] for each in application["CustomHeaders"]["Items"]}
    yield Finding("W1: the secret of the origin", {"X-Origin-Verify": secret["SecretString"]}, headers)


def website_bucket(target: Target) -> Findings:
    """Nobody but this distribution reads the website's bucket (E7)."""
    s3, bucket = target.client("s3"), target.deployment.outputs["WebsiteBucketName"]
    logging = s3.get_bucket_logging(Bucket=bucket).get("LoggingEnabled", {})
    yield Finding("E15: access logs of the website", target.id("Edge", "EdgeLogBucket"), logging.get("TargetBucket"))
    statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    readers = [(each["Principal"], each.get("Condition")) for each in statements if each["Effect"] == "Allow"]
    arn = target.client("cloudfront").get_distribution(Id=target.deployment.outputs["DistributionId"])
    ours = {"StringEquals": {"aws:SourceArn": arn["Distribution"]["ARN"]}}
    others = [each for each in readers if each != ({"Service": "cloudfront.amazonaws.com"}, ours)]
    yield Finding("E7: who reads the website besides CloudFront", [], others if readers else ["nobody reads it"])


def caching(target: Target) -> Findings:
    """Assets are kept for a year, pages are asked for each time, and the application's answers are not kept (D4)."""
    cloudfront, seconds = target.client("cloudfront"), {}
    for path, behavior in _behaviors(_configuration(target)):
        policy = cloudfront.get_cache_policy(Id=behavior["CachePolicyId"])["CachePolicy"]["CachePolicyConfig"]
        seconds[path] = (policy["MinTTL"], policy["DefaultTTL"])
    wanted = {"": (0, 0), "/assets/*": (0, SECONDS_OF_A_YEAR)}
    if target.environment.domain_name.literal:
        wanted |= {"/api/*": (0, 0), "/product-images/*": (0, 86_400), "/healthz": (0, 0)}
    yield Finding("D4: seconds that CloudFront keeps, least and unless said otherwise", wanted, seconds)


def security_headers(target: Target) -> Findings:
    """Every answer of CloudFront and of the load balancer has the security headers (D17)."""
    cloudfront = target.client("cloudfront")
    for path, behavior in _behaviors(_configuration(target)):
        policy = cloudfront.get_response_headers_policy(Id=behavior["ResponseHeadersPolicyId"])
        given = policy["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
        replacing = {name for name, value in given.items() if value["Override"]}
        yield Finding(f"D17: security headers of {path or 'pages'} at CloudFront", SECURITY_HEADERS, replacing)
    elb = target.client("elbv2")
    described = elb.describe_listeners(LoadBalancerArn=target.id("Ingress", "LoadBalancer"))["Listeners"]
    arn = next(listener["ListenerArn"] for listener in described if listener["Port"] == 443)
    attributes = elb.describe_listener_attributes(ListenerArn=arn)["Attributes"]
    values = {attribute["Key"]: attribute["Value"] for attribute in attributes}
    missing = [name for name in HEADERS_OF_LISTENER if not values.get(f"routing.http.response.{name}.header_value")]
    yield Finding("D17: security headers that the load balancer lacks", [], missing)
    shown = values.get("routing.http.response.server.enabled")
    yield Finding("D17: the load balancer tells its name", "false", shown)


def web_acl(target: Target) -> Findings:
    """The load balancer's web ACL has AWS's rules and a limit, and logs without credentials; or there is none (D8)."""
    waf, filtered = target.client("wafv2"), target.environment.web_application_firewall.literal == "true"
    acl = waf.get_web_acl_for_resource(ResourceArn=target.id("Ingress", "LoadBalancer")).get("WebACL")
    yield Finding("D8: a web ACL filters the load balancer's requests", filtered, acl is not None)
    if acl is None:
        return
    statements = [rule["Statement"] for rule in acl["Rules"]]
    managed = {each["ManagedRuleGroupStatement"]["Name"] for each in statements if "ManagedRuleGroupStatement" in each}
    yield Finding("D8: AWS's rules", MANAGED_RULES, managed)
    counting = [rule["Name"] for rule in acl["Rules"] if "Count" in {**rule.get("Action", {}), **_override(rule)}]
    yield Finding("D8: rules that count and do not block", [], counting)
    limits = [each["RateBasedStatement"]["AggregateKeyType"] for each in statements if "RateBasedStatement" in each]
    yield Finding("D8: limits of the web ACL", ["IP"], limits)
    logging = waf.get_logging_configuration(ResourceArn=acl["ARN"])["LoggingConfiguration"]
    groups = {arn.rpartition(":")[2] for arn in logging["LogDestinationConfigs"]}
    name = target.environment.environment_name.literal
    yield Finding("D8: log of the web ACL", {f"aws-waf-logs-{PROJECT}-{name}"}, groups)
    redacted = {each["SingleHeader"]["Name"].lower() for each in logging.get("RedactedFields", ())}
    yield Finding("D8: credentials that the web ACL's log shows", set(), NEVER_LOGGED - redacted)


def _override(rule: dict[str, Any]) -> dict[str, Any]:
    override: dict[str, Any] = rule.get("OverrideAction", {})
    return override


def records(target: Target) -> Findings:
    """The domain leads to CloudFront, over both versions of IP, and the origin's name to the load balancer (D4)."""
    environment = target.environment
    domain = environment.domain_name.literal
    if not domain:
        return
    zone = environment.hosted_zone_id.literal
    found = target.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    aliases = {
        (each["Name"].rstrip("."), each["Type"]): each["AliasTarget"]["DNSName"].rstrip(".")
        for each in found
        if "AliasTarget" in each
    }
    outputs = target.deployment.outputs
    wanted = {
        (domain, "A"): outputs["DistributionDomainName"],
        (domain, "AAAA"): outputs["DistributionDomainName"],
        (f"origin.{domain}", "A"): outputs["LoadBalancerDnsName"],
    }
    yield Finding("D4: where the domain leads", wanted, aliases)


def who_reaches_the_load_balancer(target: Target) -> Findings:
    """Where the environment says so, the load balancer answers CloudFront alone, by addresses and secret (W1)."""
    limited = target.environment.load_balancer_access.literal == "cloudfront"
    group = target.id("Security", "LoadBalancerGroup")
    ec2 = target.client("ec2")
    rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    ports = {(each["PrefixListId"], rule["FromPort"]) for rule in rules for each in rule.get("PrefixListIds", ())}
    wanted_list = [{"Name": "prefix-list-name", "Values": ["com.amazonaws.global.cloudfront.origin-facing"]}]
    [cloudfront] = ec2.describe_managed_prefix_lists(Filters=wanted_list)["PrefixLists"]
    wanted = {(cloudfront["PrefixListId"], 443)} if limited else set()
    yield Finding("W1: prefix lists that reach the load balancer", wanted, ports)
    elb = target.client("elbv2")
    described = elb.describe_listeners(LoadBalancerArn=target.id("Ingress", "LoadBalancer"))["Listeners"]
    arn = next(listener["ListenerArn"] for listener in described if listener["Port"] == 443)
    forwarding = [rule for rule in elb.describe_rules(ListenerArn=arn)["Rules"] if not rule["IsDefault"]]
    asked = [set(wanted_header(rule)) for rule in forwarding]
    everywhere = set.intersection(*asked) if asked else set()
    yield Finding("W1: headers without which the load balancer forwards nothing", _secret_header(limited), everywhere)


def _secret_header(limited: bool) -> set[str]:
    return {"X-Origin-Verify"} if limited else set()


def upgrade_in_flight(target: Target) -> Findings:
    """A real request over HTTP is answered by CloudFront's data plane with 301 to HTTPS (W3)."""
    address = urlsplit(target.endpoint_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        host = target.environment.domain_name.literal or target.deployment.outputs["DistributionDomainName"]
        connection.request("GET", "/cart?item=1", headers={"Host": host})
        response = connection.getresponse()
        actual = (response.status, response.getheader("Location"))
        yield Finding(
            "W3: CloudFront's answer to GET http://…/cart?item=1", (301, f"https://{host}/cart?item=1"), actual
        )
    finally:
        connection.close()


EDGE_PROBES: tuple[Callable[[Target], Findings], ...] = (
    distribution,
    origins,
    website_bucket,
    caching,
    security_headers,
    web_acl,
    records,
    who_reaches_the_load_balancer,
    upgrade_in_flight,
)
