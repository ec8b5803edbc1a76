"""No rule without a use: every security group rule, network ACL entry and route carries a flow that must work.

A rule is needed where a required flow would fail without it. One that no flow needs in any setting is a hole that
nobody misses, and the place where the next one hides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from generator.checks.exposure.case import Case
from generator.checks.exposure.end_to_end import required_paths, required_services
from generator.checks.exposure.network import AclEntry, GroupRule, Route, VpnRoute
from generator.checks.exposure.paths import Path, Spot, Step
from generator.checks.exposure.services import EPHEMERAL, Services
from generator.checks.exposure.statements import FLOWS

CLAIM = "Every security group rule, network ACL entry and route is needed by a flow that must work"
REQUIREMENTS = ("D8", "D9", "E14")


def rules(case: Case) -> set[str]:
    """Return the addresses of everything that lets packets pass."""
    network = case.network
    everything: Iterable[GroupRule | AclEntry | Route | VpnRoute] = (
        *network.group_rules,
        *network.acl_entries,
        *network.routes,
        *network.vpn_routes,
    )
    return {one.address for one in everything}


def needed(case: Case) -> set[str]:
    """Return the addresses of the rules without which a required flow fails, or a group lets everything out."""
    found = set(_only_inline_egress(case))
    routes = {route.address for route in case.network.routes}
    for flow in FLOWS:
        for path in required_paths(case, flow):
            found |= _needed(path.request, required_services(flow, path)) - routes
            found |= _needed(path.answer, EPHEMERAL) - routes
            found |= set(_needed_routes(case, path))
    return found


def _needed(steps: Iterable[Step], wanted: Services) -> set[str]:
    return {
        decision.address
        for step in steps
        for decision in step.decisions
        if decision.allow and decision.services & wanted and wanted & ~step.allowed_without(decision.address)
    }


def _needed_routes(case: Case, path: Path) -> Iterator[str]:
    for subnet, spot in _lookups(case, path):
        route = case.paths.route(subnet, spot)
        if route is not None:
            other = case.paths.route(subnet, spot, missing=route.address)
            if other is None or other.way is not route.way:
                yield route.address


def _lookups(case: Case, path: Path) -> Iterator[tuple[str, Spot]]:
    """Yield where a path asks a route table: the subnet, and whom it looks for."""
    if path.source.subnet and path.target.subnet:
        return
    if not path.source.subnet:
        yield path.target.subnet, path.source
        return
    yield path.source.subnet, path.target
    first = case.paths.route(path.source.subnet, path.target)
    if first is not None and first.target in case.network.nat_gateways:
        yield case.network.nat_gateways[first.target].subnet, path.target


def _only_inline_egress(case: Case) -> Iterator[str]:
    """Yield the inline egress rules that keep EC2 from adding one that lets everything out."""
    inline = [rule for rule in case.network.group_rules if rule.outbound and rule.address.startswith(f"{rule.group}.")]
    of_group = Counter(rule.group for rule in inline)
    yield from (rule.address for rule in inline if of_group[rule.group] == 1)
