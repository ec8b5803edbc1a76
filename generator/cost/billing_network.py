"""What the network is billed for: gateways, addresses, endpoints, the load balancer, and what passes them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from generator.cost.charges import Billed, Charge, NoCharge, Rule, Surroundings
from generator.cost.prices import HOURS_A_MONTH
from generator.resolver import Resource

VPC_ENDPOINT = "AWS::EC2::VPCEndpoint"

TUNNELS = 2
"""Every VPN connection has two, each with a public address.
https://docs.aws.amazon.com/vpn/latest/s2svpn/VPNTunnels.html"""

NEW_CONNECTIONS_OF_A_UNIT = Decimal(25 * 3600)
"""New connections that one load balancer capacity unit takes in an hour. It takes 1 GB as well; the larger counts.
https://aws.amazon.com/elasticloadbalancing/pricing/"""

MILLION = Decimal(1_000_000)


def _vpc(resource: Resource, around: Surroundings) -> Billed:
    crossing = 2 * around.usage.zone_data
    yield Charge("transfer.between_zones", crossing, "GB", "what crosses zones is billed on both sides")


def _address(resource: Resource, around: Surroundings) -> Billed:
    yield Charge("ipv4.public", HOURS_A_MONTH, "hour", "all month")


def _nat_gateway(resource: Resource, around: Surroundings) -> Billed:
    yield Charge("nat.hour", HOURS_A_MONTH, "hour", "all month")
    usage, has_endpoints = around.usage, bool(_interface_endpoints(around))
    data = usage.nat_data if has_endpoints else usage.nat_data + usage.endpoint_data
    detour = "" if has_endpoints else ", calls of AWS's APIs among it"
    yield Charge("nat.gb", data * around.share(resource), "GB", f"its share of what leaves private subnets{detour}")


def _endpoint(resource: Resource, around: Surroundings) -> Billed:
    if resource.properties.get("VpcEndpointType", "Gateway") == "Gateway":
        yield NoCharge("gateway endpoints are free")
        return
    zones = len(resource.properties["SubnetIds"])
    yield Charge("vpce.hour", HOURS_A_MONTH * zones, "hour", f"all month in {zones} zones")
    data = around.usage.endpoint_data / len(_interface_endpoints(around))
    yield Charge("vpce.gb", data, "GB", "its share of the calls of AWS's APIs")


def _interface_endpoints(around: Surroundings) -> list[Resource]:
    endpoints = around.resolution.of_type(VPC_ENDPOINT)
    return [endpoint for endpoint in endpoints if endpoint.properties.get("VpcEndpointType") == "Interface"]


def _load_balancer(resource: Resource, around: Surroundings) -> Billed:
    usage = around.usage
    yield Charge("alb.hour", HOURS_A_MONTH, "hour", "all month")
    connections = usage.application_requests * MILLION / NEW_CONNECTIONS_OF_A_UNIT
    units = max(usage.application_out, connections)
    yield Charge("alb.lcu", units, "LCU-hour", "the larger of 1 GB and 25 new connections a second for each")
    if resource.properties.get("Scheme") == "internet-facing":
        zones = len(resource.properties["Subnets"])
        yield Charge("ipv4.public", HOURS_A_MONTH * zones, "hour", f"an address in each of {zones} zones")
    yield Charge("transfer.internet", usage.application_out, "GB", "answers of the application")


def _vpn_connection(resource: Resource, around: Surroundings) -> Billed:
    yield Charge("vpn.hour", HOURS_A_MONTH, "hour", "all month")
    yield Charge("ipv4.public", HOURS_A_MONTH * TUNNELS, "hour", f"an address for each of {TUNNELS} tunnels")


RULES: Mapping[str, Rule] = {
    "AWS::EC2::EIP": _address,
    "AWS::EC2::NatGateway": _nat_gateway,
    "AWS::EC2::VPC": _vpc,
    VPC_ENDPOINT: _endpoint,
    "AWS::EC2::VPNConnection": _vpn_connection,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _load_balancer,
}
