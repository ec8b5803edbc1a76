"""Who has a network interface, where it stands and which security groups it has.

What a machine is follows from what refers to it: one that is registered with a target group serves the web, any other
is a bastion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from generator.checks.exposure.network import Component, Place, Subnet
from generator.checks.exposure.reading_unknown import is_true, named
from generator.resolver import Resolution, Resource

NFS, HTTPS, SSH, POSTGRESQL = 2049, 443, 22, 5432

SERVICE = "AWS::ECS::Service"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"


def components(resolution: Resolution) -> list[Component]:
    """Return everything with a network interface of its own. Those that are alike become one."""
    readers: Mapping[str, Callable[[Resolution, Resource], Component]] = {
        "AWS::ElasticLoadBalancingV2::LoadBalancer": _load_balancer,
        "AWS::AutoScaling::AutoScalingGroup": _machines,
        "AWS::EC2::Instance": _machine,
        SERVICE: _tasks,
        "AWS::RDS::DBInstance": _database,
        "AWS::EFS::MountTarget": _mount_target,
    }
    found = [read(resolution, one) for kind, read in readers.items() for one in resolution.of_type(kind)]
    interface = (one for one in resolution.of_type("AWS::EC2::VPCEndpoint") if _is_interface(one))
    return list(_merged([*found, *(_endpoint(one) for one in interface)]))


def placed(found: Iterable[Component], subnets: Mapping[str, Subnet]) -> tuple[tuple[Component, ...], list[str]]:
    """Return the components that stand in subnets and groups of ours, and an objection for each other one.

    Without a group a network interface gets the VPC's default one, which no template shows.
    """
    standing, objections = [], []
    for one in found:
        if not one.groups or "" in one.groups:
            objections.append(f"{', '.join(one.resources)} has a security group that is not of the release, or none")
        if not one.subnets or not set(one.subnets) <= set(subnets):
            objections.append(f"{', '.join(one.resources)} stands in a subnet that is not of the release, or in none")
        else:
            standing.append(one)
    return tuple(standing), objections


def _merged(found: Iterable[Component]) -> Iterator[Component]:
    alike: dict[Component, list[str]] = {}
    for one in found:
        alike.setdefault(replace(one, resources=()), []).extend(one.resources)
    return (replace(one, resources=tuple(resources)) for one, resources in alike.items())


def _load_balancer(resolution: Resolution, resource: Resource) -> Component:
    properties = resource.properties
    all_listeners = resolution.of_type(LISTENER)
    listeners = [one for one in all_listeners if named(one.properties["LoadBalancerArn"]) == resource.address]
    mapped = [mapping["SubnetId"] for mapping in properties.get("SubnetMappings", [])]
    return _component(
        Place.LOAD_BALANCER,
        resource,
        properties.get("SecurityGroups", []),
        properties.get("Subnets", mapped),
        public=properties.get("Scheme", "internet-facing") == "internet-facing",
        ports=sorted({int(one.properties["Port"]) for one in listeners}),
    )


def _machines(resolution: Resolution, resource: Resource) -> Component:
    subnets = resource.properties.get("VPCZoneIdentifier", [])
    registered = {named(arn) for arn in resource.properties.get("TargetGroupARNs", [])}
    return _of_machine(resolution, resource, _launch_data(resolution, resource.properties), subnets, registered)


def _machine(resolution: Resolution, resource: Resource) -> Component:
    data = {**_launch_data(resolution, resource.properties), **resource.properties}
    first = (data.get("NetworkInterfaces") or [{}])[0]
    registered = {
        group.address
        for group in resolution.of_type(TARGET_GROUP)
        for target in group.properties.get("Targets", [])
        if named(target["Id"]) == resource.address
    }
    return _of_machine(resolution, resource, data, [data.get("SubnetId", first.get("SubnetId"))], registered)


def _of_machine(
    resolution: Resolution, resource: Resource, data: Mapping[str, Any], subnets: list[Any], registered: set[str]
) -> Component:
    interfaces: list[Mapping[str, Any]] = data.get("NetworkInterfaces") or [{}]
    groups = [group for one in interfaces for group in one.get("Groups", one.get("GroupSet", []))]
    given = {one.address: one.properties.get("MapPublicIpOnLaunch") for one in resolution.of_type("AWS::EC2::Subnet")}
    gives = [is_true(given.get(named(subnet))) for subnet in subnets]
    chosen = [one["AssociatePublicIpAddress"] for one in interfaces if "AssociatePublicIpAddress" in one]
    return _component(
        Place.WEB_SERVERS if registered else Place.BASTION,
        resource,
        groups or data.get("SecurityGroupIds", []),
        subnets,
        public=any(map(is_true, chosen or gives)) or _has_elastic_address(resolution, resource),
        ports=_target_ports(resolution, registered) if registered else _bastion_ports(resolution),
    )


def _tasks(resolution: Resolution, resource: Resource) -> Component:
    """Return the tasks of a service: ECS puts each into the service's subnets and groups."""
    interface = resource.properties.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
    return _component(
        Place.CONTAINERS,
        resource,
        interface.get("SecurityGroups", []),
        interface.get("Subnets", []),
        # Left open, some ways to make a service give addresses.
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
        public=interface.get("AssignPublicIp", "ENABLED") == "ENABLED",
        ports=sorted({*_called_ports(resource), *_connected_ports(resolution, resource)}),
    )


