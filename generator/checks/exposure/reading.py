"""From the resolved release to the network: subnets, routes and gateways, and what connects the VPC with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from generator.checks.exposure.addresses import block
from generator.checks.exposure.network import Asked, NatGateway, Network, Place, Route, Subnet, VpnRoute, Way
from generator.checks.exposure.reading_components import components, placed
from generator.checks.exposure.reading_distributions import unread_parts
from generator.checks.exposure.reading_front import front, unknown_ways
from generator.checks.exposure.reading_ipv6 import ipv6_openings
from generator.checks.exposure.reading_relay import relay
from generator.checks.exposure.reading_rules import acl_entries, group_rules
from generator.checks.exposure.reading_unknown import is_true, named, unknown_resources
from generator.errors import UserError
from generator.resolver import Resolution, Resource

ROUTE_TABLE_ASSOCIATION = "AWS::EC2::SubnetRouteTableAssociation"
ACL_ASSOCIATION = "AWS::EC2::SubnetNetworkAclAssociation"

GATEWAYS = {
    "AWS::EC2::InternetGateway": Way.INTERNET_GATEWAY,
    "AWS::EC2::NatGateway": Way.NAT_GATEWAY,
    "AWS::EC2::VPNGateway": Way.VPN_GATEWAY,
}

GATEWAY_SERVICES = {"s3": Place.S3, "dynamodb": Place.DYNAMODB}
"""The services whose gateway endpoints are read, by the end of the endpoint's service name.
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html"""

ATTACHES = {"InternetGatewayId": Way.INTERNET_GATEWAY, "VpnGatewayId": Way.VPN_GATEWAY}
"""The properties of an attachment that name a gateway."""

NO_TARGET = ("RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
"""What stands in a route besides its target."""

OTHER_NETWORKS = (
    "AWS::EC2::VPCPeeringConnection",
    "AWS::EC2::TransitGateway",
    "AWS::EC2::ClientVpn",
    "AWS::EC2::VPCEndpointService",
    "AWS::EC2::CarrierGateway",
    "AWS::EC2::LocalGateway",
    "AWS::DirectConnect::",
    "AWS::NetworkManager::",
    "AWS::VpcLattice::",
    "AWS::RAM::ResourceShare",
)
"""How the names of the types begin that connect a VPC with another network or account."""


def read(resolution: Resolution) -> Network:
    """Return the network that a release becomes in one setting.

    What cannot be read is listed in `unknown`; nothing is left out in silence. Raises `UserError` where there is not
    exactly one VPC, since then nothing can be said at all.
    """
    vpcs = resolution.of_type("AWS::EC2::VPC")
    if len(vpcs) != 1:
        raise UserError(f"the release has {len(vpcs)} VPCs; the exposure proof reads exactly one")
    subnets, vpn_routes = _subnets(resolution), tuple(_vpn_routes(resolution))
    standing, unplaced = placed(components(resolution), subnets)
    gateways, adrift = _nat_gateways(resolution, subnets)
    return Network(
        asked=_asked(resolution),
        vpc=block(vpcs[0].properties["CidrBlock"], vpcs[0].address),
        subnets=subnets,
        components=standing,
        group_rules=tuple(group_rules(resolution)),
        acl_entries=tuple(acl_entries(resolution)),
        routes=(*_routes(resolution), *_to_endpoints(resolution), *_propagated(resolution, vpn_routes)),
        nat_gateways=gateways,
        attached_gateways=_attached(resolution),
        vpn_connections=tuple(connection.address for connection in resolution.of_type("AWS::EC2::VPNConnection")),
        vpn_routes=vpn_routes,
        relay=relay(resolution, standing),
        front=front(resolution),
        ipv6=tuple(ipv6_openings(resolution)),
        other_networks=tuple(
            f"{resource.address} ({resource.type}) connects the VPC with another network"
            for resource in resolution.resources.values()
            if resource.type.startswith(OTHER_NETWORKS)
        ),
        unknown=(
            *unknown_resources(resolution),
            *unknown_ways(resolution),
            *unread_parts(resolution),
            *_associated_twice(resolution),
            *unplaced,
            *adrift,
            *_strange_endpoints(resolution),
        ),
    )


def _asked(resolution: Resolution) -> Asked:
    asked = resolution.parameters[""]
    return Asked(
        environment=asked["EnvironmentName"],
        access_mode=asked["AccessMode"],
        operator_range=block(asked["OperatorCidr"], "parameter OperatorCidr"),
        vpn_range=block(asked["VpnCidr"], "parameter VpnCidr") if asked.get("VpnCidr") else None,
        interface_endpoints=is_true(asked["InterfaceEndpoints"]),
        # A release of before these settings knows nothing of them.
        web_servers=asked.get("Compute", "ec2") != "fargate",
        containers=asked.get("Compute", "ec2") != "ec2",
        behind_cloudfront=asked.get("LoadBalancerAccess") == "cloudfront",
        domain=asked.get("DomainName", ""),
        firewall=is_true(asked.get("WebApplicationFirewall")),
        shield=is_true(asked.get("ShieldAdvanced")),
    )


def _subnets(resolution: Resolution) -> dict[str, Subnet]:
    tables = _associated(resolution, ROUTE_TABLE_ASSOCIATION, "RouteTableId")
    acls = _associated(resolution, ACL_ASSOCIATION, "NetworkAclId")
    return {
        subnet.address: Subnet(
            address=subnet.address,
            block=block(subnet.properties["CidrBlock"], subnet.address),
            zone=subnet.properties["AvailabilityZone"],
            route_table=tables.get(subnet.address, ""),
            acl=acls.get(subnet.address, ""),
            gives_public_addresses=is_true(subnet.properties.get("MapPublicIpOnLaunch")),
        )
        for subnet in resolution.of_type("AWS::EC2::Subnet")
    }


def _associated(resolution: Resolution, kind: str, key: str) -> dict[str, str]:
    return {named(one.properties["SubnetId"]): named(one.properties[key]) for one in resolution.of_type(kind)}


def _routes(resolution: Resolution) -> Iterator[Route]:
    for resource in resolution.of_type("AWS::EC2::Route"):
        if "DestinationCidrBlock" in resource.properties:
            way, target = _target(resolution, resource)
            table = named(resource.properties["RouteTableId"])
            destination = block(resource.properties["DestinationCidrBlock"], resource.address)
            yield Route(resource.address, table, destination, way, target)


def _to_endpoints(resolution: Resolution) -> Iterator[Route]:
    """Yield the routes that EC2 adds to the tables of a gateway endpoint."""
    for resource in resolution.of_type("AWS::EC2::VPCEndpoint"):
        service = _gateway_service(resource)
        if service is not None:
            for index, table in enumerate(resource.properties.get("RouteTableIds", [])):
                item = f"{resource.address}.RouteTableIds[{index}]"
                yield Route(item, named(table), service, Way.GATEWAY_ENDPOINT, resource.address)


def _target(resolution: Resolution, route: Resource) -> tuple[Way, str]:
    """Return what a route leads to. A target that is not ours, or of another kind, may be anything."""
    targets = [named(value) for key, value in route.properties.items() if key not in NO_TARGET]
    target = targets[0] if len(targets) == 1 else ""
    kind = resolution.resources[target].type if target in resolution.resources else ""
    return GATEWAYS.get(kind, Way.OTHER), target or "something unknown"


def _gateway_service(endpoint: Resource) -> Place | None:
    return GATEWAY_SERVICES.get(endpoint.properties["ServiceName"].rpartition(".")[2])


def _strange_endpoints(resolution: Resolution) -> Iterator[str]:
    for one in resolution.of_type("AWS::EC2::VPCEndpoint"):
        if "RouteTableIds" in one.properties and _gateway_service(one) is None:
            yield f"{one.address} leads to {one.properties['ServiceName']}, which the proof does not know"


def _propagated(resolution: Resolution, behind: Sequence[VpnRoute]) -> Iterator[Route]:
    """Yield what VPN gateways tell route tables: the networks behind their connections."""
    for resource in resolution.of_type("AWS::EC2::VPNGatewayRoutePropagation"):
        gateway = named(resource.properties["VpnGatewayId"])
        for index, table in enumerate(resource.properties["RouteTableIds"]):
            for network in behind:
                if network.gateway == gateway:
                    item = f"{resource.address}.RouteTableIds[{index}]"
                    yield Route(item, named(table), network.destination, Way.VPN_GATEWAY, gateway)


def _vpn_routes(resolution: Resolution) -> Iterator[VpnRoute]:
    for one in resolution.of_type("AWS::EC2::VPNConnectionRoute"):
        connection = resolution.resources.get(named(one.properties["VpnConnectionId"]))
        gateway = named(connection.properties.get("VpnGatewayId")) if connection else ""
        yield VpnRoute(one.address, gateway, block(one.properties["DestinationCidrBlock"], one.address))


def _nat_gateways(resolution: Resolution, subnets: Mapping[str, Subnet]) -> tuple[dict[str, NatGateway], list[str]]:
    """Return the NAT gateways that stand in subnets of ours, and an objection for each other one."""
    found = {
        gateway.address: NatGateway(
            gateway.address,
            named(gateway.properties.get("SubnetId")),
            public=gateway.properties.get("ConnectivityType", "public") == "public",
        )
        for gateway in resolution.of_type("AWS::EC2::NatGateway")
    }
    adrift = [
        f"{one.address} stands in no subnet of the release" for one in found.values() if one.subnet not in subnets
    ]
    return {address: one for address, one in found.items() if one.subnet in subnets}, adrift


def _associated_twice(resolution: Resolution) -> Iterator[str]:
    for kind in (ROUTE_TABLE_ASSOCIATION, ACL_ASSOCIATION):
        of_subnet = Counter(named(one.properties["SubnetId"]) for one in resolution.of_type(kind))
        for subnet, times in of_subnet.items():
            if times > 1 or not subnet:
                yield f"{subnet or 'an unknown subnet'} has {times} of {kind}; which one counts is left to chance"


def _attached(resolution: Resolution) -> dict[str, Way]:
    return {
        named(attachment.properties[key]): way
        for attachment in resolution.of_type("AWS::EC2::VPCGatewayAttachment")
        for key, way in ATTACHES.items()
        if key in attachment.properties
    }
