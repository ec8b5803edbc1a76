"""Handlers of EC2's site-to-site VPN, which ministack lacks as resource types."""

from __future__ import annotations

from collections.abc import Callable

from generator.rehearsal.emulator_api import ApiError, call, store
from generator.rehearsal.emulator_ec2_types import retag, tag_specifications
from generator.rehearsal.emulator_handlers import ApiType, Created, Properties, Request, picked


def _gateway(operation: str, resource_type: str, key: str, properties: tuple[str, ...]) -> ApiType:
    """AWS::EC2::CustomerGateway and VPNGateway: one end of a VPN."""

    def create(request: Request) -> Created:
        tags = tag_specifications(resource_type, request.properties.get("Tags"))
        given = picked(request.properties, *properties)
        answer = call("ec2", f"Create{operation}", **given, TagSpecifications=tags)
        gateway_id: str = answer[operation][key]
        return gateway_id, {key: gateway_id, _ATTRIBUTE.get(key, key): gateway_id}

    def delete(physical_id: str, properties: Properties) -> None:
        call("ec2", f"Delete{operation}", **{key: physical_id})

    return ApiType(create, delete, _retagged(key), has_tags=True)


_ATTRIBUTE = {"VpnGatewayId": "VPNGatewayId"}
"""Where CloudFormation spells an id otherwise than EC2."""


def _retagged(key: str) -> Callable[[str, Properties, Request], Created]:
    def update(physical_id: str, old: Properties, request: Request) -> Created:
        retag(physical_id, old, request.properties)
        return physical_id, {key: physical_id, _ATTRIBUTE.get(key, key): physical_id}

    return update


def _create_connection(request: Request) -> Created:
    wanted = request.properties
    gateways = {"CustomerGatewayId": "_customer_gateways", "VpnGatewayId": "_vpn_gateways"}
    for name, table in gateways.items():
        if wanted[name] not in store("ec2", table):
            raise ApiError(f"The {name} '{wanted[name]}' does not exist")
    connection = call(
        "ec2",
        "CreateVpnConnection",
        **picked(wanted, "Type", *gateways),
        Options={"StaticRoutesOnly": wanted.get("StaticRoutesOnly", False)},
        TagSpecifications=tag_specifications("vpn-connection", wanted.get("Tags")),
    )["VpnConnection"]
    connection_id: str = connection["VpnConnectionId"]
    return connection_id, {"VpnConnectionId": connection_id}


def _delete_connection(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteVpnConnection", VpnConnectionId=physical_id)


def _create_route(request: Request) -> Created:
    route = picked(request.properties, "VpnConnectionId", "DestinationCidrBlock")
    call("ec2", "CreateVpnConnectionRoute", **route)
    return "|".join(route.values()), {}


def _delete_route(physical_id: str, properties: Properties) -> None:
    call("ec2", "DeleteVpnConnectionRoute", **picked(properties, "VpnConnectionId", "DestinationCidrBlock"))


VPN_TYPES: dict[str, ApiType] = {
    "AWS::EC2::CustomerGateway": _gateway(
        "CustomerGateway", "customer-gateway", "CustomerGatewayId", ("BgpAsn", "IpAddress", "Type")
    ),
    "AWS::EC2::VPNConnection": ApiType(
        _create_connection, _delete_connection, _retagged("VpnConnectionId"), has_tags=True
    ),
    "AWS::EC2::VPNConnectionRoute": ApiType(_create_route, _delete_route),
    "AWS::EC2::VPNGateway": _gateway("VpnGateway", "vpn-gateway", "VpnGatewayId", ("AmazonSideAsn", "Type")),
}