def _called_ports(service: Resource) -> Iterator[int]:
    """Yield the ports that load balancers call on a service's tasks, also for their health."""
    for balancer in service.properties.get("LoadBalancers", []):
        yield int(balancer["ContainerPort"])


def _connected_ports(resolution: Resolution, service: Resource) -> Iterator[int]:
    """Yield the ports on which Service Connect takes calls of other tasks: unless said otherwise, the containers'.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectService.html
    """
    definition = resolution.resources.get(named(service.properties.get("TaskDefinition")))
    containers = definition.properties["ContainerDefinitions"] if definition else []
    ports = {
        mapping["Name"]: int(mapping["ContainerPort"])
        for container in containers
        for mapping in container.get("PortMappings", [])
        if "Name" in mapping
    }
    for connected in service.properties.get("ServiceConnectConfiguration", {}).get("Services", []):
        yield int(connected.get("IngressPortOverride", ports[connected["PortName"]]))


def _launch_data(resolution: Resolution, properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data of the launch template that a machine or a group of machines names, empty without one."""
    policy = properties.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    template = properties.get("LaunchTemplate", policy.get("LaunchTemplateSpecification", {}))
    found = resolution.resources.get(named(template.get("LaunchTemplateId")))
    data: Mapping[str, Any] = found.properties["LaunchTemplateData"] if found else {}
    return data


def _target_ports(resolution: Resolution, registered: Iterable[str]) -> list[int]:
    """Return the ports that the load balancer calls on targets: for requests and for health checks."""
    ports: set[int] = set()
    for address in registered:
        properties = resolution.resources[address].properties
        health = properties.get("HealthCheckPort", "traffic-port")
        ports |= {int(properties["Port"]), int(properties["Port"] if health == "traffic-port" else health)}
    return sorted(ports)


def _bastion_ports(resolution: Resolution) -> list[int]:
    return [SSH] if resolution.parameters[""]["AccessMode"] == "ssh" else []


def _has_elastic_address(resolution: Resolution, resource: Resource) -> bool:
    given = [*resolution.of_type("AWS::EC2::EIP"), *resolution.of_type("AWS::EC2::EIPAssociation")]
    return any(named(one.properties.get("InstanceId")) == resource.address for one in given)


def _database(resolution: Resolution, resource: Resource) -> Component:
    source = resolution.resources.get(named(resource.properties.get("SourceDBInstanceIdentifier")))
    # A read replica in the same region stands in its source's subnets unless it says otherwise.
    properties = {**(_placed(source) if source else {}), **resource.properties}
    group = resolution.resources.get(named(properties.get("DBSubnetGroupName")))
    return _component(
        Place.DATABASE,
        resource,
        properties.get("VPCSecurityGroups", []),
        group.properties["SubnetIds"] if group else [],
        # Left open, RDS decides by whether the VPC has an internet gateway, and it has.
        # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
        public=is_true(properties.get("PubliclyAccessible", True)),
        ports=[int(properties.get("Port", POSTGRESQL))],
    )


def _placed(source: Resource) -> dict[str, Any]:
    return {key: source.properties[key] for key in ("DBSubnetGroupName", "Port") if key in source.properties}


def _mount_target(resolution: Resolution, resource: Resource) -> Component:
    properties = resource.properties
    return _component(Place.FILE_SYSTEM, resource, properties["SecurityGroups"], [properties["SubnetId"]], False, [NFS])


def _endpoint(resource: Resource) -> Component:
    properties = resource.properties
    groups, subnets = properties.get("SecurityGroupIds", []), properties.get("SubnetIds", [])
    return _component(Place.ENDPOINTS, resource, groups, subnets, False, [HTTPS])


def _is_interface(endpoint: Resource) -> bool:
    return bool(endpoint.properties.get("VpcEndpointType", "Gateway") != "Gateway")


def _component(
    place: Place, resource: Resource, groups: Iterable[Any], subnets: Iterable[Any], public: bool, ports: Iterable[int]
) -> Component:
    return Component(
        place,
        (resource.address,),
        frozenset(named(group) for group in groups),
        tuple(named(subnet) for subnet in subnets),
        public,
        tuple(ports),
    )
