"""What the edge is billed for: CloudFront, firewalls, protection against floods."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from generator.cost.charges import Billed, Charge, Rule, Surroundings
from generator.resolver import Resource

IN_TEN_THOUSANDS = Decimal(100)
"""How many 10,000 requests a million is."""


def _distribution(resource: Resource, around: Surroundings) -> Billed:
    usage = around.usage
    config = resource.properties["DistributionConfig"]
    yield Charge("cloudfront.out", usage.website_out, "GB", "pages and images")
    requests = usage.website_requests * IN_TEN_THOUSANDS
    yield Charge("cloudfront.requests", requests, "10,000 requests", "of all visitors")
    if config["DefaultCacheBehavior"].get("FunctionAssociations"):
        yield Charge("cloudfront.functions", usage.website_requests, "million", "once for each request of a page")


def _web_acl(resource: Resource, around: Surroundings) -> Billed:
    at_the_edge = resource.properties["Scope"] == "CLOUDFRONT"
    usage = around.usage
    yield Charge("waf.acl", Decimal(1), "ACL", "all month")
    rules = resource.properties["Rules"]
    yield Charge("waf.rule", Decimal(len(rules)), "rule", "all month; a managed rule group counts as one")
    requests = usage.website_requests if at_the_edge else usage.application_requests
    yield Charge("waf.requests", requests, "million", "at CloudFront" if at_the_edge else "at the load balancer")


def _protection(resource: Resource, around: Surroundings) -> Billed:
    why = "one subscription for the whole organization, shared by what the account protects"
    yield Charge("shield.subscription", around.share(resource), "month", why)
    arn = str(resource.properties["ResourceArn"])
    if ":cloudfront:" in arn:
        yield Charge("shield.cloudfront", around.usage.website_out, "GB", "what it sends to visitors")
    else:
        yield Charge("shield.load_balancer", around.usage.application_out, "GB", "what it sends to visitors")


RULES: Mapping[str, Rule] = {
    "AWS::CloudFront::Distribution": _distribution,
    "AWS::Shield::Protection": _protection,
    "AWS::WAFv2::WebACL": _web_acl,
}
