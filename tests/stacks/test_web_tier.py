"""W2, W4, W6, W7, W8, E8, E12, E15, D15: the web servers, how they start, heal, scale, and how versions take turns."""

from __future__ import annotations

import re
from typing import Any

import pytest

from generator.origin import ORIGIN_HEADER
from tests import claims, fleet_claims
from tests.intrinsics import Templates, of_type, resolved

SETTINGS = fleet_claims.SETTINGS | {
    "ApplicationArchiveKey": "shop/1.4.2.tar.gz",
    "GreenArchiveKey": "shop/1.5.0.tar.gz",
    "EnvironmentName": "dev",
    "SessionTableName": "sessions",
    "VpcCidr": "10.10.0.0/16",
    "TraceShare": "0.5",
    "FileSystemId": "fs-1",
    "ImagesAccessPointId": "fsap-1",
    "ReleaseBucketName": "releases",
    "AWS::Region": "a-region",
    "AWS::StackName": "a-stack",
}


@pytest.fixture(scope="session")
def bootstrap(templates: Templates) -> str:
    """The script as a server gets it."""
    web_tier = resolved(templates["web_tier"], **SETTINGS)["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    text = web_tier["UserData"]["Fn::Base64"]
    assert isinstance(text, str)
    return text


def test_w2_servers_have_no_public_address(templates: Templates) -> None:
    claims.check_servers_have_no_public_address(templates)


def test_w2_servers_have_no_ssh_key(templates: Templates) -> None:
    claims.check_servers_have_no_ssh_key(templates)


def test_d10_metadata_is_served_with_tokens_only(templates: Templates) -> None:
    claims.check_metadata_is_served_with_tokens_only(templates)


def test_d10_volumes_are_encrypted(templates: Templates) -> None:
    claims.check_volumes_are_encrypted(templates)


def test_w8_never_more_than_three_servers(templates: Templates) -> None:
    fleet_claims.check_never_more_than_three_servers(templates)


def test_w6_w7_failing_servers_are_replaced(templates: Templates) -> None:
    fleet_claims.check_failing_servers_are_replaced(templates)


def test_w7_rolling_update_keeps_the_minimum_and_waits(templates: Templates) -> None:
    fleet_claims.check_rolling_update_keeps_the_minimum_and_waits(templates)


def test_w8_scaling_follows_the_load(templates: Templates) -> None:
    fleet_claims.check_scaling_follows_the_load(templates)


def test_d13_servers_end_and_begin_with_office_hours(templates: Templates) -> None:
    fleet_claims.check_web_servers_end_and_begin_with_office_hours(templates)


def test_d15_whoever_gets_requests_has_servers(templates: Templates) -> None:
    fleet_claims.check_whoever_gets_requests_has_servers(templates)


def test_d15_one_parameter_switches_all_requests(templates: Templates) -> None:
    fleet_claims.check_one_parameter_switches_all_requests(templates)


def test_d15_weights_wait_for_servers(templates: Templates) -> None:
    fleet_claims.check_weights_wait_for_servers(templates)


def test_d15_tests_reach_the_fleet_that_visitors_do_not(templates: Templates) -> None:
    fleet_claims.check_tests_reach_the_fleet_that_visitors_do_not(templates)


def test_d2_web_servers_answer_what_the_environment_says(templates: Templates) -> None:
    fleet_claims.check_web_servers_answer_what_the_environment_says(templates)


@pytest.mark.parametrize(
    ("share", "standby", "sizes"),
    [
        ("0", "false", {"WebServerGroup": ("2", "3")}),
        ("0", "true", {"WebServerGroup": ("2", "2"), "GreenWebServerGroup": ("1", "1")}),
        ("10", "false", {"WebServerGroup": ("2", "2"), "GreenWebServerGroup": ("1", "1")}),
        ("50", "false", {"WebServerGroup": ("1", "1"), "GreenWebServerGroup": ("2", "2")}),
        ("100", "true", {"WebServerGroup": ("1", "1"), "GreenWebServerGroup": ("2", "2")}),
        ("100", "false", {"GreenWebServerGroup": ("2", "3")}),
    ],
)
def test_d15_two_fleets_share_what_one_would_have(
    templates: Templates, share: str, standby: str, sizes: dict[str, tuple[str, str]]
) -> None:
    resources = resolved(templates["web_tier"], **SETTINGS | {"GreenShare": share, "StandbyServers": standby})
    found = {
        name: (str(group["Properties"]["MinSize"]), str(group["Properties"]["MaxSize"]))
        for name, group in fleet_claims.groups_of(resources).items()
    }
    assert found == sizes


def test_w8_update_does_not_undo_what_scaling_did(templates: Templates) -> None:
    for group in of_type(templates["web_tier"], "AWS::AutoScaling::AutoScalingGroup").values():
        ignored = group["UpdatePolicy"]["AutoScalingScheduledAction"]["IgnoreUnmodifiedGroupSizeProperties"]
        assert ignored is True


def test_d15_rule_and_targets_are_there_whichever_fleet_runs(templates: Templates) -> None:
    """Else the rule would change in more than its weights, and a target group under a new name have no history."""
    for name in (
        "ForwardToWebServers",
        "TestWebServers",
        "WebServers",
        "GreenWebServers",
        "WebServerLogGroup",
        "WebServerProfile",
    ):
        assert "Condition" not in templates["web_tier"]["Resources"][name]


def test_d15_colours_differ_in_archive_and_names_alone(templates: Templates) -> None:
    resources = resolved(templates["web_tier"], **SETTINGS | {"StandbyServers": "true"})
    blue, green = (
        resources[f"{prefix}LaunchTemplate"]["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"].splitlines()
        for prefix in ("", "Green")
    )
    different = [(here, there) for here, there in zip(blue, green, strict=True) if here != there]
    assert different == [
        ("readonly FLEET='WebServerGroup'", "readonly FLEET='GreenWebServerGroup'"),
        ("readonly ARCHIVE_KEY='shop/1.4.2.tar.gz'", "readonly ARCHIVE_KEY='shop/1.5.0.tar.gz'"),
    ]
    arns = {
        name: resources[name]["Properties"]["TargetGroupARNs"] for name in ("WebServerGroup", "GreenWebServerGroup")
    }
    assert arns == {"WebServerGroup": [{"Ref": "WebServers"}], "GreenWebServerGroup": [{"Ref": "GreenWebServers"}]}


def test_d9_servers_have_the_role_that_security_made_for_them(templates: Templates) -> None:
    template = templates["web_tier"]
    [(name, profile)] = of_type(template, "AWS::IAM::InstanceProfile").items()
    assert profile["Properties"] == {"Roles": [{"Ref": "WebServerRoleName"}]}
    launched = template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    assert launched["IamInstanceProfile"] == {"Arn": {"Fn::GetAtt": [name, "Arn"]}}


def test_w7_server_starts_only_with_its_rights_and_behind_its_listener(templates: Templates) -> None:
    for group in of_type(templates["web_tier"], "AWS::AutoScaling::AutoScalingGroup").values():
        assert set(group["DependsOn"]) == {"WriteLogsAndMetrics", "TestWebServers"}


@pytest.mark.parametrize(("protocol", "port"), [("HTTPS", 443), ("HTTP", 80)])
def test_w4_targets_are_reached_by_either_protocol(templates: Templates, protocol: str, port: int) -> None:
    resources = resolved(templates["web_tier"], **SETTINGS | {"TargetProtocol": protocol})
    targets = resources["WebServers"]["Properties"]
    assert (targets["Protocol"], targets["HealthCheckProtocol"], targets["Port"]) == (protocol, protocol, port)


def test_w1_every_request_of_the_https_listener_goes_to_the_web_servers(templates: Templates) -> None:
    rule = resolved(templates["web_tier"], **SETTINGS)["ForwardToWebServers"]["Properties"]
    assert rule["ListenerArn"] == {"Ref": "HttpsListenerArn"}
    assert rule["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
    [action] = rule["Actions"]
    assert action["Type"] == "forward"
    assert action["ForwardConfig"]["TargetGroups"] == [
        {"TargetGroupArn": {"Ref": "WebServers"}, "Weight": 100},
        {"TargetGroupArn": {"Ref": "GreenWebServers"}, "Weight": 0},
    ]


def test_w1_where_only_cloudfront_may_ask_our_distribution_has_to(templates: Templates) -> None:
    """Anybody can make a distribution that asks from CloudFront's addresses, but not with our secret."""
    settings = SETTINGS | {"LoadBalancerAccess": "cloudfront", "OriginSecretArn": "a-secret"}
    [_, told] = resolved(templates["web_tier"], **settings)["ForwardToWebServers"]["Properties"]["Conditions"]
    assert told["Field"] == "http-header"
    assert told["HttpHeaderConfig"] == {
        "HttpHeaderName": ORIGIN_HEADER,
        "Values": ["{{resolve:secretsmanager:a-secret:SecretString}}"],
    }


def test_d11_servers_hand_on_traces(templates: Templates) -> None:
    policy = templates["web_tier"]["Resources"]["WriteLogsAndMetrics"]["Properties"]["PolicyDocument"]
    [traces] = [statement for statement in policy["Statement"] if statement["Sid"] == "WriteTraces"]
    assert traces["Action"] == ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]


def test_w7_any_server_answers_any_request(templates: Templates) -> None:
    """Sessions are in DynamoDB: a server that goes takes nobody's session with it."""
    for targets in of_type(templates["web_tier"], "AWS::ElasticLoadBalancingV2::TargetGroup").values():
        attributes = {item["Key"]: item["Value"] for item in targets["Properties"]["TargetGroupAttributes"]}
        assert attributes["stickiness.enabled"] == "false"


def test_e15_servers_are_monitored_in_detail(templates: Templates) -> None:
    """Five periods of a minute are five minutes only where there is a value each minute."""
    data = templates["web_tier"]["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    assert data["Monitoring"] == {"Enabled": True}


@pytest.mark.parametrize("kind", ["instance", "volume"])
def test_d13_what_the_group_launches_is_tagged(templates: Templates, kind: str) -> None:
    """Stack tags do not reach what an Auto Scaling group launches."""
    data = templates["web_tier"]["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    tags = {specification["ResourceType"]: specification["Tags"] for specification in data["TagSpecifications"]}
    assert [tag["Key"] for tag in tags[kind]] == ["Name", "Project", "Environment"]


@pytest.mark.parametrize("prefix", ["", "Green"])
def test_release_of_a_new_template_version_reaches_the_servers(templates: Templates, prefix: str) -> None:
    group = templates["web_tier"]["Resources"][f"{prefix}WebServerGroup"]
    latest = {"Fn::GetAtt": [f"{prefix}LaunchTemplate", "LatestVersionNumber"]}
    assert group["Properties"]["LaunchTemplate"]["Version"] == latest


# The script


def test_script_gets_the_values_of_the_environment(bootstrap: str) -> None:
    assert bootstrap.startswith("#!/bin/bash\n")
    header = dict(re.findall(r"^readonly ([A-Z_]+)='(.*)'$", bootstrap, re.MULTILINE))
    assert (
        header.items()
        >= {
            "ENVIRONMENT_NAME": "dev",
            "REGION": "a-region",
            "STACK_NAME": "a-stack",
            "FLEET": "WebServerGroup",
            "TARGET_PROTOCOL": "HTTPS",
            "FILE_SYSTEM_ID": "fs-1",
            "ACCESS_POINT_ID": "fsap-1",
            "RELEASE_BUCKET": "releases",
            "ARCHIVE_KEY": "shop/1.4.2.tar.gz",
            "SESSION_TABLE": "sessions",
            "PARAMETER_PATH": "/web-platform/dev",
            "VPC_CIDR": "10.10.0.0/16",
            "TRACE_SHARE": "0.5",
            "TARGET_GROUP_ARN": "${TargetGroupArn}",
        }.items()
    )


def test_w6_health_check_asks_for_what_servers_answer(templates: Templates, bootstrap: str) -> None:
    """The path alone: what it says of the application and of the database is held by tests/user_data."""
    for targets in of_type(templates["web_tier"], "AWS::ElasticLoadBalancingV2::TargetGroup").values():
        assert targets["Properties"]["HealthCheckPath"] == "/healthz"
    assert "location = /healthz {" in bootstrap


def test_w7_script_signals_the_group_that_waits_for_it(templates: Templates, bootstrap: str) -> None:
    assert re.search(r'cfn-signal.* --resource "\$FLEET" ', bootstrap)
    for name, group in of_type(templates["web_tier"], "AWS::AutoScaling::AutoScalingGroup").items():
        made_of = group["Properties"]["LaunchTemplate"]["LaunchTemplateId"]["Ref"]
        data = templates["web_tier"]["Resources"][made_of]["Properties"]["LaunchTemplateData"]["UserData"]
        header = data["Fn::Base64"]["Fn::Join"][1][0]["Fn::Sub"]
        assert header[1]["Fleet"] == name


def test_server_keeps_connections_longer_than_the_load_balancer(templates: Templates, bootstrap: str) -> None:
    """A server that closes first makes the load balancer answer 502 now and then."""
    attributes = templates["ingress"]["Resources"]["LoadBalancer"]["Properties"]["LoadBalancerAttributes"]
    [idle] = [item["Value"] for item in attributes if item["Key"] == "idle_timeout.timeout_seconds"]
    without_upstream = re.sub(r"upstream application \{.*?\}", "", bootstrap, flags=re.DOTALL)
    [kept] = re.findall(r"keepalive_timeout (\d+)s;", without_upstream)
    assert int(kept) > int(idle)


def test_metrics_go_to_the_namespace_that_the_role_may_write(templates: Templates, bootstrap: str) -> None:
    policy: dict[str, Any] = templates["web_tier"]["Resources"]["WriteLogsAndMetrics"]["Properties"]["PolicyDocument"]
    [statement] = [statement for statement in policy["Statement"] if statement["Sid"] == "WriteMetrics"]
    namespace = statement["Condition"]["StringEquals"]["cloudwatch:namespace"]
    assert f"readonly METRIC_NAMESPACE='{namespace}'" in bootstrap
