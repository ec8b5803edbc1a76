"""What the model would overlook: every resource that touches the network and that the readers do not know.

A proof that reads only what it knows would hold while a new kind of resource stands open beside it. Here whatever names
a subnet, a security group or a launch template, and every EC2 type, is either known or an objection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator.checks.exposure.reading_prefix_lists import members
from generator.resolver import Resolution, Resource, references

READ = frozenset(
    {
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::EC2::EIP",
        "AWS::EC2::EIPAssociation",
        "AWS::EC2::EgressOnlyInternetGateway",
        "AWS::EC2::Instance",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::NatGateway",
        "AWS::EC2::NetworkAcl",
        "AWS::EC2::NetworkAclEntry",
        "AWS::EC2::Route",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetCidrBlock",
        "AWS::EC2::SubnetNetworkAclAssociation",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC",
        "AWS::EC2::VPCCidrBlock",
        "AWS::EC2::VPCEndpoint",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::EC2::VPNConnection",
        "AWS::EC2::VPNConnectionRoute",
        "AWS::EC2::VPNGateway",
        "AWS::EC2::VPNGatewayRoutePropagation",
        "AWS::ECS::Service",
        "AWS::EFS::MountTarget",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBSubnetGroup",
    }
)
"""The types that the readers of this package read."""

DATABASE, RESTORE_TEST = "AWS::RDS::DBInstance", "AWS::Backup::RestoreTestingSelection"

WITHOUT_INTERFACE = frozenset(
    {
        RESTORE_TEST,
        "AWS::CloudFormation::Stack",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::EC2::CustomerGateway",
        "AWS::EC2::FlowLog",
        "AWS::EC2::KeyPair",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Route53::RecordSet",
        "AWS::SSM::Document",
        "AWS::SSM::Parameter",
        "AWS::Shield::Protection",
        "AWS::Synthetics::Canary",
        "AWS::WAFv2::WebACLAssociation",
    }
)
"""Types that may name a subnet, a group or a load balancer without standing in it, or calling it from inside the
network. A canary calls it as the internet does, and what a restore test makes is read as the database."""

PLACES = (
    "AWS::EC2::Subnet",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::NetworkInterface",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::RDS::DBSubnetGroup",
)
"""What a resource names that has a network interface, or that calls a load balancer in the name of others."""

SINGLE_RULE_PEERS = ("CidrIp", "CidrIpv6", "SourceSecurityGroupId", "DestinationSecurityGroupId")

PREFIX_LIST_PEERS = ("SourcePrefixListId", "DestinationPrefixListId")


def named(value: Any) -> str:
    """Return the address of the one resource that a value comes from; empty where it is none, or a known value."""
    found = {reference.address for reference in references(value)}
    return found.pop() if len(found) == 1 else ""


def is_true(value: Any) -> bool:
    """Return whether a property is switched on; CloudFormation takes the word as well as the value."""
    return str(value).lower() == "true"


def unknown_resources(resolution: Resolution) -> Iterator[str]:
    """Yield an objection for each resource that could let a packet pass and that is not read."""
    for resource in resolution.resources.values():
        if resource.type not in READ | WITHOUT_INTERFACE:
            places = _places(resolution, resource)
            if places:
                yield f"{resource.address} ({resource.type}) stands in {', '.join(places)}, which the proof cannot read"
            elif resource.type.startswith("AWS::EC2::"):
                yield f"{resource.address} is of a type that the proof does not know: {resource.type}"
        yield from _unread_parts(resolution, resource)


def _places(resolution: Resolution, resource: Resource) -> list[str]:
    return [
        one
        for one in sorted(resource.referred)
        if one in resolution.resources and resolution.resources[one].type in PLACES
    ]


def _unread_parts(resolution: Resolution, resource: Resource) -> Iterator[str]:
    """Yield what is unreadable of a resource that is read."""
    properties = resource.properties
    match resource.type:
        case "AWS::EC2::SecurityGroup":
            for key in ("SecurityGroupIngress", "SecurityGroupEgress"):
                for index, rule in enumerate(properties.get(key, [])):
                    yield from _unread_peer(resolution, f"{resource.address}.{key}[{index}]", rule)
        case "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress":
            yield from _unread_peer(resolution, resource.address, properties)
        case "AWS::EC2::Route" if "DestinationPrefixListId" in properties:
            yield f"{resource.address}: the proof does not know the addresses of a prefix list; name ranges"
        case "AWS::EC2::VPCCidrBlock" if "CidrBlock" in properties:
            yield f"{resource.address}: the proof reads a VPC with one IPv4 range"
        case "AWS::EC2::EIPAssociation" | "AWS::EC2::EIP" if "NetworkInterfaceId" in properties:
            yield f"{resource.address}: the proof does not follow addresses of network interfaces; name the instance"
        case "AWS::Synthetics::Canary" if "VPCConfig" in properties:
            yield f"{resource.address}: the proof reads canaries outside the network, and this one stands inside"
        case _ if resource.type == RESTORE_TEST and not _restores_where_the_database_is(resolution, properties):
            yield f"{resource.address} restores a database to another place than the database's, which nothing proves"
        case "AWS::AutoScaling::AutoScalingGroup" if not _launches_from_template(properties):
            yield f"{resource.address}: the proof reads machines that are launched from a launch template"


def _unread_peer(resolution: Resolution, address: str, rule: Any) -> Iterator[str]:
    lists = [rule[key] for key in PREFIX_LIST_PEERS if key in rule]
    for one in lists:
        if members(one, resolution.region) is None:
            yield f"{address} names the prefix list {one}; the proof knows CloudFront's alone, of each region its own"
    if not lists and not any(key in rule for key in SINGLE_RULE_PEERS):
        yield f"{address}: the proof reads rules that name a range or a security group, and this one names neither"
    group = next((rule[key] for key in SINGLE_RULE_PEERS[2:] if key in rule), None)
    if group is not None and named(group) not in resolution.resources:
        yield f"{address} names the security group {group}, which is not of this release"


def _restores_where_the_database_is(resolution: Resolution, properties: Any) -> bool:
    """Return whether what is restored for a test gets subnets and groups of a database that the proof reads."""
    if properties["ProtectedResourceType"] != "RDS":
        return True
    how = properties.get("RestoreMetadataOverrides", {})
    place = _subnets(resolution, how.get("dbSubnetGroupName")), _addresses(how.get("vpcSecurityGroupIds"))
    databases = (each.properties for each in resolution.resources.values() if each.type == DATABASE)
    places = [
        (_subnets(resolution, each.get("DBSubnetGroupName")), _addresses(each.get("VPCSecurityGroups")))
        for each in databases
    ]
    return all(place) and place in places


def _subnets(resolution: Resolution, group: Any) -> set[str]:
    """Return the addresses of the subnets of a database's subnet group, which a value names."""
    found = resolution.resources.get(named(group))
    return _addresses(found.properties.get("SubnetIds")) if found else set()


def _addresses(value: Any) -> set[str]:
    return {reference.address for reference in references(value)}


def _launches_from_template(properties: Any) -> bool:
    from_template = "LaunchTemplate" in properties or "MixedInstancesPolicy" in properties
    return from_template and "VPCZoneIdentifier" in properties
