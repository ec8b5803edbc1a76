"""The network of one setting, without CloudFormation: who stands where, and what each layer's rules say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from generator.checks.exposure.addresses import Block
from generator.checks.exposure.front import Front
from generator.checks.exposure.security_headers import SecurityHeader
from generator.checks.exposure.services import Services


class Place(StrEnum):
    """Who talks to whom. What a component is follows from its resources, never from their names."""

    INTERNET = "internet"
    OPERATORS = "operators"
    """The range that operators connect from; a part of the internet."""
    CLOUDFRONT = "CloudFront"
    """CloudFront's origin-facing servers, where they count apart from the internet that they are a part of. Only AWS
    knows their addresses; they may be any public ones but the operators'."""
    VPN = "VPN network"
    """The network at the other end of the site-to-site VPN."""
    S3 = "S3"
    DYNAMODB = "DynamoDB"
    """What gateway endpoints lead to. Only AWS knows their addresses; they may be any public ones."""
    ELSEWHERE = "anything else in the VPC"
    """Whatever somebody puts into a subnet one day: it has no group of ours, and sends what it likes."""
    LOAD_BALANCER = "load balancer"
    WEB_SERVERS = "web servers"
    """Machines that are registered with a target group."""
    CONTAINERS = "containers"
    """Tasks of Amazon ECS, each with a network interface of its own."""
    BASTION = "bastion"
    """Machines that are registered with none."""
    DATABASE = "database"
    FILE_SYSTEM = "file system"
    ENDPOINTS = "interface endpoints"


AWS_SERVICES = frozenset({Place.S3, Place.DYNAMODB})
STRANGERS = frozenset({Place.INTERNET, Place.OPERATORS, Place.CLOUDFRONT, Place.VPN})
"""Outsiders who begin conversations."""
OUTSIDE = STRANGERS | AWS_SERVICES
INSIDE = frozenset(Place) - OUTSIDE
COMPONENTS = INSIDE - {Place.ELSEWHERE}


class Tier(StrEnum):
    """A subnet's tier follows from what stands in it."""

    PUBLIC = "public tier"
    """Subnets of load balancers and NAT gateways."""
    PRIVATE = "private tier"
    """Subnets of web servers and containers."""
    ISOLATED = "isolated tier"
    """Subnets of databases and file systems."""


class Way(StrEnum):
    """What a route leads to."""

    LOCAL = "the VPC itself"
    INTERNET_GATEWAY = "internet gateway"
    NAT_GATEWAY = "NAT gateway"
    VPN_GATEWAY = "VPN gateway"
    GATEWAY_ENDPOINT = "gateway endpoint"
    OTHER = "another network"
    """Peering, transit gateway and the like: what lies behind is unknown, so that everything may."""


@dataclass(frozen=True)
class GroupRule:
    """One rule of a security group. Its address is that of the resource, with the list's item where it is inline."""

    address: str
    group: str
    outbound: bool
    services: Services
    peer: Block | str
    """The addresses that the rule names, or the security group, or `CLOUDFRONT` for CloudFront's prefix list."""


@dataclass(frozen=True)
class AclEntry:
    """One entry of a network ACL; the one with the lowest number that fits a packet decides."""

    address: str
    acl: str
    outbound: bool
    number: int
    allow: bool
    services: Services
    peer: Block


@dataclass(frozen=True)
class Route:
    """One route of a route table."""

    address: str
    table: str
    destination: Block | Place
    """`S3` or `DYNAMODB` for the prefix list of a gateway endpoint."""
    way: Way
    target: str
    """Address of the gateway."""


@dataclass(frozen=True)
class VpnRoute:
    """A network that a VPN gateway finds behind one of its connections."""

    address: str
    gateway: str
    destination: Block


@dataclass(frozen=True)
class Subnet:
    """A subnet with the route table and the network ACL that are associated with it; empty for the VPC's own."""

    address: str
    block: Block
    zone: str
    route_table: str
    acl: str
    gives_public_addresses: bool


@dataclass(frozen=True)
class NatGateway:
    """A NAT gateway and the subnet in which it stands."""

    address: str
    subnet: str
    public: bool


@dataclass(frozen=True)
class Component:
    """Network interfaces that are alike: same kind, same groups, same subnets."""

    place: Place
    resources: tuple[str, ...]
    groups: frozenset[str]
    subnets: tuple[str, ...]
    public: bool
    """Whether it has, or may get, a public address."""
    ports: tuple[int, ...]
    """TCP ports on which it must be reached, such as those of listeners, or of targets and their health checks."""


