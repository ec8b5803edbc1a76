"""What the drawing needs to know of a resolved stack: which resource another one names, and what captions say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.resolver import Resolution, Resource, references

EVERYWHERE = "0.0.0.0/0"
BEHIND = {"AWS::EC2::InternetGateway": "public", "AWS::EC2::NatGateway": "private", "": "isolated"}
"""What a subnet is called by where its default route goes."""


@dataclass(frozen=True)
class Subnet:
    """A subnet with its place in the grid."""

    resource: Resource
    zone: str
    tier: str
    routes: Sequence[Resource]
    """Of its route table; gateway endpoints and what is local are not among them."""
    table: Resource
    acl: Resource

    @property
    def cidr(self) -> str:
        """Its addresses."""
        return str(self.resource.properties["CidrBlock"])


@dataclass(frozen=True)
class Facts:
    """A resolved root stack, asked in words."""

    resolution: Resolution

    def all(self, *types: str) -> list[Resource]:
        """Return the resources of these types, without `AWS::`."""
        wanted = {f"AWS::{each}" for each in types}
        return [each for each in self.resolution.resources.values() if each.type in wanted]

    def one(self, resource_type: str) -> Resource | None:
        """Return the first resource of a type, if there is one."""
        return next(iter(self.all(resource_type)), None)

    def of_stack(self, stack: str, *types: str) -> list[Resource]:
        """Return the resources of these types of one nested stack."""
        return [each for each in self.all(*types) if each.stack == stack]

    def named(self, value: Any, resource_type: str = "") -> list[Resource]:
        """Return the resources that a value names, in order of their addresses."""
        found = sorted({each.address for each in references(value)})
        resources = [self.resolution.resources[address] for address in found if address in self.resolution.resources]
        return [each for each in resources if not resource_type or each.type == f"AWS::{resource_type}"]

    def who_names(self, resource: Resource, *types: str) -> list[Resource]:
        """Return the resources of these types in whose properties a resource is named."""
        return [each for each in self.all(*types) if resource.address in each.referred]

    def subnets(self) -> list[Subnet]:
        """Return all subnets, by tier and zone: public, private, isolated."""
        found = [self._subnet(each) for each in self.all("EC2::Subnet")]
        tiers = list(BEHIND.values())
        return sorted(found, key=lambda each: (tiers.index(each.tier), each.zone))

    def subnet_of(self, value: Any) -> Resource:
        """Return the first subnet that a value names."""
        return self.named(value, "EC2::Subnet")[0]

    def groups_of(self, resource: Resource) -> list[Resource]:
        """Return the security groups that a resource has."""
        return self.named(resource.properties, "EC2::SecurityGroup")

    def ports(self, source: Resource | None, target: Resource) -> list[int]:
        """Return the ports on which a security group takes another's requests; those of none are addresses."""
        found = set()
        for rule in self.who_names(target, "EC2::SecurityGroupIngress"):
            if self.named(rule.properties["GroupId"]) != [target]:
                continue
            senders = self.named(rule.properties.get("SourceSecurityGroupId", ""))
            if senders == ([source] if source else []):
                found.add(int(rule.properties["FromPort"]))
        return sorted(found)

    def _subnet(self, resource: Resource) -> Subnet:
        table = self.named(self.who_names(resource, "EC2::SubnetRouteTableAssociation")[0].properties["RouteTableId"])[
            0
        ]
        acl = self.named(self.who_names(resource, "EC2::SubnetNetworkAclAssociation")[0].properties["NetworkAclId"])[0]
        routes = self.who_names(table, "EC2::Route")
        default = next((each for each in routes if each.properties.get("DestinationCidrBlock") == EVERYWHERE), None)
        ways = self.named(default.properties) if default else []
        behind = next((BEHIND[each.type] for each in ways if each.type in BEHIND), BEHIND[""])
        return Subnet(resource, str(resource.properties["AvailabilityZone"]), behind, routes, table, acl)


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return `1 alarm` or `2 alarms`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def listed(items: Iterable[object], last: str = "and") -> str:
    """Return `a, b and c`."""
    texts = [str(item) for item in items]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {last} {texts[-1]}" if texts else ""


def days(log_groups: Sequence[Resource]) -> str:
    """Return how long logs are kept."""
    kept = sorted({int(each.properties["RetentionInDays"]) for each in log_groups})
    return f"kept {listed(kept, 'or')} days"


def words(name: str) -> str:
    """Return a logical id as words: `SessionTable` is `session table`."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    text = " ".join(part if part.isupper() and len(part) > 1 else part.lower() for part in parts)
    return text.replace("cloud formation", "CloudFormation")


def called(resource: Resource, stack_name: str) -> str:
    """Return a resource's name of its tags, without project and environment: `product images`."""
    tags = [tag for name, value in resource.properties.items() if name.endswith("Tags") for tag in _pairs(value)]
    name = next((str(tag["Value"]) for tag in tags if tag.get("Key") == "Name"), resource.logical_id)
    return name.removeprefix(f"{stack_name}-").replace("-", " ")


def _pairs(tags: Any) -> list[Any]:
    return [{"Key": key, "Value": tags[key]} for key in tags] if isinstance(tags, Mapping) else list(tags)
