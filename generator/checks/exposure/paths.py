"""Whether a packet arrives: the layers that it crosses on its way, and those that the answer crosses.

A request from one spot to another passes each step with some set of services, and reaches the end with the
intersection. Every layer looks at the destination port alone, and on the way back that is the client's port: so the
services that arrive and the client ports that get an answer are two sets that do not depend on each other, and both are
exact.

Security groups know connections: they judge requests. Network ACLs do not: they judge requests and answers, at every
crossing of a subnet's border. A NAT gateway adds the border of its own subnet, both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_
from typing import NamedTuple

from generator.checks.exposure.addresses import BROADCAST, EVERYWHERE, Block, atoms, without
from generator.checks.exposure.network import AWS_SERVICES, STRANGERS, AclEntry, Component, Network, Place, Route, Way
from generator.checks.exposure.services import ALL, NONE, Services


class Decision(NamedTuple):
    """One rule of a step: what it allows, or denies."""

    address: str
    services: Services
    allow: bool = True


@dataclass(frozen=True)
class Step:
    """One layer that a packet crosses. The first decision that fits counts; what fits none is dropped."""

    where: str
    decisions: tuple[Decision, ...]

    @cached_property
    def allowed(self) -> Services:
        """The services that pass."""
        return self.allowed_without("")

    def allowed_without(self, address: str) -> Services:
        """Return the services that would pass if a rule were not there."""
        allowed, open_to_decide = NONE, ALL
        for decision in self.decisions:
            if decision.address != address:
                if decision.allow:
                    allowed |= decision.services & open_to_decide
                open_to_decide &= ~decision.services
        return allowed

    def deciding(self, service: Services) -> str:
        """Return the address of the rule that decides on one service; empty where none does."""
        return next((one.address for one in self.decisions if one.services & service), "")


@dataclass(frozen=True)
class Spot:
    """Where a packet starts or ends: some addresses that nothing can tell apart, and who has them."""

    place: Place
    block: Block
    subnet: str = ""
    component: Component | None = None

    @property
    def groups(self) -> frozenset[str]:
        """The security groups of who stands there."""
        return self.component.groups if self.component else frozenset()

    @property
    def memberships(self) -> frozenset[str]:
        """What a rule may name in the place of its addresses: its groups, or the prefix list that it is on."""
        return frozenset({self.place}) if self.place is Place.CLOUDFRONT else self.groups

    def __str__(self) -> str:
        """Return the spot as counterexamples name it."""
        return f"{self.block} ({', '.join(self.component.resources) if self.component else self.place})"


@dataclass(frozen=True)
class Path:
    """All that a request and its answer cross."""

    source: Spot
    target: Spot
    ways: tuple[Way, ...]
    """What the routes on the way lead to, in order."""
    request: tuple[Step, ...]
    answer: tuple[Step, ...]
    """What the answer crosses; its destination port is the client's port."""

    @cached_property
    def delivered(self) -> Services:
        """The services whose requests arrive."""
        return reduce(and_, (step.allowed for step in self.request), ALL)

    @cached_property
    def answered(self) -> Services:
        """The client ports to which answers come back."""
        return reduce(and_, (step.allowed for step in self.answer), ALL)


