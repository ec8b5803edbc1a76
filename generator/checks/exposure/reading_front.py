"""From the resolved release to what stands before the network: CloudFront, names, certificates and firewalls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.checks.exposure.front import AliasName, Certificate, Front, WebAcl
from generator.checks.exposure.reading_distributions import distributions, redirecting_functions
from generator.checks.exposure.reading_origin_buckets import origin_buckets
from generator.checks.exposure.reading_secrets import secret_of
from generator.checks.exposure.reading_unknown import named
from generator.checks.exposure.statements import ORIGIN_HEADER
from generator.resolver import Resolution, Resource

READ = frozenset(
    {
        "AWS::CloudFront::CachePolicy",
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::Function",
        "AWS::CloudFront::OriginAccessControl",
        "AWS::CloudFront::OriginRequestPolicy",
        "AWS::CloudFront::ResponseHeadersPolicy",
    }
)
"""CloudFront's types that are read, or that choose nothing but what is kept and for how long."""

OPEN_A_WAY = (
    "AWS::Amplify::",
    "AWS::ApiGateway",
    "AWS::AppRunner::",
    "AWS::AppSync::",
    "AWS::CloudFront::",
    "AWS::GlobalAccelerator::",
    "AWS::Lambda::Url",
    "AWS::Lightsail::",
    "AWS::S3::AccessPoint",
    "AWS::S3::MultiRegionAccessPoint",
)
"""How the names of the types begin that answer the internet by themselves."""


def front(resolution: Resolution) -> Front:
    """Return what stands before the network in one setting."""
    read = tuple(distributions(resolution))
    return Front(
        distributions=read,
        buckets=origin_buckets(resolution, read),
        names=tuple(_names(resolution)),
        certificates=tuple(_certificates(resolution)),
        web_acls=tuple(_web_acl(resolution, one) for one in resolution.of_type("AWS::WAFv2::WebACL")),
        examined={
            named(one.properties["ResourceArn"]): named(one.properties["WebACLArn"])
            for one in resolution.of_type("AWS::WAFv2::WebACLAssociation")
        },
        shielded=frozenset(
            named(one.properties["ResourceArn"]) for one in resolution.of_type("AWS::Shield::Protection")
        ),
        redirecting_functions=tuple(redirecting_functions(resolution)),
    )


def unknown_ways(resolution: Resolution) -> Iterator[str]:
    """Yield an objection for each resource that answers the internet and is not read."""
    for one in resolution.resources.values():
        if one.type.startswith(OPEN_A_WAY) and one.type not in READ:
            yield f"{one.address} answers the internet in a way that the proof does not know: {one.type}"


def _names(resolution: Resolution) -> Iterator[AliasName]:
    for one in resolution.of_type("AWS::Route53::RecordSet"):
        leads_to = named(one.properties.get("AliasTarget", {}).get("DNSName"))
        yield AliasName(one.address, str(one.properties["Name"]).rstrip("."), leads_to)


def _certificates(resolution: Resolution) -> Iterator[Certificate]:
    for one in resolution.of_type("AWS::CertificateManager::Certificate"):
        others = one.properties.get("SubjectAlternativeNames", [])
        yield Certificate(one.address, frozenset([one.properties["DomainName"], *others]))


def _web_acl(resolution: Resolution, resource: Resource) -> WebAcl:
    rules = resource.properties.get("Rules", [])
    return WebAcl(
        resource.address,
        resource.properties["Scope"],
        blocks=frozenset(name for rule in rules for name in _blocked_by(rule)),
        limits=any(_limits(resolution, rule) for rule in rules),
        lets_past=tuple(rule["Name"] for rule in rules if "Allow" in rule.get("Action", {})),
    )


def _limits(resolution: Resolution, rule: Mapping[str, Any]) -> bool:
    """Return whether a rule blocks any address that asks too often, but CloudFront, which asks for many."""
    limit = rule["Statement"].get("RateBasedStatement")
    if limit is None or "Block" not in rule.get("Action", {}):
        return False
    counted = limit.get("ScopeDownStatement")
    return counted is None or _is_without_secret(resolution, counted)


def _is_without_secret(resolution: Resolution, statement: Mapping[str, Any]) -> bool:
    """Return whether a statement is on all requests but those with CloudFront's secret header."""
    excepted = statement.get("NotStatement", {}).get("Statement", {}).get("ByteMatchStatement", {})
    header = excepted.get("FieldToMatch", {}).get("SingleHeader", {}).get("Name", "")
    exactly = excepted.get("PositionalConstraint") == "EXACTLY"
    return header.lower() == ORIGIN_HEADER and exactly and secret_of(resolution, excepted["SearchString"]) != ""


def _blocked_by(rule: Mapping[str, Any]) -> Iterator[str]:
    """Yield the managed rule group of a rule that lets the group's own actions hold, for all requests."""
    group = rule["Statement"].get("ManagedRuleGroupStatement", {})
    exceptions = group.get("ScopeDownStatement") or group.get("ExcludedRules") or group.get("RuleActionOverrides")
    if "None" in rule.get("OverrideAction", {}) and group.get("VendorName") == "AWS" and not exceptions:
        yield group["Name"]
