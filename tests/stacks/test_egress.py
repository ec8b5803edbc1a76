"""W2, E6: the way out of the private subnets."""

from __future__ import annotations

import pytest

from tests import claims
from tests.intrinsics import Templates, of_type, resolved


def test_w2_private_tier_leaves_through_nat_only(templates: Templates) -> None:
    claims.check_private_tier_leaves_through_nat_only(templates)


@pytest.mark.parametrize(
    ("zones", "nat_gateways", "gateway_of_zone"),
    [
        ("2", "single", {"A": "A", "B": "A"}),
        ("3", "single", {"A": "A", "B": "A", "C": "A"}),
        ("2", "per-zone", {"A": "A", "B": "B"}),
        ("3", "per-zone", {"A": "A", "B": "B", "C": "C"}),
    ],
)
def test_e6_each_zone_leaves_through_the_gateway_that_was_asked_for(
    templates: Templates, zones: str, nat_gateways: str, gateway_of_zone: dict[str, str]
) -> None:
    settings = {"ZoneCount": zones, "NatGateways": nat_gateways, "InterfaceEndpoints": "false", "Compute": "ec2"}
    resources = resolved(templates["egress"], **settings)
    routes = {
        name.removeprefix("PrivateDefaultRoute"): route["Properties"]["NatGatewayId"]["Ref"].removeprefix("NatGateway")
        for name, route in resources.items()
        if route["Type"] == "AWS::EC2::Route"
    }
    assert routes == gateway_of_zone
    assert {name for name in resources if name.startswith("NatGateway")} == {
        f"NatGateway{gateway}" for gateway in gateway_of_zone.values()
    }, "a NAT gateway that no route uses costs money"
    assert len([name for name in resources if name.startswith("NatAddress")]) == len(set(gateway_of_zone.values()))


@pytest.mark.parametrize(("zone", "index"), [("A", "0"), ("B", "1"), ("C", "2")])
def test_each_zone_uses_its_own_subnet_table_and_address(templates: Templates, zone: str, index: str) -> None:
    resources = templates["egress"]["Resources"]
    gateway, route = resources[f"NatGateway{zone}"], resources[f"PrivateDefaultRoute{zone}"]
    assert gateway["Properties"]["SubnetId"] == {"Fn::Select": [index, {"Ref": "PublicSubnetIds"}]}
    assert gateway["Properties"]["AllocationId"] == {"Fn::GetAtt": [f"NatAddress{zone}", "AllocationId"]}
    assert route["Properties"]["RouteTableId"] == {"Fn::Select": [index, {"Ref": "PrivateRouteTableIds"}]}
    assert route["Properties"]["DestinationCidrBlock"] == "0.0.0.0/0"


@pytest.mark.parametrize(
    ("wanted", "compute", "count"),
    [("true", "ec2", 6), ("true", "fargate", 8), ("true", "both", 8), ("false", "both", 0), ("false", "ec2", 0)],
)
def test_w2_interface_endpoints_exist_where_asked_for(
    templates: Templates, wanted: str, compute: str, count: int
) -> None:
    settings = {"ZoneCount": "2", "NatGateways": "single", "InterfaceEndpoints": wanted, "Compute": compute}
    resources = resolved(templates["egress"], **settings)
    assert len([name for name, found in resources.items() if found["Type"] == "AWS::EC2::VPCEndpoint"]) == count


def test_interface_endpoint_answers_under_the_services_own_name(templates: Templates) -> None:
    endpoints = of_type(templates["egress"], "AWS::EC2::VPCEndpoint")
    named = (endpoint["Properties"]["ServiceName"]["Fn::Sub"] for endpoint in endpoints.values())
    services = {name.removeprefix("com.amazonaws.${AWS::Region}.") for name in named}
    of_containers = {"ecr.api", "ecr.dkr"}
    assert services == {"logs", "monitoring", "secretsmanager", "ssm", "ssmmessages", "cloudformation", *of_containers}
    for name, endpoint in endpoints.items():
        properties = endpoint["Properties"]
        assert properties["VpcEndpointType"] == "Interface", name
        assert properties["PrivateDnsEnabled"] is True, name
        assert properties["SubnetIds"] == {"Ref": "PrivateSubnetIds"}, name
        assert properties["SecurityGroupIds"] == [{"Ref": "EndpointGroupId"}], name


@pytest.mark.parametrize(
    ("zones", "nat_gateways", "given"),
    [
        ("2", "single", ["A", "none", "none"]),
        ("2", "per-zone", ["A", "B", "none"]),
        ("3", "per-zone", ["A", "B", "C"]),
    ],
)
def test_each_nat_gateway_is_given_out(templates: Templates, zones: str, nat_gateways: str, given: list[str]) -> None:
    template = templates["egress"]
    names = ("NatGatewayId", "NatGatewayBId", "NatGatewayCId")
    as_resources = {name: {"Type": "Output", "Properties": template["Outputs"][name]} for name in names}
    found = resolved({**template, "Resources": as_resources}, ZoneCount=zones, NatGateways=nat_gateways)
    values = [found[name]["Properties"]["Value"] for name in names]
    assert values == [value if value == "none" else {"Ref": f"NatGateway{value}"} for value in given]
