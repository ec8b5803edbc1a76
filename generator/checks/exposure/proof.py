"""All claims on exposure, examined in all settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import combinations

from generator.checks.exposure import cloudfront, end_to_end, firewall, layers, origin_buckets, relay, unneeded
from generator.checks.exposure.case import Case, Claim
from generator.checks.exposure.network import Network
from generator.checks.exposure.reading import read
from generator.checks.settings import Setting
from generator.checks.verdict import Verdict
from generator.resolver import Resolution

PROOF = "exposure"


@dataclass(frozen=True)
class _Examined:
    """A network, and the settings that all become it."""

    settings: list[str]
    case: Case

    def __str__(self) -> str:
        others = len(self.settings) - 1
        return f"{self.settings[0]} and {others} more" if others else self.settings[0]


def prove(settings: Sequence[tuple[Setting, Resolution]]) -> list[Verdict]:
    """Return a verdict on every claim, each on all settings together.

    Settings that become the same network are examined once. A claim for which there is nothing to look at in any
    setting fails, since nothing would be proved. Raises `UserError` for a release that cannot be read as a network.
    """
    examined: list[_Examined] = []
    known: list[Network] = []
    for setting, resolution in settings:
        network = read(resolution)
        if network in known:
            examined[known.index(network)].settings.append(setting.name)
        else:
            known.append(network)
            examined.append(_Examined([setting.name], Case(network)))
    verdicts = [_verdict(claim, examined) for claim in claims()]
    return [*verdicts, _ranges_apart(settings), _no_rule_unneeded(examined)]


def claims() -> list[Claim]:
    """Return the claims that are examined in one setting at a time."""
    return [
        *end_to_end.claims(),
        *relay.claims(),
        *cloudfront.claims(),
        *origin_buckets.claims(),
        *firewall.claims(),
        *layers.claims(),
    ]


def _verdict(claim: Claim, examined: Sequence[_Examined]) -> Verdict:
    findings = [(str(one), claim.examine(one.case)) for one in examined]
    broken = tuple(f"{name}: {one}" for name, finding in findings for one in finding.broken)
    looked_at = sum(finding.looked_at for _, finding in findings)
    return Verdict(
        PROOF,
        claim.text,
        claim.requirements,
        f"{_settings(examined)}, {looked_at:,} looked at",
        broken if looked_at else ("nothing to look at in any setting",),
    )


def _ranges_apart(settings: Sequence[tuple[Setting, Resolution]]) -> Verdict:
    """Return the verdict on environments as networks: one that could be joined by accident some day already is one."""
    asked = [resolution.parameters[""] for _, resolution in settings]
    vpcs = {each["EnvironmentName"]: ip_network(each["VpcCidr"]) for each in asked}
    overlaps = [
        f"the VPCs of {one} and {other} overlap: {vpcs[one]} and {vpcs[other]}"
        for one, other in combinations(vpcs, 2)
        if vpcs[one].overlaps(vpcs[other])
    ]
    joined = {
        f"the VPN of {each['EnvironmentName']} leads to {each['VpnCidr']}, which holds addresses of {other}"
        for each in asked
        for other, vpc in vpcs.items()
        if each.get("VpnCidr") and vpc.overlaps(ip_network(each["VpnCidr"]))
    }
    return Verdict(
        PROOF,
        "Environments have address ranges of their own, and no VPN leads to another's",
        ("D6", "D8"),
        f"{len(vpcs)} environments, {len(settings)} settings",
        (*overlaps, *sorted(joined)),
    )


def _no_rule_unneeded(examined: Sequence[_Examined]) -> Verdict:
    rules = set().union(*(unneeded.rules(one.case) for one in examined))
    needed = set().union(*(unneeded.needed(one.case) for one in examined))
    return Verdict(
        PROOF,
        unneeded.CLAIM,
        unneeded.REQUIREMENTS,
        f"{_settings(examined)}, {len(rules):,} rules",
        tuple(f"{address}: nothing that must work needs it, in any setting" for address in sorted(rules - needed)),
    )


def _settings(examined: Sequence[_Examined]) -> str:
    return f"{sum(len(one.settings) for one in examined)} settings"
