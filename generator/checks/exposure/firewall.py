"""Claims on what examines requests before anything of ours answers: web ACLs, and Shield Advanced where asked for."""

from __future__ import annotations

from generator.checks.exposure.case import Case, Claim, Looks, claim
from generator.checks.exposure.network import Place
from generator.naming import EDGE_WEB_ACL_PARAMETER, PROJECT

BLOCKS = frozenset(
    {
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesSQLiRuleSet",
    }
)
"""AWS's managed rule groups that a web ACL must let block.
https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html"""


def claims() -> list[Claim]:
    """Return the claims on firewalls."""
    return [
        claim(
            "Where there is a firewall, it examines every request to load balancer and CloudFront", ("D8",), _examined
        ),
        claim("The firewall blocks known attacks, and who asks too often", ("D8", "D17"), _rules),
        claim("Shield Advanced protects load balancer and CloudFront, where it is asked for", ("D8",), _shielded),
    ]


def _examined(case: Case) -> Looks:
    asked, front = case.network.asked, case.network.front
    if not asked.firewall:
        return
    regional = {one.address for one in front.web_acls if one.scope == "REGIONAL"}
    for address in _load_balancers(case):
        found = front.examined.get(address, "")
        yield None if found in regional else f"a request to {address} is examined by {found or 'no web ACL'}"
    own = f"{{{{resolve:ssm:/{PROJECT}/{asked.environment}/{EDGE_WEB_ACL_PARAMETER}}}}}"
    for one in front.distributions:
        found = one.web_acl or "no web ACL"
        yield None if one.web_acl == own else f"a viewer's request to {one.address} is examined by {found}"


def _rules(case: Case) -> Looks:
    for one in case.network.front.web_acls:
        missing = ", ".join(sorted(BLOCKS - one.blocks))
        yield f"{one.address} does not let {missing} block" if missing else None
        yield from (f"{one.address} lets requests past its rules: {rule}" for rule in one.lets_past)
        yield None if one.limits else f"{one.address} takes any number of requests from one address"


def _shielded(case: Case) -> Looks:
    asked, front = case.network.asked, case.network.front
    if asked.shield:
        for address in [*_load_balancers(case), *(one.address for one in front.distributions)]:
            yield None if address in front.shielded else f"{address} is not protected by Shield Advanced"


def _load_balancers(case: Case) -> list[str]:
    return [address for one in case.network.of(Place.LOAD_BALANCER) for address in one.resources]
