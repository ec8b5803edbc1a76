"""D1, E6, E14: addresses and paths of three tiers, with the concrete ranges of 10.10.0.0/16."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from tests import claims
from tests.claims import NETWORK_SETTINGS
from tests.intrinsics import NO_VALUE, Templates, of_type, resolve, resolved

RANGES = {
    "PublicSubnetA": "10.10.0.0/20",
    "PublicSubnetB": "10.10.16.0/20",
    "PublicSubnetC": "10.10.32.0/20",
    "PrivateSubnetA": "10.10.64.0/20",
    "PrivateSubnetB": "10.10.80.0/20",
    "PrivateSubnetC": "10.10.96.0/20",
    "IsolatedSubnetA": "10.10.128.0/20",
    "IsolatedSubnetB": "10.10.144.0/20",
    "IsolatedSubnetC": "10.10.160.0/20",
}
TWO_ZONES = NETWORK_SETTINGS | {"AvailabilityZoneC": ""}


def test_d1_subnets_do_not_overlap(templates: Templates) -> None:
    claims.check_subnets_do_not_overlap(templates)


def test_d1_subnet_ranges_stay_where_they_are(templates: Templates) -> None:
    """A subnet whose range changes is replaced, with everything in it."""
    assert claims.subnet_ranges(templates) == {name: IPv4Network(block) for name, block in RANGES.items()}


@pytest.mark.parametrize(("tier", "block"), [("Private", "10.10.64.0/18")])
def test_d1_tier_is_one_range_that_holds_its_subnets_and_no_others(templates: Templates, tier: str, block: str) -> None:
    template = templates["network"]
    value = resolve(template["Outputs"][f"{tier}TierCidr"]["Value"], template, NETWORK_SETTINGS)
    assert value == block
    for name, subnet in claims.subnet_ranges(templates).items():
        assert subnet.subnet_of(IPv4Network(block)) == name.startswith(tier), name


def test_w2_no_subnet_maps_public_addresses(templates: Templates) -> None:
    claims.check_no_subnet_maps_public_addresses(templates)


def test_d8_isolated_tier_has_no_way_out(templates: Templates) -> None:
    claims.check_isolated_tier_has_no_way_out(templates)


def test_w2_private_tier_leaves_through_nat_only(templates: Templates) -> None:
    claims.check_private_tier_leaves_through_nat_only(templates)


def test_e14_acl_requests_have_replies(templates: Templates) -> None:
    claims.check_acl_requests_have_replies(templates)


def test_e14_acls_admit_what_the_platform_needs(templates: Templates) -> None:
    claims.check_acls_admit_what_the_platform_needs(templates)


def test_e14_acls_admit_clients_and_the_way_out(templates: Templates) -> None:
    claims.check_acls_admit_clients_and_the_way_out(templates)


def test_e14_isolated_acl_knows_the_vpc_only(templates: Templates) -> None:
    claims.check_isolated_acl_knows_the_vpc_only(templates)


def test_d8_flow_logs_see_all_traffic(templates: Templates) -> None:
    claims.check_flow_logs_see_all_traffic(templates)


@pytest.mark.parametrize(
    ("mode", "vpn", "admitted"),
    [
        ("ssh", "", ["203.0.113.0/24"]),
        ("ssh", claims.VPN_CIDR, ["203.0.113.0/24", claims.VPN_CIDR]),
        ("ssm", claims.VPN_CIDR, []),
        ("none", claims.VPN_CIDR, []),
    ],
)
def test_e5_ssh_passes_the_public_acl_from_operators_and_vpn_where_asked_for(
    templates: Templates, mode: str, vpn: str, admitted: list[str]
) -> None:
    rules = claims.acls(templates, mode, vpn)["PublicAcl"]
    assert [str(peer) for outwards, ports, peer in rules if not outwards and ports == (22, 22)] == admitted


@pytest.mark.parametrize(("mode", "bastion"), [("ssh", True), ("ssm", False), ("none", False)])
def test_e5_database_is_reached_from_the_public_tier_where_the_bastion_stands_there(
    templates: Templates, mode: str, bastion: bool
) -> None:
    clients = {
        str(peer) for outwards, ports, peer in claims.acls(templates, mode)["IsolatedAcl"] if ports == (5432, 5432)
    }
    assert clients == {"10.10.64.0/18"} | ({"10.10.0.0/18"} if bastion else set())


@pytest.mark.parametrize("tier", claims.TIERS)
def test_e14_rule_numbers_of_an_acl_differ(templates: Templates, tier: str) -> None:
    """Two rules of one number and direction cannot be created."""
    entries = [
        entry["Properties"]
        for entry in of_type(templates["network"], "AWS::EC2::NetworkAclEntry").values()
        if entry["Properties"]["NetworkAclId"] == {"Ref": f"{tier}Acl"}
    ]
    numbers = [(entry["Egress"], entry["RuleNumber"]) for entry in entries]
    assert numbers
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("tier", claims.TIERS)
@pytest.mark.parametrize("zone", claims.ZONES)
def test_e14_subnet_has_the_acl_of_its_tier(templates: Templates, tier: str, zone: str) -> None:
    association = templates["network"]["Resources"][f"{tier}Subnet{zone}Acl"]["Properties"]
    assert association == {"SubnetId": {"Ref": f"{tier}Subnet{zone}"}, "NetworkAclId": {"Ref": f"{tier}Acl"}}


def test_d1_third_zone_exists_only_where_it_is_named(templates: Templates) -> None:
    two = resolved(templates["network"], **TWO_ZONES, AccessMode="ssh")
    three = resolved(templates["network"], **NETWORK_SETTINGS, AccessMode="ssh")
    third_zone = {name for name in three if "SubnetC" in name or name.endswith("TableC")}
    assert len(third_zone) == 10  # 3 subnets, each with its table and ACL association, and the private table
    assert three.keys() - two.keys() == third_zone


@pytest.mark.parametrize(("settings", "count"), [(TWO_ZONES, 2), (NETWORK_SETTINGS, 3)], ids=["two", "three"])
@pytest.mark.parametrize("tier", claims.TIERS)
def test_d1_outputs_list_the_subnets_of_the_zones_that_exist(
    templates: Templates, settings: dict[str, str], count: int, tier: str
) -> None:
    template = templates["network"]
    outputs = {name: resolve(output["Value"], template, settings) for name, output in template["Outputs"].items()}
    ids = [{"Ref": f"{tier}Subnet{zone}"} for zone in claims.ZONES[:count]]
    assert outputs[f"{tier}SubnetIds"] == {"Fn::Join": [",", ids]}
    assert outputs["ZoneCount"] == str(count)


def test_each_subnet_stands_in_the_zone_of_its_name(templates: Templates) -> None:
    for name, subnet in of_type(templates["network"], "AWS::EC2::Subnet").items():
        assert subnet["Properties"]["AvailabilityZone"] == {"Ref": f"AvailabilityZone{name[-1]}"}, name


def test_e6_public_subnets_reach_the_internet_once_the_gateway_is_attached(templates: Templates) -> None:
    [route] = of_type(templates["network"], "AWS::EC2::Route").values()
    assert route["Properties"]["GatewayId"] == {"Ref": "InternetGateway"}
    assert route["Properties"]["DestinationCidrBlock"] == "0.0.0.0/0"
    assert route["DependsOn"] == ["InternetGatewayAttachment"]


@pytest.mark.parametrize("service", ["s3", "dynamodb"])
def test_d8_gateway_endpoint_keeps_data_in_this_account(templates: Templates, service: str) -> None:
    [endpoint] = [
        resource["Properties"]
        for resource in resolved(templates["network"], **NETWORK_SETTINGS, AccessMode="none").values()
        if resource["Type"] == "AWS::EC2::VPCEndpoint"
        and resource["Properties"]["ServiceName"] == f"com.amazonaws.${{AWS::Region}}.{service}"
    ]
    assert endpoint["RouteTableIds"] == [{"Ref": f"PrivateRouteTable{zone}"} for zone in claims.ZONES]
    for statement in endpoint["PolicyDocument"]["Statement"]:
        if any("*" in action for action in statement["Action"]) or statement["Resource"] == ["*"]:
            assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}
        else:
            assert statement["Sid"] in ("PackagesOfAmazonLinux", "LayersOfImages")
            assert statement["Action"] == ["s3:GetObject"]


def test_flow_log_role_is_for_flow_logs_of_this_account(templates: Templates) -> None:
    role = templates["network"]["Resources"]["FlowLogRole"]["Properties"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    [write] = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert write["Resource"] == [{"Fn::GetAtt": ["FlowLogGroup", "Arn"]}]
    log = templates["network"]["Resources"]["FlowLog"]["Properties"]
    assert log["LogGroupName"] == {"Ref": "FlowLogGroup"}
    assert log["DeliverLogsPermissionArn"] == {"Fn::GetAtt": ["FlowLogRole", "Arn"]}


def test_vpc_resolves_names(templates: Templates) -> None:
    """Interface endpoints, EFS and RDS are found by private names."""
    vpc = templates["network"]["Resources"]["Vpc"]["Properties"]
    assert vpc["EnableDnsSupport"] is True
    assert vpc["EnableDnsHostnames"] is True
    assert NO_VALUE not in vpc.values()