@dataclass(frozen=True)
class Listener:
    """A port on which a load balancer takes connections."""

    address: str
    port: int
    protocol: str
    headers: frozenset[SecurityHeader]
    """The security headers that its answers carry whatever a server says."""
    certificates: tuple[str, ...]
    """Addresses of the release's certificates; without those that are imported."""


@dataclass(frozen=True)
class HeaderCondition:
    """That a rule takes only requests with a certain header."""

    name: str
    """In small letters, as HTTP does not tell them apart."""
    values: tuple[str, ...]
    """Any one of them is enough."""
    secret: bool
    """Whether each of them is a secret of the release that nobody wrote down."""


@dataclass(frozen=True)
class Action:
    """What a listener, or one of its rules, does with a request."""

    address: str
    listener: str
    kind: str
    """`forward`, `redirect` and so on."""
    redirects_to: tuple[str, str]
    """Protocol and port; empty where it is no redirect."""
    target_groups: tuple[str, ...]
    without_share: frozenset[str]
    """Those of the target groups that get no request as the template has it."""
    headers: tuple[HeaderCondition, ...]
    """What a request must have, all of it."""


@dataclass(frozen=True)
class TargetGroup:
    """Who gets forwarded requests, and how they are called."""

    address: str
    protocol: str
    port: int
    health_protocol: str
    health_port: int
    health_checks: bool
    registered: frozenset[str]
    """Kinds of components, or the ids of strangers."""


@dataclass(frozen=True)
class Deployments:
    """How ECS replaces the containers of a service: by rules that it changes itself."""

    service: str
    target_groups: tuple[str, ...]
    """Those that it puts tasks into, in turn."""
    production_rule: str
    """The rule that visitors' requests go by; empty where ECS moves no requests."""
    test_rule: str
    """The rule by which new tasks are asked first; empty for none."""


@dataclass(frozen=True)
class Relay:
    """What load balancers take from clients and hand on."""

    listeners: tuple[Listener, ...]
    actions: tuple[Action, ...]
    target_groups: tuple[TargetGroup, ...]
    deployments: tuple[Deployments, ...]


@dataclass(frozen=True)
class Asked:
    """What the setting asks for, as far as it decides who may reach what."""

    environment: str
    access_mode: str
    operator_range: Block
    vpn_range: Block | None
    web_servers: bool
    """Whether web servers answer requests."""
    containers: bool
    """Whether containers answer requests."""
    interface_endpoints: bool
    behind_cloudfront: bool
    """Whether the load balancer takes CloudFront's requests alone."""
    domain: str
    """The name that viewers use; empty where there is none, and CloudFront serves the website alone."""
    firewall: bool
    """Whether a web ACL examines requests."""
    shield: bool
    """Whether Shield Advanced protects what faces the internet."""


@dataclass(frozen=True)
class Network:
    """All that decides whether a packet arrives."""

    asked: Asked
    vpc: Block
    subnets: Mapping[str, Subnet]
    components: tuple[Component, ...]
    group_rules: tuple[GroupRule, ...]
    acl_entries: tuple[AclEntry, ...]
    routes: tuple[Route, ...]
    nat_gateways: Mapping[str, NatGateway]
    attached_gateways: Mapping[str, Way]
    """Internet and VPN gateways that are attached to the VPC."""
    vpn_connections: tuple[str, ...]
    vpn_routes: tuple[VpnRoute, ...]
    relay: Relay
    front: Front
    ipv6: tuple[str, ...]
    """What would let IPv6 in or out, each as a sentence with a packet."""
    other_networks: tuple[str, ...]
    """What connects the VPC with another one, each with its type."""
    unknown: tuple[str, ...]
    """What this model cannot read, and what to do about each."""

    def tiers(self, subnet: str) -> frozenset[Tier]:
        """Return the tiers that what stands in a subnet belongs to; one, where all is well."""
        standing = {TIER_OF[one.place] for one in self.components if subnet in one.subnets and one.place in TIER_OF}
        translated = any(gateway.subnet == subnet for gateway in self.nat_gateways.values())
        return frozenset(standing | ({Tier.PUBLIC} if translated else set()))

    def of(self, place: Place) -> list[Component]:
        """Return the components of one kind."""
        return [component for component in self.components if component.place == place]


TIER_OF: Mapping[Place, Tier] = {
    Place.LOAD_BALANCER: Tier.PUBLIC,
    Place.WEB_SERVERS: Tier.PRIVATE,
    Place.CONTAINERS: Tier.PRIVATE,
    Place.DATABASE: Tier.ISOLATED,
    Place.FILE_SYSTEM: Tier.ISOLATED,
}
"""The components by which a subnet's tier is known. Bastion and endpoints stand in another's."""
