"""D8, E8: who may talk to whom."""

from __future__ import annotations

import pytest

from tests import claims
from tests.intrinsics import Templates, of_type, resolved

GROUPS = {"LoadBalancer", "WebServer", "Bastion", "Database", "FileSystem", "Endpoint"}
REACH = {
    ("0.0.0.0/0", "LoadBalancer", 80),
    ("0.0.0.0/0", "LoadBalancer", 443),
    ("LoadBalancer", "WebServer", 80),
    ("LoadBalancer", "WebServer", 443),
    ("WebServer", "Database", 5432),
    ("WebServer", "FileSystem", 2049),
    ("WebServer", "Endpoint", 443),
}
WITH_BASTION = {("Bastion", "Database", 5432), ("Bastion", "Endpoint", 443)}
WITH_SSH = {("operators", "Bastion", 22)}
WITH_VPN = {("vpn", "Bastion", 22)}


def test_w1_only_the_load_balancer_faces_the_internet(templates: Templates) -> None:
    claims.check_only_the_load_balancer_faces_the_internet(templates)


def test_d8_rules_between_groups_come_in_pairs(templates: Templates) -> None:
    claims.check_rules_between_groups_come_in_pairs(templates)


def test_d8_groups_let_nothing_out_by_themselves(templates: Templates) -> None:
    """EC2 adds a rule that lets everything out to a group that brings none of its own."""
    claims.check_groups_let_nothing_out_by_themselves(templates)


def test_e5_ssh_is_open_to_operators_only_and_where_asked_for(templates: Templates) -> None:
    claims.check_ssh_is_open_to_operators_only_and_where_asked_for(templates)


def test_e5_bastion_accepts_nothing_but_ssh_where_asked_for(templates: Templates) -> None:
    claims.check_the_bastion_accepts_nothing_but_ssh_where_asked_for(templates)


@pytest.mark.parametrize(
    ("mode", "vpn", "reach"),
    [
        ("none", "vpn", REACH),
        ("ssm", "vpn", REACH | WITH_BASTION),
        ("ssh", "", REACH | WITH_BASTION | WITH_SSH),
        ("ssh", "vpn", REACH | WITH_BASTION | WITH_SSH | WITH_VPN),
    ],
)
def test_d8_who_reaches_whom_is_this_list_and_no_more(
    templates: Templates, mode: str, vpn: str, reach: set[tuple[str, str, int]]
) -> None:
    ranges = {"OperatorCidr": "operators", "VpnCidr": vpn}
    resources = resolved(templates["security"], AccessMode=mode, **ranges)
    found = set()
    for resource in resources.values():
        if resource["Type"] == "AWS::EC2::SecurityGroupIngress":
            rule = resource["Properties"]
            assert rule["IpProtocol"] == "tcp"
            assert rule["FromPort"] == rule["ToPort"]
            source = rule.get("CidrIp") or rule["SourceSecurityGroupId"]["Fn::GetAtt"][0].removesuffix("Group")
            found.add((source, rule["GroupId"]["Fn::GetAtt"][0].removesuffix("Group"), rule["FromPort"]))
    assert found == reach


@pytest.mark.parametrize(
    ("mode", "groups"), [("none", {"WebServer"}), ("ssm", {"WebServer", "Bastion"}), ("ssh", {"WebServer", "Bastion"})]
)
def test_w2_who_calls_the_internet_does_so_over_https(templates: Templates, mode: str, groups: set[str]) -> None:
    resources = resolved(templates["security"], AccessMode=mode, VpnCidr="")
    rules = [
        resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::EC2::SecurityGroupEgress" and "CidrIp" in resource["Properties"]
    ]
    assert {rule["GroupId"]["Fn::GetAtt"][0].removesuffix("Group") for rule in rules} == groups
    allowed = {(rule.get("IpProtocol"), rule["FromPort"], rule["ToPort"], rule["CidrIp"]) for rule in rules}
    assert allowed == {("tcp", 443, 443, "0.0.0.0/0")}


def test_every_group_is_in_the_vpc_and_an_output(templates: Templates) -> None:
    template = templates["security"]
    groups = of_type(template, "AWS::EC2::SecurityGroup")
    assert groups.keys() == {f"{name}Group" for name in GROUPS}
    for name, group in groups.items():
        assert group["Properties"]["VpcId"] == {"Ref": "VpcId"}, name
        assert template["Outputs"][f"{name}Id"]["Value"] == {"Fn::GetAtt": [name, "GroupId"]}, name


def test_d9_web_servers_read_parameters_of_their_environment_only(templates: Templates) -> None:
    policy = templates["security"]["Resources"]["ReadEnvironmentParameters"]["Properties"]["PolicyDocument"]
    [statement] = policy["Statement"]
    [where] = statement["Resource"]
    assert where["Fn::Sub"].endswith(":parameter/web-platform/${EnvironmentName}/*")
    assert all(action.startswith("ssm:GetParameter") for action in statement["Action"])


@pytest.mark.parametrize(("mode", "allowed"), [("ssm", True), ("ssh", False), ("none", False)])
def test_e5_session_manager_is_allowed_where_it_is_the_way_in(templates: Templates, mode: str, allowed: bool) -> None:
    assert ("UseSessionManager" in resolved(templates["security"], AccessMode=mode, VpnCidr="")) == allowed


def test_d9_web_server_role_is_for_ec2_and_has_no_managed_policy(templates: Templates) -> None:
    role = templates["security"]["Resources"]["WebServerRole"]["Properties"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "ec2.amazonaws.com"}
    assert "ManagedPolicyArns" not in role


def test_nobody_waits_here_for_an_instance_profile(templates: Templates) -> None:
    """IAM takes two minutes for one, and every stack waits for the groups (docs/decisions/0007)."""
    assert not of_type(templates["security"], "AWS::IAM::InstanceProfile")
