"""Claims on each layer alone: addresses, routes, network ACLs, ingress rules, egress rules.

From end to end one layer covers the hole in another, and the day when the other is mended or moved the hole is open.
So each layer keeps to its own table in `statements`, as if the others let everything pass.
"""

from __future__ import annotations

from generator.checks.exposure.addresses import BROADCAST
from generator.checks.exposure.case import Case, Claim, Looks, claim
from generator.checks.exposure.network import Place, Subnet, Tier, Way
from generator.checks.exposure.paths import Spot
from generator.checks.exposure.services import NONE, Services, lowest, text
from generator.checks.exposure.statements import PLACEHOLDER, accepts, leads, passes, sends, ssh_access

ATTACHED = (Way.INTERNET_GATEWAY, Way.VPN_GATEWAY)
"""Gateways that work only while they are attached to the VPC."""


def claims() -> list[Claim]:
    """Return the claims that hold of single layers."""
    return [
        claim("Only the load balancer and the SSH bastion have public addresses", ("W2", "E5", "E9"), _addresses),
        claim("Every subnet belongs to one tier, known by what stands in it", ("D1", "E6"), _tiers),
        claim("Isolated subnets have no path out: routes alone", ("D1", "D8", "E9"), _isolated_routes),
        claim("Isolated subnets have no path out: network ACLs alone", ("D1", "D8", "E14"), _isolated_acls),
        claim("Routes alone lead each tier where it is meant to go, and nowhere else", ("D1", "E6"), _routes),
        claim("Each zone with a NAT gateway uses its own", ("D1", "E6"), _zones),
        claim("Network ACLs alone keep to the borders of the tiers", ("D1", "D8", "E14"), _acls),
        claim("Ingress rules alone let in whom they are meant to let in", ("D8", "E5", "E8"), _ingress),
        claim("Egress rules alone let out what they are meant to let out", ("D8", "W2"), _egress),
        claim("Environments are apart: nothing connects the VPC with another network", ("D6", "D8"), _others),
        claim("No packet of IPv6 comes in or goes out", ("D1", "D8"), _ipv6),
        claim("Everything that touches the network is in the model", ("D14", "D17"), _known),
    ]


def _addresses(case: Case) -> Looks:
    for component in case.network.components:
        wrong = component.public and not _may_be_public(case, component.place)
        yield f"{', '.join(component.resources)} ({component.place}) gets a public address" if wrong else None
    for subnet in case.network.subnets.values():
        gives = subnet.gives_public_addresses
        yield f"{subnet.address} gives a public address to whatever is put there" if gives else None


def _may_be_public(case: Case, place: Place) -> bool:
    return place is Place.LOAD_BALANCER or (place is Place.BASTION and ssh_access(case.network.asked))


def _tiers(case: Case) -> Looks:
    for subnet in case.network.subnets:
        tiers = case.network.tiers(subnet)
        found = " and ".join(sorted(tiers)) or "no tier: nothing stands there by which it is known"
        yield None if len(tiers) == 1 else f"{subnet} belongs to {found}"


def _isolated_routes(case: Case) -> Looks:
    for subnet in _subnets(case, Tier.ISOLATED):
        for spot in case.paths.outside:
            route = case.paths.route(subnet.address, spot)
            yield f"{subnet.address} → {spot}: {route.address} leads to the {route.way}" if route else None


def _isolated_acls(case: Case) -> Looks:
    for subnet in _subnets(case, Tier.ISOLATED):
        for spot in case.paths.strangers:
            for outbound in (False, True):
                yield _too_much(case, subnet, spot, outbound, NONE)


def _routes(case: Case) -> Looks:
    for subnet in case.network.subnets.values():
        for tier in case.network.tiers(subnet.address):
            for spot in case.paths.outside:
                yield _wrong_way(case, subnet, tier, spot)
            for spot in case.paths.elsewhere:
                route = case.paths.route(subnet.address, spot)
                local = route is not None and route.way is Way.LOCAL
                yield None if local else f"{subnet.address} → {spot}: {route and route.address} leads out of the VPC"


