"""Every rule of the network, removed or widened one at a time: the proof must notice all of it.

The mutations are made in the resolved release, in every setting where the resource stands, and each claim then looks
at each setting until one is broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from generator.checks.exposure.case import Case
from generator.checks.exposure.proof import claims
from generator.checks.exposure.reading import read
from generator.checks.settings import all_settings, resolved
from generator.environment import load_all
from generator.release import folder_of
from generator.resolver import Resolution, Resource

ROOT = Path(__file__).parents[2]
ANYWHERE = "0.0.0.0/0"
WIDER = {"to anywhere": ANYWHERE, "to half of all": "0.0.0.0/1"}
"""Ranges to which rules are widened."""

FEWEST = 250
"""Mutations that there are at least: fewer would mean that rules are no longer found."""

MUTATED_TYPES = {
    "AWS::EC2::NetworkAclEntry",
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::VPNConnectionRoute",
}

Properties = dict[str, Any]

Mutants = dict[str, Properties | None]
"""What becomes of a resource's properties, by the name of the mutation; None where the resource is removed."""


@cache
def resolutions() -> tuple[Resolution, ...]:
    release = folder_of(ROOT / "templates_out")
    return tuple(resolved(release, setting) for setting in all_settings(load_all(ROOT / "params")))


def mutants(resource: Resource, resolution: Resolution) -> Mutants:
    """Return every way to remove or widen a rule, as it is in one setting."""
    properties: Properties = dict(resource.properties)
    match resource.type:
        case "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress":
            return {"removed": None, **dict(widened_rule(properties))}
        case "AWS::EC2::SecurityGroup":
            return dict(changed_inline_rules(properties))
        case "AWS::EC2::NetworkAclEntry":
            return {"removed": None, **dict(widened_entry(properties))}
        case "AWS::EC2::Route":
            return {"removed": None, **dict(changed_route(properties, resolution))}
        case "AWS::EC2::VPNConnectionRoute":
            return {"removed": None, "to anywhere": {**properties, "DestinationCidrBlock": ANYWHERE}}
        case "AWS::EC2::VPCEndpoint" if "RouteTableIds" in properties:
            return dict(changed_tables(properties))
    return {}


def changed_inline_rules(group: Properties) -> Iterator[tuple[str, Properties]]:
    for key in ("SecurityGroupIngress", "SecurityGroupEgress"):
        for index, rule in enumerate(group.get(key, [])):
            others = [one for other, one in enumerate(group[key]) if other != index]
            yield f"{key} {index} removed", {**group, key: others}
            for name, wide in widened_rule(rule):
                yield f"{key} {index} {name}", {**group, key: [*others, wide]}


def changed_tables(endpoint: Properties) -> Iterator[tuple[str, Properties]]:
    tables = endpoint["RouteTableIds"]
    for index in range(len(tables)):
        yield f"route {index} removed", {**endpoint, "RouteTableIds": [*tables[:index], *tables[index + 1 :]]}
    yield "isolated too", {**endpoint, "RouteTableIds": [*tables, "⟨Network/IsolatedRouteTable⟩"]}


def widened_rule(rule: Properties) -> Iterator[tuple[str, Properties]]:
    peers = ("SourceSecurityGroupId", "DestinationSecurityGroupId", "SourcePrefixListId", "CidrIp")
    rest = {key: value for key, value in rule.items() if key not in peers}
    for name, cidr in WIDER.items():
        if rule.get("CidrIp") not in (cidr, ANYWHERE):
            yield name, {**rest, "CidrIp": cidr}
    if rule["IpProtocol"] == "tcp":
        yield "all ports", {**rule, "FromPort": 0, "ToPort": 65535}
        yield "one port more", {**rule, "ToPort": rule["ToPort"] + 1}
    else:
        yield "all types", {**rule, "FromPort": -1, "ToPort": -1}
    yield "all protocols", {**{key: value for key, value in rule.items() if "Port" not in key}, "IpProtocol": "-1"}


def widened_entry(entry: Properties) -> Iterator[tuple[str, Properties]]:
    for name, cidr in WIDER.items():
        if entry["CidrBlock"] not in (cidr, ANYWHERE):
            yield name, {**entry, "CidrBlock": cidr}
    ports = entry["PortRange"]
    yield "all ports", {**entry, "PortRange": {"From": 0, "To": 65535}}
    yield "one port more", {**entry, "PortRange": {**ports, "From": ports["From"] - 1}}
    yield "all protocols", {**{key: value for key, value in entry.items() if key != "PortRange"}, "Protocol": -1}


def changed_route(route: Properties, resolution: Resolution) -> Iterator[tuple[str, Properties]]:
    if route["DestinationCidrBlock"] != ANYWHERE:
        yield "to anywhere", {**route, "DestinationCidrBlock": ANYWHERE}
    gateways = {
        "GatewayId": ["AWS::EC2::InternetGateway", "AWS::EC2::VPNGateway"],
        "NatGatewayId": ["AWS::EC2::NatGateway"],
    }
    rest = {key: value for key, value in route.items() if key not in gateways}
    for key, types in gateways.items():
        for gateway in (one for kind in types for one in resolution.of_type(kind)):
            if route.get(key) != f"⟨{gateway.address}⟩":
                yield f"to {gateway.address}", {**rest, key: f"⟨{gateway.address}⟩"}


def is_noticed(address: str, name: str) -> bool:
    """Return whether a claim is broken in a setting in which a rule is mutated."""
    for resolution in resolutions():
        resource = resolution.resources.get(address)
        found = mutants(resource, resolution) if resource else {}
        if resource and name in found:
            resources = dict(resolution.resources)
            del resources[address]
            if (properties := found[name]) is not None:
                resources[address] = replace(resource, properties=properties)
            case = Case(read(replace(resolution, resources=resources)))
            if any(claim.examine(case).broken for claim in claims()):
                return True
    return False


def all_mutations() -> list[tuple[str, str]]:
    """Return the address and the name of every mutation that can be made in any setting."""
    names = {
        (resource.address, name): None
        for resolution in resolutions()
        for resource in resolution.resources.values()
        for name in mutants(resource, resolution)
    }
    return list(names)


def test_unchanged_no_claim_is_broken() -> None:
    """Otherwise every mutation would seem to be noticed."""
    for resolution in resolutions():
        case = Case(read(resolution))
        assert [broken for claim in claims() for broken in claim.examine(case).broken] == []


def test_every_removed_or_widened_rule_is_noticed() -> None:
    """No rule is an exception. One that gets through is a claim too few, or a rule that nobody needs."""
    everything = all_mutations()
    assert len(everything) >= FEWEST
    assert [f"{address}: {name}" for address, name in everything if not is_noticed(address, name)] == []


def test_every_kind_of_rule_is_mutated() -> None:
    everywhere = {address: one.type for each in resolutions() for address, one in each.resources.items()}
    assert {everywhere[address] for address, _ in all_mutations()} == MUTATED_TYPES
