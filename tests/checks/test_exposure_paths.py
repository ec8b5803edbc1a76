"""The proof's verdict on whole blocks and sets of ports is that of a simulator that follows one packet at a time.

The simulator knows nothing of atoms, sets or spots: it takes a packet, reads the rules as they were written, and lets
it go on or drops it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from generator.checks.exposure.addresses import Block, atoms, block
from generator.checks.exposure.front import Front
from generator.checks.exposure.network import (
    AclEntry,
    Asked,
    Component,
    GroupRule,
    NatGateway,
    Network,
    Place,
    Relay,
    Route,
    Subnet,
    VpnRoute,
    Way,
)
from generator.checks.exposure.paths import Paths, Spot
from generator.checks.exposure.services import PORTS, services, text
from generator.errors import UserError

VPC = ip_network("10.0.0.0/24")
SUBNETS = {"first": "10.0.0.0/26", "second": "10.0.0.64/26", "third": "10.0.0.128/26"}
OPERATORS, VPN = "203.0.113.0/24", "172.16.0.0/24"
RANGES = ("0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/25", "10.0.0.64/27", "10.0.0.128/26", OPERATORS, VPN, "172.16.0.0/25")
DESTINATIONS = ("0.0.0.0/0", "128.0.0.0/1", "10.0.0.128/25", OPERATORS, VPN, Place.S3)
GATEWAYS = {
    "igw": Way.INTERNET_GATEWAY,
    "nat": Way.NAT_GATEWAY,
    "vgw": Way.VPN_GATEWAY,
    "endpoint": Way.GATEWAY_ENDPOINT,
    "peer": Way.OTHER,
}
PROTOCOLS = ("tcp", "udp", "icmp", "-1", "50")
EDGES = (0, 22, 80, 443, 1023, 1024, 5432, 65535)


@dataclass(frozen=True)
class Rule:
    """A rule as it is written: of a group or of an ACL."""

    owner: str
    outbound: bool
    allow: bool
    protocol: str
    first: int
    last: int
    peer: str

    def speaks_of(self, protocol: str, port: int) -> bool:
        if self.protocol == "-1":
            return True
        return self.protocol == protocol and (protocol == "50" or self.first <= port <= self.last)


@dataclass(frozen=True)
class World:
    """A small network as it is written."""

    tables: dict[str, str]
    acls: dict[str, str]
    group_rules: tuple[Rule, ...]
    acl_rules: tuple[Rule, ...]
    routes: dict[tuple[str, str], str]
    nat_subnet: str
    attached: frozenset[str]
    vpn: str | None
    groups: frozenset[str]
    others: frozenset[str]
    public: bool


@dataclass(frozen=True)
class End:
    """One end of a packet's way."""

    address: IPv4Address
    subnet: str
    groups: frozenset[str] | None
    public: bool
    place: Place


def rules(owners: tuple[str, ...], peers: tuple[str, ...], denies: bool) -> st.SearchStrategy[tuple[Rule, ...]]:
    """Return lists of rules; some end in one that lets everything pass, or else few packets would arrive."""
    ports = st.lists(st.sampled_from(EDGES), min_size=2, max_size=2).map(sorted)
    one = st.builds(
        lambda owner, outbound, allow, protocol, ends, peer: Rule(owner, outbound, allow, protocol, *ends, peer),
        st.sampled_from(owners),
        st.booleans(),
        st.sampled_from([True, True, not denies]),
        st.sampled_from(PROTOCOLS),
        ports,
        st.sampled_from(peers),
    ).map(_with_types)
    last = [Rule(owner, outbound, True, "-1", 0, 0, "0.0.0.0/0") for owner in owners for outbound in (True, False)]
    return st.builds(
        lambda found, wide: (*found, *(rule for rule, is_there in zip(last, wide, strict=True) if is_there)),
        st.lists(one, max_size=6),
        st.lists(st.sampled_from([True, True, True, False]), min_size=len(last), max_size=len(last)),
    )