def _wrong_way(case: Case, subnet: Subnet, tier: Tier, spot: Spot) -> str | None:
    if spot.place is Place.VPN and not case.network.vpn_connections:
        return None
    route = case.paths.route(subnet.address, spot)
    meant, taken = leads(tier, spot.place), route.way if route else None
    if meant is not taken:
        rule = f"{route.address} leads to the {taken}" if route else "there is no route"
        return f"{subnet.address} → {spot}: {rule}, not to {meant or 'nothing'}"
    attached = route is None or taken not in ATTACHED or route.target in case.network.attached_gateways
    return None if attached else f"{subnet.address} → {spot}: {route and route.target} is attached to no VPC"


def _zones(case: Case) -> Looks:
    gateways = case.network.nat_gateways
    zones = {case.network.subnets[one.subnet].zone: one.address for one in gateways.values()}
    translated = [route for route in case.network.routes if route.way is Way.NAT_GATEWAY]
    for subnet in case.network.subnets.values():
        for route in translated:
            if subnet.route_table == route.table:
                own = zones.get(subnet.zone, route.target)
                wrong = f"{subnet.address}: {route.address} leads to {route.target}, not to {own} of its own zone"
                yield None if own == route.target else wrong


def _acls(case: Case) -> Looks:
    for subnet in case.network.subnets.values():
        for tier in case.network.tiers(subnet.address):
            for spot in case.paths.strangers:
                yield from _border(case, subnet, tier, spot, spot.place)
            for spot in case.paths.elsewhere:
                for peer in case.network.tiers(spot.subnet) if spot.subnet != subnet.address else ():
                    yield from _border(case, subnet, tier, spot, peer)


def _border(case: Case, subnet: Subnet, tier: Tier, spot: Spot, peer: Tier | Place) -> Looks:
    for outbound in (False, True):
        yield _too_much(case, subnet, spot, outbound, passes(case.network.asked, tier, outbound, peer))


def _too_much(case: Case, subnet: Subnet, spot: Spot, outbound: bool, meant: Services) -> str | None:
    """Return what a subnet's ACL lets pass beyond what is meant."""
    step = case.paths.acl_step(subnet.address, outbound, spot.block)
    excess = step.allowed & ~meant
    if not excess:
        return None
    service = lowest(excess)
    ends = f"{subnet.block} ({subnet.address}) → {spot}" if outbound else f"{spot} → {subnet.block} ({subnet.address})"
    return f"{ends} {text(service)}: let through by {step.deciding(service)}"


def _ingress(case: Case) -> Looks:
    for taker in case.paths.components:
        for sender in case.sources:
            step = case.paths.group_step(taker, False, sender)
            excess = step.allowed & ~accepts(case.network.asked, taker.place, sender.place)
            service = lowest(excess)
            yield f"{sender} → {taker} {text(service)}: let in by {step.deciding(service)}" if excess else None


def _egress(case: Case) -> Looks:
    takers = [*case.targets, *case.paths.elsewhere]
    for sender in case.paths.components:
        for taker in takers:
            yield _sent(case, sender, taker, sends(case.network.asked, sender.place, taker.place))
        nobody = Spot(Place.INTERNET, BROADCAST)
        yield _sent(case, sender, nobody, sends(case.network.asked, sender.place, nobody.place) | PLACEHOLDER)


def _sent(case: Case, sender: Spot, taker: Spot, meant: Services) -> str | None:
    step = case.paths.group_step(sender, True, taker)
    excess = step.allowed & ~meant
    service = lowest(excess)
    return f"{sender} → {taker} {text(service)}: let out by {step.deciding(service)}" if excess else None


def _others(case: Case) -> Looks:
    network = case.network
    yield from network.other_networks
    for route in network.routes:
        wrong = f"{route.address} leads to {route.target}, which is no gateway of the VPC"
        yield wrong if route.way is Way.OTHER else None
    for connection in network.vpn_connections:
        yield f"{connection} is a VPN that nobody asked for" if network.asked.vpn_range is None else None
    for behind in network.vpn_routes:
        asked = network.asked.vpn_range is not None and network.asked.vpn_range.covers(behind.destination)
        wrong = f"{behind.address} leads to {behind.destination}, beyond the network that was asked for"
        yield None if asked else wrong


def _ipv6(case: Case) -> Looks:
    network = case.network
    yield from (None for _ in (*network.group_rules, *network.acl_entries, *network.routes, *network.subnets))
    yield from network.ipv6


def _known(case: Case) -> Looks:
    yield from (None for _ in case.network.components)
    yield from case.network.unknown


def _subnets(case: Case, tier: Tier) -> list[Subnet]:
    return [one for one in case.network.subnets.values() if tier in case.network.tiers(one.address)]
