"""What is meant: who may talk to whom, on which ports and on which way. The proof holds the release to these tables.

Each layer has a table of its own and must keep to it alone, because a layer that leans on another hides its holes. A
flow is allowed from end to end where the sender's and the receiver's security groups are both meant to allow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from generator.checks.exposure.network import AWS_SERVICES, COMPONENTS, STRANGERS, Asked, Place, Tier, Way
from generator.checks.exposure.services import ALL, EPHEMERAL, NONE, Services, services, tcp

SSH, HTTP, HTTPS, NFS, POSTGRESQL = 22, 80, 443, 2049, 5432
OF_CONTAINERS = (8080, 8443)
"""The ports on which containers answer, in HTTP and in HTTPS."""

ANYBODY = frozenset(Place)

APPLICATION_PATHS = ("/api/*", "/product-images/*", "/healthz")
"""What CloudFront asks web servers for, where it does."""

ORIGIN_HEADER = "x-origin-verify"
"""The header by which the load balancer knows its own distribution, in small letters."""

TEST_HEADER = "x-web-platform-test"
"""The header by which it knows requests to containers that visitors do not reach yet, in small letters."""

When = Callable[[Asked], bool]


def always(_: Asked) -> bool:
    """Say that a line holds in every setting."""
    return True


def ssh_access(asked: Asked) -> bool:
    """Say that a line holds where operators come through SSH."""
    return asked.access_mode == "ssh"


def open_to_the_internet(asked: Asked) -> bool:
    """Say that a line holds where clients reach the load balancer themselves."""
    return not asked.behind_cloudfront


def behind_cloudfront(asked: Asked) -> bool:
    """Say that a line holds where the load balancer takes CloudFront's requests alone."""
    return asked.behind_cloudfront


def servers_stand(asked: Asked) -> bool:
    """Say that a line holds where web servers answer requests."""
    return asked.web_servers


def containers_stand(asked: Asked) -> bool:
    """Say that a line holds where containers answer requests."""
    return asked.containers


def bastion_stands(asked: Asked) -> bool:
    """Say that a line holds where there is a bastion."""
    return asked.access_mode != "none"


def endpoints_stand(asked: Asked) -> bool:
    """Say that a line holds where AWS APIs are reached through interface endpoints."""
    return asked.interface_endpoints


def vpn_and_ssh(asked: Asked) -> bool:
    """Say that a line holds where operators come through SSH, and may come through the VPN."""
    return ssh_access(asked) and asked.vpn_range is not None


def vpn_stands(asked: Asked) -> bool:
    """Say that a line holds where there is a VPN."""
    return asked.vpn_range is not None


@dataclass(frozen=True)
class Meant:
    """One line of a layer's table: a component, with whom, on what."""

    who: Place
    peers: frozenset[Place]
    services: Services
    when: When = always


ACCEPTS = (
    Meant(Place.LOAD_BALANCER, ANYBODY, tcp(HTTP, HTTPS), open_to_the_internet),
    Meant(Place.LOAD_BALANCER, frozenset({Place.CLOUDFRONT}), tcp(HTTPS), behind_cloudfront),
    Meant(Place.WEB_SERVERS, frozenset({Place.LOAD_BALANCER}), tcp(HTTP, HTTPS)),
    Meant(Place.CONTAINERS, frozenset({Place.LOAD_BALANCER, Place.CONTAINERS}), tcp(*OF_CONTAINERS)),
    Meant(Place.BASTION, frozenset({Place.OPERATORS, Place.VPN}), tcp(SSH), ssh_access),
    Meant(Place.DATABASE, frozenset({Place.WEB_SERVERS, Place.CONTAINERS, Place.BASTION}), tcp(POSTGRESQL)),
    Meant(Place.FILE_SYSTEM, frozenset({Place.WEB_SERVERS, Place.CONTAINERS}), tcp(NFS)),
    Meant(Place.ENDPOINTS, frozenset({Place.WEB_SERVERS, Place.CONTAINERS, Place.BASTION}), tcp(HTTPS)),
)
"""What the ingress rules of security groups let in, whoever sends it."""