def _with_types(rule: Rule) -> Rule:
    """Return a rule of ICMP with a type in the place of its ports."""
    return rule if rule.protocol != "icmp" else replace(rule, first=8, last=8)


GROUPS = st.sets(st.sampled_from(["web", "data"]), min_size=1).map(frozenset)
WORLDS = st.builds(
    World,
    st.fixed_dictionaries({name: st.sampled_from(["t", "u"]) for name in SUBNETS}),
    st.fixed_dictionaries({name: st.sampled_from(["a", "b", ""]) for name in SUBNETS}),
    rules(("web", "data"), (*RANGES, "web", "data", Place.CLOUDFRONT), denies=False),
    rules(("a", "b"), RANGES, denies=True),
    st.dictionaries(
        # Default routes more often than others: most packets have nowhere else to go.
        st.tuples(st.sampled_from(["t", "u"]), st.sampled_from((*DESTINATIONS, "0.0.0.0/0", "0.0.0.0/0"))),
        st.sampled_from(list(GATEWAYS)),
        max_size=6,
    ),
    st.sampled_from(list(SUBNETS)),
    st.sets(st.sampled_from(["igw", "vgw"])).map(frozenset),
    st.sampled_from([None, VPN, "172.16.0.0/25"]),
    GROUPS,
    GROUPS,
    st.booleans(),
)


def behind_nat(world: World) -> World:
    """Return a world in which two subnets go out through a NAT gateway in the third."""
    tables = {name: "t" if name == world.nat_subnet else "u" for name in SUBNETS}
    routes = {**world.routes, ("t", "0.0.0.0/0"): "igw", ("u", "0.0.0.0/0"): "nat"}
    return replace(world, tables=tables, routes=routes, attached=world.attached | {"igw"})


PACKETS = st.tuples(
    st.sampled_from(["tcp", "udp", "icmp", "50"]), st.sampled_from([*EDGES, 8, 50_000]), st.sampled_from(EDGES)
)


# The simulator


def acl_lets(world: World, subnet: str, outbound: bool, peer: IPv4Address, protocol: str, port: int) -> bool:
    if not world.acls[subnet]:
        return True
    for rule in world.acl_rules:
        stands_here = rule.owner == world.acls[subnet] and rule.outbound == outbound
        if stands_here and peer in ip_network(rule.peer) and rule.speaks_of(protocol, port):
            return rule.allow
    return False


def groups_let(world: World, end: End, outbound: bool, peer: End, protocol: str, port: int) -> bool:
    if end.groups is None:
        return True
    for rule in world.group_rules:
        if rule.owner in end.groups and rule.outbound == outbound and rule.speaks_of(protocol, port):
            in_range = "/" in rule.peer and peer.address in ip_network(rule.peer)
            if in_range or rule.peer in (peer.groups or ()) or rule.peer == peer.place:
                return True
    return False


def next_hop(world: World, subnet: str, target: End) -> str | None:
    best, found = -1, None
    if target.address in VPC and target.subnet:
        best, found = VPC.prefixlen, "local"
    for (table, destination), gateway in world.routes.items():
        if table == world.tables[subnet]:
            if destination == Place.S3:
                length = 33 if target.place is Place.S3 else -1
            else:
                length = ip_network(destination).prefixlen if target.address in ip_network(destination) else -1
            if length > best:
                best, found = length, gateway
    return found


def gateway_lets(world: World, gateway: str, public: bool, peer: IPv4Address) -> bool:
    if gateway == "igw":
        return public and "igw" in world.attached
    if gateway == "vgw":
        return "vgw" in world.attached and world.vpn is not None and peer in ip_network(world.vpn)
    return True


