"""Web ACLs and Shield Advanced: what they leave out breaks the right claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.checks.exposure import firewall
from tests.exposure import (
    CONFIG,
    PROD,
    Break,
    assert_broken,
    behind_cloudfront,
    distribution,
    removed,
    taken_away,
    unbroken,
)
from tests.releases import setting

EXAMINED = "Where there is a firewall, it examines every request to load balancer and CloudFront"
BLOCKS = "The firewall blocks known attacks, and who asks too often"
SHIELDED = "Shield Advanced protects load balancer and CloudFront, where it is asked for"


BREAKS = [
    behind_cloudfront(
        "the web ACL is not associated",
        EXAMINED,
        "a request to Ingress/LoadBalancer is examined by no web ACL",
        removed("ingress", "WebAclAssociation"),
    ),
    behind_cloudfront(
        "the web ACL is associated with something else",
        EXAMINED,
        "a request to Ingress/LoadBalancer is examined by no web ACL",
        setting("ingress", "WebAclAssociation", "ResourceArn", {"Ref": "HttpsListener"}),
    ),
    behind_cloudfront(
        "CloudFront has no web ACL",
        EXAMINED,
        "a viewer's request to Edge/Distribution is examined by no web ACL",
        distribution(f"{CONFIG}.WebACLId", None),
    ),
    Break(
        "CloudFront has the web ACL of another environment",
        (distribution(f"{CONFIG}.WebACLId", "{{resolve:ssm:/web-platform/dev/edge/web-acl-arn}}"),),
        EXAMINED,
        ("is examined by {{resolve:ssm:/web-platform/dev/edge/web-acl-arn}}",),
        setting=PROD,
    ),
    behind_cloudfront(
        "a group of rules counts and does not block",
        BLOCKS,
        "Ingress/WebAcl does not let AWSManagedRulesAmazonIpReputationList block",
        setting("ingress", "WebAcl", "Rules.1.OverrideAction", {"Count": {}}),
    ),
    behind_cloudfront(
        "a group of rules has an exception",
        BLOCKS,
        "Ingress/WebAcl does not let AWSManagedRulesCommonRuleSet block",
        setting(
            "ingress",
            "WebAcl",
            "Rules.3.Statement.ManagedRuleGroupStatement.RuleActionOverrides",
            [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}],
        ),
    ),
    behind_cloudfront(
        "a group of rules is left out",
        BLOCKS,
        "Ingress/WebAcl does not let AWSManagedRulesSQLiRuleSet block",
        taken_away("ingress", "WebAcl", "Rules", 4),
    ),
    behind_cloudfront(
        "who knows a word is let past",
        BLOCKS,
        "Ingress/WebAcl lets requests past its rules: RequestsOfAnAddress",
        setting("ingress", "WebAcl", "Rules.0.Action", {"Allow": {}}),
    ),
    behind_cloudfront(
        "nobody counts requests",
        BLOCKS,
        "Ingress/WebAcl takes any number of requests from one address",
        taken_away("ingress", "WebAcl", "Rules", 0),
    ),
    behind_cloudfront(
        "who sends a header is not counted",
        BLOCKS,
        "Ingress/WebAcl takes any number of requests from one address",
        setting(
            "ingress",
            "WebAcl",
            "Rules.0.Statement.RateBasedStatement.ScopeDownStatement.Fn::If.1"
            ".NotStatement.Statement.ByteMatchStatement.SearchString",
            "please",
        ),
    ),
    behind_cloudfront(
        "Shield Advanced leaves the load balancer out",
        SHIELDED,
        "Ingress/LoadBalancer is not protected by Shield Advanced",
        removed("ingress", "LoadBalancerProtection"),
    ),
    behind_cloudfront(
        "Shield Advanced leaves the distribution out",
        SHIELDED,
        "Edge/Distribution is not protected by Shield Advanced",
        removed("edge", "DistributionProtection"),
    ),
]


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: case.name)
def test_a_broken_template_breaks_the_claim(case: Break, tmp_path: Path) -> None:
    assert_broken(case, tmp_path)


def test_every_claim_can_be_broken() -> None:
    assert unbroken(firewall.claims(), BREAKS) == set()
