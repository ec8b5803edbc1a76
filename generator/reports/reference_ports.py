"""Ports: who reaches what stands in a stack, by the rules of security groups, network ACLs, and load balancers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.reports.markdown_table import table
from generator.reports.reference_resources import page_of
from generator.reports.reference_templates import STACK, Place, Source, Templates
from generator.reports.template_words import in_words

GROUP, ACL_ENTRY = "AWS::EC2::SecurityGroup", "AWS::EC2::NetworkAclEntry"
RULES = {"AWS::EC2::SecurityGroupIngress": True, "AWS::EC2::SecurityGroupEgress": False}
"""The types of a security group's rules, and whether they let in."""

LISTENER, TARGETS = "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::TargetGroup"
EVERYBODY = "0.0.0.0/0"
PEERS = ("SourceSecurityGroupId", "DestinationSecurityGroupId", "SourcePrefixListId", "DestinationPrefixListId")
ALL_PROTOCOLS = "-1"
PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp"}
"""https://www.iana.org/assignments/protocol-numbers"""


@dataclass(frozen=True)
class Rule:
    """One rule of a security group."""

    place: Place
    group: Place
    lets_in: bool

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties."""
        properties: Mapping[str, Any] = self.place.resource["Properties"]
        return properties


def ports(templates: Templates, source: Source) -> str:
    """Return the section on ports; empty for a template in which nothing has any."""
    parts = [_groups(templates, source), _acls(source), _listeners(source), _targets(source)]
    return "\n\n".join(part for part in parts if part)


def _groups(templates: Templates, source: Source) -> str:
    """Return a chapter for each group that a template owns, or that what stands in it belongs to."""
    here = dict.fromkeys(group for group, _ in _members(templates, source))
    return "\n\n".join(_chapter(templates, source, group) for group in here)


def _chapter(templates: Templates, source: Source, group: Place) -> str:
    """Return what is in a group, and its rules. Its owner's page tells the members of every stack."""
    owner = group.source is source
    where = templates.sources if owner else (source,)
    members = [member for each in where for found, member in _members(templates, each) if found == group]
    inside = ", ".join(page_of(templates, member, source) for member in members if member != group)
    rows = [_row(templates, source, rule) for rule in rules(templates) if rule.group == group]
    told = f"In it: {inside}." if inside else "Nothing is in it but what others put there."
    if not owner:
        told = f"{told} The group is {page_of(templates, group, source)} of `{group.source.name}`."
    listed = table(["packets", "with", "on", "rule", "only where"], rows)
    return "\n\n".join([f"### {group.logical_id}", told, listed])


def _row(templates: Templates, source: Source, rule: Rule) -> list[str]:
    return [
        "**in from**" if rule.lets_in else "out to",
        _peer(templates, source, rule),
        service(rule.properties),
        f"`{rule.place.logical_id}`: {rule.properties['Description']}",
        f"`{rule.place.resource['Condition']}`" if "Condition" in rule.place.resource else "",
    ]


def _members(templates: Templates, source: Source) -> Iterator[tuple[Place, Place]]:
    """Yield the security groups that matter to a template, each with what is in it, itself where it stands there."""
    for logical_id, resource in source.resources.items():
        for group in dict.fromkeys(_groups_of(templates, source, resource, logical_id)):
            yield group, Place(source, logical_id)


def _groups_of(templates: Templates, source: Source, resource: Mapping[str, Any], logical_id: str) -> Iterator[Place]:
    """Yield the security groups that a resource is, or belongs to."""
    if resource["Type"] == GROUP:
        yield Place(source, logical_id)
    elif resource["Type"] not in (*RULES, STACK):
        for reference in _references(resource.get("Properties", {})):
            place = templates.origin(source, reference)
            if place is not None and place.resource.get("Type") == GROUP:
                yield place


def _references(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        if "Ref" in value or "Fn::GetAtt" in value:
            yield value
        else:
            for part in value.values():
                yield from _references(part)


def rules(templates: Templates) -> Iterator[Rule]:
    """Yield the rules of all security groups of a release. Those inside of a group let nothing through."""
    for source in templates.sources:
        for logical_id, resource in source.resources.items():
            if resource["Type"] in RULES:
                group = templates.origin(source, resource["Properties"]["GroupId"])
                assert group is not None, f"{source.file}: {logical_id}: is a rule of no group"
                yield Rule(Place(source, logical_id), group, RULES[resource["Type"]])


def _peer(templates: Templates, source: Source, rule: Rule) -> str:
    properties = rule.properties
    if address := properties.get("CidrIp"):
        return "everybody" if address == EVERYBODY else f"`{in_words(address)}`"
    [named] = [properties[key] for key in PEERS if key in properties]
    if place := templates.origin(rule.place.source, named):
        return page_of(templates, place, source)
    match named:
        case {"Fn::FindInMap": [name, *_]}:
            return f"prefix list of `{name}`"
    return f"`{in_words(named)}`"


def service(properties: Mapping[str, Any]) -> str:
    """Return protocol and ports, such as `tcp 443`, as groups' rules and entries of ACLs have them."""
    protocol = str(properties.get("IpProtocol", properties.get("Protocol")))
    if protocol == ALL_PROTOCOLS:
        return "everything"
    between = properties.get("PortRange", {"From": properties.get("FromPort"), "To": properties.get("ToPort")})
    first, last = (in_words(between[end]) for end in ("From", "To"))
    return f"{PROTOCOLS.get(protocol, protocol)} {first if first == last else f'{first} to {last}'}"


def _acls(source: Source) -> str:
    rows = []
    for logical_id, resource in source.resources.items():
        if resource["Type"] == ACL_ENTRY:
            properties = resource["Properties"]
            outward = str(properties.get("Egress", "false")).lower() == "true"
            address = properties["CidrBlock"]
            rows.append(
                [
                    f"`{in_words(properties['NetworkAclId'])}`",
                    in_words(properties["RuleNumber"]),
                    f"{properties['RuleAction']} {'out to' if outward else '**in from**'}",
                    "everybody" if address == EVERYBODY else f"`{in_words(address)}`",
                    service(properties),
                    f"`{logical_id}`",
                    f"`{resource['Condition']}`" if "Condition" in resource else "",
                ]
            )
    if not rows:
        return ""
    return table(["network ACL", "number", "packets", "with", "on", "entry", "only where"], rows)


def _listeners(source: Source) -> str:
    rows = [
        [f"`{logical_id}`", f"{properties['Protocol']} {in_words(properties['Port'])}", _action(properties)]
        for logical_id, properties in _of_type(source, LISTENER)
    ]
    return table(["listener", "on", "what no rule wants"], rows) if rows else ""


def _action(properties: Mapping[str, Any]) -> str:
    [action] = properties["DefaultActions"]
    match action["Type"]:
        case "redirect":
            redirect = action["RedirectConfig"]
            return f"redirect to {redirect['Protocol']} {redirect['Port']}"
        case "fixed-response":
            return f"answer {action['FixedResponseConfig']['StatusCode']}"
    return str(action["Type"])


def _targets(source: Source) -> str:
    rows = []
    for logical_id, properties in _of_type(source, TARGETS):
        check = f"`{properties['HealthCheckPath']}` every {properties['HealthCheckIntervalSeconds']} s"
        called = f"{in_words(properties['Protocol'])} {in_words(properties['Port'])}"
        rows.append([f"`{logical_id}`", called, check])
    return table(["target group", "is called on", "health check"], rows) if rows else ""


def _of_type(source: Source, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for logical_id, resource in source.resources.items():
        if resource["Type"] == kind:
            yield logical_id, resource["Properties"]
