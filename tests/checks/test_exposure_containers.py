"""The exposure proof holds of containers too: a broken template breaks the right claim with the right packet."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.checks.exposure import relay
from generator.checks.exposure.case import Case
from generator.checks.exposure.network import Place
from generator.checks.exposure.reading import read
from generator.checks.settings import resolved
from generator.release import folder_of
from tests.exposure import (
    ANYWHERE,
    IN_CONTAINERS,
    IN_CONTAINERS_ALONE,
    ROOT,
    Break,
    added,
    assert_broken,
    of,
    removed,
    rule,
    settings,
    taken_away,
)
from tests.releases import Edit, setting

GROUP = {"Fn::GetAtt": ["ContainersGroup", "GroupId"]}
FILE_SYSTEM = {"Fn::GetAtt": ["FileSystemGroup", "GroupId"]}
INTERFACE = "NetworkConfiguration.AwsvpcConfiguration"
ADVANCED = "LoadBalancers.0.AdvancedConfiguration"

CONTAINERS = "Containers accept the load balancer and each other alone"
FILES = "The file system accepts web servers and containers alone"
ADDRESSES = "Only the load balancer and the SSH bastion have public addresses"
INGRESS = "Ingress rules alone let in whom they are meant to let in"
EGRESS = "Egress rules alone let out what they are meant to let out"
KNOWN = "Everything that touches the network is in the model"
NEEDED = "Every security group rule, network ACL entry and route is needed by a flow that must work"
TIERS = "Every subnet belongs to one tier, known by what stands in it"
FORWARDS = "What is forwarded goes to web servers and containers alone"
TARGETS = "Web servers and containers are called, and checked for health, on the port of their protocol"
OWN_RULES = "ECS moves requests between two target groups of its own, by two rules that nobody else needs"
TESTS = "A version that is still tested answers nobody but whoever has the secret header"
BEHIND = "Behind CloudFront, the load balancer forwards nothing without the secret header of its distribution"


def breaks(name: str, claim: str, words: str, *edits: Edit, where: str = IN_CONTAINERS) -> Break:
    return Break(name, edits, claim, (words,), setting=where)


BREAKS = [
    breaks(
        "tasks get public addresses",
        ADDRESSES,
        "Containers/Service (containers) gets a public address",
        setting("containers", "Service", f"{INTERFACE}.AssignPublicIp", "ENABLED"),
    ),
    breaks(
        "tasks do not say whether they get public addresses",
        ADDRESSES,
        "Containers/Service (containers) gets a public address",
        setting("containers", "Service", f"{INTERFACE}.AssignPublicIp", None),
    ),
    breaks(
        "tasks stand in public subnets",
        TIERS,
        "Network/PublicSubnetA belongs to private tier and public tier",
        setting("platform", "Containers", "Parameters.PrivateSubnetIds", of("Network", "PublicSubnetIds")),
    ),
    breaks(
        "the containers' group is open to the VPC",
        CONTAINERS,
        "Security/Neighbours",
        rule("security", "Neighbours", GROUP, CidrIp="10.0.0.0/8", FromPort=8443, ToPort=8443),
    ),
    breaks(
        "web servers reach containers past the load balancer",
        CONTAINERS,
        "Security/Shortcut",
        rule(
            "security",
            "Shortcut",
            GROUP,
            SourceSecurityGroupId={"Fn::GetAtt": ["WebServerGroup", "GroupId"]},
            FromPort=8443,
            ToPort=8443,
        ),
        rule(
            "security",
            "ShortcutOut",
            {"Fn::GetAtt": ["WebServerGroup", "GroupId"]},
            outbound=True,
            DestinationSecurityGroupId=GROUP,
            FromPort=8443,
            ToPort=8443,
        ),
    ),
    breaks(
        "containers take the whole world's packets",
        INGRESS,
        "198.51.100.7 (internet) → 10.30.64.4 (Containers/Service) tcp 22: let in by Security/Everybody",
        rule("security", "Everybody", GROUP, CidrIp=ANYWHERE, FromPort=22, ToPort=22),
    ),
    breaks(
        "containers may send mail",
        EGRESS,
        "10.30.64.4 (Containers/Service) → 198.51.100.7 (internet) tcp 587: let out by Security/Mail",
        rule("security", "Mail", GROUP, outbound=True, CidrIp=ANYWHERE, FromPort=587, ToPort=587),
    ),
    breaks(
        "whatever stands in the VPC reads the product images",
        FILES,
        "(anything else in the VPC) from port 1024",
        rule("security", "Siblings", FILE_SYSTEM, CidrIp="10.0.0.0/8", FromPort=2049, ToPort=2049),
    ),
    breaks(
        "the load balancer cannot reach containers",
        "The load balancer reaches containers, for requests and health checks",
        "tcp 8443: dropped at egress of Security/LoadBalancerGroup",
        removed("security", "LoadBalancerOutContainersHttps"),
    ),
    breaks(
        "the load balancer cannot reach containers in HTTP",
        "The load balancer reaches containers, for requests and health checks",
        "tcp 8080: dropped at ingress of Security/ContainersGroup",
        removed("security", "ContainersInLoadBalancerHttp"),
        where=IN_CONTAINERS_ALONE,
    ),
    breaks(
        "containers cannot reach each other",
        "Containers reach each other",
        "tcp 8443: dropped at egress of Security/ContainersGroup",
        removed("security", "ContainersOutContainersHttps"),
    ),
    breaks(
        "Service Connect listens on a port that no rule opens",
        "Containers reach each other",
        "tcp 9000: dropped at egress of Security/ContainersGroup",
        setting("containers", "Service", "ServiceConnectConfiguration.Services.0.IngressPortOverride", 9000),
    ),
    breaks(
        "containers cannot reach the database",
        "Containers reach the database",
        "tcp 5432: dropped at egress of Security/ContainersGroup",
        removed("security", "ContainersOutDatabasePostgreSql"),
    ),
    breaks(
        "containers cannot reach the file system",
        "Containers reach the file system",
        "tcp 2049: dropped at ingress of Security/FileSystemGroup",
        removed("security", "FileSystemInContainersNfs"),
    ),
    breaks(
        "containers cannot reach AWS",
        "Containers reach the internet, through NAT",
        "tcp 443: dropped at egress of Security/ContainersGroup",
        removed("security", "ContainersOutInternet"),
    ),
    breaks(
        "tasks have no group of ours",
        KNOWN,
        "Containers/Service has a security group that is not of the release, or none",
        setting("containers", "Service", f"{INTERFACE}.SecurityGroups", None),
    ),
    breaks(
        "tasks share the network of a machine",
        KNOWN,
        "Containers/Service stands in a subnet that is not of the release, or in none",
        setting("containers", "Service", "NetworkConfiguration", None),
    ),
    breaks(
        "a rule runs tasks of its own",
        KNOWN,
        "Containers/Nightly (AWS::Events::Rule) stands in Network/PrivateSubnetA",
        added(
            "containers",
            "Nightly",
            "AWS::Events::Rule",
            ScheduleExpression="rate(1 day)",
            Targets=[{"Id": "Task", "EcsParameters": {"Subnets": {"Ref": "PrivateSubnetIds"}}}],
        ),
    ),
    breaks(
        "a rule for containers that do not exist",
        NEEDED,
        "Security/ContainersMore: nothing that must work needs it",
        rule("security", "ContainersMore", GROUP, SourceSecurityGroupId=GROUP, FromPort=8444, ToPort=8444),
    ),
    breaks(
        "requests go to a target group without tasks",
        FORWARDS,
        "forwards it to nobody",
        setting("containers", "Service", "LoadBalancers", []),
    ),
    breaks(
        "containers are called on another port",
        TARGETS,
        "Containers/BlueContainers sends requests in HTTPS to port 443",
        setting("containers", "BlueContainers", "Port", 443),
    ),
    breaks(
        "ECS moves the web servers' requests",
        OWN_RULES,
        "Containers/Service changes Ingress/HttpsListener, by which others are asked too",
        setting("containers", "Service", f"{ADVANCED}.ProductionListenerRule", {"Ref": "HttpsListenerArn"}),
    ),
    breaks(
        "one rule is for tests and for visitors",
        OWN_RULES,
        "Containers/Service has not two target groups, and two rules to move requests by",
        setting("containers", "Service", f"{ADVANCED}.TestListenerRule", {"Ref": "ForwardToContainers"}),
    ),
    breaks(
        "the visitors' rule knows one target group alone",
        OWN_RULES,
        "Containers/Service changes Containers/ForwardToContainers, by which others are asked too",
        taken_away("containers", "ForwardToContainers", "Actions.0.ForwardConfig.TargetGroups", 1),
    ),
    breaks(
        "another rule leads to containers that ECS is about to empty",
        OWN_RULES,
        "Containers/Campaign forwards to Containers/BlueContainers, which Containers/Service empties",
        added(
            "containers",
            "Campaign",
            "AWS::ElasticLoadBalancingV2::ListenerRule",
            ListenerArn={"Ref": "HttpsListenerArn"},
            Priority=60,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/campaign/*"]}}],
            Actions=[{"Type": "forward", "TargetGroupArn": {"Ref": "BlueContainers"}}],
        ),
    ),
    breaks(
        "a test needs no secret",
        TESTS,
        "a request without a secret x-web-platform-test: Containers/TestContainers forwards it",
        setting("containers", "TestContainers", "Conditions.0.HttpHeaderConfig.Values", ["please"]),
    ),
    breaks(
        "a test's secret is written down",
        TESTS,
        "a request without a secret x-web-platform-test: Containers/TestContainers forwards it",
        setting("containers", "TestSecret", "GenerateSecretString", None),
        setting("containers", "TestSecret", "SecretString", "known-to-everybody-who-reads-the-template"),
    ),
    breaks(
        "everybody reaches the green web servers by a path of their own",
        TESTS,
        "a request without a secret x-web-platform-test: WebTier/Preview forwards it",
        added(
            "web_tier",
            "Preview",
            "AWS::ElasticLoadBalancingV2::ListenerRule",
            ListenerArn={"Ref": "HttpsListenerArn"},
            Priority=61,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/preview/*"]}}],
            Actions=[{"Type": "forward", "TargetGroupArn": {"Ref": "GreenWebServers"}}],
        ),
    ),
    breaks(
        "a test passes CloudFront by",
        BEHIND,
        "a request of somebody else's distribution: Containers/TestContainers forwards it and asks for no secret",
        taken_away("containers", "TestContainers", "Conditions", 1),
        where=IN_CONTAINERS_ALONE,
    ),
]


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: case.name)
def test_a_broken_template_breaks_the_claim(case: Break, tmp_path: Path) -> None:
    assert_broken(case, tmp_path)


def case_of(name: str) -> Case:
    return Case(read(resolved(folder_of(ROOT / "templates_out"), settings()[name])))


def test_tasks_are_read_as_ecs_places_them() -> None:
    [tasks] = case_of(IN_CONTAINERS).network.of(Place.CONTAINERS)
    assert tasks.resources == ("Containers/Service",)
    assert tasks.groups == {"Security/ContainersGroup"}
    assert [subnet.partition("/")[2][:13] for subnet in tasks.subnets] == ["PrivateSubnet"] * len(tasks.subnets)
    assert (tasks.public, tasks.ports) == (False, (8443,))
    [in_http] = case_of(IN_CONTAINERS_ALONE).network.of(Place.CONTAINERS)
    assert in_http.ports == (8080,)


def test_where_containers_are_alone_no_rule_leads_to_web_servers() -> None:
    case = case_of(IN_CONTAINERS_ALONE)
    assert case.network.of(Place.WEB_SERVERS) == []
    groups = {group for action in case.network.relay.actions for group in action.target_groups}
    assert groups == {"Containers/BlueContainers", "Containers/GreenContainers"}


def test_a_target_group_without_a_share_may_stand_empty() -> None:
    """The green web servers' group, while nobody is meant to be asked there."""
    case = case_of(IN_CONTAINERS)
    [empty] = [group for group in case.network.relay.target_groups if not group.registered]
    assert empty.address == "WebTier/GreenWebServers"
    actions = {action.address: action for action in case.network.relay.actions if action.target_groups}
    assert actions["WebTier/ForwardToWebServers"].without_share == {empty.address}
    forwards = next(claim for claim in relay.claims() if claim.text == FORWARDS)
    assert forwards.examine(case).broken == ()
