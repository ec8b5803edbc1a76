"""What would let IPv6 in or out. The VPC has no IPv6 block, so that nothing in it has such an address: one piece of it
anywhere is the beginning of a second network beside the one that is proved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.checks.exposure.reading_unknown import is_true, named
from generator.checks.exposure.services import lowest, services, text
from generator.resolver import Resolution, Resource

CLIENT = "[2001:db8::7]:1024"
"""Where the packets of counterexamples come from or go to: an address for documentation (RFC 3849)."""

BRING_IPV6 = ("AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::SubnetCidrBlock")

SUBNET_SWITCHES = ("AssignIpv6AddressOnCreation", "Ipv6Native", "EnableDns64")


def ipv6_openings(resolution: Resolution) -> Iterator[str]:
    """Yield everything that speaks of IPv6, with the packet that it would let pass."""
    for resource in resolution.resources.values():
        yield from _openings(resource)


def _openings(resource: Resource) -> Iterator[str]:
    properties, address = resource.properties, resource.address
    match resource.type:
        case "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress":
            outbound = resource.type.endswith("Egress")
            yield from _rule(address, named(properties["GroupId"]), properties, outbound)
        case "AWS::EC2::SecurityGroup":
            for key in ("SecurityGroupIngress", "SecurityGroupEgress"):
                for index, rule in enumerate(properties.get(key, [])):
                    yield from _rule(f"{address}.{key}[{index}]", address, rule, key.endswith("Egress"))
        case "AWS::EC2::NetworkAclEntry" if "Ipv6CidrBlock" in properties and properties["RuleAction"] == "allow":
            acl = f"subnets of {named(properties['NetworkAclId'])}"
            yield _packet(acl, _ports_of_entry(properties), is_true(properties.get("Egress")), address)
        case "AWS::EC2::Route" if "DestinationIpv6CidrBlock" in properties:
            yield _packet(f"subnets of {named(properties['RouteTableId'])}", "tcp 1024", True, address)
        case "AWS::ElasticLoadBalancingV2::LoadBalancer" if properties.get("IpAddressType", "ipv4") != "ipv4":
            yield _packet(address, "tcp 443", False, f"{address}.IpAddressType {properties['IpAddressType']}")
        case "AWS::EC2::Subnet" if "Ipv6CidrBlock" in properties or any(map(is_true, _switches(properties))):
            yield _packet(address, "tcp 1024", False, f"the IPv6 addresses of {address}")
        case "AWS::EC2::VPCCidrBlock" if {"Ipv6Pool", "Ipv6CidrBlock", "AmazonProvidedIpv6CidrBlock"} & set(properties):
            yield _packet("the VPC", "tcp 1024", False, f"the IPv6 block of {address}")
        case kind if kind in BRING_IPV6:
            yield _packet("the VPC", "tcp 1024", True, address)


def _switches(properties: Mapping[str, Any]) -> list[Any]:
    return [properties.get(switch) for switch in SUBNET_SWITCHES]


def _rule(address: str, group: str, rule: Mapping[str, Any], outbound: bool) -> Iterator[str]:
    if "CidrIpv6" in rule:
        first, last = (int(rule[key]) if key in rule else None for key in ("FromPort", "ToPort"))
        asked = text(lowest(services(rule["IpProtocol"], first, last)))
        yield _packet(f"members of {group}", asked, outbound, f"{address} ({rule['CidrIpv6']})")


def _ports_of_entry(entry: Mapping[str, Any]) -> str:
    ports = entry.get("PortRange", {})
    first, last = (int(ports[key]) if key in ports else None for key in ("From", "To"))
    return text(lowest(services(entry["Protocol"], first, last)))


def _packet(inside: str, asked: str, outbound: bool, cause: str) -> str:
    ends = f"{inside} → {CLIENT}" if outbound else f"{CLIENT} → {inside}"
    return f"{ends} {asked}: let through by {cause}"