SENDS = (
    Meant(Place.LOAD_BALANCER, frozenset({Place.WEB_SERVERS}), tcp(HTTP, HTTPS)),
    Meant(Place.LOAD_BALANCER, frozenset({Place.CONTAINERS}), tcp(*OF_CONTAINERS)),
    Meant(Place.WEB_SERVERS, ANYBODY, tcp(HTTPS)),
    Meant(Place.WEB_SERVERS, frozenset({Place.DATABASE}), tcp(POSTGRESQL)),
    Meant(Place.WEB_SERVERS, frozenset({Place.FILE_SYSTEM}), tcp(NFS)),
    Meant(Place.CONTAINERS, ANYBODY, tcp(HTTPS)),
    Meant(Place.CONTAINERS, frozenset({Place.CONTAINERS}), tcp(*OF_CONTAINERS)),
    Meant(Place.CONTAINERS, frozenset({Place.DATABASE}), tcp(POSTGRESQL)),
    Meant(Place.CONTAINERS, frozenset({Place.FILE_SYSTEM}), tcp(NFS)),
    Meant(Place.BASTION, ANYBODY, tcp(HTTPS)),
    Meant(Place.BASTION, frozenset({Place.DATABASE}), tcp(POSTGRESQL)),
)
"""What the egress rules of security groups let out, whoever takes it."""

PLACEHOLDER = services("icmp", 252)
"""What a group may send to the address that nobody has: the rule that keeps EC2 from adding one that lets all out."""


@dataclass(frozen=True)
class Border:
    """One line of the network ACLs' table: what passes a tier's border, to or from which tiers and outsiders."""

    tier: Tier
    outbound: bool
    peers: frozenset[Tier | Place]
    services: Services
    when: When = always


ANYWHERE: frozenset[Tier | Place] = frozenset({*STRANGERS, *Tier})

BORDERS = (
    # Clients of the load balancer, the private tier on its way through a NAT gateway, answers to both and the bastion.
    Border(Tier.PUBLIC, False, ANYWHERE, tcp(HTTP, HTTPS) | EPHEMERAL),
    Border(Tier.PUBLIC, False, frozenset({Place.OPERATORS, Place.VPN}), tcp(SSH), ssh_access),
    Border(Tier.PUBLIC, True, ANYWHERE, tcp(HTTPS) | EPHEMERAL),
    Border(Tier.PUBLIC, True, frozenset({Tier.PRIVATE}), tcp(HTTP)),
    # The load balancer's requests, calls of interface endpoints from both tiers, and answers from everywhere. Ports of
    # containers are among those of answers.
    Border(Tier.PRIVATE, False, frozenset({Tier.PUBLIC}), tcp(HTTP, HTTPS)),
    Border(Tier.PRIVATE, False, frozenset({Tier.PRIVATE}), tcp(HTTPS)),
    Border(Tier.PRIVATE, False, ANYWHERE, EPHEMERAL),
    Border(Tier.PRIVATE, True, ANYWHERE, tcp(HTTPS)),
    Border(Tier.PRIVATE, True, frozenset({Tier.ISOLATED}), tcp(POSTGRESQL, NFS)),
    Border(Tier.PRIVATE, True, frozenset({Tier.PUBLIC, Tier.PRIVATE}), EPHEMERAL),
    # Data is asked for, and answers.
    Border(Tier.ISOLATED, False, frozenset({Tier.PRIVATE}), tcp(POSTGRESQL, NFS)),
    Border(Tier.ISOLATED, True, frozenset({Tier.PRIVATE}), EPHEMERAL),
    Border(Tier.ISOLATED, False, frozenset({Tier.PUBLIC}), tcp(POSTGRESQL), ssh_access),
    Border(Tier.ISOLATED, True, frozenset({Tier.PUBLIC}), EPHEMERAL, ssh_access),
)
"""What network ACLs let pass. They are the coarse layer: they know tiers, not components."""


@dataclass(frozen=True)
class Exit:
    """One line of the route tables' table: where a tier's packets for an outsider go."""

    tier: Tier
    to: frozenset[Place]
    way: Way


EXITS = (
    Exit(Tier.PUBLIC, STRANGERS - {Place.VPN} | AWS_SERVICES, Way.INTERNET_GATEWAY),
    Exit(Tier.PRIVATE, STRANGERS - {Place.VPN}, Way.NAT_GATEWAY),
    Exit(Tier.PRIVATE, AWS_SERVICES, Way.GATEWAY_ENDPOINT),
    Exit(Tier.PUBLIC, frozenset({Place.VPN}), Way.VPN_GATEWAY),
    Exit(Tier.PRIVATE, frozenset({Place.VPN}), Way.VPN_GATEWAY),
)
"""Where routes lead. What has no line has no route: the isolated tier never leaves the VPC."""


@dataclass(frozen=True)
class Flow:
    """Traffic that must work: from every spot of the source to every spot of the target, with answers."""

    claim: str
    requirements: tuple[str, ...]
    source: Place
    target: Place
    ports: tuple[int, ...] = ()
    """TCP ports; empty for those on which the target listens."""
    when: When = always


