"""Rules of security groups and entries of network ACLs, as the resolved release has them. Rules of IPv6 are read
elsewhere: nothing in the VPC has such an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.checks.exposure.addresses import EVERYWHERE, Block, block
from generator.checks.exposure.network import AclEntry, GroupRule
from generator.checks.exposure.reading_prefix_lists import members
from generator.checks.exposure.reading_unknown import is_true, named
from generator.checks.exposure.services import ALL, Services, services
from generator.errors import UserError
from generator.resolver import Resolution

SEPARATE_RULES = {"AWS::EC2::SecurityGroupIngress": False, "AWS::EC2::SecurityGroupEgress": True}
"""The types of rules that stand beside their group, and whether they let out."""

INLINE_RULES = {"SecurityGroupIngress": False, "SecurityGroupEgress": True}
"""The properties of a group that hold rules, and whether they let out."""

GROUP_KEYS = ("SourceSecurityGroupId", "DestinationSecurityGroupId")
PREFIX_LIST_KEYS = ("SourcePrefixListId", "DestinationPrefixListId")


def group_rules(resolution: Resolution) -> Iterator[GroupRule]:
    """Yield the rules of all security groups, with the one that EC2 adds to a group without inline egress.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html
    """
    for group in resolution.of_type("AWS::EC2::SecurityGroup"):
        for key, outbound in INLINE_RULES.items():
            for index, rule in enumerate(group.properties.get(key, [])):
                address = f"{group.address}.{key}[{index}]"
                yield from _group_rule(address, group.address, rule, outbound, resolution.region)
        if not group.properties.get("SecurityGroupEgress"):
            yield GroupRule(f"{group.address} (EC2's default egress)", group.address, True, ALL, EVERYWHERE)
    for kind, outbound in SEPARATE_RULES.items():
        for rule in resolution.of_type(kind):
            group_of_rule = named(rule.properties["GroupId"])
            yield from _group_rule(rule.address, group_of_rule, rule.properties, outbound, resolution.region)


def _group_rule(address: str, group: str, rule: Mapping[str, Any], outbound: bool, region: str) -> Iterator[GroupRule]:
    asked = _services(address, rule["IpProtocol"], rule, "FromPort", "ToPort")
    peer: Block | str | None = block(rule["CidrIp"], address) if "CidrIp" in rule else None
    if peer is None:
        peer = next((named(rule[key]) for key in GROUP_KEYS if key in rule), None)
    if peer is None:
        peer = next((members(rule[key], region) for key in PREFIX_LIST_KEYS if key in rule), None)
    if peer is not None:
        yield GroupRule(address, group, outbound, asked, peer)


def acl_entries(resolution: Resolution) -> Iterator[AclEntry]:
    """Yield the entries of all network ACLs that speak of IPv4, in the order in which EC2 reads them."""
    found = [
        AclEntry(
            address=entry.address,
            acl=named(entry.properties["NetworkAclId"]),
            outbound=is_true(entry.properties.get("Egress")),
            number=int(entry.properties["RuleNumber"]),
            allow=entry.properties["RuleAction"] == "allow",
            services=_entry_services(entry.address, entry.properties),
            peer=block(entry.properties["CidrBlock"], entry.address),
        )
        for entry in resolution.of_type("AWS::EC2::NetworkAclEntry")
        if "CidrBlock" in entry.properties
    ]
    yield from sorted(found, key=lambda entry: entry.number)


def _entry_services(address: str, entry: Mapping[str, Any]) -> Services:
    if "Icmp" in entry:
        return _services(address, entry["Protocol"], entry["Icmp"], "Type", "Type")
    return _services(address, entry["Protocol"], entry.get("PortRange", {}), "From", "To")


def _services(address: str, protocol: Any, ports: Mapping[str, Any], first: str, last: str) -> Services:
    ends = (int(ports[key]) if key in ports else None for key in (first, last))
    try:
        return services(protocol, *ends)
    except UserError as error:
        raise UserError(f"{address}: {error}") from error