def request_arrives(world: World, source: End, target: End, protocol: str, port: int) -> bool:
    if source.subnet and not groups_let(world, source, True, target, protocol, port):
        return False
    if target.subnet and not groups_let(world, target, False, source, protocol, port):
        return False
    if source.subnet and target.subnet:
        return source.subnet == target.subnet or (
            acl_lets(world, source.subnet, True, target.address, protocol, port)
            and acl_lets(world, target.subnet, False, source.address, protocol, port)
            and next_hop(world, source.subnet, target) == "local"
        )
    if target.subnet:
        entered = world.vpn is not None or (source.place is not Place.VPN and target.public and "igw" in world.attached)
        return entered and acl_lets(world, target.subnet, False, source.address, protocol, port)
    return acl_lets(world, source.subnet, True, target.address, protocol, port) and leaves(
        world, source, target, protocol, port
    )


def leaves(world: World, source: End, target: End, protocol: str, port: int) -> bool:
    gateway = next_hop(world, source.subnet, target)
    if gateway != "nat":
        return gateway is not None and gateway_lets(world, gateway, source.public, target.address)
    there = world.nat_subnet
    onward = next_hop(world, there, target)
    return (
        (there == source.subnet or acl_lets(world, there, False, source.address, protocol, port))
        and onward not in (None, "nat")
        and gateway_lets(world, str(onward), True, target.address)
        and acl_lets(world, there, True, target.address, protocol, port)
    )


def answer_returns(world: World, source: End, target: End, protocol: str, client: int) -> bool:
    """Return whether the answer to a request that arrived comes back; NAT's own port is held to the same rules."""
    if source.subnet and target.subnet:
        return source.subnet == target.subnet or (
            acl_lets(world, target.subnet, True, source.address, protocol, client)
            and acl_lets(world, source.subnet, False, target.address, protocol, client)
            and next_hop(world, target.subnet, source) == "local"
        )
    if target.subnet:
        gateway = next_hop(world, target.subnet, source)
        return (
            acl_lets(world, target.subnet, True, source.address, protocol, client)
            and gateway in ("igw", "vgw")
            and gateway_lets(world, gateway, target.public, source.address)
        )
    through_nat = next_hop(world, source.subnet, target) == "nat"
    if through_nat and not acl_lets(world, world.nat_subnet, False, target.address, protocol, client):
        return False
    crossing = through_nat and world.nat_subnet != source.subnet
    if crossing and not acl_lets(world, world.nat_subnet, True, source.address, protocol, client):
        return False
    return acl_lets(world, source.subnet, False, target.address, protocol, client)


# The same world, as the proof reads it


def network(world: World) -> Network:
    def asked(rule: Rule) -> int:
        return services(rule.protocol, None if rule.protocol == "-1" else rule.first, rule.last)

    def blocks(peer: str) -> Block | str:
        return block(peer, "test") if "/" in peer else peer

    ends = (Component(Place.WEB_SERVERS, ("one",), world.groups, tuple(SUBNETS), world.public, ()),)
    ends += (Component(Place.DATABASE, ("other",), world.others, tuple(SUBNETS), not world.public, ()),)
    group_rules = (
        GroupRule("rule", one.owner, one.outbound, asked(one), blocks(one.peer)) for one in world.group_rules
    )
    entries = (
        AclEntry(f"entry {number}", one.owner, one.outbound, number, one.allow, asked(one), block(one.peer, "test"))
        for number, one in enumerate(world.acl_rules)
    )
    routes = (
        Route(f"{key}", key[0], key[1] if key[1] is Place.S3 else block(key[1], "test"), GATEWAYS[gateway], gateway)
        for key, gateway in world.routes.items()
    )
    return Network(
        asked=Asked(
            "test",
            "ssh",
            block(OPERATORS, "test"),
            block(VPN, "test"),
            web_servers=True,
            containers=False,
            interface_endpoints=False,
            behind_cloudfront=True,
            domain="",
            firewall=False,
            shield=False,
        ),
        vpc=block(str(VPC), "test"),
        subnets={
            name: Subnet(name, block(cidr, "test"), "zone", world.tables[name], world.acls[name], False)
            for name, cidr in SUBNETS.items()
        },
        components=ends,
        group_rules=tuple(group_rules),
        acl_entries=tuple(entries),
        routes=tuple(routes),
        nat_gateways={"nat": NatGateway("nat", world.nat_subnet, public=True)},
        attached_gateways={gateway: GATEWAYS[gateway] for gateway in world.attached},
        vpn_connections=("vpn",) if world.vpn else (),
        vpn_routes=(VpnRoute("vpn", "vgw", block(world.vpn, "test")),) if world.vpn else (),
        relay=Relay((), (), (), ()),
        front=Front((), {}, (), (), (), {}, frozenset(), ()),
        ipv6=(),
        other_networks=(),
        unknown=(),
    )


