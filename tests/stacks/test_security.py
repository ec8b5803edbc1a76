"""D8, E8: who may talk to whom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.environment import load_all
from tests import claims
from tests.intrinsics import Templates, of_type, resolved

GROUPS = {"LoadBalancer", "WebServer", "Containers", "Bastion", "Database", "FileSystem", "Endpoint"}
REACH = {
    ("0.0.0.0/0", "LoadBalancer", 80),
    ("0.0.0.0/0", "LoadBalancer", 443),
    ("LoadBalancer", "WebServer", 80),
    ("LoadBalancer", "WebServer", 443),
    ("WebServer", "Database", 5432),
    ("WebServer", "FileSystem", 2049),
    ("WebServer", "Endpoint", 443),
}
WITH_CONTAINERS = {
    ("LoadBalancer", "Containers", 8080),
    ("LoadBalancer", "Containers", 8443),
    ("Containers", "Containers", 8080),
    ("Containers", "Containers", 8443),
    ("Containers", "Database", 5432),
    ("Containers", "FileSystem", 2049),
    ("Containers", "Endpoint", 443),
}
WITH_BASTION = {("Bastion", "Database", 5432), ("Bastion", "Endpoint", 443)}
OPEN = {"LoadBalancerAccess": "internet", "Compute": "ec2"}
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
    given = {"OperatorCidr": "operators", "VpnCidr": vpn, "AccessMode": mode}
    assert reached(templates, **given, **OPEN) == reach


@pytest.mark.parametrize(("compute", "also"), [("ec2", set()), ("fargate", WITH_CONTAINERS), ("both", WITH_CONTAINERS)])
def test_d8_containers_reach_what_web_servers_reach_and_each_other(
    templates: Templates, compute: str, also: set[tuple[str, str, int]]
) -> None:
    """Only the load balancer and other containers reach them, and only where there are any."""
    given = {"OperatorCidr": "operators", "VpnCidr": "", "AccessMode": "none"}
    assert reached(templates, **given, **OPEN | {"Compute": compute}) == REACH | also


def test_d8_load_balancer_answers_cloudfront_alone_where_asked_for(templates: Templates) -> None:
    """On 443 and by AWS's own list of addresses; nothing else reaches it, and port 80 is shut."""
    given = {"OperatorCidr": "operators", "VpnCidr": "", "AccessMode": "none"}
    from_everywhere = {(source, group, port) for source, group, port in REACH if source == "0.0.0.0/0"}
    found = reached(templates, **given, Compute="ec2", LoadBalancerAccess="cloudfront")
    assert found == (REACH - from_everywhere) | {("CloudFrontAddresses", "LoadBalancer", 443)}


def reached(templates: Templates, **settings: str) -> set[tuple[str, str, int]]:
    """Return who reaches whom on which port: sources are ranges, groups, or the mapping of a prefix list."""
    found = set()
    for resource in resolved(templates["security"], **settings).values():
        if resource["Type"] == "AWS::EC2::SecurityGroupIngress":
            rule = resource["Properties"]
            assert rule["IpProtocol"] == "tcp"
            assert rule["FromPort"] == rule["ToPort"]
            found.add((_source(rule), rule["GroupId"]["Fn::GetAtt"][0].removesuffix("Group"), rule["FromPort"]))
    return found


def _source(rule: dict[str, Any]) -> str:
    if "SourcePrefixListId" in rule:
        return str(rule["SourcePrefixListId"]["Fn::FindInMap"][0])
    return str(rule.get("CidrIp") or rule["SourceSecurityGroupId"]["Fn::GetAtt"][0].removesuffix("Group"))


def test_d8_prefix_list_is_known_in_every_region_that_the_platform_names(
    templates: Templates, params_folder: Path
) -> None:
    [mapping] = templates["security"]["Mappings"].values()
    ids = [row["Id"] for row in mapping.values()]
    assert all(re.fullmatch(r"pl-[0-9a-f]{8}", id_) for id_ in ids)
    assert len(ids) == len(set(ids))
    tested = yaml.safe_load((params_folder.parent / "taskcat.yml").read_text())["project"]["regions"]
    assert {*tested, *(configuration.region for configuration in load_all(params_folder))} <= mapping.keys()


@pytest.mark.parametrize(
    ("mode", "compute", "groups"),
    [
        ("none", "ec2", {"WebServer"}),
        ("ssm", "ec2", {"WebServer", "Bastion"}),
        ("ssh", "ec2", {"WebServer", "Bastion"}),
        ("none", "both", {"WebServer", "Containers"}),
    ],
)
def test_w2_who_calls_the_internet_does_so_over_https(
    templates: Templates, mode: str, compute: str, groups: set[str]
) -> None:
    resources = resolved(templates["security"], AccessMode=mode, VpnCidr="", **OPEN | {"Compute": compute})
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


@pytest.mark.parametrize("title", ["ReadEnvironmentParameters", "TasksReadParameters"])
def test_d9_the_application_reads_parameters_of_its_environment_only(templates: Templates, title: str) -> None:
    policy = templates["security"]["Resources"][title]["Properties"]["PolicyDocument"]
    [statement] = policy["Statement"]
    [where] = statement["Resource"]
    assert where["Fn::Sub"].endswith(":parameter/web-platform/${EnvironmentName}/*")
    assert all(action.startswith("ssm:GetParameter") for action in statement["Action"])


@pytest.mark.parametrize(("mode", "allowed"), [("ssm", True), ("ssh", False), ("none", False)])
def test_e5_session_manager_is_allowed_where_it_is_the_way_in(templates: Templates, mode: str, allowed: bool) -> None:
    resources = resolved(templates["security"], AccessMode=mode, VpnCidr="", **OPEN)
    assert ("UseSessionManager" in resources) == allowed


def test_d9_web_server_role_is_for_ec2_and_has_no_managed_policy(templates: Templates) -> None:
    role = templates["security"]["Resources"]["WebServerRole"]["Properties"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "ec2.amazonaws.com"}
    assert "ManagedPolicyArns" not in role


def test_d9_task_role_is_for_tasks_of_this_account_and_has_no_managed_policy(templates: Templates) -> None:
    role = templates["security"]["Resources"]["TaskRole"]["Properties"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    [(operator, of_account), (like, of_tasks)] = trust["Condition"].items()
    assert (operator, of_account) == ("StringEquals", {"aws:SourceAccount": {"Ref": "AWS::AccountId"}})
    assert like == "ArnLike"
    assert of_tasks["aws:SourceArn"]["Fn::Sub"].endswith(":ecs:${AWS::Region}:${AWS::AccountId}:*")
    assert "ManagedPolicyArns" not in role


@pytest.mark.parametrize("name", ["ContainersGroup", "TaskRole"])
def test_what_data_stores_name_is_there_whatever_runs(templates: Templates, name: str) -> None:
    """Else the file system's policy and the database's rights would change when an environment moves to containers."""
    assert "Condition" not in templates["security"]["Resources"][name]


def test_nobody_waits_here_for_an_instance_profile(templates: Templates) -> None:
    """IAM takes two minutes for one, and every stack waits for the groups (docs/decisions/0007)."""
    assert not of_type(templates["security"], "AWS::IAM::InstanceProfile")