def _of_the_application(who: str, place: Place, stands: When) -> Iterator[Flow]:
    """Yield what the application must reach, wherever it runs."""

    def with_endpoints(asked: Asked) -> bool:
        return stands(asked) and endpoints_stand(asked)

    def with_vpn(asked: Asked) -> bool:
        return stands(asked) and vpn_stands(asked)

    yield Flow(f"{who} reach the database", ("E9",), place, Place.DATABASE, (), stands)
    yield Flow(f"{who} reach the file system", ("E11",), place, Place.FILE_SYSTEM, (), stands)
    yield Flow(f"{who} reach the internet, through NAT", ("W2", "E6"), place, Place.INTERNET, (HTTPS,), stands)
    yield Flow(f"{who} reach S3, through a gateway endpoint", ("W2", "E7"), place, Place.S3, (HTTPS,), stands)
    yield Flow(f"{who} reach DynamoDB the same way", ("W2", "E10"), place, Place.DYNAMODB, (HTTPS,), stands)
    yield Flow(f"{who} reach interface endpoints", ("W2",), place, Place.ENDPOINTS, (HTTPS,), with_endpoints)
    yield Flow(f"{who} reach what is behind the VPN", ("D1",), place, Place.VPN, (HTTPS,), with_vpn)


FLOWS = (
    Flow(
        "Clients reach the load balancer",
        ("W1", "W3", "E8", "E13"),
        Place.INTERNET,
        Place.LOAD_BALANCER,
        (HTTP, HTTPS),
        open_to_the_internet,
    ),
    Flow(
        "Operators are clients too",
        ("W1",),
        Place.OPERATORS,
        Place.LOAD_BALANCER,
        (HTTP, HTTPS),
        open_to_the_internet,
    ),
    Flow(
        "CloudFront reaches the load balancer, where that takes nobody else's requests",
        ("W1", "D4"),
        Place.CLOUDFRONT,
        Place.LOAD_BALANCER,
        (HTTPS,),
        behind_cloudfront,
    ),
    Flow(
        "The load balancer reaches web servers, for requests and health checks",
        ("W1", "W4", "W6"),
        Place.LOAD_BALANCER,
        Place.WEB_SERVERS,
        (),
        servers_stand,
    ),
    Flow(
        "The load balancer reaches containers, for requests and health checks",
        ("W1", "W4", "W6"),
        Place.LOAD_BALANCER,
        Place.CONTAINERS,
        (),
        containers_stand,
    ),
    *_of_the_application("Web servers", Place.WEB_SERVERS, servers_stand),
    *_of_the_application("Containers", Place.CONTAINERS, containers_stand),
    Flow("Containers reach each other", ("D5",), Place.CONTAINERS, Place.CONTAINERS, (), containers_stand),
    Flow("The bastion reaches the database", ("E5",), Place.BASTION, Place.DATABASE, (), bastion_stands),
    Flow("The bastion reaches AWS APIs", ("E5", "W2"), Place.BASTION, Place.INTERNET, (443,), bastion_stands),
    Flow(
        "The bastion reaches interface endpoints",
        ("E5",),
        Place.BASTION,
        Place.ENDPOINTS,
        (443,),
        lambda asked: bastion_stands(asked) and endpoints_stand(asked),
    ),
    Flow("Operators reach the bastion by SSH", ("E5",), Place.OPERATORS, Place.BASTION, (SSH,), ssh_access),
    Flow("Operators reach the bastion through the VPN", ("D1", "D8"), Place.VPN, Place.BASTION, (SSH,), vpn_and_ssh),
)
"""What must work, from every client port and in every pair of zones."""


def accepts(asked: Asked, who: Place, sender: Place) -> Services:
    """Return what a component is meant to take from somebody; who stands outside takes everything."""
    return _sum(ACCEPTS, asked, who, sender) if who in COMPONENTS else ALL


def sends(asked: Asked, who: Place, taker: Place) -> Services:
    """Return what a component is meant to send to somebody; who is not ours sends everything."""
    return _sum(SENDS, asked, who, taker) if who in COMPONENTS else ALL


def passes(asked: Asked, tier: Tier, outbound: bool, peer: Tier | Place) -> Services:
    """Return what is meant to pass a tier's border."""
    found = NONE
    for line in BORDERS:
        if line.tier is tier and line.outbound is outbound and peer in line.peers and line.when(asked):
            found |= line.services
    return found


def leads(tier: Tier, target: Place) -> Way | None:
    """Return where a tier's packets for an outsider are meant to go; None for nowhere."""
    return next((line.way for line in EXITS if line.tier is tier and target in line.to), None)


def _sum(table: Iterable[Meant], asked: Asked, who: Place, peer: Place) -> Services:
    found = NONE
    for line in table:
        if line.who is who and peer in line.peers and line.when(asked):
            found |= line.services
    return found