def end_of(spot: Spot, where: float) -> End:
    """Return an end somewhere in a spot's block."""
    address = ip_address(spot.block.first + int((spot.block.size - 1) * where))
    groups = spot.component.groups if spot.component else None
    public = spot.component.public if spot.component else bool(spot.subnet)
    assert isinstance(address, IPv4Address)
    return End(address, spot.subnet, groups, public, spot.place)


@settings(max_examples=300)
@given(st.one_of(WORLDS, WORLDS.map(behind_nat)), PACKETS, st.floats(0, 1), st.data())
def test_blocks_and_sets_say_what_single_packets_do(
    world: World, packet: tuple[str, int, int], where: float, data: st.DataObject
) -> None:
    protocol, port, client = packet
    port, client = (port % 256, client % 256) if protocol == "icmp" else (port, client)
    paths = Paths(network(world))
    inside = [*paths.components, *paths.elsewhere]
    ends: list[tuple[Spot, Spot]] = [(one, other) for one in paths.strangers for other in paths.components]
    ends += [(one, other) for one in inside for other in [*paths.outside, *paths.components]]
    for source_spot, target_spot in data.draw(st.lists(st.sampled_from(ends), min_size=40, max_size=60)):
        source, target = end_of(source_spot, where), end_of(target_spot, where)
        path = paths.path(source_spot, target_spot)
        arrives = request_arrives(world, source, target, protocol, port)
        assert bool(path.delivered & services(protocol, port, port)) == arrives, (source, target, path)
        if arrives:
            returns = answer_returns(world, source, target, protocol, client)
            event(f"{'through NAT, ' if Way.NAT_GATEWAY in path.ways else ''}answered: {returns}")
            assert bool(path.answered & services(protocol, client, client)) == returns, (source, target, path)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)).map(sorted).map(tuple), max_size=6))
def test_atoms_cover_everything_and_lie_on_one_side_of_every_bound(bounds: list[Any]) -> None:
    whole = Block(50, 250)
    found = atoms([whole], [Block(*bound) for bound in bounds])
    assert [address for one in found for address in range(one.first, one.last + 1)] == list(range(50, 251))
    for first, last in bounds:
        assert all(Block(first, last).covers(one) or one.last < first or one.first > last for one in found)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (services("tcp", 80, 80) | services("tcp", 1024, 65535), "tcp 80, 1024-65535"),
        (services("udp") | services("icmp", 8), "udp all; icmp type 8"),
        (services("50"), "protocol 50"),
        (services("-1"), "everything"),
        (0, "nothing"),
    ],
    ids=lambda case: case if isinstance(case, str) else "a set",
)
def test_a_set_reads_as_one_would_say_it(found: int, words: str) -> None:
    assert text(found) == words


def test_ports_that_are_none_are_refused() -> None:
    with pytest.raises(UserError, match="ports 80 to 70000 of protocol tcp are not allowed; allowed: 0 to 65535"):
        services("tcp", 80, 70_000)


def test_every_port_is_a_point_of_its_own() -> None:
    assert services("tcp", 0, 65535) == services("tcp")
    assert services("udp").bit_count() == services("tcp").bit_count() == PORTS
    assert services("tcp") & services("udp") == services("tcp") & services("icmp") == 0
    assert services("-1") & services("50")
    assert services("6", 80, 80) == services("tcp", 80, 80)