class Paths:
    """All spots of a network and the paths between them."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._rules: dict[tuple[str, bool], list[tuple[Block | str, Decision]]] = {}
        for rule in network.group_rules:
            found = (rule.peer, Decision(rule.address, rule.services))
            self._rules.setdefault((rule.group, rule.outbound), []).append(found)
        self._entries: dict[tuple[str, bool], list[AclEntry]] = {}
        for entry in network.acl_entries:
            self._entries.setdefault((entry.acl, entry.outbound), []).append(entry)
        self._routes: dict[str, list[Route]] = {}
        for route in network.routes:
            self._routes.setdefault(route.table, []).append(route)
        self._acl_steps: dict[tuple[str, bool, Block], Step] = {}
        self._group_steps: dict[tuple[frozenset[str], bool, Block, frozenset[str]], Step] = {}

    @cached_property
    def bounds(self) -> list[Block]:
        """Every block that a rule, a route or a subnet names."""
        network = self.network
        vpn = [network.asked.vpn_range] if network.asked.vpn_range else []
        named = [rule.peer for rule in network.group_rules] + [route.destination for route in network.routes]
        return [
            network.vpc,
            network.asked.operator_range,
            *vpn,
            *(subnet.block for subnet in network.subnets.values()),
            *(entry.peer for entry in network.acl_entries),
            *(route.destination for route in network.vpn_routes),
            *(one for one in named if isinstance(one, Block)),
        ]

    @cached_property
    def outside(self) -> list[Spot]:
        """Everybody beyond the VPC, cut into blocks that nothing can tell apart."""
        network = self.network
        vpn = without([network.asked.vpn_range] if network.asked.vpn_range else [], [network.vpc])
        public = without([EVERYWHERE], [network.vpc, *vpn, BROADCAST])
        operators = without([network.asked.operator_range], [network.vpc, *vpn])
        internet = without(public, operators)
        whole = {Place.INTERNET: internet, Place.OPERATORS: operators, Place.VPN: vpn}
        if self._knows_cloudfront:
            whole[Place.CLOUDFRONT] = internet
        whole |= dict.fromkeys(AWS_SERVICES, public)
        return [Spot(place, part) for place, blocks in whole.items() for part in atoms(blocks, self.bounds)]

    @property
    def _knows_cloudfront(self) -> bool:
        """Whether CloudFront counts apart from the internet: where it is meant to, and where a rule says so."""
        named = any(rule.peer is Place.CLOUDFRONT for rule in self.network.group_rules)
        return named or self.network.asked.behind_cloudfront

    @cached_property
    def strangers(self) -> list[Spot]:
        """Everybody beyond the VPC who may begin a conversation."""
        return [spot for spot in self.outside if spot.place in STRANGERS]

    @cached_property
    def components(self) -> list[Spot]:
        """Every component in every one of its subnets; its address may be any that the subnet has."""
        return [
            Spot(component.place, part, subnet, component)
            for component in self.network.components
            for subnet in component.subnets
            for part in self._parts(subnet)
        ]

    @cached_property
    def elsewhere(self) -> list[Spot]:
        """Something else, in every subnet."""
        return [Spot(Place.ELSEWHERE, part, subnet) for subnet in self.network.subnets for part in self._parts(subnet)]

    def _parts(self, subnet: str) -> list[Block]:
        return atoms([self.network.subnets[subnet].block], self.bounds)

    def path(self, source: Spot, target: Spot) -> Path:
        """Return what a request from one spot to another, and its answer, have to cross."""
        if source.subnet and target.subnet:
            return self._within(source, target)
        return self._leaving(source, target) if source.subnet else self._arriving(source, target)

    # The layers

    def group_step(self, spot: Spot, outbound: bool, peer: Spot) -> Step:
        """Return what the security groups of a spot say of requests to, or from, a peer."""
        key = (spot.groups, outbound, peer.block, peer.memberships)
        if key not in self._group_steps:
            decisions = tuple(
                decision
                for group in sorted(spot.groups)
                for named, decision in self._rules.get((group, outbound), [])
                if (named.covers(peer.block) if isinstance(named, Block) else named in peer.memberships)
            )
            where = f"{'egress' if outbound else 'ingress'} of {', '.join(sorted(spot.groups)) or 'no group'}"
            self._group_steps[key] = Step(where, decisions)
        return self._group_steps[key]

    def acl_step(self, subnet: str, outbound: bool, peer: Block) -> Step:
        """Return what a subnet's network ACL says of packets to, or from, a block outside of the subnet."""
        acl = self.network.subnets[subnet].acl
        key = (acl, outbound, peer)
        if key not in self._acl_steps:
            entries = self._entries.get((acl, outbound), [])
            decisions = tuple(
                Decision(one.address, one.services, one.allow) for one in entries if one.peer.covers(peer)
            )
            if not acl:
                decisions = (Decision("the VPC's default network ACL", ALL),)
            self._acl_steps[key] = Step(f"{acl or 'default ACL'} {'out' if outbound else 'in'}", decisions)
        return self._acl_steps[key]

    def route(self, subnet: str, target: Spot, missing: str = "") -> Route | None:
        """Return the most specific route that a subnet's table has for a spot.

        `missing` is the address of a route to leave out. The prefix list of a gateway endpoint is the most specific
        there is: it names AWS's own ranges.
        """
        table = self.network.subnets[subnet].route_table
        fitting = [(self.network.vpc.size, _LOCAL)] if target.subnet else []
        for route in self._routes.get(table, []):
            if isinstance(route.destination, Block):
                if route.destination.covers(target.block) and route.address != missing:
                    fitting.append((route.destination.size, route))
            elif route.destination is target.place and route.address != missing:
                fitting.append((0, route))
        return min(fitting, key=lambda one: one[0])[1] if fitting else None

    def gate(self, route: Route, who: Spot | str, public: bool, peer: Block) -> Step:
        """Return the step of leaving, or answering, to a peer through the gateway that a route names."""
        match route.way:
            case Way.INTERNET_GATEWAY | Way.VPN_GATEWAY if route.target not in self.network.attached_gateways:
                return Step(f"{route.target}, which is attached to no VPC", ())
            case Way.INTERNET_GATEWAY if not public:
                return Step(f"{route.target}: {who} has no public address", ())
            case Way.VPN_GATEWAY:
                behind = [one for one in self.network.vpn_routes if one.gateway == route.target]
                decisions = tuple(Decision(one.address, ALL) for one in behind if one.destination.covers(peer))
                return Step(f"the VPN connections of {route.target}", decisions)
        return Step(str(route.way), (Decision(route.address, ALL),))

    # The three kinds of path

    def _within(self, source: Spot, target: Spot) -> Path:
        request = [self.group_step(source, True, target)] if source.component else []
        answer: list[Step] = []
        ways = (Way.LOCAL,)
        if source.subnet != target.subnet:
            request += [*self._local(source, target), *self._crossing(source, target)]
            answer = [*self._local(target, source), *self._crossing(target, source)]
        request.append(self.group_step(target, False, source))
        return Path(source, target, ways, tuple(request), tuple(answer))

    def _local(self, source: Spot, target: Spot) -> Iterator[Step]:
        """Yield a step where a table sends packets for another subnet somewhere else."""
        route = self.route(source.subnet, target)
        if route is not None and route.way is not Way.LOCAL:
            yield Step(f"{route.address}, which leads to {route.way}", ())

    def _crossing(self, source: Spot, target: Spot) -> list[Step]:
        return [
            self.acl_step(source.subnet, True, target.block),
            self.acl_step(target.subnet, False, source.block),
        ]

    def _leaving(self, source: Spot, target: Spot) -> Path:
        route = self.route(source.subnet, target)
        request = [self.group_step(source, True, target)] if source.component else []
        if route is None:
            request.append(Step(f"no route in {self.network.subnets[source.subnet].route_table}", ()))
            return Path(source, target, (), tuple(request), ())
        request.append(self.acl_step(source.subnet, True, target.block))
        ways: tuple[Way, ...] = (route.way,)
        answer: list[Step] = []
        if route.way is Way.NAT_GATEWAY:
            onward, requests, answer = self._translated(source, target, route)
            ways, request = (*ways, *onward), request + requests
        else:
            public = source.component is None or source.component.public
            request.append(self.gate(route, source, public, target.block))
        answer.append(self.acl_step(source.subnet, False, target.block))
        return Path(source, target, ways, tuple(request), tuple(answer))

    def _translated(self, source: Spot, target: Spot, route: Route) -> tuple[list[Way], list[Step], list[Step]]:
        """Return the ways, the steps and the answer's steps from a subnet's border through a NAT gateway."""
        gateway = self.network.nat_gateways[route.target]
        onward = self.route(gateway.subnet, target)
        crossing = gateway.subnet != source.subnet
        request = [Step(str(Way.NAT_GATEWAY), (Decision(route.address, ALL),))]
        if crossing:
            request.append(self.acl_step(gateway.subnet, False, source.block))
        if onward is None or onward.way is Way.NAT_GATEWAY:
            return [], [*request, Step(f"no way on from {gateway.address}", ())], []
        request.append(self.gate(onward, gateway.address, gateway.public, target.block))
        request.append(self.acl_step(gateway.subnet, True, target.block))
        # The gateway sends from ports of its own, and its answers come to those.
        answer = [self.acl_step(gateway.subnet, False, target.block)]
        if crossing:
            answer.append(self.acl_step(gateway.subnet, True, source.block))
        return [onward.way], request, answer

    def _arriving(self, source: Spot, target: Spot) -> Path:
        """Return the path from outside. What arrives needs no route; its answer does, back through the same gateway."""
        back = self.route(target.subnet, source)
        public = target.component is not None and target.component.public
        request = (
            self._entrance(source, target, public),
            self.acl_step(target.subnet, False, source.block),
            self.group_step(target, False, source),
        )
        answer = [self.acl_step(target.subnet, True, source.block)]
        if back is not None and back.way in (Way.INTERNET_GATEWAY, Way.VPN_GATEWAY):
            answer.append(self.gate(back, target, public, source.block))
        else:
            answer.append(Step(f"no way back from {target.subnet}", ()))
        return Path(source, target, (back.way,) if back else (), request, tuple(answer))

    def _entrance(self, source: Spot, target: Spot, public: bool) -> Step:
        """Return the step into the VPC: to a public address, or through a VPN, whose far end we do not control."""
        if self.network.vpn_connections:
            return Step("VPN", (Decision(self.network.vpn_connections[0], ALL),))
        if source.place is Place.VPN:
            return Step("there is no VPN connection", ())
        if not public:
            return Step(f"{target} has no public address", ())
        gateways = [gateway for gateway, way in self.network.attached_gateways.items() if way is Way.INTERNET_GATEWAY]
        if not gateways:
            return Step("the VPC's border, no internet gateway is attached", ())
        return Step("internet gateway", tuple(Decision(gateway, ALL) for gateway in gateways))


_LOCAL = Route("the VPC's local route", "", EVERYWHERE, Way.LOCAL, "")
"""What nothing can take away."""
