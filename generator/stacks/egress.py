"""The way out of the private subnets: NAT gateways, default routes, and interface endpoints where asked for.

Owns what web servers and containers need to reach the internet without being reachable (W2, E6). A stack of its own
because NAT gateways take minutes, and only what runs the application has to wait for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from troposphere import And, Condition, Equals, GetAtt, If, Not, Ref, Sub, Template
from troposphere.ec2 import EIP, NatGateway, Route, VPCEndpoint

from generator.naming import name_tag
from generator.nesting import add_condition, conditional
from generator.parameter_types import (
    Compute,
    EnvironmentName,
    NatGateways,
    ResourceName,
    RouteTableIds,
    SecurityGroupId,
    SubnetIds,
    Toggle,
    VpcId,
    ZoneCount,
    output,
    parameter,
)

# What is called all the time; with a NAT gateway present the rest costs less on its way than as an endpoint.
INTERFACE_ENDPOINTS = {
    "Logs": "logs",
    "Monitoring": "monitoring",
    "SecretsManager": "secretsmanager",
    "Ssm": "ssm",
    "SsmMessages": "ssmmessages",
    "CloudFormation": "cloudformation",
}

CONTAINER_ENDPOINTS = {"EcrApi": "ecr.api", "EcrDocker": "ecr.dkr"}
"""What every task asks for its image before it starts. The layers themselves come through the gateway endpoint of S3.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html"""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    environment_name: EnvironmentName = parameter("Name of the environment.")
    vpc_id: VpcId = parameter("The VPC.")
    zone_count: ZoneCount = parameter("Number of availability zones.")
    public_subnet_ids: SubnetIds = parameter("Subnets in which NAT gateways stand.")
    private_subnet_ids: SubnetIds = parameter("Subnets in which interface endpoints stand.")
    private_route_table_ids: RouteTableIds = parameter("Route tables that get a default route, one for each zone.")
    endpoint_group_id: SecurityGroupId = parameter("Security group of the interface endpoints.")
    nat_gateways: NatGateways = parameter("One NAT gateway, or one in each zone.")
    interface_endpoints: Toggle = parameter("Whether AWS APIs are reached through interface endpoints.")
    compute: Compute = parameter("Where the application runs.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    nat_gateway_id: ResourceName = output("NAT gateway of the first zone.")
    nat_gateway_b_id: ResourceName = output("NAT gateway of the second zone, or none.")
    nat_gateway_c_id: ResourceName = output("NAT gateway of the third zone, or none.")


def build(template: Template, parameters: Parameters) -> Outputs:
    add_condition(template, "ThreeZones", Equals(parameters.zone_count, "3"))
    add_condition(template, "NatPerZone", Equals(parameters.nat_gateways, "per-zone"))
    add_condition(template, "NatInThirdZone", And(Condition("ThreeZones"), Condition("NatPerZone")))
    add_condition(template, "InterfaceEndpoints", Equals(parameters.interface_endpoints, "true"))
    add_condition(template, "HasContainers", Not(Equals(parameters.compute, "ec2")))
    add_condition(template, "ContainerEndpoints", And(Condition("InterfaceEndpoints"), Condition("HasContainers")))
    gateways = [
        _nat_gateway(template, parameters, zone, index, condition)
        for index, (zone, condition) in enumerate((("A", None), ("B", "NatPerZone"), ("C", "NatInThirdZone")))
    ]
    _default_route(template, parameters, "A", 0, Ref(gateways[0]))
    _default_route(template, parameters, "B", 1, If("NatPerZone", Ref(gateways[1]), Ref(gateways[0])))
    _default_route(template, parameters, "C", 2, If("NatInThirdZone", Ref(gateways[2]), Ref(gateways[0])), "ThreeZones")
    _interface_endpoints(template, parameters, INTERFACE_ENDPOINTS, "InterfaceEndpoints")
    _interface_endpoints(template, parameters, CONTAINER_ENDPOINTS, "ContainerEndpoints")
    return Outputs(
        nat_gateway_id=ResourceName(Ref(gateways[0])),
        nat_gateway_b_id=ResourceName(If("NatPerZone", Ref(gateways[1]), "none")),
        nat_gateway_c_id=ResourceName(If("NatInThirdZone", Ref(gateways[2]), "none")),
    )


def _nat_gateway(
    template: Template, parameters: Parameters, zone: str, index: int, condition: str | None
) -> NatGateway:
    address = template.add_resource(
        EIP(
            f"NatAddress{zone}",
            **conditional(condition),
            Domain="vpc",
            Tags=name_tag(f"nat-{zone.lower()}"),
        )
    )
    return template.add_resource(
        NatGateway(
            f"NatGateway{zone}",
            **conditional(condition),
            AllocationId=GetAtt(address, "AllocationId"),
            SubnetId=parameters.public_subnet_ids.item(index),
            Tags=name_tag(f"nat-{zone.lower()}"),
        )
    )


def _default_route(
    template: Template, parameters: Parameters, zone: str, index: int, gateway: object, condition: str | None = None
) -> None:
    template.add_resource(
        Route(
            f"PrivateDefaultRoute{zone}",
            **conditional(condition),
            RouteTableId=parameters.private_route_table_ids.item(index),
            DestinationCidrBlock="0.0.0.0/0",
            NatGatewayId=gateway,
        )
    )


def _interface_endpoints(
    template: Template, parameters: Parameters, services: Mapping[str, str], condition: str
) -> None:
    for name, service in services.items():
        template.add_resource(
            VPCEndpoint(
                f"{name}Endpoint",
                Condition=condition,
                VpcId=parameters.vpc_id,
                VpcEndpointType="Interface",
                ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
                SubnetIds=parameters.private_subnet_ids,
                SecurityGroupIds=[parameters.endpoint_group_id],
                PrivateDnsEnabled=True,
                Tags=name_tag(f"{service.replace('.', '-')}-endpoint"),
            )
        )
